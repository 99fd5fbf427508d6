"""What servers that speak Chat Completions take and refuse."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How to write a request for one server.

    >>> Dialect(output_limit="max_completion_tokens").with_options({"stream_options": False}).stream_options
    False
    """

    stream_options: bool = True
    """Send ``stream_options: {"include_usage": true}``. Servers that refuse it often give the usage without it."""
    output_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """The server's name for ``max_output_tokens``."""
    instructions_role: Literal["system", "developer"] = "system"
    """The role of an agent's instructions."""
    tool_call_ids: Literal["any", "alphanumeric9"] = "any"
    """``alphanumeric9``: every other id is replaced by nine letters and digits, the same for a call and its result."""
    content_beside_tool_calls: Literal["null", "empty", "absent"] = "null"
    """What ``content`` is in a message that only calls tools: ``null``, ``""`` (``empty``), or not there."""

    def with_options(self, options: Mapping[str, Any]) -> Dialect:
        """Return this dialect with some options replaced; raise ``ValueError`` for a name or value that is not one."""
        for name, value in options.items():
            accepted = OPTIONS.get(name)
            if accepted is None:
                raise ValueError(f"dialect option {name!r} does not exist; accepted: {', '.join(OPTIONS)}")
            # True == 1, but 1 is no answer to a question.
            if not any(value is one or (isinstance(value, str) and value == one) for one in accepted):
                shown = ", ".join("true" if one is True else "false" if one is False else repr(one) for one in accepted)
                raise ValueError(f"dialect option {name!r} is {value!r}; accepted: {shown}")
        return dataclasses.replace(self, **options)


OPTIONS: Mapping[str, tuple[Any, ...]] = {
    name: get_args(hint) or (True, False) for name, hint in get_type_hints(Dialect).items()
}

_NEWER_LIMIT = Dialect(output_limit="max_completion_tokens")

DIALECTS: Mapping[str, Dialect] = {
    # "max_tokens" is deprecated and not compatible with reasoning models:
    # https://platform.openai.com/docs/api-reference/chat/create
    "api.openai.com": _NEWER_LIMIT,
    # https://learn.microsoft.com/azure/ai-services/openai/how-to/reasoning
    "openai.azure.com": _NEWER_LIMIT,
    "services.ai.azure.com": _NEWER_LIMIT,
    "cognitiveservices.azure.com": _NEWER_LIMIT,
    # "max_tokens" is deprecated: https://console.groq.com/docs/api-reference#chat-create
    "api.groq.com": _NEWER_LIMIT,
    # "max_tokens" is deprecated: https://docs.x.ai/docs/api-reference#chat-completions
    "api.x.ai": _NEWER_LIMIT,
    # https://inference-docs.cerebras.ai/api-reference/chat-completions
    "api.cerebras.ai": _NEWER_LIMIT,
    # Refuses fields that it does not know, max_completion_tokens among them
    # (https://github.com/editor-code-assistant/eca/issues/231) and stream_options
    # (https://github.com/avante-corp/avante.nvim/issues/2347), gives the usage unasked, and wants ids of nine
    # characters (https://github.com/nearai/ironclaw/issues/1241).
    "mistral.ai": Dialect(stream_options=False, tool_call_ids="alphanumeric9"),
    # The examples of function calling have content "": https://help.aliyun.com/zh/model-studio/qwen-function-calling
    "dashscope.aliyuncs.com": Dialect(content_beside_tool_calls="empty"),
    "dashscope-intl.aliyuncs.com": Dialect(content_beside_tool_calls="empty"),
    "dashscope-us.aliyuncs.com": Dialect(content_beside_tool_calls="empty"),
}
"""By host; a host's subdomains are included. Servers without a row take the defaults."""


def dialect_for(base_url: str) -> Dialect:
    """Return the dialect of a well-known server, or the default one."""
    try:
        host = (urlsplit(base_url.strip()).hostname or "").rstrip(".")
    except ValueError:
        return Dialect()
    while host:
        if host in DIALECTS:
            return DIALECTS[host]
        host = host.partition(".")[2]
    return Dialect()
