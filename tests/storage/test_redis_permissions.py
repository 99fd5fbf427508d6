"""A user of Redis that has the commands of the documentation, and what happens where one is missing."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agentos_redis.rate_limits import RedisRateLimitStore
from agentos_redis.signals import RedisSignals
from agentos_redis.storage.permissions import needed_commands

from agentos import Rate, StorageError
from agentos.backends import RunStatus, Storage
from agentos.testing.storage.contract import admitted, ended, frames, new_session, said
from parts.redis import RedisServer, open_redis_storage, redis_config
from parts.waiting import until

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "redis.md"
LINE = re.search(r"^ACL SETUSER agentos .*$", PAGE.read_text("utf-8"), re.MULTILINE)[0]  # type: ignore[index]

Allow = Callable[..., None]


@pytest.fixture
def allow(redis_server: RedisServer) -> Iterator[Allow]:
    """Make the user of the page, or change what it may do."""
    with redis_server.client() as client:

        def allow(*rules: str) -> None:
            client.execute_command(*(("ACL", "SETUSER", "agentos", *rules) if rules else LINE.split()))

        allow()
        yield allow
        client.acl_deluser("agentos")


@pytest.fixture
def url(redis_server: RedisServer, allow: Allow) -> str:
    return redis_server.empty(3).replace("redis://", "redis://agentos:PASSWORD@")


@pytest.fixture
def storage(url: str) -> Iterator[Storage]:
    storage = open_redis_storage(url)
    yield storage
    storage.close()


def test_the_documented_user_may_do_all_that_is_needed(storage: Storage, url: str) -> None:
    storage.upgrade()
    storage.check()
    storage.now()
    assert not [found for found in storage.durability() or () if "does not let" in found]
    session = new_session(storage)
    storage.runs.finish(ended(admitted(storage, session)), messages=said("q", "a"), frames=frames(1, 1))

    rates = RedisRateLimitStore(url, redis_config())
    rates.check()
    assert rates.take([("a", Rate(1, 60.0))]) is None
    rates.close()
    signals = RedisSignals(url, redis_config())
    signals.begin("here")
    with signals.listen("run:1"):
        until(lambda: signals.reaches("here"))
    signals.close()


@pytest.mark.parametrize("command", ["DEL", "EVALSHA", "SCRIPT LOAD", "SINTER"])
def test_a_command_that_is_missing_is_named_before_anything_is_written(
    url: str, allow: Allow, redis_server: RedisServer, command: str
) -> None:
    allow(f"-{command.replace(' ', '|')}")
    storage = open_redis_storage(url)
    with pytest.raises(StorageError, match="does not let the user") as raised:
        new_session(storage)
    assert command.partition(" ")[0] in raised.value.message
    with redis_server.client(3) as client:
        assert client.dbsize() == 0
    storage.close()


def test_each_command_that_is_used_is_asked_for(storage: Storage, allow: Allow) -> None:
    asked = [command for command in needed_commands() if command not in ("EVALSHA", "SCRIPT LOAD")]
    allow(*(f"-{command}" for command in asked))
    with pytest.raises(StorageError, match=", ".join(asked)):
        new_session(storage)


def test_commands_that_are_taken_away_later_are_named_too(storage: Storage, allow: Allow) -> None:
    session = new_session(storage)
    run = admitted(storage, session)
    allow("-zadd")
    with pytest.raises(StorageError):
        admitted(storage, session)
    with pytest.raises(StorageError, match="ZADD"):
        storage.runs.finish(ended(run), messages=said("q", "a"))
    (found, *_) = storage.durability() or ()
    assert "ZADD" in found
    allow("+zadd")
    storage.runs.finish(ended(run), messages=said("q", "a"))
    found_run = storage.runs.get(run.id, owner=None)
    assert found_run is not None
    assert found_run.status is RunStatus.COMPLETED


def test_a_user_of_other_keys_is_refused(storage: Storage, allow: Allow) -> None:
    allow("resetkeys", "~other:*")
    with pytest.raises(StorageError, match="on keys that begin with 'agentos:'"):
        storage.check()
