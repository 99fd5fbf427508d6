"""The promises about checkpoints: what is saved of an unfinished run."""

from __future__ import annotations

from dataclasses import replace

from agentos.domain.checkpoint import Checkpoint
from agentos.domain.message import Message
from agentos.storage.admission import Lease
from agentos.storage.events import FrameBatch
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import Contract, admitted, claimed, ended, frames, new_session
from agentos.testing.storage.pausing import checkpoint, pause


def _save(storage: Storage, run_id: str, *checkpoints: Checkpoint, attempt: int | None = None) -> set[str]:
    """Save checkpoints without frames; return the runs that were left out."""
    return set(storage.events.append([FrameBatch(run_id, (), attempt, checkpoints)]))


class CheckpointContract(Contract):
    """Checkpoints."""

    def test_checkpoints_come_back_as_they_were_given_in_order(self, storage: Storage) -> None:
        run = admitted(storage)
        given = [checkpoint(1), checkpoint(2), Checkpoint(number=3), checkpoint(4)]
        assert _save(storage, run.id, *given[:1]) == set()
        assert _save(storage, run.id, *given[1:3]) == set()
        assert pause(storage, run, checkpoints=given[3:])
        assert list(storage.runs.checkpoints(run.id)) == given

    def test_the_worker_that_takes_a_lost_run_over_gets_them(self, storage: Storage) -> None:
        run = admitted(storage, lease=Lease("gone", -1.0))
        _save(storage, run.id, checkpoint(1), checkpoint(2))
        claim = claimed(storage, run.id)
        assert list(claim.checkpoints) == [checkpoint(1), checkpoint(2)]
        _save(storage, run.id, checkpoint(3), attempt=claim.run.attempt)
        assert [one.number for one in storage.runs.checkpoints(run.id)] == [1, 2, 3]

    def test_checkpoints_are_saved_with_the_frames_of_many_runs(self, storage: Storage) -> None:
        runs = [admitted(storage) for _ in range(3)]
        batches = [
            FrameBatch(run.id, frames(1, 2), run.attempt, [checkpoint(1)] * (number != 1))
            for number, run in enumerate(runs)
        ]
        assert storage.events.append(batches) == set()
        assert [len(storage.runs.checkpoints(run.id)) for run in runs] == [1, 0, 1]
        assert [len(storage.events.read(run.id)) for run in runs] == [2, 2, 2]

    def test_a_checkpoint_that_is_saved_a_second_time_counts_once(self, storage: Storage) -> None:
        run = admitted(storage)
        for last in (1, 2, 2, 3):
            _save(storage, run.id, *(checkpoint(number) for number in range(1, last + 1)))
        assert pause(storage, run, checkpoints=[checkpoint(3), checkpoint(4)])
        assert list(storage.runs.checkpoints(run.id)) == [checkpoint(number) for number in (1, 2, 3, 4)]

    def test_those_of_an_attempt_that_lost_its_run_are_left_out(self, storage: Storage) -> None:
        run = admitted(storage, lease=Lease("gone", -1.0))
        claim = claimed(storage, run.id)
        assert _save(storage, run.id, checkpoint(1), attempt=run.attempt) == {run.id}
        assert list(storage.runs.checkpoints(run.id)) == []
        assert _save(storage, run.id, checkpoint(1), attempt=claim.run.attempt) == set()

    def test_those_of_a_run_that_has_ended_or_is_gone_are_left_out(self, storage: Storage) -> None:
        over, gone = admitted(storage), admitted(storage, new_session(storage))
        storage.runs.finish(ended(over))
        storage.sessions.delete(str(gone.session_id), owner=None)
        for run_id in (over.id, gone.id, "x"):
            assert _save(storage, run_id, checkpoint(1)) == {run_id}
            assert list(storage.runs.checkpoints(run_id)) == []

    def test_the_end_of_a_run_deletes_them(self, storage: Storage) -> None:
        run, other = admitted(storage), admitted(storage)
        for one in (run, other):
            _save(storage, one.id, checkpoint(1))
        storage.runs.finish(ended(run))
        assert list(storage.runs.checkpoints(run.id)) == []
        assert list(storage.runs.checkpoints(other.id)) == [checkpoint(1)]

    def test_an_end_that_is_refused_deletes_nothing(self, storage: Storage) -> None:
        run = admitted(storage)
        _save(storage, run.id, checkpoint(1))
        assert storage.runs.finish(replace(ended(run), attempt=7)) is None
        assert list(storage.runs.checkpoints(run.id)) == [checkpoint(1)]

    def test_they_go_with_the_session(self, storage: Storage) -> None:
        session = new_session(storage)
        run = admitted(storage, session)
        _save(storage, run.id, checkpoint(1))
        storage.sessions.delete(session.id, owner=None)
        assert list(storage.runs.checkpoints(run.id)) == []

    def test_a_run_that_is_claimed_again_and_again_keeps_them(self, storage: Storage) -> None:
        run = admitted(storage, lease=Lease("gone", -1.0))
        for number in (1, 2, 3):
            claim = claimed(storage, run.id, Lease(f"gone-{number}", -1.0))
            assert [one.number for one in claim.checkpoints] == list(range(1, number))
            _save(storage, run.id, checkpoint(number), attempt=claim.run.attempt)

    def test_a_caller_cannot_change_what_is_stored(self, storage: Storage) -> None:
        run = admitted(storage)
        details = {"a": [1]}
        _save(storage, run.id, Checkpoint(number=1, messages=[Message("assistant", "", provider_details=details)]))
        details["a"].append(2)
        (found,) = storage.runs.checkpoints(run.id)
        assert found.messages[0].provider_details == {"a": [1]}
