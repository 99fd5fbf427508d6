"""A conversation as the Messages API takes it: instructions apart, turns that alternate, results behind calls."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from agentos.domain.message import Message, ToolCall
from agentos.models.anthropic_messages.content import encode_media
from agentos.models.anthropic_messages.details import replayed
from agentos.models.wire.arguments import sendable_object

EMPTY = "(empty)"
"""Stands for a user's message, or a whole conversation, without words: the API refuses one without content."""
NOT_RUN = "not called: the run ended before"

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]")
_RESULT = "tool_result"

Turn = dict[str, Any]


def encode_history(messages: Sequence[Message], *, unsigned: bool) -> tuple[list[dict[str, Any]], list[Turn]]:
    """Return the blocks of the instructions, and the turns.

    Messages of the same role that follow one another become one. A call that has no result gets one that says so; a
    result without a call becomes text. Raises :class:`~agentos.errors.InvalidMedia` for an attachment without a place.
    """
    system: list[dict[str, Any]] = []
    turns: list[Turn] = []
    for message in messages:
        if message.role == "system":
            # Not all models and servers take instructions between the messages.
            system += _words(message.content)
        elif message.role == "assistant":
            _add(turns, "assistant", _assistant(message, unsigned=unsigned))
        else:
            _add(turns, "user", _result(message) if message.role == "tool" else _user(message))
    return system, _whole(turns)


def _user(message: Message) -> list[dict[str, Any]]:
    # Images before the question about them, as the documentation advises.
    return [*map(encode_media, message.media), *_words(message.content)] or [{"type": "text", "text": EMPTY}]


def _assistant(message: Message, *, unsigned: bool) -> list[dict[str, Any]]:
    calls = [_call(call) for call in message.tool_calls]
    return replayed(message.provider_details, message.content, calls, unsigned=unsigned)


def _call(call: ToolCall) -> dict[str, Any]:
    known = {
        "type": "tool_use",
        "id": _id(call.id),
        "name": call.name or "unknown",
        "input": sendable_object(call.arguments),
    }
    return {**(call.provider_details or {}), **known}


def _result(message: Message) -> list[dict[str, Any]]:
    block = {"type": _RESULT, "tool_use_id": _id(message.tool_call_id or "")}
    return [block | ({"content": message.content} if message.content.strip() else {})]


def _words(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}] if text.strip() else []


def _id(id: str) -> str:
    """Return an id of letters, digits, '-' and '_': the same for a call and its result, whatever made it."""
    if _ID.fullmatch(id):
        return id
    digest = sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{_NOT_IN_IDS.sub('_', id)[:80]}_{digest}"


def _add(turns: list[Turn], role: str, blocks: list[dict[str, Any]]) -> None:
    if turns and turns[-1]["role"] == role:
        turns[-1]["content"] += blocks
    elif blocks:
        turns.append({"role": role, "content": blocks})


def _whole(turns: list[Turn]) -> list[Turn]:
    """Return turns that begin with a user's, with the results of each turn's calls right behind it."""
    found: list[Turn] = []
    if not turns or turns[0]["role"] != "user":
        found.append({"role": "user", "content": [{"type": "text", "text": EMPTY}]})
    open_calls: list[str] = []
    for turn in turns:
        if turn["role"] == "assistant":
            found.append(turn)
            open_calls = [block["id"] for block in turn["content"] if block["type"] == "tool_use"]
        else:
            found.append({"role": "user", "content": _with_results(turn["content"], open_calls)})
            open_calls = []
    if open_calls:
        found.append({"role": "user", "content": _with_results([], open_calls)})
    last = found[-1]
    if last["role"] == "assistant" and last["content"][-1]["type"] == "text":
        # The model would go on with it, and the API refuses white space at such an end.
        last["content"][-1]["text"] = last["content"][-1]["text"].rstrip()
    return found


def _with_results(blocks: list[dict[str, Any]], calls: Sequence[str]) -> list[dict[str, Any]]:
    given = {block["tool_use_id"]: block for block in reversed(blocks) if block["type"] == _RESULT}
    missing = {"type": _RESULT, "content": NOT_RUN, "is_error": True}
    results = [given.get(id) or {**missing, "tool_use_id": id} for id in dict.fromkeys(calls)]
    others: list[dict[str, Any]] = []
    for block in blocks:
        if block["type"] != _RESULT:
            others.append(block)
        elif block["tool_use_id"] not in calls:
            others += _words(f"(result of a tool) {block.get('content', '')}")
    return [*results, *others] or [{"type": "text", "text": EMPTY}]
