"""Signals by a real server: what is said comes, what is cut off is noticed, and nothing depends on it."""

import logging
import time
from collections.abc import Callable, Iterator

import pytest
from agentos_redis.signals import MOST_TOPICS, SILENCE, RedisSignals

from agentos import ConfigError
from agentos.testing import SignalsContract
from parts.redis import RedisServer, redis_config, running_redis
from parts.waiting import until

Connect = Callable[[], RedisSignals]


class TestRedisSignals(SignalsContract):
    """The contract of all signals."""

    @pytest.fixture
    def connect(self, redis_server: RedisServer, connector: Callable[[RedisServer], Connect]) -> Connect:
        return connector(redis_server)


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def connect(own_server: RedisServer, connector: Callable[[RedisServer], Connect]) -> Connect:
    return connector(own_server)


def test_a_worker_relies_on_another_once_both_are_on_the_channel(connect: Connect) -> None:
    here, there = connect(), connect()
    with here.listen("run:1"), there.listen("run:2"):
        until(lambda: here.reaches(there.worker_id) and there.reaches(here.worker_id))
        assert not here.reaches("a worker that is not there")
        assert not here.reaches(None)


def test_a_worker_that_falls_silent_is_not_relied_on_and_what_listens_is_woken(connect: Connect) -> None:
    here, there = connect(), connect()
    with here.listen("run:1") as wakeup:
        with there.listen("run:2"):
            until(lambda: here.reaches(there.worker_id))
        there.close()
        while wakeup.wait(0):
            pass
        started = time.monotonic()
        assert wakeup.wait(30)
        assert time.monotonic() - started < SILENCE + 2
        assert not here.reaches(there.worker_id)


def test_without_the_server_what_listens_is_woken_at_once_and_the_log_says_so_once(
    connect: Connect, own_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = connect(), connect()
    with here.listen("run:1") as wakeup, caplog.at_level(logging.INFO, "agentos_redis.signals"):
        with there.listen("run:2"):
            until(lambda: here.reaches(there.worker_id))
            while wakeup.wait(0):
                pass
            own_server.stop()
            assert wakeup.wait(2)
            assert not here.reaches(there.worker_id)
            time.sleep(2)
            there.notify("run:1")
            own_server.start()
            until(lambda: here.reaches(there.worker_id), 10)
        words = [record.getMessage() for record in caplog.records]
    # Once by each of the two workers.
    assert words.count("signals by Redis are away; workers ask the database instead") == 2
    assert "signals by Redis are back" in words


def test_what_was_notified_without_the_server_comes_when_it_is_back(connect: Connect, own_server: RedisServer) -> None:
    here, there = connect(), connect()
    with here.listen("run:1") as wakeup:
        until(lambda: here.reaches(here.worker_id))
        own_server.stop()
        there.notify("run:1")
        own_server.start()
        until(lambda: here.reaches(here.worker_id), 10)
        assert wakeup.wait(5)


def test_a_command_publishes_what_it_notified_before_it_ends(connect: Connect, own_server: RedisServer) -> None:
    here = connect()
    with here.listen("run:1") as wakeup:
        until(lambda: here.reaches(here.worker_id))
        while wakeup.wait(0):
            pass
        command = RedisSignals(own_server.url, redis_config())
        command.notify("run:1")
        command.close()
        assert wakeup.wait(5)


@pytest.mark.parametrize("data", [b"null", b"no JSON", b'["a", [1]]'])
def test_a_message_of_another_form_is_ignored(connect: Connect, own_server: RedisServer, data: bytes) -> None:
    here, there = connect(), connect()
    with here.listen("run:1") as wakeup, own_server.client() as client:
        until(lambda: here.reaches(here.worker_id))
        while wakeup.wait(0):
            pass
        client.publish(here.channel, data)
        there.notify("run:1")
        assert wakeup.wait(5)


def test_more_topics_than_can_wait_wake_everything(connect: Connect, own_server: RedisServer) -> None:
    here, there = connect(), connect()
    with here.listen("something else") as wakeup:
        until(lambda: here.reaches(here.worker_id))
        while wakeup.wait(0):
            pass
        there.notify(*(f"run:{number}" for number in range(MOST_TOPICS + 1)))
        assert wakeup.wait(5)


def test_two_deployments_on_one_server_do_not_wake_each_other(connect: Connect, own_server: RedisServer) -> None:
    here = connect()
    other = RedisSignals(own_server.url, redis_config(redis_prefix="other:"))
    with here.listen("run:1") as wakeup:
        until(lambda: here.reaches(here.worker_id))
        while wakeup.wait(0):
            pass
        other.notify("run:1")
        other.close()
        assert not wakeup.wait(0.5)


@pytest.mark.parametrize("url", ["redis://", "redis://host:99999999", "redis://a,b", "redis://host/x"])
def test_an_address_that_cannot_be_right_is_refused_without_its_words(url: str) -> None:
    with pytest.raises(ConfigError, match="AGENTOS_SIGNALS"):
        RedisSignals(url, redis_config())
