"""Fields of a request that a server refuses: what counts as such a refusal, and what was refused so far."""

from __future__ import annotations

import re
import threading

from agentos.models.wire.server_errors import ServerError

STATUSES = frozenset({400, 404, 422})
MAX_REMEMBERED = 256

# A value out of its range is the agent's mistake, which must stay visible.
_RANGE = re.compile(
    r"too (large|high|big|small|low|long)|must be (between|in|at (least|most)|less|greater|smaller|larger|[<>]|a |an )"
    r"|out of range|(less|greater|more|fewer) than|at most|at least|should be (a |an |in |between|less|greater)"
    r"|input should be|not of type|expected an? (number|integer|string|boolean|object)",
    re.I,
)
_UNSUPPORTED = re.compile(
    r"unsupported|not supported|n't support|not support|not permitted|not allowed|unknown|unrecogni|unexpected|extra_",
    re.I,
)
_WANTED = re.compile(r"must be (passed|sent|provided|included)|(is|are) (missing|required)|missing", re.I)


def is_about_values(error: ServerError) -> bool:
    """Tell whether an error asks for a field or for another value of it, rather than refusing the field itself."""
    return bool(_WANTED.search(error.words) or (_RANGE.search(error.words) and not is_unknown(error)))


def is_unknown(error: ServerError) -> bool:
    """Tell whether an error says that the server does not know something, whatever its value."""
    return bool(_UNSUPPORTED.search(" ".join([error.words, *error.fields, *error.codes])))


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


class Refusals:
    """What a server refused so far, by model. The last models are remembered, as long as the client lives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fields: dict[str, frozenset[str]] = {}

    def of(self, model: str) -> frozenset[str]:
        """Return the fields to leave out for a model."""
        return self._fields.get(model, frozenset())

    def add(self, model: str, field: str) -> None:
        """Remember a refused field."""
        with self._lock:
            known = self._fields.pop(model, frozenset())
            self._fields[model] = known | {field}
            while len(self._fields) > MAX_REMEMBERED:
                del self._fields[next(iter(self._fields))]
