"""A named collection that remembers who added what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from agentos.errors import PluginError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """One thing and the plugin that it came from."""

    name: str
    value: T
    source: str


class Registry(Generic[T]):
    """Things by name, in the order of their names. Two things of one name are refused by naming both sources."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry[T]] = {}

    def add(self, name: str, value: T, *, source: str) -> None:
        """Add a thing; raise :class:`~agentos.errors.PluginError` if the name is taken."""
        taken = self._entries.get(name)
        if taken is not None:
            raise PluginError(
                f"{self.kind} {name!r} of {source!r} is already there: {taken.source!r} registered it; rename one or"
                " leave one plugin out with AGENTOS_PLUGINS"
            )
        self._entries[name] = Entry(name, value, source)

    def remove(self, name: str) -> None:
        """Take out one thing."""
        del self._entries[name]

    def remove_source(self, source: str) -> None:
        """Take out everything that one source added."""
        self._entries = {name: entry for name, entry in self._entries.items() if entry.source != source}

    def get(self, name: str) -> Entry[T] | None:
        """Return the entry of this name, if there is one."""
        return self._entries.get(name)

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted(self._entries)

    def __iter__(self) -> Iterator[Entry[T]]:
        return iter([self._entries[name] for name in self.names()])

    def __contains__(self, name: object) -> bool:
        return name in self._entries
