"""The parts of an address that name a thing, and what is answered when no such thing can be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agentos.api.kit.schemas.fields import MAX_ID
from agentos.domain.ids import AGENT_ID
from agentos.errors import AgentNotFound, AgentOSError, NotFound, RunNotFound, SessionNotFound

_NAME = re.compile(r"{(\w+)}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


def _nothing(value: str) -> NotFound:
    return NotFound(f"there is nothing of the name {value!r:.100}")


@dataclass(frozen=True, slots=True)
class PathParameter:
    """A part of an address. ``missing`` makes the error for a value that can name nothing.

    ``pattern`` is what the document says of its form. With ``slashes``, the value may be several parts of the address.
    With ``length``, one of another length is no address of the operation, so that a word may stand in its place.
    """

    description: str
    missing: Callable[[str], AgentOSError] = _nothing
    pattern: str | None = None
    slashes: bool = False
    length: int | None = None

    def check(self, value: str) -> None:
        """Raise the error for a value that is too long, or holds a control character."""
        if len(value) > MAX_ID or _UNPRINTABLE.search(value):
            raise self.missing(value[:MAX_ID])


PATH_PARAMETERS: Mapping[str, PathParameter] = {
    "agent_id": PathParameter("The agent's id.", AgentNotFound, pattern=f"^{AGENT_ID.pattern}$"),
    "session_id": PathParameter("The session's id.", SessionNotFound),
    "run_id": PathParameter("The run's id.", RunNotFound),
}
"""Those that every ``Routes`` may use without declaring them."""


def names_in(path: str) -> list[str]:
    """Return the names in braces of a path, in their order."""
    return _NAME.findall(path)


def shape_of(path: str) -> str:
    """Return a path without the names of its parameters: two paths of one shape are the same address.

    >>> shape_of("/things/{thing_id}")
    '/things/{}'
    """
    return _NAME.sub("{}", path)


def flask_rule(path: str, parameters: Mapping[str, PathParameter]) -> str:
    """Return a path as Flask writes it."""

    def part(match: re.Match[str]) -> str:
        name = match[1]
        if (length := parameters[name].length) is not None:
            return f"<string(length={length}):{name}>"
        return f"<path:{name}>" if parameters[name].slashes else f"<{name}>"

    return _NAME.sub(part, path)


def values_by_name(names: list[str], path: Mapping[str, Any]) -> dict[str, Any]:
    """Return an address's values under other names, in the order in which they stand in it."""
    return dict(zip(names, path.values(), strict=True))
