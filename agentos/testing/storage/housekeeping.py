"""The promises about deleting what has been kept long enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agentos.domain.event import Frame
from agentos.domain.run import Run
from agentos.storage.events import FrameBatch
from agentos.storage.idempotency import Replay
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import (
    LEASE,
    Contract,
    admit,
    admitted,
    at,
    at_once,
    ended,
    frames,
    key,
    new_run,
    new_session,
    said,
)

LATER = datetime.now(UTC) + timedelta(days=1)


def _logged(storage: Storage, *, seconds: float, count: int = 3) -> Run:
    """Return a run that ended and left its log."""
    run = admitted(storage)
    storage.events.append([FrameBatch(run.id, frames(1, count - 1))])
    end = ended(run, seconds=seconds)
    storage.runs.finish(end, frames=frames(count, count, kind="complete"))
    return end


class HousekeepingContract(Contract):
    """Retention of event logs and idempotency keys."""

    def test_logs_of_runs_that_ended_before_a_time_are_deleted_and_the_runs_kept(self, storage: Storage) -> None:
        runs = [_logged(storage, seconds=seconds) for seconds in (1, 2, 3)]
        assert storage.events.delete_old(ended_before=at(2), limit=9) == 1
        assert [len(storage.events.read(run.id)) for run in runs] == [0, 3, 3]
        assert [storage.runs.get(run.id, owner=None) for run in runs] == runs

    def test_logs_are_deleted_in_batches_the_oldest_first(self, storage: Storage) -> None:
        runs = [_logged(storage, seconds=seconds) for seconds in (1, 2, 3, 4, 5)]
        assert storage.events.delete_old(ended_before=at(5), limit=3) == 3
        assert [len(storage.events.read(run.id)) for run in runs] == [0, 0, 0, 3, 3]
        assert storage.events.delete_old(ended_before=at(5), limit=3) == 1
        assert storage.events.delete_old(ended_before=at(5), limit=3) == 0

    def test_the_log_of_a_run_under_way_is_never_deleted(self, storage: Storage) -> None:
        run = admitted(storage)
        storage.events.append([FrameBatch(run.id, frames(1, 2))])
        assert storage.events.delete_old(ended_before=LATER, limit=9) == 0
        assert len(storage.events.read(run.id)) == 2

    @pytest.mark.parametrize("last", [(), frames(901, 901), frames(601, 901), frames(601, 900)])
    def test_a_long_log_is_deleted_whole_and_counts_once(self, storage: Storage, last: tuple[Frame, ...]) -> None:
        run = admitted(storage)
        storage.events.append([FrameBatch(run.id, frames(1, 600))])
        storage.events.append([FrameBatch(run.id, frames(601, 900))])
        storage.runs.finish(ended(run), frames=last)
        assert storage.events.delete_old(ended_before=LATER, limit=9) == 1
        assert list(storage.events.read(run.id)) == []
        assert storage.events.delete_old(ended_before=LATER, limit=9) == 0

    def test_a_deleted_log_takes_nothing_from_the_history(self, storage: Storage) -> None:
        session = new_session(storage)
        run = admitted(storage, session)
        storage.runs.finish(ended(run), messages=said("q", "a"), frames=frames(1, 3))
        assert storage.events.delete_old(ended_before=LATER, limit=9) == 1
        assert len(storage.sessions.history(session.id, owner=None, limit=9).messages) == 2
        storage.events.append([FrameBatch(run.id, frames(4, 5))])
        assert list(storage.events.read(run.id)) == []

    def test_simultaneous_deletions_do_not_hinder_each_other(self, storage: Storage) -> None:
        sessions = [new_session(storage) for _ in range(8)]
        for session in sessions:
            storage.runs.finish(ended(admitted(storage, session)), frames=frames(1, 600))
        for number in range(100):
            _logged(storage, seconds=number)
        deleted: list[int] = []

        def delete(number: int) -> None:
            if number % 2:
                for session in sessions[number // 2 :: 4]:
                    storage.sessions.delete(session.id, owner=None)
            while count := storage.events.delete_old(ended_before=LATER, limit=2):
                deleted.append(count)

        at_once(delete)
        assert 100 <= sum(deleted) <= 108
        assert storage.events.delete_old(ended_before=LATER, limit=9) == 0

    def test_old_keys_are_deleted_in_batches_and_are_as_good_as_new_then(self, storage: Storage) -> None:
        first = [admit(storage, new_run(), idempotency=key(str(number))).run for number in range(5)]
        long_ago = datetime.now(UTC) - timedelta(days=1)
        assert storage.idempotency.delete_old(created_before=long_ago, limit=3) == 0
        repeat = storage.runs.admit(new_run(), claim=LEASE, owner=None, history_turns=10, idempotency=key("0"))
        assert repeat == Replay("f", first[0].id)
        assert [storage.idempotency.delete_old(created_before=LATER, limit=3) for _ in range(3)] == [3, 2, 0]
        again = [admit(storage, new_run(), idempotency=key(str(number))).run for number in range(5)]
        assert not {run.id for run in first} & {run.id for run in again}
