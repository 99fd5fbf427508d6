"""A request of the Messages API as a request to run an agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentos import ModelOverrides
from agentos.web import (
    ChatRequest,
    ClientChat,
    InvalidRequest,
    RequestedOverrides,
    allowed_overrides,
    refuse,
    server,
    session_header,
    shown,
)
from agentos_anthropic_api.conversation import Conversation, read_conversation
from agentos_anthropic_api.tools import read_tools

DOOR = "anthropic"
"""Under which the clients' names of conversations are kept."""

FORM = "output_config.format"

_PARAMETERS = {
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "stop_sequences": "stop",
}
"""Fields that go to the model where the agent allows them, and their names here."""

_NAMES = {
    "stop": "stop_sequences",
    "reasoning_effort": "output_config.effort",
    "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
}
"""The dialect's names of parameters that have other ones here."""

_REFUSED = {
    "container": "agents have no containers of the client's; leave it out",
    "mcp_servers": "an agent has tools of its own, from servers that its operator chose; leave it out",
}
"""Fields that would change the meaning of an answer, and what to say of them."""

_THINKING = ("enabled", "adaptive", "disabled", "between_tools")
_NO_THINKING = ("disabled", "between_tools")


def read_request(body: Mapping[str, Any]) -> ChatRequest:
    """Return what a request asks for.

    Raises ``InvalidRequest`` or ``InvalidMedia`` naming the field that is wrong.
    """
    for name, words in _REFUSED.items():
        if body.get(name):
            refuse(name, f"is {shown(body[name])}; {words}")
    _refuse_thread(body)
    session_id = session_header()
    said = read_conversation(body, in_session=session_id is not None)
    user_id = (body.get("metadata") or {}).get("user_id") or None
    named = user_id is not None and server().config.plugin_settings["anthropic_user_id_sessions"]
    return ChatRequest(
        body=body,
        agent_id=body["model"],
        messages=tuple(said.messages),
        places=said.places,
        results=said.results,
        failed_calls=frozenset(said.failed),
        overrides=overrides_of(body, said),
        streamed=bool(body["stream"]),
        session_id=session_id,
        chat=ClientChat(DOOR, user_id) if named and user_id is not None else None,
        user_id=user_id,
    )


def _refuse_thread(body: Mapping[str, Any]) -> None:
    """Refuse a conversation that the server shall hold as one of Anthropic's threads.

    By this code the clients' helpers see that they have to send the whole conversation instead, and do so.
    """
    if body.get("thread"):
        raise InvalidRequest(
            f"field 'thread' is {shown(body['thread'])}; the server holds no threads: send all messages, or name a"
            " session by the header X-AgentOS-Session-Id",
            details={"error_code": "thread_unsupported_request"},
        )


def overrides_of(body: Mapping[str, Any], said: Conversation) -> ModelOverrides:
    """Return what a request wants of the model. Raises ``InvalidRequest`` for what would change its meaning."""
    wishes = read_tools(body)
    parameters = {ours: body[name] for name, ours in _PARAMETERS.items() if body.get(name) not in (None, [])}
    given = body.get("thinking") or {}
    thinking = _read_thinking(body.get("thinking"))
    config = body.get("output_config") or {}
    if (effort := config.get("effort")) is not None:
        parameters["reasoning_effort"] = effort
    if thinking is not None:
        parameters["thinking"] = thinking
    return allowed_overrides(
        body["model"],
        RequestedOverrides(
            parameters={**parameters, **wishes.parameters},
            forced=wishes.forced,
            output_schema=_read_format(config.get("format"), FORM) or _read_format(body.get("output_format"), FORM),
            schema_field=FORM,
            client_tools=wishes.tools,
            instructions=tuple(said.system.values()),
            instruction_fields=tuple(said.system),
            names={**_NAMES, "thinking": "thinking.budget_tokens" if "budget_tokens" in given else "thinking.type"},
        ),
    )


def _read_thinking(given: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return what goes to a model that takes it; ``None`` where nothing is asked for."""
    if given is None:
        return None
    type = given.get("type")
    if type not in _THINKING:
        refuse("thinking.type", f"is {shown(type)}; accepted are {', '.join(map(repr, _THINKING))}")
    budget = given.get("budget_tokens")
    if type == "enabled" and (not isinstance(budget, int) or isinstance(budget, bool) or budget < 1):
        refuse("thinking.budget_tokens", f"is {shown(budget)}; needed is a whole number from 1")
    return None if type in _NO_THINKING else given


def _read_format(given: Any, where: str) -> Mapping[str, Any] | None:
    """Return the schema of an answer's form; ``None`` for text."""
    if given is None:
        return None
    if not isinstance(given, dict) or given.get("type") != "json_schema":
        type = given.get("type") if isinstance(given, dict) else given
        refuse(f"{where}.type", f"is {shown(type)}; accepted is 'json_schema'")
    schema = given.get("schema")
    if not isinstance(schema, dict):
        refuse(f"{where}.schema", f"is {shown(schema)}; needed is a JSON schema, an object")
    return schema
