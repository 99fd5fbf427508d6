"""A request for a response as a request to run an agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentos import Message, ModelOverrides, RunMode, ToolSpec
from agentos.web import (
    InvalidRequest,
    RequestedOverrides,
    RunRequest,
    allowed_overrides,
    caller,
    idempotency_key,
    note_ignored,
    refuse,
    request_id,
    server,
    shown,
    this_request,
)
from agentos_openai_api.ids import CONVERSATION, own_id
from agentos_openai_api.responses.chain import read_chain
from agentos_openai_api.responses.echo import Echo
from agentos_openai_api.responses.items import Input
from agentos_openai_api.responses.said_in_log import Chain
from agentos_openai_api.sessions import SESSION_FIELD, named_session
from agentos_openai_api.tools_and_forms import check_choice, read_format, read_tool

ECHO_SHARE = 0.75
"""How much of the room for a run's context the echo of its request may take."""

_PARAMETERS = ("temperature", "top_p", "max_output_tokens", "service_tier", "parallel_tool_calls")
_IGNORED = ("max_tool_calls", "prompt_cache_key", "prompt_cache_retention", "safety_identifier")
_INCLUDED_LOGPROBS = "message.output_text.logprobs"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run to start, and what its response repeats."""

    request: RunRequest
    echo: Echo


def request_of(body: Mapping[str, Any], said: Input, session_id: str | None, overrides: ModelOverrides) -> Wanted:
    """Return what a request asks for. Raises ``InvalidRequest`` and what the chain of responses raises."""
    _refuse_what_changes_the_meaning(body)
    given = body.get("metadata") or {}
    metadata = {name: value for name, value in given.items() if name != SESSION_FIELD}
    echo = Echo.of_request(body, metadata, most=int(server().config.max_metadata_size * ECHO_SHARE))
    common: dict[str, Any] = {
        "caller": caller(),
        "agent_id": body["model"],
        "user_id": body.get("user") or None,
        "metadata": metadata,
        "context": echo.context,
        "overrides": overrides,
        "mode": RunMode.BACKGROUND if body["background"] else RunMode.INLINE,
        "idempotency": idempotency_key(this_request(), body, session_id),
        "request_id": request_id(),
    }
    previous = body.get("previous_response_id")
    _check_end(said.messages)
    if session_id is None:
        chain = Chain(()) if previous is None else read_chain(previous)
        return Wanted(RunRequest(messages=_conversation(chain, said.messages), **common), echo)
    if previous is not None:
        refuse("previous_response_id", "is given, and a conversation too; accepted is one of them")
    question = _question(said.messages)
    return Wanted(RunRequest(session_id=session_id, input=question.content, media=question.media, **common), echo)


def _conversation(chain: Chain, new: Sequence[Message]) -> Sequence[Message]:
    """Return the whole conversation. Calls that waited for the client are part of it if it has their results."""
    given = {message.tool_call_id for message in new if message.role == "tool"}
    known = {call.id for message in new for call in message.tool_calls}
    calls = tuple(call for call in chain.open_calls if call.id in given - known)
    made = [Message("assistant", "", tool_calls=calls)] if calls else []
    conversation = (*chain.messages, *made, *new)
    _check_calls(conversation)
    return conversation


def _check_end(messages: Sequence[Message]) -> None:
    last = messages[-1] if messages else None
    if last is None or (last.role == "user" and not last.content and not last.media):
        refuse("input", "is empty, or its last message is; needed is a text or an attachment")
    if last.role == "assistant":
        refuse("input", "ends with an item of the assistant; needed is a message of the user or an output at the end")


def _check_calls(messages: Sequence[Message]) -> None:
    """Refuse outputs without a call, and calls without an output; the server would name messages, not items."""
    open_calls: set[str] = set()
    for message in messages:
        if message.role == "tool":
            if message.tool_call_id not in open_calls:
                refuse("input", f"has an output of call {message.tool_call_id!r:.140}, and no such call before it")
            open_calls.discard(message.tool_call_id)
        elif open_calls:
            break
        else:
            open_calls = {call.id for call in message.tool_calls}
    if open_calls:
        refuse("input", f"has no output for function call {min(open_calls)!r:.140}")


def session_of(body: Mapping[str, Any]) -> str | None:
    """Return the session that a request names, as a conversation or otherwise; ``None`` if it names none."""
    named = named_session(body.get("metadata") or {})
    given = body.get("conversation")
    if given is None:
        return named
    id = given.get("id") if isinstance(given, dict) else given
    if not isinstance(id, str):
        refuse("conversation", f"is {shown(given)}; accepted is the id of a conversation, or an object with 'id'")
    session_id = own_id(CONVERSATION, id)
    if session_id is None:
        refuse("conversation", f"is {shown(id)}; accepted is an id that begins with {CONVERSATION!r}")
    if named not in (None, session_id):
        refuse("conversation", "is another one than the session that the request names besides; accepted is one")
    return session_id


def _question(messages: Sequence[Message]) -> Message:
    """Return what the user says in a session, which has the rest already."""
    if not messages or any(message.role != "user" for message in messages):
        refuse("input", "of a conversation has other items than messages of the user; the server has its history")
    text = "\n\n".join(message.content for message in messages if message.content)
    return Message("user", text, media=tuple(one for message in messages for one in message.media))


def _refuse_what_changes_the_meaning(body: Mapping[str, Any]) -> None:
    if body.get("prompt") is not None:
        refuse("prompt", "is given; this server keeps no prompts, so send 'instructions' and 'input'")
    if body.get("moderation") is not None:
        refuse("moderation", "is given; this server moderates nothing, so leave it out")
    if body.get("top_logprobs"):
        refuse("top_logprobs", f"is {shown(body['top_logprobs'])}; answers have no probabilities, accepted is 0")
    if _INCLUDED_LOGPROBS in (body.get("include") or ()):
        refuse("include", f"has {_INCLUDED_LOGPROBS!r}; answers have no probabilities")
    if body["background"] and body.get("store") is False:
        raise InvalidRequest("field 'background' is true and 'store' is false; a background response is stored")


def overrides_of(body: Mapping[str, Any], said: Input) -> ModelOverrides:
    """Return what a request wants of the model. Raises ``InvalidRequest`` for what would change its meaning."""
    tools = _read_tools(body.get("tools") or [])
    choice = body.get("tool_choice")
    forced = {} if choice in (None, "auto", "none") or not tools else {"tool_choice": _read_choice(choice, tools)}
    parameters = {name: body[name] for name in _PARAMETERS if body.get(name) is not None}
    if not tools:
        parameters.pop("parallel_tool_calls", None)
    if parameters.get("service_tier") in ("auto", "default"):
        del parameters["service_tier"]
    reasoning, text = body.get("reasoning") or {}, body.get("text") or {}
    if reasoning.get("effort") is not None:
        parameters["reasoning_effort"] = reasoning["effort"]
    if text.get("verbosity") is not None:
        parameters["verbosity"] = text["verbosity"]
    note_ignored(*(name for name in _IGNORED if body.get(name) is not None))
    format = text.get("format")
    own = body.get("instructions")
    return allowed_overrides(
        body["model"],
        RequestedOverrides(
            parameters=parameters,
            forced=forced,
            output_schema=None if format is None else read_format(format, "text.format"),
            schema_field="text.format",
            client_tools=() if choice == "none" else tools,
            instructions=[*([own] if own else []), *said.instructions],
            instruction_fields=[*(["instructions"] if own else []), *said.instruction_fields],
        ),
    )


def _read_tools(given: Any) -> tuple[ToolSpec, ...]:
    if not isinstance(given, list):
        refuse("tools", f"is {shown(given)}; accepted is a list of functions")
    for number, tool in enumerate(given):
        if not isinstance(tool, dict):
            refuse(f"tools[{number}]", f"is {shown(tool)}; accepted is an object")
        if tool.get("type") != "function":
            refuse(
                f"tools[{number}].type",
                f"is {shown(tool.get('type'))}; accepted is 'function', since an agent brings its own other tools",
            )
    return tuple(read_tool(tool, f"tools[{number}]") for number, tool in enumerate(given))


def _read_choice(choice: Any, tools: Sequence[ToolSpec]) -> Any:
    """Return the choice as models of chat completions take it."""
    if choice == "required":
        return choice
    name = choice.get("name") if isinstance(choice, dict) and choice.get("type") == "function" else None
    check_choice(choice, name, tools)
    return {"type": "function", "function": {"name": name}}
