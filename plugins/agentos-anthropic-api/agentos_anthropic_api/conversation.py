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
REMINDER = "<system-reminder>\n{text}\n</system-reminder>"
"""How a text of the system is said amid a conversation."""

_BILLING = "x-anthropic-billing-header:"
"""What Claude Code puts in front of its system prompt for Anthropic's own servers. It differs at each request."""


@dataclass(slots=True)
class Conversation:
    """What a request says: the conversation, and apart from it the texts of the system before it, with their places.

    ``places`` has the place of each message in the request. ``results`` are the results of tools behind the user's
    last words, as a run that waits for them gets them. ``failed`` are the ids of calls that failed.
    """

    messages: list[Message] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    system: dict[str, str] = field(default_factory=dict)
    results: tuple[Message, ...] = ()
    failed: set[str] = field(default_factory=set)
    open_calls: dict[str, str] = field(default_factory=dict)
    turns: set[int] = field(default_factory=set)
    """Where the messages of each turn of the user begin, with its results of tools if it has some."""

    _added: dict[int, list[str]] = field(default_factory=dict)
    """Texts that follow what the user says in a message: joined once, since there may be thousands."""

    def add(self, message: Message, where: str) -> None:
        """Add a message that stands at a place of the request."""
        self.messages.append(message)
        self.places.append(where)

    def add_words(self, text: str, where: str) -> None:
        """Add a text to what the user says at the end."""
        if self.messages and self.messages[-1].role == "user":
            self._added.setdefault(len(self.messages) - 1, []).append(text)
        else:
            self.add(Message("user", text), where)

    def join_words(self) -> None:
        """Make the texts that were added part of their messages."""
        for number, texts in self._added.items():
            message = self.messages[number]
            self.messages[number] = replace(message, content="\n\n".join(filter(None, (message.content, *texts))))
        self._added.clear()


def read_conversation(body: Mapping[str, Any], *, in_session: bool) -> Conversation:
    """Return what a request says to an agent.

    Raises ``InvalidRequest`` or ``InvalidMedia`` naming the field that is wrong.
    """
    said = read_messages(body)
    if said.open_calls:
        refuse("messages", f"end before a 'tool_result' of call {next(iter(said.open_calls))!r:.140}")
    if not said.messages or said.messages[-1].role == "assistant":
        refuse("messages", "need a message of the user at the end; agents continue no answer that the client began")
    if said.messages[-1].role == "user" and not said.messages[-1].content and not said.messages[-1].media:
        refuse("messages", "end with an empty message; needed is a text or an attachment")
    said.results = _results(said, in_session=in_session)
    return said


def read_messages(body: Mapping[str, Any]) -> Conversation:
    """Return what a request says; the last message may be of any role. Raises as :func:`read_conversation` does."""
    said = Conversation()
    if (system := body.get("system")) is not None and (text := _system_text(system, "system")):
        said.system["system"] = text
    if not body["messages"]:
        refuse("messages", "is an empty list; messages: at least one message is required")
    for number, given in enumerate(body["messages"]):
        where = f"messages[{number}]"
        content = given.get("content")
        match given["role"]:
            case "user":
                _read_user(said, content, where)
            case "assistant":
                _refuse_open_calls(said, where)
                _read_assistant(said, content, where)
            case _:
                _read_system(said, content, where)
    said.join_words()
    return said


def _results(said: Conversation, *, in_session: bool) -> tuple[Message, ...]:
    """Return the results behind the user's last words of their own; none if the conversation ends with such words.

    A run takes texts alone: what is said beside results follows the last one of them.
    """
    results: list[Message] = []
    for number, message in enumerate(said.messages):
        if message.role == "tool":
            results.append(message)
        elif message.role == "user":
            if number in said.turns or said.messages[number - 1].role != "tool":
                results.clear()
            else:
                whole = "\n\n".join(text for text in (results[-1].content, message.content) if text)
                results[-1] = replace(results[-1], content=whole, media=message.media)
    if results and results[-1].media:
        if in_session:
            where = said.places[-1]
            reason = "has attachments beside results of tools, which a session does not take; send them in a later one"
            raise InvalidMedia(f"field {where!r} {reason}", details={"fields": {where: reason}})
        return ()
    return tuple(results)


def _system_text(value: Any, where: str) -> str:
    texts: list[str] = []
    for block, at in blocks_of(value, where):
        if block.get("type") != "text":
            refuse(f"{at}.type", f"is {shown(block.get('type'))}; accepted is 'text'")
        text = read_text(block, "text", at)
        if text and not text.startswith(_BILLING):
            texts.append(text)
    return "\n\n".join(texts)


def _read_system(said: Conversation, value: Any, where: str) -> None:
    """Add a message of the system. Amid the conversation it belongs to its place, so it is said with the user's words.

    Among the instructions it would make each request of a conversation another one.
    """
    text = _system_text(value, f"{where}.content")
    if not text:
        return
    if not said.messages:
        said.system[where] = text
        return
    _refuse_open_calls(said, where)
    said.add_words(REMINDER.format(text=text), where)


def _read_user(said: Conversation, value: Any, where: str) -> None:
    """Add the results of tools, and then what the user says beside them."""
    words, results = Content(), Content()
    begin = len(said.messages)
    said.turns.add(begin)
    for block, at in blocks_of(value, f"{where}.content"):
        if block.get("type") == RESULT:
            content = _read_result(said, block, at)
            said.add(Message("tool", content.text, tool_call_id=block["tool_use_id"]), where)
            results.add(content.media)
        else:
            words.add(read_block(block, at, others=[RESULT]))
    _refuse_open_calls(said, where)
    media = (*results.media, *words.media)
    if begin == len(said.messages) or words.text or media:
        said.add(Message("user", words.text, media=media), where)


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
