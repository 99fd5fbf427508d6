"""Agents that were registered by HTTP or CLI: what is stored of them, and the contract of their store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

LISTED = ("name", "description", "model", "tools")
"""What a list of agents needs of their documents. Instructions and schemas can be a megabyte each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAgent:
    """An agent that was registered by HTTP or CLI, as the JSON document that was given."""

    id: str
    document: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


def listed_part(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields :data:`LISTED` of an agent's document."""
    return {name: document[name] for name in LISTED if name in document}


class AgentStore(ABC):
    """Agents by id."""

    @abstractmethod
    def add(self, agent: StoredAgent) -> bool:
        """Add an agent; return ``False`` and change nothing if its id is taken."""

    @abstractmethod
    def replace(self, agent: StoredAgent) -> bool:
        """Replace an agent's document (``created_at`` stays); return ``False`` if there is none."""

    @abstractmethod
    def get(self, agent_id: str) -> StoredAgent | None:
        """Return one agent."""

    @abstractmethod
    def list(
        self, *, limit: int, after: str = "", offset: int = 0, leave_out: Collection[str] = ()
    ) -> Sequence[StoredAgent]:
        """Return up to ``limit`` agents by the code points of their ids.

        The list begins behind the id ``after``, then skips ``offset`` agents. Ids in ``leave_out`` are not part of it.
        The documents have the fields :data:`LISTED` alone.
        """

    @abstractmethod
    def delete(self, agent_id: str) -> bool:
        """Delete an agent; return whether it was there. Its sessions and runs stay."""
