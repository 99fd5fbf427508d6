"""Optional fields that a server refuses: they are left out, and the call is tried once more."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any

from agentos.models.wire.server_errors import ServerError

STATUSES = frozenset({400, 404, 422})
MAX_REMEMBERED = 256

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
ALIASES = {"include_usage": "stream_options", "strict": "strict", "developer": "developer"}

# A value out of its range is the agent's mistake, which must stay visible.
_RANGE = re.compile(
    r"too (large|high|big|small|low|long)|must be (between|in|at (least|most)|less|greater|smaller|larger|[<>]|a |an )"
    r"|out of range|(less|greater|more|fewer) than|at most|at least|should be (a |an |in |between|less|greater)"
    r"|input should be|not of type|expected an? (number|integer|string|boolean|object)",
    re.I,
)
_UNSUPPORTED = re.compile(
    r"unsupported|not supported|n't support|not support|not permitted|not allowed|unknown|unrecogni|unexpected|extra_",
    re.I,
)
_WANTED = re.compile(r"must be (passed|sent|provided|included)|(is|are) (missing|required)|missing", re.I)


def refused_field(error: ServerError, body: Mapping[str, Any]) -> str | None:
    """Return the optional field of a body that an error complains about, or None.

    The names ``developer`` and ``strict`` stand for the role of the instructions and the strictness of a schema.
    """
    text = " ".join([error.words, *error.fields, *error.codes])
    if _WANTED.search(error.words) or (_RANGE.search(error.words) and not _UNSUPPORTED.search(text)):
        return None
    named = {part for name in error.fields for part in re.split(r"[.\[\]]+", name)}
    candidates = [*(OPTIONAL & body.keys()), *(LIMITS.keys() & body.keys())]
    candidates += [name for name in IN_MESSAGES if _in_messages(body, name)]
    candidates += ["include_usage"] if "stream_options" in body else []
    candidates += ["developer"] if any(one.get("role") == "developer" for one in body["messages"]) else []
    candidates += ["strict"] if _strict_schema(body) else []
    # The field that is named on its own counts more than one that is mentioned in the words.
    places = [(name not in named, _place(name, error.words), name) for name in candidates]
    found = [place for place in places if not place[0] or place[1] >= 0]
    if not found:
        return None
    name = min(found)[2]
    return ALIASES.get(name, name)


def leave_out(body: dict[str, Any], fields: frozenset[str]) -> None:
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


class Refusals:
    """What a server refused so far, by model. The last models are remembered, as long as the client lives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fields: dict[str, frozenset[str]] = {}

    def of(self, model: str) -> frozenset[str]:
        """Return the fields to leave out for a model."""
        return self._fields.get(model, frozenset())

    def add(self, model: str, field: str) -> None:
        """Remember a refused field."""
        with self._lock:
            known = self._fields.pop(model, frozenset())
            self._fields[model] = known | {field}
            while len(self._fields) > MAX_REMEMBERED:
                del self._fields[next(iter(self._fields))]


def _place(name: str, words: str) -> int:
    before = "(?:['\"`]|: )" if name in COMMON_WORDS else "(?<![\\w-])"
    found = re.search(rf"{before}{re.escape(name)}(?![\w-])", words)
    return found.start() if found else -1


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
