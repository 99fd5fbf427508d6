"""The well-known model servers: how each of them wants its requests, by host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from agentos.models.servers.chat import Dialect
from agentos.models.servers.messages import MessagesDialect


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownServer:
    """What one server takes: in its Chat Completions, and in its Messages API."""

    chat: Dialect = field(default_factory=Dialect)
    messages: MessagesDialect = field(default_factory=MessagesDialect)


_NEWER_LIMIT = KnownServer(chat=Dialect(output_limit="max_completion_tokens"))
_NO_SCHEMAS = MessagesDialect(output_schema="instructions")
"""These servers speak the Messages API for models of their own. They are not known to take ``output_config.format``."""

SERVERS: Mapping[str, KnownServer] = {
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
    "mistral.ai": KnownServer(chat=Dialect(stream_options=False, tool_call_ids="alphanumeric9")),
    # The examples of function calling have content "": https://help.aliyun.com/zh/model-studio/qwen-function-calling
    "dashscope.aliyuncs.com": KnownServer(chat=Dialect(content_beside_tool_calls="empty"), messages=_NO_SCHEMAS),
    "dashscope-intl.aliyuncs.com": KnownServer(chat=Dialect(content_beside_tool_calls="empty"), messages=_NO_SCHEMAS),
    "dashscope-us.aliyuncs.com": KnownServer(chat=Dialect(content_beside_tool_calls="empty"), messages=_NO_SCHEMAS),
    # https://platform.claude.com/docs/en/api/versioning. Thinking without a signature is refused
    # (https://github.com/code-yeongyu/oh-my-openagent/issues/2775); the others here want theirs back with or without.
    "api.anthropic.com": KnownServer(messages=MessagesDialect(version="2026-10-21", unsigned_thinking=False)),
    "api.deepseek.com": KnownServer(messages=_NO_SCHEMAS),
    "api.moonshot.ai": KnownServer(messages=_NO_SCHEMAS),
    "api.moonshot.cn": KnownServer(messages=_NO_SCHEMAS),
    "api.kimi.com": KnownServer(messages=_NO_SCHEMAS),
    "api.z.ai": KnownServer(messages=_NO_SCHEMAS),
    "open.bigmodel.cn": KnownServer(messages=_NO_SCHEMAS),
    "api.minimax.io": KnownServer(messages=_NO_SCHEMAS),
    "api.minimaxi.com": KnownServer(messages=_NO_SCHEMAS),
}
"""A host's subdomains are included. Servers without a row take the defaults."""

_UNKNOWN = KnownServer()


def server_for(base_url: str) -> KnownServer:
    """Return what a well-known server takes, or the defaults."""
    try:
        host = (urlsplit(base_url.strip()).hostname or "").rstrip(".")
    except ValueError:
        return _UNKNOWN
    while host:
        if host in SERVERS:
            return SERVERS[host]
        host = host.partition(".")[2]
    return _UNKNOWN


def dialect_for(base_url: str) -> Dialect:
    """Return the dialect of a well-known server's Chat Completions, or the default one."""
    return server_for(base_url).chat
