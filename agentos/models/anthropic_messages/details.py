"""What of an answer its server wants to see again, as it is kept with the message, and how it goes back.

The details of a message are ``{"blocks": [...]}``: the blocks of the answer in their order. Blocks of thinking
(``thinking`` with its ``signature``, ``redacted_thinking`` with its ``data``) and of tools that the server itself runs
are there unchanged. Text and calls are in the message; here only their places are: ``{"type": "text", "length": 12}``
counts characters, ``{"type": "tool_use"}`` stands for the next call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

BLOCKS = "blocks"
PLACES = frozenset({"text", "tool_use"})
THINKING = frozenset({"thinking", "redacted_thinking"})


def replayed(
    details: Mapping[str, Any] | None, text: str, calls: Sequence[dict[str, Any]], *, unsigned: bool
) -> list[dict[str, Any]]:
    """Return the blocks of an assistant's message: those that were kept, its text and its calls, in their order.

    Details that do not fit the text any more put what was kept before it. Without ``unsigned``, thinking that has no
    signature is left out.
    """
    kept = [block for block in _blocks(details) if unsigned or not _is_unsigned(block)]
    lengths = [block["length"] for block in kept if block["type"] == "text"]
    places = sum(block["type"] == "tool_use" for block in kept)
    if sum(lengths) != len(text) or places != len(calls):
        opaque = [block for block in kept if block["type"] not in PLACES]
        return [*opaque, *_text(text), *calls]
    found: list[dict[str, Any]] = []
    at = 0
    waiting = iter(calls)
    for block in kept:
        if block["type"] == "text":
            found += _text(text[at : at + block["length"]])
            at += block["length"]
        else:
            found.append(next(waiting) if block["type"] == "tool_use" else block)
    return found


def without_thinking(content: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the blocks of a message without those of thinking."""
    return [block for block in content if block.get("type") not in THINKING]


def _blocks(details: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    blocks = details.get(BLOCKS) if details else None
    if not isinstance(blocks, list | tuple):
        return []
    return [
        dict(block)
        for block in blocks
        if isinstance(block, Mapping)
        and isinstance(kind := block.get("type"), str)
        and (kind != "text" or _is_length(block.get("length")))
    ]


def _is_length(value: object) -> bool:
    return isinstance(value, int) and value >= 0


def _is_unsigned(block: Mapping[str, Any]) -> bool:
    return block["type"] == "thinking" and not block.get("signature")


def _text(text: str) -> list[dict[str, Any]]:
    # The API refuses blocks that are empty or only white space.
    return [{"type": "text", "text": text}] if text.strip() else []
