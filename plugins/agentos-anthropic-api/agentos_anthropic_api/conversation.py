"""The messages of a request, and what they are here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agentos import Message, ToolCall
from agentos.web import InvalidMedia, note_ignored, refuse, shown
from agentos_anthropic_api.content import Content, blocks_of, compact, read_block, read_text

RESULT = "tool_result"
_THOUGHTS = ("thinking", "redacted_thinking")
_BILLING = "x-anthropic-billing-header:"
"""What Claude Code puts in front of its system prompt for Anthropic's own servers. It differs at each request."""


@dataclass(slots=True)
class Conversation:
    """What a request says: the conversation without system messages, and those by themselves, with their places.

    ``places`` has the place of each message in the request. ``results`` are the results of tools at the end, as a run
    that waits for them gets them. ``failed`` are the ids of calls that failed.
    """

    messages: list[Message] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    system: dict[str, str] = field(default_factory=dict)
    results: tuple[Message, ...] = ()
    failed: set[str] = field(default_factory=set)
    open_calls: dict[str, str] = field(default_factory=dict)

    def add(self, message: Message, where: str) -> None:
        """Add a message that stands at a place of the request."""
        self.messages.append(message)
        self.places.append(where)


def read_conversation(body: Mapping[str, Any], *, in_session: bool) -> Conversation:
    """Return what a request says. Raises ``InvalidRequest`` or ``InvalidMedia`` naming the field that is wrong."""
    said = Conversation()
    if (system := body.get("system")) is not None:
        _read_system(said, system, "system")
    for number, given in enumerate(body["messages"]):
        where = f"messages[{number}]"
        match given["role"]:
            case "user":
                last = number == len(body["messages"]) - 1
                _read_user(said, given.get("content"), where, last=last, in_session=in_session)
            case "assistant":
                _refuse_open_calls(said, where)
                _read_assistant(said, given.get("content"), where)
            case _:
                _read_system(said, given.get("content"), f"{where}.content", place=where)
    if said.open_calls:
        refuse("messages", f"end before a 'tool_result' of call {next(iter(said.open_calls))!r:.140}")
    if not said.messages or said.messages[-1].role == "assistant":
        refuse("messages", "need a message of the user at the end; agents continue no answer that the client began")
    if said.messages[-1].role == "user" and not said.messages[-1].content and not said.messages[-1].media:
        refuse("messages", "end with an empty message; needed is a text or an attachment")
    return said


def _read_system(said: Conversation, value: Any, where: str, *, place: str | None = None) -> None:
    texts: list[str] = []
    for block, at in blocks_of(value, where):
        if block.get("type") != "text":
            refuse(f"{at}.type", f"is {shown(block.get('type'))}; accepted is 'text'")
        text = read_text(block, "text", at)
        if not text.startswith(_BILLING):
            texts.append(text)
    if whole := "\n\n".join(text for text in texts if text):
        said.system[place or where] = whole


def _read_user(said: Conversation, value: Any, where: str, *, last: bool, in_session: bool) -> None:
    """Add the results of tools, and then what the user says beside them."""
    words, results = Content(), Content()
    answered: list[Message] = []
    for block, at in blocks_of(value, f"{where}.content"):
        if block.get("type") == RESULT:
            content = _read_result(said, block, at)
            answered.append(Message("tool", content.text, tool_call_id=block["tool_use_id"]))
            results.add(content.media)
        else:
            words.add(read_block(block, at, others=[RESULT]))
    _refuse_open_calls(said, where)
    for message in answered:
        said.add(message, where)
    media = (*results.media, *words.media)
    if not answered or words.text or media:
        said.add(Message("user", words.text, media=media), where)
    if not last or not answered:
        return
    if not media:
        # A run takes texts as results. What the user says besides belongs to this turn: it follows the last one.
        whole = "\n\n".join(text for text in (answered[-1].content, words.text) if text)
        said.results = (*answered[:-1], replace(answered[-1], content=whole))
    elif in_session:
        reason = "has attachments beside results of tools, which a session does not take; send them in a later message"
        raise InvalidMedia(f"field {where!r} {reason}", details={"fields": {where: reason}})


def _read_result(said: Conversation, block: Mapping[str, Any], where: str) -> Content:
    id = block.get("tool_use_id")
    if not isinstance(id, str) or id not in said.open_calls:
        refuse(
            f"{where}.tool_use_id",
            f"is {shown(id)}, but no call of this id is open; a result follows the message with its 'tool_use' block",
        )
    del said.open_calls[id]
    is_error = block.get("is_error")
    if is_error is not None and not isinstance(is_error, bool):
        refuse(f"{where}.is_error", f"is {shown(is_error)}; accepted is true or false")
    if is_error:
        said.failed.add(id)
    content = Content()
    if block.get("content") is not None:
        for inner, at in blocks_of(block["content"], f"{where}.content"):
            content.add(read_block(inner, at))
    return content


def _read_assistant(said: Conversation, value: Any, where: str) -> None:
    texts: list[str] = []
    calls: list[ToolCall] = []
    for block, at in blocks_of(value, f"{where}.content"):
        type = block.get("type")
        if type == "text":
            texts.append(read_text(block, "text", at))
        elif type == "tool_use":
            calls.append(_read_call(block, at))
        elif type not in _THOUGHTS:
            if not _is_of_server(type):
                refuse(f"{at}.type", f"is {shown(type)}; accepted are text, tool_use, {', '.join(_THOUGHTS)}")
            note_ignored(at)
    said.open_calls = {call.id: call.name for call in calls}
    if len(said.open_calls) < len(calls):
        refuse(f"{where}.content", "has two 'tool_use' blocks with one id; accepted are ids that differ")
    if texts or calls:
        said.add(Message("assistant", "".join(texts), tool_calls=tuple(calls)), where)


def _read_call(block: Mapping[str, Any], where: str) -> ToolCall:
    given = block.get("input")
    if not isinstance(given, dict):
        refuse(f"{where}.input", f"is {shown(given)}; needed is an object")
    return ToolCall(read_text(block, "id", where), read_text(block, "name", where), compact(given))


def _is_of_server(type: Any) -> bool:
    """Return whether a block is of a tool that Anthropic's servers execute: another server has answered before."""
    return isinstance(type, str) and type.endswith(("_tool_use", "_tool_result", "container_upload", "compaction"))


def _refuse_open_calls(said: Conversation, where: str) -> None:
    if said.open_calls:
        refuse(where, f"has no 'tool_result' of call {next(iter(said.open_calls))!r:.140}, which comes before it")
