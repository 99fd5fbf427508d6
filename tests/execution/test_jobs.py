"""Jobs: what is due is done once, by one of the workers; again if it fails or its worker is lost; never forgotten."""

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentos import MemoryStorage, Record, Signals
from agentos.errors import StorageError
from agentos.execution import jobs as module
from agentos.execution.jobs import Jobs, pause_after
from agentos.registry import Registry
from agentos.storage.admission import Lease
from agentos.storage.interface import Storage
from parts.waiting import until
from storage.conftest import open_storage, sql_url, sqlite_url

__all__ = ["open_storage", "sql_url", "sqlite_url"]

Handler = Callable[[Record, Any], Any]
SERVER = object()


class Handled:
    """A handler that remembers its calls, and returns or raises what a test says, call by call."""

    def __init__(self, *outcomes: Any, takes: float = 0.0) -> None:
        self.outcomes = list(outcomes)
        self.takes = takes
        self.calls: list[Record] = []
        self.servers: list[object] = []
        self.at_once = self.most_at_once = 0
        self.free = threading.Event()
        self.free.set()
        self._lock = threading.Lock()

    def __call__(self, record: Record, server: object) -> Any:
        with self._lock:
            self.calls.append(record)
            self.servers.append(server)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            outcome = self.outcomes.pop(0) if self.outcomes else None
        self.free.wait(10)
        time.sleep(self.takes)
        with self._lock:
            self.at_once -= 1
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome(record) if callable(outcome) else outcome

    @property
    def ids(self) -> list[str]:
        return [record.id for record in self.calls]


Begin = Callable[..., Jobs]


@pytest.fixture
def storage() -> Storage:
    return MemoryStorage()


@pytest.fixture
def begin(storage: Storage) -> Iterator[Begin]:
    """Start the jobs of a worker with these handlers by collection; all end behind the test."""
    begun: list[tuple[Jobs, Signals]] = []

    def start(worker: str = "worker-1", *, lease: float = 30.0, **handlers: Handler) -> Jobs:
        registry: Registry[Any] = Registry("job")
        for collection, handler in handlers.items():
            registry.add(collection, handler, source="office")
        signals = Signals()
        jobs = Jobs(storage.records, registry, Lease(worker, lease), signals)
        begun.append((jobs, signals))
        jobs.start(SERVER)
        return jobs

    yield start
    for jobs, signals in begun:
        jobs.close()
        signals.close()


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def put(storage: Storage, id: str = "r", *, seconds: float = 1, **fields: Any) -> Record:
    """Put a record that has been due for so many seconds."""
    return storage.records.put(Record(collection="mail", id=id, due_at=ago(seconds), **fields))


def get(storage: Storage, id: str = "r") -> Record | None:
    return storage.records.get("mail", id, owner="anonymous")


def test_what_is_due_is_given_to_its_handler_and_deleted_when_that_is_done(storage, begin) -> None:
    put(storage, "1", document={"to": "ada"})
    mail = Handled()
    begin(mail=mail)
    until(lambda: get(storage, "1") is None)
    assert [(record.id, record.document, record.attempts) for record in mail.calls] == [("1", {"to": "ada"}, 1)]
    assert mail.servers == [SERVER]


def test_what_is_due_later_is_done_at_its_time(storage, begin) -> None:
    mail = Handled()
    put(storage, "never", seconds=-3600)
    put(storage, "soon", seconds=-0.5)
    begun = time.monotonic()
    begin(mail=mail)
    until(lambda: mail.ids)
    assert 0.3 < time.monotonic() - begun < module.POLL * 0.8
    assert mail.ids == ["soon"]


def test_collections_without_a_handler_are_left_alone(storage, begin) -> None:
    kept = storage.records.put(Record(collection="other", id="1", due_at=ago(9)))
    put(storage)
    begin(mail=Handled())
    until(lambda: get(storage) is None)
    assert storage.records.get("other", "1", owner="anonymous") == kept


