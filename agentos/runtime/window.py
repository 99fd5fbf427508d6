"""What of a session's history a model is given: a bound on its bytes, and the bytes of the attachments in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.models.wire.parsing import dumps

Read = Callable[[Media], Media | None]
"""Returns an attachment with its data, or ``None`` when its bytes are gone."""


def fit(history: Sequence[Message], *, most: int, read: Read) -> Sequence[Message]:
    """Return the messages of a history that have at most ``most`` bytes, with the data of their attachments.

    Texts come first, with what providers want to see again: the last turns that fit, whole turns only. What they leave
    is for attachments, the newest first.
    One that does not fit is never read; a line in its message says that it was there.
    """
    if _is_short(history, most):
        return history
    kept, left = _last_turns(history, most)
    if not any(message.media for message in kept):
        return kept
    fitted: list[Message] = []
    for message in reversed(kept):
        message, left = _with_attachments(message, left, read)
        fitted.append(message)
    return fitted[::-1]


def _is_short(history: Sequence[Message], most: int) -> bool:
    """Whether texts alone are there and surely fit, as in most runs: a character has at most four bytes."""
    characters = 0
    for message in history:
        if message.media or message.provider is not None:
            return False
        characters += len(message.content)
        for call in message.tool_calls:
            characters += len(call.arguments)
    return characters * 4 <= most


def _last_turns(history: Sequence[Message], most: int) -> tuple[Sequence[Message], int]:
    """Return the last turns that fit, and the bytes left. A turn begins with a message of the user."""
    start, end, left = len(history), len(history), most
    while end:
        begin = end - 1
        while begin and history[begin].role != "user":
            begin -= 1
        size = sum(map(_text_size, history[begin:end]))
        if size > left:
            break
        left -= size
        start = end = begin
    return (history if start == 0 else history[start:]), left


def _text_size(message: Message) -> int:
    """Return how many bytes of UTF-8 a message has without its attachments."""
    size = _bytes_of(message.content)
    if message.tool_calls:
        size += sum(_bytes_of(call.arguments) for call in message.tool_calls)
    if message.provider is not None:
        # Signed thinking and results of a provider's own tools are often longer than the answer.
        kept = (message.provider_details, *(call.provider_details for call in message.tool_calls))
        size += sum(_bytes_of(dumps(details)) for details in kept if details)
    return size


def _bytes_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _with_attachments(message: Message, left: int, read: Read) -> tuple[Message, int]:
    """Return a message with the attachments that fit into so many bytes, and what is left of these."""
    if not message.media:
        return message, left
    shown: list[Media] = []
    content = message.content
    for media in message.media:
        size = media.byte_count or 0
        whole = read(media) if size <= left else None
        if whole is None:
            content += f"\n(attachment no longer shown: {media.type} {media.name or ''}".rstrip() + ")"
        else:
            left -= size
            shown.append(whole)
    return replace(message, content=content, media=tuple(shown)), left
