"""What a response repeats of its request. It is kept with the run, so that each worker shows the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from agentos import Run

CONTEXT = "openai"
"""Under which it is kept in the run's context."""

_NUMBER = (int, float)

REPEATED: Mapping[str, type | tuple[type, ...]] = {
    "background": bool,
    "instructions": str,
    "max_output_tokens": int,
    "parallel_tool_calls": bool,
    "previous_response_id": str,
    "prompt_cache_key": str,
    "reasoning": dict,
    "safety_identifier": str,
    "service_tier": str,
    "store": bool,
    "temperature": _NUMBER,
    "text": dict,
    "tool_choice": (str, dict),
    "tools": list,
    "top_p": _NUMBER,
    "truncation": str,
    "user": str,
}
"""The fields that are repeated, with the types of their values. Where a field is ignored, nothing has checked it."""

DEFAULTS: Mapping[str, Any] = {
    "background": False,
    "frequency_penalty": 0,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "parallel_tool_calls": True,
    "presence_penalty": 0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": None,
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1,
    "truncation": "disabled",
}
"""OpenAI's own. Clients of Open Responses need each of these fields, and numbers where there are numbers."""

_TOOL: Mapping[str, Any] = {"description": None, "parameters": None, "strict": None}
_REASONING: Mapping[str, Any] = {"effort": None, "summary": None}
_SCHEMA: Mapping[str, Any] = {"name": "response", "description": None, "strict": False}


@dataclass(frozen=True, slots=True)
class Echo:
    """Fields of a request as its response repeats them, and the ``metadata`` of the run."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_request(cls, body: Mapping[str, Any], metadata: Mapping[str, Any], *, most: int) -> Echo:
        """Return what is repeated of a request: at most ``most`` bytes of JSON. The longest fields are left out."""
        given = {name: body[name] for name, type in REPEATED.items() if _is(body.get(name), type)}
        sizes = {name: len(orjson.dumps(value)) for name, value in given.items()}
        while sum(sizes.values()) > most:
            longest = max(sizes, key=lambda name: sizes[name])
            del sizes[longest], given[longest]
        return cls(given, metadata)

    @classmethod
    def of_run(cls, run: Run) -> Echo:
        """Return what was kept with a run; nothing for one that began elsewhere."""
        kept = run.context.get(CONTEXT)
        return cls(kept if isinstance(kept, Mapping) else {}, run.metadata)

    @property
    def context(self) -> dict[str, Any]:
        """The context to keep with the run."""
        return {CONTEXT: dict(self.fields)}

    @property
    def is_stored(self) -> bool:
        """Whether the client wants to find the response again."""
        return self.fields.get("store") is not False

    def shown(self, previous: str | None) -> dict[str, Any]:
        """Return the fields of the response; ``previous`` is the response before it, where the request names none."""
        shown = {**DEFAULTS, **self.fields}
        if shown["tools"]:
            shown["tools"] = [{**_TOOL, **tool} for tool in shown["tools"]]
        if shown["reasoning"] is not None:
            shown["reasoning"] = {**_REASONING, **_texts(shown["reasoning"])}
        shown["text"] = _text(shown["text"])
        if previous is not None:
            shown["previous_response_id"] = previous
        return {**shown, "metadata": dict(self.metadata)}


def _is(value: Any, type: type | tuple[type, ...]) -> bool:
    return isinstance(value, type) and (type is bool or not isinstance(value, bool))


def _texts(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if isinstance(value, str)}


def _text(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the field ``text`` with all that a response has there."""
    format = given.get("format") or DEFAULTS["text"]["format"]
    if format.get("type") == "json_schema":
        format = {**_SCHEMA, **{name: value for name, value in format.items() if value is not None}}
    return {**_texts(given), "format": format}
