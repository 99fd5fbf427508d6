"""Agents that were registered by HTTP or CLI: what is stored of them, and the contract of their store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agentos.errors import PreconditionFailed
from agentos.storage.paging import Cursor, Page, Paging

LISTED = ("name", "description", "model", "tools")
"""What a list of agents needs of their documents. Instructions and schemas can be a megabyte each."""

KEEP = 100
"""Versions of each agent that are kept, where nothing else is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAgent:
    """An agent that was registered by HTTP or CLI, as the JSON document that was given.

    The store gives its ``version``: 1, 2, 3 … also after it was deleted and registered again.
    """

    id: str
    document: Mapping[str, Any]
    version: int = 1
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentVersion:
    """What a stored agent was at a time; never changed. Lists leave out the ``document``.

    ``author`` is the credential that stored it (``key:4f…``, ``operator``); ``None``: not known.
    """

    agent_id: str
    version: int
    author: str | None = None
    comment: str | None = None
    created_at: datetime
    document: Mapping[str, Any] = field(default_factory=dict)


def listed_part(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields :data:`LISTED` of an agent's document."""
    return {name: document[name] for name in LISTED if name in document}


def other_agent_version(agent_id: str, present: int, expected: int) -> PreconditionFailed:
    """Return the error of a replacement that expected another version than the present one."""
    return PreconditionFailed(f"agent {agent_id!r} is at version {present}, not {expected}; read it again and repeat")


def place_of_version(version: int) -> Cursor:
    """Return a version's place in the list of its agent's versions."""
    return Cursor.of_id(str(version))


class AgentStore(ABC):
    """Agents by id, and the versions of each.

    What stores an agent adds a version in the same transaction, with an ``author`` and a ``comment``. Then the oldest
    versions beyond ``keep`` are deleted, but never one that an unfinished run has.
    """

    @abstractmethod
    def add(
        self, agent: StoredAgent, *, author: str | None = None, comment: str | None = None, keep: int = KEEP
    ) -> StoredAgent | None:
        """Add an agent and return it with its version; return ``None`` and change nothing if its id is taken.

        Its version is 1, or the one after the last that an agent with this id had.
        """

    @abstractmethod
    def replace(
        self,
        agent: StoredAgent,
        *,
        expected_version: int | None = None,
        author: str | None = None,
        comment: str | None = None,
        keep: int = KEEP,
    ) -> StoredAgent | None:
        """Replace an agent's document (``created_at`` stays) and return the agent as it is now; ``None``: no such one.

        The same document, with its keys in the same order, changes nothing and adds no version. Otherwise
        ``updated_at`` becomes later than it was. Raises :class:`~agentos.errors.PreconditionFailed` when
        ``expected_version`` is given and is not the present one.
        """

    @abstractmethod
    def get(self, agent_id: str) -> StoredAgent | None:
        """Return one agent."""

    @abstractmethod
    def list(
        self, *, limit: int, after: str = "", offset: int = 0, leave_out: Collection[str] = ()
    ) -> Sequence[StoredAgent]:
        """Return up to ``limit`` agents by the code points of their ids.

        The list begins behind the id ``after``, then skips ``offset`` agents. Ids in ``leave_out`` are not part of it.
        The documents have the fields :data:`LISTED` alone, and ``version`` means nothing.
        """

    @abstractmethod
    def versions(self, agent_id: str, paging: Paging) -> Page[AgentVersion]:
        """Return the versions of an agent without their documents, newest first; none of one that is not there.

        The places are those of :func:`place_of_version`.
        """

    @abstractmethod
    def version(self, agent_id: str, number: int) -> AgentVersion | None:
        """Return one version with its document; ``None``: it never was, or is deleted."""

    @abstractmethod
    def delete(self, agent_id: str) -> bool:
        """Delete an agent with its versions; return whether it was there. Its sessions and runs stay."""
