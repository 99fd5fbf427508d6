"""Versions of stored agents: which there are, in what they differ, and going back to one."""

from __future__ import annotations

from dataclasses import dataclass

from agentos.domain.json_diff import Difference, differences
from agentos.errors import AgentVersionNotFound
from agentos.services.agent_documents import refuse_guest
from agentos.services.agent_info import STORED, AgentInfo
from agentos.services.agents import AgentService
from agentos.storage.agents import AgentVersion
from agentos.storage.interface import Storage
from agentos.storage.paging import Page, Paging


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """In what a version of an agent differs from another one."""

    old: AgentVersion
    new: AgentVersion
    differences: list[Difference]


class AgentVersionService:
    """Lists, compares and brings back versions. An agent of code or a plugin has none."""

    def __init__(self, storage: Storage, agents: AgentService) -> None:
        self._storage = storage
        self._agents = agents

    def list(self, agent_id: str, paging: Paging = Paging()) -> Page[AgentVersion]:  # noqa: B008 - frozen
        """Return an agent's versions without their documents, newest first. Raises ``AgentNotFound``."""
        if self._agents.get(agent_id).source != STORED:
            return Page([])
        return self._storage.agents.versions(agent_id, paging)

    def get(self, agent_id: str, number: int) -> AgentVersion:
        """Return one version with its document. Raises ``AgentNotFound`` or ``AgentVersionNotFound``."""
        found = None
        if self._agents.get(agent_id).source == STORED:
            found = self._storage.agents.version(agent_id, number)
        if found is None:
            raise AgentVersionNotFound(agent_id, number)
        return found

    def diff(self, agent_id: str, number: int, to: int | None = None) -> VersionDiff:
        """Return in what version ``to`` (the present one without it) differs from another. Raises as :meth:`get`."""
        old = self.get(agent_id, number)
        if to is None:
            to = self._agents.get(agent_id).version
        if to is None:
            raise AgentVersionNotFound(agent_id, number)  # code has taken the id meanwhile
        new = self.get(agent_id, to)
        return VersionDiff(old, new, differences(old.document, new.document))

    def rollback(
        self,
        agent_id: str,
        number: int,
        *,
        expected_version: int | None = None,
        author: str | None = None,
        comment: str | None = None,
        by_operator: bool = False,
    ) -> AgentInfo:
        """Store the document of an earlier version as a new one, and return the agent as it is then.

        Adds none if the agent is like that already. A client may go back to what the operator stored: that was accepted
        for this agent. But from and to a guest only the operator goes. Raises as :meth:`get`, and what
        :meth:`~agentos.services.agents.AgentService.replace` raises: also for a document that cannot run any more.
        """
        self._agents.refuse_read_only(agent_id, by_operator=by_operator)
        document = self.get(agent_id, number).document
        refuse_guest(document, by_operator=by_operator)
        return self._agents.replace(
            agent_id,
            document,
            expected_version=expected_version,
            author=author,
            comment=f"rollback to version {number}" if comment is None else comment,
            by_operator=True,
        )
