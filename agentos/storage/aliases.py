"""Ids of other protocols that stand for sessions (a chat id, a thread id), and the contract of their store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from agentos.domain.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A client's own id of a session, unique within its owner and the ``door``: the protocol that the id belongs to."""

    owner: str
    door: str
    id: str


class AliasStore(ABC):
    """Sessions by their aliases. An alias is deleted with its session."""

    @abstractmethod
    def find(self, alias: Alias) -> str | None:
        """Return the id of the session that an alias stands for."""

    @abstractmethod
    def bind(self, alias: Alias, session: Session) -> str:
        """Create a session of the alias's owner with the alias; return the id of the session that it stands for.

        If the alias stands for a session already, that one's id is returned and nothing is written. Of several callers
        at the same time, one creates its session, and all get that one's id.
        """

    @abstractmethod
    def delete_of_owner(self, data_owner: str, *, user_id: str | None = None, limit: int) -> int:
        """Delete up to ``limit`` aliases of an owner; return how many. Call until 0. The sessions stay.

        With ``user_id``, only those of sessions of that user.
        """
