"""Aliases of sessions in Redis."""

from __future__ import annotations

from agentos import StorageError
from agentos.backends import Alias, AliasStore, Session
from agentos_redis.storage.database import RedisStore, Refusal
from agentos_redis.storage.session_rows import session_values
from agentos_redis.storage.values import stamp, text_of, text_or_none


class RedisAliasStore(RedisStore, AliasStore):
    """Aliases; they are deleted with their sessions."""

    def find(self, alias: Alias) -> str | None:
        return text_or_none(self._database.read("alias_find", name=_name(alias)))

    def bind(self, alias: Alias, session: Session) -> str:
        try:
            bound = self._database.write(
                "alias_bind",
                name=_name(alias),
                alias_owner=alias.owner,
                id=session.id,
                fields=session_values(session),
                updated=stamp(session.updated_at),
            )
        except Refusal:
            raise StorageError(f"session {session.id!r} is already there") from None
        return text_of(bound)

    def delete_of_owner(self, data_owner: str, *, user_id: str | None = None, limit: int) -> int:
        return int(self._database.write("alias_delete_of_owner", alias_owner=data_owner, user=user_id, limit=limit))


def _name(alias: Alias) -> str:
    return "\0".join((alias.owner, alias.door, alias.id))
