"""Conversations that clients bring: in place of a session's history, or to be added to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import orjson

from agentos.config import Config
from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.domain.run_request import RunRequest
from agentos.domain.text import is_clean
from agentos.errors import InvalidMedia, InvalidRequest
from agentos.media.policy import MediaPolicy
from agentos.services.size_limits import SizeLimits

MAX_MESSAGES = 2048

ROLES = ("user", "assistant", "tool")

_CALL_ID = re.compile(r"[!-~]{1,128}")
_CALL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class ConversationPolicy:
    """Refuses what no model server takes, and what is larger than the settings allow, before anything is written."""

    def __init__(self, config: Config, sizes: SizeLimits, media: MediaPolicy) -> None:
        self._most_bytes = config.history_bytes
        self._most_media = config.max_attachments
        self._sizes = sizes
        self._media = media

    def check(self, request: RunRequest) -> None:
        """Raise ``InvalidRequest`` or ``InvalidMedia`` naming the first message of a request that is refused."""
        messages = request.messages
        if not messages:
            return
        _check_count(messages)
        _check_order(messages)
        self._check_each(messages, more_media=len(request.media))
        if not request.input and not request.media:
            _check_end(messages, request.session_id)

    def check_added(self, messages: Sequence[Message]) -> None:
        """Raise the same for messages that are to be added to a session.

        Each stands for itself: a call may be added before its result, and a result is removed before its call.
        """
        _check_count(messages)
        for number, message in enumerate(messages):
            where = f"messages[{number}]"
            _check_role(message, where)
            _check_calls(message, where)
            if message.role == "tool" and not _CALL_ID.fullmatch(message.tool_call_id or ""):
                raise _refusal(
                    f"{where}.tool_call_id",
                    f"is {message.tool_call_id!r:.140}; accepted are 1 to 128 visible ASCII characters",
                )
            if message.role == "user" and not message.content and not message.media:
                raise _refusal(where, "has neither text nor attachments; a user's message needs one of them")
        self._check_each(messages)

    def _check_each(self, messages: Sequence[Message], *, more_media: int = 0) -> None:
        for number, message in enumerate(messages):
            self._check_one(message, f"messages[{number}]")
        count = more_media + sum(len(message.media) for message in messages)
        if count > self._most_media:
            raise InvalidMedia(
                f"{count} attachments of the messages and the input are too many; at most {self._most_media} are"
                " accepted (AGENTOS_MAX_ATTACHMENTS)"
            )
        self.check_size(messages)

    def check_size(self, messages: Sequence[Message]) -> None:
        """Raise ``InvalidRequest`` for more than a model would be given of a session."""
        size = sum(map(_size, messages))
        if size > self._most_bytes:
            raise _refusal(
                "messages",
                f"have {size} bytes, their attachments included; accepted are at most {self._most_bytes}"
                " (AGENTOS_HISTORY_BYTES)",
            )

    def _check_one(self, message: Message, where: str) -> None:
        self._sizes.check_text(f"{where}.content", message.content)
        if not is_clean(message.content):
            raise _refusal(f"{where}.content", "holds U+0000 or half of a surrogate pair, which is not accepted")
        for number, call in enumerate(message.tool_calls):
            if not _CALL_ID.fullmatch(call.id) or not _CALL_NAME.fullmatch(call.name):
                raise _refusal(
                    f"{where}.tool_calls[{number}]",
                    f"has id {call.id!r:.140} and name {call.name!r:.80}; accepted are an id of 1 to 128 visible ASCII"
                    " characters and a name of 1 to 64 letters, digits, '_' and '-'",
                )
            self._sizes.check_text(f"{where}.tool_calls[{number}].arguments", call.arguments)
        if not message.media:
            return
        if message.role != "user":
            raise InvalidMedia(f"{where} is of role {message.role!r}; only a user's message may have attachments")
        try:
            self._media.check(message.media)
            for number, one in enumerate(message.media):
                self._sizes.check_object(f"media[{number}].metadata", one.metadata)
        except (InvalidMedia, InvalidRequest) as error:
            raise InvalidMedia(f"{where}: {error.message}") from error


def with_question(request: RunRequest) -> RunRequest:
    """Return the request with its conversation's last message as the input, if that is the user's and there is none."""
    if request.input or request.media or not request.messages or request.messages[-1].role != "user":
        return request
    *earlier, last = request.messages
    return replace(request, input=last.content, media=tuple(last.media), messages=tuple(earlier))


def with_media(messages: Sequence[Message], bring: Callable[[Sequence[Media]], tuple[Media, ...]]) -> Sequence[Message]:
    """Return messages with their attachments as ``bring`` returns them; its ``InvalidMedia`` says of which message."""
    brought: list[Message] = []
    for number, message in enumerate(messages):
        if message.media:
            try:
                message = replace(message, media=bring(message.media))
            except InvalidMedia as error:
                raise InvalidMedia(f"messages[{number}]: {error.message}") from error
        brought.append(message)
    return tuple(brought)


def _check_count(messages: Sequence[Message]) -> None:
    if len(messages) > MAX_MESSAGES:
        raise _refusal("messages", f"are {len(messages)}; accepted are at most {MAX_MESSAGES}")


def _check_role(message: Message, where: str) -> None:
    if message.role == "system":
        raise _refusal(
            where, "is of role 'system'; give it as the override 'instructions', where the agent allows that"
        )
    if message.role not in ROLES:
        raise _refusal(where, f"is of role {message.role!r:.40}; accepted are {', '.join(ROLES)}")


def _check_calls(message: Message, where: str) -> None:
    if message.tool_calls and message.role != "assistant":
        raise _refusal(where, f"is of role {message.role!r} and has tool calls; only an assistant's message may")
    if len({call.id for call in message.tool_calls}) < len(message.tool_calls):
        raise _refusal(where, "has two tool calls with one id; accepted are ids that differ")


def _check_order(messages: Sequence[Message]) -> None:
    """Refuse roles that cannot be, and calls and results that do not belong together."""
    open_calls: set[str] = set()
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        _check_role(message, where)
        if message.role == "tool":
            if message.tool_call_id not in open_calls:
                raise _refusal(where, f"answers the call {message.tool_call_id!r:.140}, which is not open before it")
            open_calls.discard(message.tool_call_id)
            continue
        if open_calls:
            raise _refusal(where, f"comes before the result of the call {min(open_calls)!r:.140}")
        _check_calls(message, where)
        open_calls = {call.id for call in message.tool_calls}
    if open_calls:
        raise _refusal("messages", f"end before the result of the call {min(open_calls)!r:.140}")


def _check_end(messages: Sequence[Message], session_id: str | None) -> None:
    if messages[-1].role != "tool":
        raise _refusal(
            "messages", "end with an assistant's message; accepted is a user's or a tool's, or an 'input' besides"
        )
    if session_id is not None:
        raise _refusal(
            "messages", "end with a tool's result, which a session has no place for; give an 'input' or no session"
        )


def _size(message: Message) -> int:
    size = len(message.content.encode("utf-8", "surrogatepass"))
    for call in message.tool_calls:
        size += len(call.arguments.encode("utf-8", "surrogatepass"))
        size += _json_size(call.provider_details)
    for media in message.media:
        size += (media.byte_count or 0) + _json_size(media.describe())
    return size + _json_size(message.provider_details)


def _json_size(value: object) -> int:
    if not value:
        return 0
    try:
        return len(orjson.dumps(value, default=dict))
    except TypeError as error:
        raise _refusal("messages", f"hold a value that is no JSON: {error}") from None


def _refusal(name: str, words: str) -> InvalidRequest:
    return InvalidRequest(f"field {name!r} {words}", details={"fields": {name: words}})
