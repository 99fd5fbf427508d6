"""Fields of an answer that its server wants to see again with the message."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from agentos.domain.text import join_surrogates
from agentos.models.chat_completions.content import text_of
from agentos.models.wire.parsing import cleaned, dumps

logger = logging.getLogger(__name__)

MAX_DETAILS = 1024**2  # characters of the fields of one message; larger ones are left out
GROWING = frozenset({"text", "summary", "data"})
"""The members of OpenRouter's ``reasoning_details`` that come in pieces. The others come once."""


class MessageFields:
    """Collects what to return: ``reasoning_content``, ``reasoning_details`` and ``extra_content``."""

    def __init__(self) -> None:
        self._thoughts: list[str] = []
        self._details: list[dict[str, Any]] = []
        self._by_key: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._extra: dict[str, Any] = {}
        self._size = 0
        self._dropped = False

    def add_thought(self, text: str) -> None:
        """Take in a piece of ``reasoning_content``."""
        self._size += len(text)
        if self._size <= MAX_DETAILS or self._fits(0):
            self._thoughts.append(text)

    def add_details(self, details: Any) -> str:
        """Take in pieces of ``reasoning_details``; return the words in them.

        Pieces with the same index and type are one: its texts are joined, of other members the last counts
        (https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks). A signature is valid only
        for the whole text.
        """
        words: list[str] = []
        for piece in details if isinstance(details, list) else [details]:
            if not isinstance(piece, dict) or not self._fits(len(dumps(piece))):
                continue
            if piece.get("type") != "reasoning.encrypted":
                words.append(text_of({key: piece.get(key) for key in ("text", "summary")}))
            self._merge(piece)
        return "".join(words)

    def add_extra(self, extra: Any) -> None:
        """Take in a piece of ``extra_content``."""
        if isinstance(extra, dict) and self._fits(len(dumps(extra))):
            _merge(self._extra, extra)

    def fields(self, *, with_calls: bool) -> Mapping[str, Any]:
        """Return the fields. ``reasoning_content`` is wanted with tool calls only: DeepSeek refuses it elsewhere."""
        if self._dropped:
            logger.warning("fields that the model server wants to see again are left out: more than %s", MAX_DETAILS)
            return {}
        found: dict[str, Any] = {}
        if with_calls and self._thoughts:
            found["reasoning_content"] = join_surrogates("".join(self._thoughts))
        if self._details:
            found["reasoning_details"] = [cleaned(piece) for piece in self._details]
        if _without_flags(self._extra):
            found["extra_content"] = cleaned(self._extra)
        return found

    def _fits(self, size: int) -> bool:
        self._size += size
        if self._size > MAX_DETAILS and not self._dropped:
            self._dropped = True
            self._thoughts, self._details, self._by_key, self._extra = [], [], {}, {}
        return not self._dropped

    def _merge(self, piece: dict[str, Any]) -> None:
        index, id, kind = piece.get("index"), piece.get("id"), piece.get("type")
        known: dict[str, Any] | None = None
        if isinstance(index, int) or isinstance(id, str):
            key = (index, kind) if isinstance(index, int) else (id, kind)
            known = self._by_key.get(key)
        elif self._details and kind != "reasoning.encrypted":
            before = self._details[-1]
            known = before if before.get("type") == kind and not before.get("id") and "index" not in before else None
        if known is None:
            known = dict(piece)
            self._details.append(known)
            if isinstance(index, int) or isinstance(id, str):
                self._by_key[key] = known
            return
        for name, value in piece.items():
            if name in GROWING and isinstance(value, str) and isinstance(known.get(name), str):
                known[name] += value
            elif value is not None:
                known[name] = value


def is_thought(extra: Any) -> bool:
    """Tell whether Gemini marks the content beside this as thinking (``extra_content.google.thought``)."""
    google = extra.get("google") if isinstance(extra, dict) else None
    return isinstance(google, dict) and google.get("thought") is True


def _merge(into: dict[str, Any], piece: Mapping[str, Any]) -> None:
    for name, value in piece.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        elif value is not None:
            into[name] = value


def _without_flags(value: Any) -> bool:
    """Tell whether there is more than flags, such as Gemini's ``thought: true``, which say nothing to the server."""
    if isinstance(value, dict):
        return any(map(_without_flags, value.values()))
    return not isinstance(value, bool) and value is not None
