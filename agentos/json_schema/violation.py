"""Where a value does not follow its schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Violation:
    """``value``, found at ``path``, does not do what ``keyword`` of ``schema`` asks.

    The keyword is ``false`` for a schema that accepts nothing.
    """

    path: Path
    keyword: str
    schema: Mapping[str, Any] = field(repr=False)
    value: Any = field(repr=False)

    @property
    def pointer(self) -> str:
        """The path as a JSON pointer (RFC 6901)."""
        return pointer_of(self.path)


def pointer_of(path: Path) -> str:
    """Return a path as a JSON pointer (RFC 6901); the whole document is the empty text."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
