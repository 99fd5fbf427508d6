"""Optional fields that a server refuses: they are left out, and the call is tried once more."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from typing import Any

from agentos.models.wire.refusals import is_about_values, named_fields, place_of
from agentos.models.wire.server_errors import ServerError

LIMITS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""A refused output limit is first sent under its other name."""
SAMPLING = frozenset(
    {"temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty", "repetition_penalty"}
    | {"logit_bias", "logprobs", "top_logprobs", "seed"}
)
OPTIONAL = SAMPLING | {
    *("stream_options", "parallel_tool_calls", "reasoning_effort", "reasoning", "verbosity", "service_tier", "store"),
    *("metadata", "user", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "prediction"),
}
"""Top-level fields without which an answer is still an answer. Never tools, messages or the response format."""
IN_MESSAGES = frozenset({"reasoning_content", "reasoning_details", "extra_content", "provider_specific_fields"})
COMMON_WORDS = frozenset({"user", "store", "metadata", "reasoning", "prediction", "verbosity"})
"""Names that also occur in ordinary sentences: they count only in quotation marks or behind a colon."""
EFFORT_BESIDE_TOOLS = "reasoning_effort beside tools"
"""Newer models of OpenAI take tools only with the effort ``none``, and have another one where none is said."""
_WANTS_NO_EFFORT = re.compile(r"set reasoning_effort to 'none'")
ALIASES = {"include_usage": "stream_options", "strict": "strict", "developer": "developer"}


def refused_fields(error: ServerError, body: Mapping[str, Any]) -> list[str]:
    """Return the optional fields of a body that an error names, first the one that it complains about.

    The names ``developer`` and ``strict`` stand for the role of the instructions and the strictness of a schema,
    :data:`EFFORT_BESIDE_TOOLS` for an effort that has to be ``none``.
    """
    # https://github.com/GoogleChromeLabs/webmcp-tools/issues/417
    if _WANTS_NO_EFFORT.search(error.words) and body.get("tools") and body.get("reasoning_effort") != "none":
        return [EFFORT_BESIDE_TOOLS]
    if is_about_values(error):
        return []
    named = named_fields(error)
    candidates = [*(OPTIONAL & body.keys()), *(LIMITS.keys() & body.keys())]
    candidates += [name for name in IN_MESSAGES if _in_messages(body, name)]
    candidates += ["include_usage"] if "stream_options" in body else []
    candidates += ["developer"] if any(one.get("role") == "developer" for one in body["messages"]) else []
    candidates += ["strict"] if _strict_schema(body) else []
    # The field that is named on its own counts more than one that is mentioned in the words.
    places = [
        (name not in named, place_of(name, error.words, common=name in COMMON_WORDS), name) for name in candidates
    ]
    found = sorted(place for place in places if not place[0] or place[1] >= 0)
    return [ALIASES.get(name, name) for *_, name in found]


def leave_out(body: dict[str, Any], fields: Set[str]) -> None:
    """Take refused fields out of a body, or write them the other way."""
    for name in fields:
        if name in LIMITS:
            other = LIMITS[name]
            if name in body and other not in fields:
                body.setdefault(other, body[name])
            body.pop(name, None)
        elif name == "developer":
            body["messages"] = [
                {**one, "role": "system"} if one.get("role") == "developer" else one for one in body["messages"]
            ]
        elif name == "strict":
            if (schema := _strict_schema(body)) is not None:
                inner = {key: value for key, value in schema.items() if key != "strict"}
                body["response_format"] = {**body["response_format"], "json_schema": inner}
        elif name in IN_MESSAGES:
            body["messages"] = [_without(one, name) for one in body["messages"]]
        else:
            body.pop(name, None)
    if EFFORT_BESIDE_TOOLS in fields and body.get("tools"):
        body["reasoning_effort"] = "none"


def _strict_schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    form = body.get("response_format")
    schema = form.get("json_schema") if isinstance(form, Mapping) else None
    return schema if isinstance(schema, Mapping) and "strict" in schema else None


def _in_messages(body: Mapping[str, Any], name: str) -> bool:
    return any(
        name in one or any(name in call for call in one.get("tool_calls") or () if isinstance(call, Mapping))
        for one in body["messages"]
    )


def _without(message: Mapping[str, Any], name: str) -> dict[str, Any]:
    kept = {key: value for key, value in message.items() if key != name}
    if calls := kept.get("tool_calls"):
        kept["tool_calls"] = [{key: value for key, value in call.items() if key != name} for call in calls]
    return kept
