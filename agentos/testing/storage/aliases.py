"""The promises about aliases: ids of other protocols that stand for sessions."""

from __future__ import annotations

from dataclasses import replace

from agentos.domain.ids import new_id
from agentos.domain.session import Session
from agentos.storage.aliases import Alias
from agentos.storage.interface import Storage
from agentos.storage.sessions import SessionFilter
from agentos.testing.storage.contract import THREADS, Contract, at, at_once

ALIAS = Alias(owner="alice", door="chat", id="thread-1")


def session_of(alias: Alias, **fields: object) -> Session:
    """Return a session that is not created yet."""
    return replace(
        Session(id=new_id(), agent_id="assistant", owner=alias.owner, created_at=at(0), updated_at=at(0)),
        **fields,  # type: ignore[arg-type]
    )


class AliasContract(Contract):
    """Aliases from their first use to the end of their session."""

    def test_an_alias_makes_its_session_at_its_first_use(self, storage: Storage) -> None:
        assert storage.aliases.find(ALIAS) is None
        session = session_of(ALIAS, user_id="u", metadata={"a": 1})
        assert storage.aliases.bind(ALIAS, session) == session.id
        assert storage.aliases.find(ALIAS) == session.id
        assert storage.sessions.get(session.id, owner="alice") == session

    def test_an_alias_keeps_its_session_and_a_second_one_is_not_made(self, storage: Storage) -> None:
        first, second = session_of(ALIAS), session_of(ALIAS)
        storage.aliases.bind(ALIAS, first)
        assert storage.aliases.bind(ALIAS, second) == first.id
        assert storage.sessions.get(second.id, owner=None) is None

    def test_an_alias_is_unique_within_its_owner_and_its_door(self, storage: Storage) -> None:
        aliases = [ALIAS, replace(ALIAS, owner="bob"), replace(ALIAS, door="ui"), replace(ALIAS, id="Thread-1")]
        aliases += [replace(ALIAS, id=str(number)) for number in range(20)]
        bound = [storage.aliases.bind(alias, session_of(alias)) for alias in aliases]
        assert len(set(bound)) == len(aliases)
        assert [storage.aliases.find(alias) for alias in aliases] == bound

    def test_of_many_first_uses_at_once_one_makes_the_session(self, storage: Storage) -> None:
        bound: list[str] = []
        at_once(lambda _: bound.append(storage.aliases.bind(ALIAS, session_of(ALIAS))))
        assert (len(bound), len(set(bound))) == (THREADS, 1)
        assert storage.sessions.count(SessionFilter()) == 1
        assert storage.aliases.find(ALIAS) == bound[0]

    def test_the_longest_ids_are_told_apart(self, storage: Storage) -> None:
        # Four bytes a character, and nothing that compresses.
        text = "".join(chr(0x20000 + number * 7) for number in range(511))
        one, other = (Alias(owner=text[:255], door="chat", id=text + end) for end in "ab")
        bound = [storage.aliases.bind(alias, session_of(alias)) for alias in (one, other)]
        assert [storage.aliases.find(alias) for alias in (one, other)] == bound

    def test_an_alias_is_deleted_with_its_session_and_can_be_used_again(self, storage: Storage) -> None:
        other = replace(ALIAS, id="thread-2")
        first, kept = session_of(ALIAS), session_of(other, updated_at=at(9))
        storage.aliases.bind(ALIAS, first)
        storage.aliases.bind(other, kept)
        assert storage.sessions.delete(first.id, owner="alice")
        assert storage.aliases.find(ALIAS) is None
        again = session_of(ALIAS)
        assert storage.aliases.bind(ALIAS, again) == again.id
        assert storage.sessions.delete_oldest(SessionFilter(owner="alice"), limit=1) == 1
        assert [storage.aliases.find(alias) for alias in (ALIAS, other)] == [None, kept.id]

    def test_the_aliases_of_an_owner_are_deleted_and_counted(self, storage: Storage) -> None:
        aliases = [replace(ALIAS, id=str(number)) for number in range(3)]
        for alias in aliases:
            storage.aliases.bind(alias, session_of(alias, user_id=f"u{alias.id}"))
        other = replace(ALIAS, owner="bob")
        storage.aliases.bind(other, session_of(other, user_id="u0"))

        assert storage.aliases.delete_of_owner("alice", user_id="u0", limit=9) == 1
        assert [storage.aliases.find(alias) is None for alias in aliases] == [True, False, False]
        assert [storage.aliases.delete_of_owner("alice", limit=1) for _ in range(3)] == [1, 1, 0]
        assert storage.aliases.find(other) is not None
        assert storage.sessions.count(SessionFilter(owner="alice")) == 3
