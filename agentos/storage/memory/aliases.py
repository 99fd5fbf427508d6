"""Aliases of sessions in memory."""

from __future__ import annotations

from agentos.domain.session import Session
from agentos.errors import StorageError
from agentos.storage.aliases import Alias, AliasStore
from agentos.storage.memory.rows import MemoryStore, SessionRow, session_copy


class MemoryAliasStore(MemoryStore, AliasStore):
    """Aliases; those of sessions that are gone count as missing, and are forgotten with them."""

    def find(self, alias: Alias) -> str | None:
        with self._lock:
            return self._rows.aliases.get(alias)

    def bind(self, alias: Alias, session: Session) -> str:
        with self._lock:
            bound = self._rows.aliases.get(alias)
            if bound is not None:
                return bound
            if session.id in self._rows.sessions:
                raise StorageError(f"session {session.id!r} is already there")
            self._rows.sessions[session.id] = SessionRow(session_copy(session))
            self._rows.aliases[alias] = session.id
            return session.id

    def delete_of_owner(self, data_owner: str, *, user_id: str | None = None, limit: int) -> int:
        with self._lock:
            aliases, sessions = self._rows.aliases, self._rows.sessions
            found = [
                alias
                for alias, session_id in aliases.items()
                if alias.owner == data_owner and user_id in (None, sessions[session_id].session.user_id)
            ][:limit]
            for alias in found:
                del aliases[alias]
            return len(found)
