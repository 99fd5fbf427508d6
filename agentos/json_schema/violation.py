"""The check of one value against a compiled schema, and where it does not follow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentos.json_schema.work import Work

Path = tuple[str | int, ...]

Compiled = Sequence[tuple[str, Callable[[Any], bool] | None, Any, Any, Any]]
"""Of each keyword: its name, the test of the kind of values that it is for, its ``fits``, ``parts`` and argument."""

_NEVER = ("false", None, lambda *_: False, None, None)


@dataclass(frozen=True, slots=True)
class Violation:
    """``value``, found at ``path``, does not do what ``keyword`` of ``schema`` asks.

    The keyword is ``false`` for a schema that accepts nothing.
    """

    path: Path
    keyword: str
    schema: Mapping[str, Any] = field(repr=False)
    value: Any = field(repr=False)


def pointer_of(path: Path) -> str:
    """Return a path as a JSON pointer (RFC 6901); the whole document is the empty text."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


@dataclass(slots=True, eq=False)
class Check:
    """The check of one value: it counts its work."""

    compiled: Mapping[int, Compiled]
    most: int
    work: Work = field(default_factory=Work)

    def follows(self, schema: Any, value: Any, path: Path = (), found: list[Violation] | None = None) -> bool:
        """Tell whether a value follows a schema of the document.

        Adds to ``found`` where it does not, at most so many places.
        """
        if schema is True:
            self.work.spend()
            return True
        compiled = (_NEVER,) if schema is False else self.compiled[id(schema)]
        self.work.spend(1 + len(compiled))
        follows = True
        for keyword, applies, fits, parts, argument in compiled:
            if applies is not None and not applies(value):
                continue
            if fits is not None and not fits(value, argument, self):
                follows = False
                if found is not None:
                    found.append(Violation(path, keyword, schema or {}, value))
            elif parts is not None:
                for inner, place, part in parts(value, argument, self):
                    follows = self.follows(inner, part, path + place, found) and follows
                    if not follows and (found is None or len(found) >= self.most):
                        return False
            if not follows and (found is None or len(found) >= self.most):
                return False
        return follows
