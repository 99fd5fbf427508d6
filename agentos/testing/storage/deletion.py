"""The promises about deleting runs, one by one."""

from __future__ import annotations

from datetime import datetime

import pytest

from agentos.domain.run import Run
from agentos.domain.session import Session, Summary
from agentos.domain.usage import Usage
from agentos.storage.admission import Lease
from agentos.storage.events import FrameBatch
from agentos.storage.interface import Storage
from agentos.testing.storage.attachments import picture
from agentos.testing.storage.contract import (
    LEASE,
    Contract,
    admit,
    admitted,
    at,
    at_once,
    ended,
    frames,
    new_run,
    new_session,
    said,
    take_turn,
)

SUMMARY = Summary(content="s", run_count=1, total_tokens=1, created_at=at(0))


def _turns(storage: Storage, session: Session, count: int) -> list[Run]:
    """Take turns of two messages and ten tokens each."""
    runs = []
    for number in range(1, count + 1):
        run = ended(admitted(storage, session, seconds=number), usage=Usage(6, 4))
        assert storage.runs.finish(run, messages=said(f"q{number}", f"a{number}"), frames=frames(1, 2))
        runs.append(run)
    return runs


def _said(storage: Storage, session: Session) -> list[tuple[int, str]]:
    page = storage.sessions.history(session.id, owner=None, limit=99)
    return [(one.sequence, one.message.content) for one in page.messages]


def _window(storage: Storage, session: Session, turns: int) -> list[str]:
    """Return what a run would be given of the session; the run itself leaves nothing."""
    admission = admit(storage, new_run(session), history_turns=turns)
    storage.runs.finish(ended(admission.run))
    return [message.content for message in admission.history or ()]


def _delete_old(storage: Storage, before: datetime) -> int:
    """Delete old runs without a session, in steps of two."""
    count, after = storage.runs.delete_old(ended_before=before, limit=2)
    while after is not None:
        some, after = storage.runs.delete_old(ended_before=before, after=after, limit=2)
        count += some
    return count


