"""What was kept for its time only is thrown away, and nothing else."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agentos.bootstrap import build
from agentos.config import Config
from agentos.domain.event import Complete, RunStart
from agentos.domain.ids import new_id
from agentos.domain.principal import OPERATOR
from agentos.domain.run import Run, RunStatus
from agentos.domain.session import Session
from agentos.domain.times import utc_now
from agentos.domain.usage import Usage
from agentos.errors import StorageError
from agentos.events.encoder import FrameEncoder
from agentos.services.batches import BATCH, TRANSACTION
from agentos.services.housekeeping import HousekeepingService, Pruned
from agentos.storage.admission import Lease
from agentos.storage.events import FrameBatch
from agentos.storage.idempotency import IdempotencyKey
from agentos.storage.interface import Storage
from agentos.storage.memory import MemoryStorage
from agentos.storage.sessions import SessionFilter
from parts.waiting import until

HOUR = 3600.0
DAY = 86_400.0


@pytest.fixture(params=["memory", "sqlite"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'a.db'}"
    services = build(Config(environ={}, database_url=url, plugins=()))
    yield services.storage
    services.close()


def keeping(storage: Storage, **settings: Any) -> HousekeepingService:
    return HousekeepingService(storage, Config(environ={}, **settings))


def ago(seconds: float) -> datetime:
    return utc_now() - timedelta(seconds=seconds)


def add_run(storage: Storage, *, ended_at: datetime | None, session_id: str | None = None) -> str:
    begun = ended_at or ago(30 * DAY)
    run = Run(id=new_id(), agent_id="a", session_id=session_id, status=RunStatus.RUNNING, created_at=begun)
    storage.runs.admit(run, claim=Lease("me", HOUR), owner=None, history_turns=1)
    first = FrameEncoder(run).encode(RunStart("Hi"), 1)
    if ended_at is None:
        storage.events.append([FrameBatch(run.id, [first])])
        return run.id
    last = FrameEncoder(run).encode(Complete("", 0, Usage(), 0, 1), 2)
    ended = Run(
        id=run.id,
        agent_id="a",
        session_id=session_id,
        status=RunStatus.COMPLETED,
        created_at=begun,
        ended_at=ended_at,
    )
    assert storage.runs.finish(ended, frames=[first, last])
    return run.id


def add_session(storage: Storage, *, updated_at: datetime) -> str:
    session = Session(id=new_id(), agent_id="a", created_at=updated_at, updated_at=updated_at)
    storage.sessions.create(session)
    return session.id


def test_events_are_kept_for_the_retention_and_the_run_for_ever(storage: Storage) -> None:
    old, young = add_run(storage, ended_at=ago(HOUR + 60)), add_run(storage, ended_at=ago(HOUR - 60))
    under_way = add_run(storage, ended_at=None)
    assert keeping(storage, event_retention=HOUR).prune() == Pruned(1, 0, 0, 0)
    assert [len(storage.events.read(run_id)) for run_id in (old, young, under_way)] == [0, 2, 1]
    assert storage.runs.get(old, owner=None) is not None
    assert keeping(storage, event_retention=HOUR).prune() == Pruned(0, 0, 0, 0)


def test_events_are_kept_for_a_day_where_nothing_else_is_set(storage: Storage) -> None:
    old, young = add_run(storage, ended_at=ago(DAY + 60)), add_run(storage, ended_at=ago(DAY - 60))
    keeping(storage).prune()
    assert [len(storage.events.read(run_id)) for run_id in (old, young)] == [0, 2]


def test_sessions_are_kept_for_ever_where_nothing_else_is_set(storage: Storage) -> None:
    session_id = add_session(storage, updated_at=ago(3650 * DAY))
    assert keeping(storage).prune().sessions == 0
    assert storage.sessions.get(session_id, owner=None) is not None


def test_sessions_without_activity_expire_with_all_that_is_in_them(storage: Storage) -> None:
    idle, active = (add_session(storage, updated_at=ago(HOUR + 60)) for _ in range(2))
    run_id = add_run(storage, ended_at=ago(HOUR + 60), session_id=idle)
    add_run(storage, ended_at=ago(60), session_id=active)
    assert keeping(storage, session_ttl=HOUR).prune().sessions == 1
    assert (storage.sessions.get(idle, owner=None), storage.runs.get(run_id, owner=None)) == (None, None)
    assert storage.sessions.get(active, owner=None) is not None


def test_runs_without_a_session_are_kept_for_ever_where_nothing_else_is_set(storage: Storage) -> None:
    run_id = add_run(storage, ended_at=ago(3650 * DAY))
    assert keeping(storage).prune().runs == 0
    assert storage.runs.get(run_id, owner=None) is not None


def test_runs_without_a_session_expire_with_their_events_and_no_others(storage: Storage) -> None:
    session_id = add_session(storage, updated_at=ago(HOUR + 60))
    old, young, under_way, in_session = (
        add_run(storage, ended_at=ago(HOUR + 60)),
        add_run(storage, ended_at=ago(HOUR - 60)),
        add_run(storage, ended_at=None),
        add_run(storage, ended_at=ago(HOUR + 60), session_id=session_id),
    )
    assert keeping(storage, run_ttl=HOUR).prune().runs == 1
    assert storage.runs.get(old, owner=None) is None
    assert storage.events.read(old) == []
    assert all(storage.runs.get(run_id, owner=None) for run_id in (young, under_way, in_session))


def test_idempotency_keys_are_kept_for_a_day(tmp_path: Path) -> None:
    services = build(Config(environ={}, database_url=f"sqlite:///{tmp_path / 'a.db'}", plugins=()))
    for name in ("old", "young"):
        key = IdempotencyKey(owner="me", route="sessions", key=name, fingerprint="f")
        services.sessions.create("a", caller=OPERATOR, idempotency=key)
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute(
            "UPDATE idempotency_keys SET created_at = created_at - ? WHERE key = 'old'", (int((DAY + 60) * 1e6),)
        )
    assert services.housekeeping.prune().idempotency_keys == 1
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        assert connection.execute("SELECT key FROM idempotency_keys").fetchall() == [("young",)]
    services.close()


class ElsewhereInTime(MemoryStorage):
    """A storage whose clock is ``seconds`` ahead of this machine's."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def now(self) -> datetime:
        return utc_now() + timedelta(seconds=self.seconds)


