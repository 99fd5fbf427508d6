"""A chat completion's request as a request to run an agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentos import Message, ModelOverrides, ToolCall, ToolSpec
from agentos.web import ChatRequest, RequestedOverrides, allowed_overrides, refuse, shown, trailing_results
from agentos_openai_api.chat.schemas import PARAMETERS
from agentos_openai_api.content import read_content
from agentos_openai_api.sessions import SESSION_FIELD, client_chat, named_session
from agentos_openai_api.tools_and_forms import check_choice, read_format, read_tool

_ONLY: Mapping[str, tuple[Sequence[Any], str]] = {
    "logprobs": ((False,), "answers have no probabilities; accepted is false"),
    "top_logprobs": ((0,), "answers have no probabilities; accepted is 0"),
    "modalities": ((["text"],), "answers are text; accepted is ['text']"),
    "audio": ((), "answers are text; leave it out"),
    "functions": ((), "give 'tools' in its place"),
    "function_call": ((), "give 'tool_choice' in its place"),
    "web_search_options": ((), "an agent searches with tools of its own; leave it out"),
    "moderation": ((), "this server moderates nothing; leave it out"),
}
"""Fields that would change the meaning of an answer, the values that do not, and what to say of others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What a request says: the conversation without system messages, and those by themselves; all with their places."""

    model: str
    messages: tuple[Message, ...]
    places: Sequence[str]
    system: Mapping[str, str]


def read_conversation(body: Mapping[str, Any]) -> Conversation:
    """Return what a request says. Raises ``InvalidRequest`` or ``InvalidMedia`` naming the message that is wrong."""
    messages: list[Message] = []
    places: list[str] = []
    system: dict[str, str] = {}
    open_calls: dict[str, str] = {}
    for number, given in enumerate(body["messages"]):
        where = f"messages[{number}]"
        role = given["role"]
        content = read_content(given.get("content"), f"{where}.content", media=role == "user")
        if role in ("system", "developer"):
            system[where] = content.text
            continue
        places.append(where)
        if role == "tool":
            call_id = given.get("tool_call_id")
            if call_id not in open_calls:
                refuse(
                    f"{where}.tool_call_id",
                    f"is {shown(call_id)}, but no call of this id is open; a tool's message follows the assistant's"
                    " message with the call in 'tool_calls'",
                )
            del open_calls[call_id]
            messages.append(Message("tool", content.text, tool_call_id=call_id))
            continue
        if open_calls:
            refuse(where, f"comes before the tool's message with the result of call {next(iter(open_calls))!r:.140}")
        calls = _read_calls(given.get("tool_calls"), f"{where}.tool_calls") if role == "assistant" else ()
        open_calls = {call.id: call.name for call in calls}
        if len(open_calls) < len(calls):
            refuse(f"{where}.tool_calls", "has two calls with one id; accepted are ids that differ")
        messages.append(Message(role, content.text, tool_calls=calls, media=content.media))
    if open_calls:
        refuse("messages", f"end before the tool's message with the result of call {next(iter(open_calls))!r:.140}")
    if not messages or messages[-1].role == "assistant":
        refuse("messages", "need a message of the user, or a tool's, at the end")
    if messages[-1].role == "user" and not messages[-1].content and not messages[-1].media:
        refuse("messages", "end with an empty message; needed is a text or an attachment")
    return Conversation(model=body["model"], messages=tuple(messages), places=places, system=system)


def read_request(body: Mapping[str, Any]) -> ChatRequest:
    """Return what a request asks for. Raises ``InvalidRequest`` or ``InvalidMedia`` naming the field that is wrong."""
    said = read_conversation(body)
    metadata = body.get("metadata") or {}
    return ChatRequest(
        body=body,
        agent_id=said.model,
        messages=said.messages,
        places=said.places,
        results=trailing_results(said.messages),
        overrides=overrides_of(body, said),
        streamed=bool(body["stream"]),
        session_id=named_session(metadata),
        chat=client_chat(),
        user_id=body.get("user") or None,
        metadata={name: value for name, value in metadata.items() if name != SESSION_FIELD},
    )


def overrides_of(body: Mapping[str, Any], said: Conversation) -> ModelOverrides:
    """Return what a request wants of the model. Raises ``InvalidRequest`` for what would change its meaning."""
    for name, (accepted, words) in _ONLY.items():
        value = body.get(name)
        if value is not None and value not in accepted:
            refuse(name, f"is {shown(value)}; {words}")
    tools = _read_tools(body.get("tools") or ())
    choice = body.get("tool_choice")
    forced = {} if choice in (None, "auto", "none") or not tools else {"tool_choice": _read_choice(choice, tools)}
    parameters = {name: body[name] for name in PARAMETERS if body.get(name) is not None}
    if not tools:
        parameters.pop("parallel_tool_calls", None)
    return allowed_overrides(
        said.model,
        RequestedOverrides(
            parameters=parameters,
            forced=forced,
            output_schema=_read_format(body.get("response_format")),
            client_tools=() if choice == "none" else tools,
            instructions=tuple(said.system.values()),
            instruction_fields=tuple(said.system),
        ),
    )


def _read_tools(given: Sequence[Mapping[str, Any]]) -> tuple[ToolSpec, ...]:
    return tuple(read_tool(tool.get("function"), f"tools[{number}].function") for number, tool in enumerate(given))


def _read_choice(choice: Any, tools: Sequence[ToolSpec]) -> Any:
    if choice == "required":
        return choice
    function = choice.get("function") if isinstance(choice, dict) and choice.get("type") == "function" else None
    name = function.get("name") if isinstance(function, dict) else None
    check_choice(choice, name, tools)
    return choice


def _read_format(given: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if given is None:
        return None
    where = "response_format"
    if given.get("type") != "json_schema":
        return read_format(given, where)
    inner = given.get("json_schema")
    if not isinstance(inner, dict):
        refuse(f"{where}.json_schema", f"is {shown(inner)}; needed is an object with 'schema'")
    return read_format({"type": "json_schema", "schema": inner.get("schema")}, f"{where}.json_schema")


def _read_calls(given: Any, where: str) -> tuple[ToolCall, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        refuse(where, f"is {shown(given)}; accepted is a list of calls")
    return tuple(_read_call(call, f"{where}[{number}]") for number, call in enumerate(given))


def _read_call(given: Any, where: str) -> ToolCall:
    function = given.get("function") if isinstance(given, dict) else None
    if not isinstance(function, dict):
        refuse(where, "is no call of a function; accepted is an object with 'id', 'type' and 'function'")
    for name, value in (("id", given.get("id")), *((f"function.{key}", function.get(key)) for key in _FUNCTION)):
        if not isinstance(value, str):
            refuse(f"{where}.{name}", f"is {shown(value)}; needed is a text")
    return ToolCall(given["id"], function["name"], function["arguments"])


_FUNCTION = ("name", "arguments")