class DeletionContract(Contract):
    """Deleting runs."""

    def test_a_deleted_run_takes_its_events_along(self, storage: Storage) -> None:
        run = admitted(storage)
        storage.events.append([FrameBatch(run.id, frames(1, 2))])
        end = ended(run)
        storage.runs.finish(end, frames=frames(3, 3))
        other = take_turn(storage, new_session(storage), "q", "a")
        assert storage.runs.delete(run.id, owner=None) == end
        assert storage.runs.get(run.id, owner=None) is None
        assert storage.events.read(run.id) == []
        assert storage.runs.get(other.id, owner=None) == other
        assert storage.runs.delete(run.id, owner=None) is None

    def test_a_run_that_has_not_ended_stays(self, storage: Storage) -> None:
        session = new_session(storage)
        running, queued = admitted(storage, session), admitted(storage, session)
        for run in (running, queued):
            assert storage.runs.delete(run.id, owner=None) == run
            assert storage.runs.get(run.id, owner=None) == run

    def test_a_run_of_another_owner_stays(self, storage: Storage) -> None:
        run = ended(admitted(storage, owner="alice"))
        storage.runs.finish(run)
        assert storage.runs.delete(run.id, owner="bob") is None
        assert storage.runs.get(run.id, owner="alice") == run
        assert storage.runs.delete(run.id, owner="alice") == run

    @pytest.mark.parametrize(
        ("deleted", "left"),
        [([0], [3, 4, 5, 6]), ([1], [1, 2, 5, 6]), ([2], [1, 2, 3, 4]), ([2, 1], [1, 2]), ([0, 1, 2], [])],
    )
    def test_its_messages_go_and_the_others_keep_their_numbers(
        self, storage: Storage, deleted: list[int], left: list[int]
    ) -> None:
        session = new_session(storage)
        runs = _turns(storage, session, 3)
        for number in deleted:
            storage.runs.delete(runs[number].id, owner=None)
        assert [sequence for sequence, _ in _said(storage, session)] == left
        last = admitted(storage, session, seconds=9)
        assert last.position == 4
        storage.runs.finish(ended(last), messages=said("q", "a"))
        assert [sequence for sequence, _ in _said(storage, session)] == [*left, 7, 8]
        shown = storage.sessions.history(session.id, owner=None, limit=99)
        kept = [run.id for number, run in enumerate(runs) if number not in deleted]
        assert [run.id for run in shown.runs] == [*kept, last.id]

    def test_pages_of_a_history_with_gaps_follow_each_other(self, storage: Storage) -> None:
        session = new_session(storage)
        runs = _turns(storage, session, 5)
        for number in (1, 3):
            storage.runs.delete(runs[number].id, owner=None)
        seen: list[int] = []
        before = None
        while page := storage.sessions.history(session.id, owner=None, limit=1, before=before).messages:
            seen.append(page[0].sequence)
            before = page[0].sequence
        assert seen == [10, 9, 6, 5, 2, 1]

    def test_the_session_counts_the_runs_that_are_left_and_has_no_summary_of_the_others(self, storage: Storage) -> None:
        session = new_session(storage)
        runs = _turns(storage, session, 3)
        silent = ended(admitted(storage, session), usage=Usage(1, 1))
        storage.runs.finish(silent)
        storage.sessions.put_summary(session.id, SUMMARY, owner=None)
        storage.runs.delete(silent.id, owner=None)
        assert storage.sessions.get_summary(session.id, owner=None) == SUMMARY
        storage.runs.delete(runs[0].id, owner=None)
        assert storage.sessions.get_summary(session.id, owner=None) is None
        now = storage.sessions.get(session.id, owner=None)
        assert now is not None
        assert (now.run_count, now.total_tokens, now.version) == (2, 20, session.version)

    def test_the_next_run_is_given_the_last_turns_that_are_left(self, storage: Storage) -> None:
        session = new_session(storage)
        runs = _turns(storage, session, 4)
        for number in (2, 3):
            storage.runs.delete(runs[number].id, owner=None)
        assert _window(storage, session, 1) == ["q2", "a2"]
        assert _window(storage, session, 9) == ["q1", "a1", "q2", "a2"]
        _turns(storage, session, 1)
        assert _window(storage, session, 2) == ["q2", "a2", "q1", "a1"]
        for run in runs[:2]:
            storage.runs.delete(run.id, owner=None)
        assert _window(storage, session, 9) == ["q1", "a1"]

    def test_an_attachment_goes_with_the_last_run_that_has_it(self, storage: Storage) -> None:
        runs = [admit(storage, new_run(owner="o", media=(picture(b"same"),))).run for _ in range(2)]
        for run in runs:
            storage.runs.finish(ended(run))
        reference = str(runs[0].media[0].reference)
        storage.runs.delete(runs[0].id, owner="o")
        assert storage.attachments.read(reference, owner="o") == b"same"
        storage.runs.delete(runs[1].id, owner="o")
        assert storage.attachments.read(reference, owner="o") is None

    def test_of_simultaneous_deletions_each_run_is_counted_out_once(self, storage: Storage) -> None:
        session = new_session(storage)
        runs = _turns(storage, session, 3)

        def delete(number: int) -> None:
            storage.runs.delete(runs[number % 2].id, owner=None)

        at_once(delete)
        now = storage.sessions.get(session.id, owner=None)
        assert now is not None
        assert (now.run_count, now.total_tokens) == (1, 10)

    def test_old_runs_without_a_session_are_deleted_the_others_are_kept(self, storage: Storage) -> None:
        session = new_session(storage)
        in_session = take_turn(storage, session, "q", "a")
        alone = [admitted(storage) for _ in range(5)]
        for seconds, run in enumerate(alone[:4], start=1):
            storage.runs.finish(ended(run, seconds=seconds), frames=frames(1, 1))
        assert _delete_old(storage, at(4)) == 3
        assert [storage.runs.get(run.id, owner=None) is None for run in alone] == [True, True, True, False, False]
        assert _delete_old(storage, at(4)) == 0
        assert _delete_old(storage, at(99)) == 1
        assert storage.runs.get(alone[4].id, owner=None) is not None
        assert storage.runs.get(in_session.id, owner=None) == in_session
        assert storage.events.read(alone[0].id) == []

    def test_leased_runs_are_the_unfinished_ones_of_that_worker(self, storage: Storage) -> None:
        session = new_session(storage)
        running, queued, other, done = (
            admitted(storage, session),
            admitted(storage, session),
            admitted(storage, lease=Lease("other", 60.0)),
            admitted(storage),
        )
        storage.runs.finish(ended(done))
        assert storage.runs.leased(LEASE.worker_id) == {running.id, queued.id}
        assert storage.runs.leased("other") == {other.id}
        storage.sessions.delete(session.id, owner=None)
        assert storage.runs.leased(LEASE.worker_id) == set()
