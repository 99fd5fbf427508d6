"""What a server refuses of a request: how the request is written instead, so that the call can be made again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from typing import Any

from agentos.models.anthropic_messages.caching import without_marks
from agentos.models.anthropic_messages.details import without_thinking
from agentos.models.anthropic_messages.limits import LEAST_THINKING
from agentos.models.anthropic_messages.parameters import type_of
from agentos.models.wire.refusals import is_about_values, named_fields, place_of
from agentos.models.wire.server_errors import ServerError

OPTIONAL = frozenset(
    {"temperature", "top_p", "top_k", "metadata", "service_tier", "cache_control", "context_management", "speed"}
    | {"output_config", "thinking", "inference_geo", "diagnostics", "container", "user", "effort", "tool_choice"}
)
"""Top-level fields without which an answer is still an answer. Never tools, messages or instructions."""
COMMON_WORDS = frozenset({"metadata", "thinking", "speed", "container", "user", "effort"})
"""Names that also occur in ordinary sentences: they count only in quotation marks or behind a colon."""

Body = dict[str, Any]

# In the words of Anthropic, and of DeepSeek, Kimi and gateways; the order counts.
_SIGNATURE = re.compile(
    r"signature.{0,40}thinking|thinking.{0,40}signature|thinking.{0,60}cannot be modified"
    r"|redacted_thinking.{0,40}invalid|invalid.{0,20}(redacted_)?thinking|\.signature\b",
    re.I,
)
_MUST_THINK = re.compile(
    r"expected `?thinking`?|must start with a thinking block|thinking.{0,60}must be passed back"
    r"|reasoning_content is missing",
    re.I,
)
_FORCED = re.compile(r"thinking may not be enabled when tool_choice|tool_choice.{0,60}thinking", re.I)
_NOT_ENABLED = re.compile(r"thinking\.type\.enabled|thinking\.budget_tokens|budget_tokens.{0,40}(not|adaptive)", re.I)
_NOT_ADAPTIVE = re.compile(r"adaptive.{0,60}(not|n't) support|thinking\.type.{0,80}adaptive", re.I)
_BETA = re.compile(r"anthropic.beta|beta (flag|header)", re.I)
_VERSION = re.compile(r"anthropic.version|api version", re.I)
_SCHEMA = re.compile(r"output_config\.format|output_format|structured output|json_schema", re.I)


def refused_once(error: ServerError, body: Body) -> str | None:
    """Change what this conversation alone must not have, and return its name, or None.

    Thinking that another server signed is left out of the history; thinking is switched off where the history lacks
    it, or where a call is forced.
    """
    words = error.words
    thinks = type_of(body, "thinking") != "disabled"
    if _SIGNATURE.search(words) and _leave_out_thinking(body):
        return "thinking in the history"
    if _FORCED.search(words) and type_of(body, "tool_choice") in ("any", "tool"):
        if "thinking" in body:
            del body["thinking"]
            return "thinking"
        body["tool_choice"] = {"type": "auto"}
        return "tool_choice"
    if _MUST_THINK.search(words) and thinks:
        body["thinking"] = {"type": "disabled"}
        return "thinking"
    return None


def refused_names(error: ServerError, body: Body, headers: Set[str]) -> list[str]:
    """Return the name of a change in :data:`CHANGES` that a server wants, or the optional fields that an error names.

    The first of these is what it complains about. ``headers`` are those that can be written in another way, too.
    """
    words = error.words
    for pattern, name in (
        (_VERSION, "anthropic-version"),
        (_BETA, "anthropic-beta"),
        (_NOT_ENABLED, "thinking.enabled"),
        (_NOT_ADAPTIVE, "thinking.adaptive"),
        (_SCHEMA, "output_config.format"),
    ):
        if pattern.search(words) and (name in headers or _is_in(name, body)):
            return [name]
    if is_about_values(error):
        return []
    if "cache_control" in words and "cache_control" not in body and body != without_marks(body):
        return ["prompt_caching"]
    named = named_fields(error)
    places = [
        (name not in named, place_of(name, words, common=name in COMMON_WORDS), name) for name in OPTIONAL & body.keys()
    ]
    return [name for absent, place, name in sorted(places) if not absent or place >= 0]


def leave_out(body: Body, names: frozenset[str]) -> Body:
    """Return a body without refused fields, or with what stands for them."""
    for name in sorted(names):
        if name in CHANGES:
            body = CHANGES[name](body)
        else:
            body.pop(name, None)
    return body


def _adaptive(body: Body) -> Body:
    if type_of(body, "thinking") == "enabled":
        body["thinking"] = {"type": "adaptive", "display": "summarized"}
    return body


def _enabled(body: Body) -> Body:
    if type_of(body, "thinking") == "adaptive":
        if body["max_tokens"] > LEAST_THINKING:
            body["thinking"] = {"type": "enabled", "budget_tokens": max(LEAST_THINKING, body["max_tokens"] // 4)}
        else:
            del body["thinking"]
    return body


CHANGES: dict[str, Callable[[Body], Body]] = {
    "thinking.enabled": _adaptive,
    "thinking.adaptive": _enabled,
    "prompt_caching": without_marks,
}
"""How a body is written for a server that refuses one of these. The client itself sees to the rest."""


def _is_in(name: str, body: Body) -> bool:
    if name.startswith("thinking."):
        return bool(type_of(body, "thinking") == name.removeprefix("thinking."))
    if name == "output_config.format":
        config = body.get("output_config")
        return isinstance(config, Mapping) and bool(config.get("format"))
    return False


def _leave_out_thinking(body: Body) -> bool:
    """Take all thinking out of the history; return whether there was any."""
    found = False
    for turn in body["messages"]:
        kept = without_thinking(turn["content"])
        found = found or len(kept) < len(turn["content"])
        turn["content"] = kept or [{"type": "text", "text": "(no answer)"}]
    return found
