"""The promises about API keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from agentos.errors import StorageError
from agentos.storage.interface import Storage
from agentos.storage.keys import StoredKey
from agentos.testing.storage.contract import Contract, at, at_once


def _key(key_id: str = "k", *, seconds: float = 0, **fields: Any) -> StoredKey:
    given = {"name": "deploy", "owner": "alice", "scopes": (), "digest": "d1", "created_at": at(seconds), **fields}
    return StoredKey(id=key_id, **given)


class KeyContract(Contract):
    """API keys."""

    def test_a_key_comes_back_as_it_was_added(self, storage: Storage) -> None:
        scopes = ("sessions:read", "agents:run:a", "admin")
        key = _key(name="ü \n'\"", owner="Ü b", scopes=scopes, digest="0f" * 32, expires_at=at(9))
        storage.keys.add(key)
        assert storage.keys.get(key.id) == key
        assert list(storage.keys.list()) == [key]

    def test_an_unknown_key_is_none(self, storage: Storage) -> None:
        storage.keys.add(_key("k"))
        assert storage.keys.get("K") is None
        assert storage.keys.get("") is None

    def test_a_key_whose_id_is_taken_is_refused(self, storage: Storage) -> None:
        storage.keys.add(_key())
        with pytest.raises(StorageError):
            storage.keys.add(_key(owner="mallory"))
        assert storage.keys.get("k") == _key()

    @pytest.mark.parametrize(
        ("other", "is_used"),
        [
            ({"name": "laptop", "owner": "laptop"}, True),
            ({"name": "laptop", "owner": "bob"}, True),
            ({"name": "ci", "owner": "laptop"}, True),
            ({"name": "laptop", "owner": "laptop", "revoked_at": at(1)}, True),
            ({"name": "laptop", "owner": "laptop", "expires_at": at(1)}, True),
            ({"name": "Laptop", "owner": "laptop2"}, False),
            ({"name": "laptop ", "owner": "lap%"}, False),
        ],
    )
    def test_a_new_owner_is_the_name_and_the_owner_of_no_other_key(
        self, storage: Storage, other: dict[str, Any], is_used: bool
    ) -> None:
        existing = _key("other", **other)
        new = _key("new", seconds=2, name="laptop", owner="laptop")
        assert storage.keys.add(existing) is None
        assert storage.keys.add(new, new_owner=True) == (existing if is_used else None)
        assert (storage.keys.get("new") is None) == is_used

    def test_an_owner_that_is_named_may_have_many_keys(self, storage: Storage) -> None:
        assert storage.keys.add(_key("first", name="laptop", owner="laptop"), new_owner=True) is None
        assert storage.keys.add(_key("second", name="laptop", owner="laptop", seconds=1)) is None
        used = storage.keys.add(_key("third", name="laptop", owner="laptop", seconds=2), new_owner=True)
        assert used is not None
        assert used.id == "first"

    def test_of_simultaneous_keys_with_one_new_owner_one_is_added(self, storage: Storage) -> None:
        used: list[StoredKey | None] = []
        at_once(lambda n: used.append(storage.keys.add(_key(f"k{n}", name="a", owner="a"), new_owner=True)))
        (added,) = storage.keys.list()
        assert used.count(None) == 1
        assert {key.id for key in used if key is not None} == {added.id}

    def test_keys_are_listed_oldest_first(self, storage: Storage) -> None:
        assert list(storage.keys.list()) == []
        for key_id, seconds in (("c", 1), ("b", 2), ("a", 2), ("d", 0)):
            storage.keys.add(_key(key_id, seconds=seconds))
        assert [key.id for key in storage.keys.list()] == ["d", "c", "a", "b"]

    def test_a_revoked_key_is_kept_with_the_time(self, storage: Storage) -> None:
        storage.keys.add(_key("other"))
        storage.keys.add(_key())
        revoked = replace(_key(), revoked_at=at(3))
        assert storage.keys.revoke("k", now=at(3)) == revoked
        assert storage.keys.get("k") == revoked
        assert storage.keys.get("other") == _key("other")

    def test_a_key_is_revoked_once(self, storage: Storage) -> None:
        storage.keys.add(_key())
        storage.keys.revoke("k", now=at(3))
        assert storage.keys.revoke("k", now=at(5)) == replace(_key(), revoked_at=at(3))
        assert storage.keys.get("k") == replace(_key(), revoked_at=at(3))

    def test_simultaneous_revocations_agree_on_the_time(self, storage: Storage) -> None:
        storage.keys.add(_key())
        times: list[datetime | None] = []

        def revoke(number: int) -> None:
            key = storage.keys.revoke("k", now=at(number))
            times.append(None if key is None else key.revoked_at)

        at_once(revoke)
        found = storage.keys.get("k")
        assert found is not None
        assert set(times) == {found.revoked_at}

    def test_an_unknown_key_is_not_revoked(self, storage: Storage) -> None:
        assert storage.keys.revoke("k", now=at(3)) is None
        assert storage.keys.get("k") is None