def test_a_worker_without_handlers_has_no_thread_for_them(begin) -> None:
    begin()
    assert not [thread for thread in threading.enumerate() if thread.name == "jobs"]


def test_a_handler_says_when_it_wants_to_be_called_again(storage, begin) -> None:
    mail = Handled(lambda _: ago(-0.3), None)
    put(storage, document={"every": "day"})
    begun = time.monotonic()
    begin(mail=mail)
    until(lambda: get(storage) is None)
    assert time.monotonic() - begun > 0.25
    assert [(one.document, one.attempts) for one in mail.calls] == [({"every": "day"}, 1)] * 2


def test_a_time_that_is_not_later_than_the_last_one_does_not_make_it_spin(storage, begin) -> None:
    mail = Handled(*[lambda record: record.due_at] * 1000)
    put(storage)
    begin(mail=mail)
    time.sleep(1.5)
    assert 1 <= len(mail.calls) <= 3


def test_a_job_that_raises_is_logged_with_its_plugin_and_done_again_later(storage, begin, caplog) -> None:
    mail = Handled(RuntimeError("the mail server is away"), None)
    put(storage)
    with caplog.at_level(logging.ERROR):
        begin(mail=mail)
        until(lambda: get(storage) is None)
    assert [one.attempts for one in mail.calls] == [1, 2]
    (line,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert (line.plugin, line.hook, line.collection, line.record) == ("office", "register_jobs", "mail", "r")
    assert "the mail server is away" in caplog.text


@pytest.mark.parametrize("outcome", [datetime(2030, 1, 1), "tomorrow", True, SystemExit(1)])  # noqa: DTZ001
def test_what_is_neither_none_nor_a_time_is_a_failure(storage, begin, caplog, outcome) -> None:
    mail = Handled(outcome)
    put(storage)
    begin(mail=mail)
    until(lambda: any("a job failed" in one.getMessage() for one in caplog.records))
    until(lambda: (get(storage) or Record(collection="x", id="x")).due_at > datetime.now(UTC))
    assert mail.ids == ["r"]


def test_the_pauses_of_a_job_that_fails_grow_to_an_hour_and_no_two_are_equal() -> None:
    for attempts, longest in ((1, 2), (2, 4), (5, 32), (12, 3600), (100_000, 3600)):
        pauses = {pause_after(attempts) for _ in range(50)}
        assert longest / 2 <= min(pauses) < max(pauses) <= longest


def test_a_handler_may_put_its_record_itself(storage, begin) -> None:
    def change(record: Record) -> None:
        storage.records.put(Record(collection="mail", id="r", document={"sent": 1}), expected_version=record.version)

    put(storage)
    begin(mail=Handled(change))
    until(lambda: get(storage).document == {"sent": 1})
    time.sleep(0.2)
    assert get(storage).document == {"sent": 1}


def test_a_record_that_is_deleted_during_its_job_does_not_come_back(storage, begin) -> None:
    def delete(record: Record) -> datetime:
        storage.records.delete("mail", record.id, owner="anonymous")
        return ago(1)

    put(storage)
    mail = Handled(delete)
    begin(mail=mail)
    until(lambda: mail.ids)
    time.sleep(0.2)
    assert (mail.ids, get(storage)) == (["r"], None)


def test_a_slow_collection_has_a_bound_and_does_not_delay_the_others(storage, begin) -> None:
    for number in range(module.AT_ONCE * 2):
        put(storage, str(number))
    mail, quick = Handled(), Handled()
    mail.free.clear()
    begin(mail=mail, quick=quick)
    until(lambda: mail.at_once == module.AT_ONCE)
    storage.records.put(Record(collection="quick", id="q", due_at=ago(0)))
    until(lambda: quick.ids == ["q"])
    assert len(mail.calls) == module.AT_ONCE
    mail.free.set()
    until(lambda: len(set(mail.ids)) == module.AT_ONCE * 2)
    assert (len(mail.calls), mail.most_at_once) == (module.AT_ONCE * 2, module.AT_ONCE)


def test_two_workers_share_what_is_due_and_nothing_is_done_twice(storage, begin) -> None:
    for number in range(40):
        put(storage, str(number))
    one, other = Handled(takes=0.02), Handled(takes=0.02)
    begin("worker-1", mail=one)
    begin("worker-2", mail=other)
    until(lambda: not any(get(storage, str(number)) for number in range(40)))
    assert sorted(one.ids + other.ids, key=int) == [str(number) for number in range(40)]
    assert one.ids
    assert other.ids


def test_a_job_that_takes_longer_than_a_lease_is_not_done_by_another_worker(storage, begin) -> None:
    put(storage)
    slow, other = Handled(takes=2.5), Handled()
    begin("worker-1", lease=1.0, mail=slow)
    until(lambda: slow.ids)
    begin("worker-2", lease=1.0, mail=other)
    until(lambda: get(storage) is None)
    assert (slow.ids, other.ids) == (["r"], [])


def test_a_worker_that_drains_takes_none_and_the_other_does_all(storage, begin) -> None:
    draining, other = Handled(), Handled()
    begin("worker-1", mail=draining).drain()
    put(storage)
    time.sleep(module.POLL + 0.5)
    assert draining.ids == []
    begin("worker-2", mail=other)
    until(lambda: other.ids == ["r"])


def test_the_end_of_a_worker_waits_for_a_job_that_is_nearly_done(storage, begin) -> None:
    put(storage)
    mail = Handled(takes=0.4)
    jobs = begin(mail=mail)
    until(lambda: mail.ids)
    jobs.close()
    assert get(storage) is None


def test_the_end_of_a_worker_leaves_a_job_that_hangs_to_the_others(storage, begin) -> None:
    put(storage)
    mail, other = Handled(), Handled()
    mail.free.clear()
    jobs = begin(lease=1.0, mail=mail)
    until(lambda: mail.ids)
    begun = time.monotonic()
    jobs.close()
    assert time.monotonic() - begun < module.CLOSE_SECONDS + 1
    begin("worker-2", lease=1.0, mail=other)
    until(lambda: other.ids == ["r"])
    mail.free.set()


def test_a_job_that_was_done_during_an_outage_is_not_done_again(begin, storage, monkeypatch) -> None:
    away = threading.Event()
    delete = storage.records.delete

    def refuse(*given: Any, **more: Any) -> bool:
        if away.is_set():
            raise StorageError("away")
        return delete(*given, **more)

    monkeypatch.setattr(storage.records, "delete", refuse)
    away.set()
    put(storage)
    mail = Handled()
    begin(lease=1.0, mail=mail)
    until(lambda: mail.ids)
    time.sleep(1.5)
    away.clear()
    until(lambda: get(storage) is None)
    assert mail.ids == ["r"]


WORKER = """
import sys, time
from agentos import Config, Signals
from agentos.execution.jobs import Jobs
from agentos.registry import Registry
from agentos.storage.admission import Lease
from agentos.storage.sqlalchemy import open_sql

url, name, seconds = sys.argv[1:]

def handle(record, server):
    print("begun", record.attempts, flush=True)
    time.sleep(float(seconds))

handlers = Registry("job")
handlers.add("mail", handle, source="office")
Jobs(open_sql(url, Config(environ={})).records, handlers, Lease(name, 1.0), Signals()).start(None)
sys.stdin.read()
"""


def _worker(url: str, name: str, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, url, name, str(seconds)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_the_job_of_a_worker_that_was_killed_is_done_by_another(open_storage, sql_url) -> None:
    storage = open_storage(sql_url)
    storage.upgrade()
    put(storage)
    killed = _worker(sql_url, "worker-1", 600)
    assert killed.stdout.readline() == "begun 1\n"
    other = _worker(sql_url, "worker-2", 0)
    time.sleep(1.5)  # the lease is renewed meanwhile
    assert get(storage) is not None
    killed.kill()
    try:
        assert other.stdout.readline() == "begun 2\n"
        until(lambda: get(storage) is None)
    finally:
        other.communicate(input="", timeout=30)
        killed.communicate(timeout=30)