@pytest.mark.parametrize(("seconds", "pruned"), [(2 * DAY, Pruned(1, 1, 1, 1)), (-2 * DAY, Pruned(0, 0, 0, 0))])
def test_what_is_old_is_so_by_the_clock_of_the_database(seconds: float, pruned: Pruned) -> None:
    storage = ElsewhereInTime(seconds)
    age = DAY - seconds / 4  # by this machine's clock: too young where the database is ahead, old where it is behind
    add_run(storage, ended_at=ago(age))
    session = Session(id=new_id(), agent_id="a", created_at=ago(age), updated_at=ago(age))
    storage.sessions.create(session, idempotency=IdempotencyKey(owner="me", route="r", key="k", fingerprint="f"))
    assert keeping(storage, session_ttl=DAY, run_ttl=DAY).prune() == pruned


class CountingStorage(MemoryStorage):
    """Notes how much each call threw away; the first ``failures`` calls find the database away."""

    def __init__(self, failures: int = 0, *, seconds_each: float = 0.0) -> None:
        super().__init__()
        self.failures = failures
        self.deleted: list[int] = []
        delete_events, delete_sessions = self.events.delete_old, self.sessions.delete_oldest

        def delete_old(*, ended_before: datetime, limit: int) -> int:
            if self.failures:
                self.failures -= 1
                raise StorageError("away")
            self.deleted.append(delete_events(ended_before=ended_before, limit=limit))
            return self.deleted[-1]

        def delete_oldest(where: SessionFilter, *, limit: int) -> int:
            self.deleted.append(delete_sessions(where, limit=limit))
            time.sleep(seconds_each * self.deleted[-1])
            return self.deleted[-1]

        self.events.delete_old = delete_old  # type: ignore[method-assign]
        self.sessions.delete_oldest = delete_oldest  # type: ignore[method-assign]


def test_much_is_thrown_away_in_small_transactions() -> None:
    storage = CountingStorage()
    for _ in range(BATCH + 30):
        add_run(storage, ended_at=ago(2 * DAY))
        add_session(storage, updated_at=ago(2 * DAY))
    pruned = keeping(storage, session_ttl=DAY, run_ttl=DAY).prune()
    assert (pruned.event_logs, pruned.sessions, pruned.runs) == (BATCH + 30, BATCH + 30, BATCH + 30)
    assert sum(storage.deleted) == 2 * (BATCH + 30)
    assert max(storage.deleted) <= BATCH


def test_a_transaction_deletes_few_things_where_each_takes_long() -> None:
    storage = CountingStorage(seconds_each=0.02)
    for _ in range(30):
        add_session(storage, updated_at=ago(2 * DAY))
    assert keeping(storage, session_ttl=DAY).prune().sessions == 30
    first, *later = [some for some in storage.deleted if some]
    assert first == BATCH // 10
    assert max(later) <= TRANSACTION / 0.02 * 2


def test_a_server_prunes_by_itself_and_goes_on_after_the_database_was_away() -> None:
    storage = CountingStorage(failures=2)
    run_id = add_run(storage, ended_at=ago(2 * DAY))
    housekeeping = HousekeepingService(storage, Config(environ={}), interval=0.02)
    housekeeping.start()
    housekeeping.start()
    until(lambda: not storage.events.read(run_id))
    assert storage.failures == 0
    housekeeping.close()


def test_a_round_under_way_ends_with_the_server() -> None:
    storage = CountingStorage()
    for _ in range(3 * BATCH):
        add_run(storage, ended_at=ago(2 * DAY))
    housekeeping = keeping(storage)
    housekeeping.close()
    housekeeping.prune()
    assert storage.deleted == [BATCH // 10]


def test_pruning_by_hand_says_that_the_database_is_away() -> None:
    with pytest.raises(StorageError):
        keeping(CountingStorage(failures=1)).prune()
