"""Fields of a request that a server refuses: what counts as such a refusal, and what was refused so far."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Set
from hashlib import sha256
from typing import Any, NamedTuple

from agentos.models.wire.options import encode_body
from agentos.models.wire.server_errors import ServerError

STATUSES = frozenset({400, 404, 422})
MAX_REMEMBERED = 256
MAX_OF_MODEL = 64
NOTHING: Mapping[str, Any] = {}

# A value out of its range is the agent's mistake, which must stay visible.
_RANGE = re.compile(
    r"too (large|high|big|small|low|long)|must be (between|in|at (least|most)|less|greater|smaller|larger|[<>]|a |an )"
    r"|out of range|(less|greater|more|fewer) than|at most|at least|should be (a |an |in |between|less|greater)"
    r"|input should be|not of type|expected an? (value|number|decimal|integer|string|boolean|array|object)|\brange: "
    r"|(above|below) (the )?(maximum|minimum)|invalid value\b.{0,80}\b(supported|accepted|allowed|valid) values",
    re.I,
)
_UNSUPPORTED = re.compile(
    r"unsupported|not supported|n't support|not support|not permitted|not allowed|unknown|unrecogni|unexpected|extra_",
    re.I,
)
# What a server does not support with one value, or beside another field, it may well support otherwise.
_OF_VALUES = re.compile(r"value|level|default|both|together|\bwhen\b|tools? with|with .{0,20}tools?\b", re.I)
_WANTED = re.compile(r"must be (passed|sent|provided|included)|(is|are) (missing|required)|missing", re.I)


def is_about_values(error: ServerError) -> bool:
    """Tell whether an error asks for a field or for another value of it, rather than refusing the field itself."""
    return bool(_WANTED.search(error.words) or (_RANGE.search(error.words) and not is_unknown(error)))


def is_unknown(error: ServerError) -> bool:
    """Tell whether an error says that the server does not know something, with any value."""
    return bool(_UNSUPPORTED.search(" ".join([error.words, *error.fields, *error.codes])))


def is_refused_always(error: ServerError) -> bool:
    """Tell whether a server refuses a field with any value, and beside any other field."""
    return is_unknown(error) and not _OF_VALUES.search(" ".join([error.words, *error.codes]))


def named_fields(error: ServerError) -> set[str]:
    """Return the parts of the names of fields that an error gives on their own."""
    return {part for name in error.fields for part in re.split(r"[.\[\]]+", name)}


def place_of(name: str, words: str, *, common: bool = False) -> int:
    """Return where a name stands in the words, -1 if nowhere.

    A ``common`` word counts only in quotation marks or behind a colon: it also occurs in ordinary sentences.
    """
    before = "(?:['\"`]|: )" if common else "(?<![\\w-])"
    found = re.search(rf"{before}{re.escape(name)}(?![\w-])", words)
    return found.start() if found else -1


class Refusal(NamedTuple):
    """A field that was refused, and ``others`` that the server named beside it."""

    field: str
    others: tuple[str, ...] = ()
    values: bytes | None = None
    """A digest of the values of all of them; ``None`` where the field is refused with any value."""

    def fits(self, body: Mapping[str, Any]) -> bool:
        """Tell whether a body would be refused."""
        return self.values is None or self.values == _digest(body, self.field, self.others)


class Refusals:
    """What a server refused so far, by model. The last models are remembered, as long as the client lives.

    All agents of a model share it. What is refused for its value is remembered with that value alone: the mistake of
    one agent must not take the field from the others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Refusal, ...]] = {}

    def of(self, model: str, body: Mapping[str, Any] = NOTHING) -> frozenset[str]:
        """Return the fields to leave out of a body for a model; without a body, those refused with any value."""
        return frozenset(one.field for one in self._known.get(model, ()) if one.fits(body))

    def add(self, model: str, field: str) -> None:
        """Remember a field that is refused with any value."""
        self._add(model, Refusal(field))

    def add_for_values(self, model: str, field: str, body: Mapping[str, Any], named: Set[str]) -> None:
        """Remember a field that is refused with the values that it and the other ``named`` fields have in a body."""
        others = tuple(sorted(named - {field}))
        self._add(model, Refusal(field, others, _digest(body, field, others)))

    def _add(self, model: str, refusal: Refusal) -> None:
        with self._lock:
            known = [one for one in self._known.pop(model, ()) if one != refusal]
            self._known[model] = (*known, refusal)[-MAX_OF_MODEL:]
            while len(self._known) > MAX_REMEMBERED:
                del self._known[next(iter(self._known))]


def _digest(body: Mapping[str, Any], field: str, others: tuple[str, ...]) -> bytes:
    if field not in body:
        return b""
    # Some models take a field only without tools: https://github.com/pipecat-ai/pipecat/issues/4043
    values = {"tools": bool(body.get("tools"))} | {name: body[name] for name in (field, *others) if name in body}
    return sha256(encode_body(values)).digest()
