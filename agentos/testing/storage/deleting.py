"""The promises about deleting runs, one by one or all of an owner."""

from __future__ import annotations

from datetime import datetime

import pytest

from agentos.domain.message import Message
from agentos.domain.run import Run
from agentos.domain.session import Session, Summary
from agentos.domain.usage import Usage
from agentos.storage.interface import Storage
from agentos.storage.values import Cursor, Deleted, FrameBatch, Lease, SessionFilter
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
        assert storage.finish_run(run, messages=said(f"q{number}", f"a{number}"), frames=frames(1, 2))
        runs.append(run)
    return runs


def _said(storage: Storage, session: Session) -> list[tuple[int, str]]:
    page = storage.history(session.id, owner=None, limit=99)
    return [(one.sequence, one.message.content) for one in page.messages]


def _window(storage: Storage, session: Session, turns: int) -> list[str]:
    """Return what a run would be given of the session; the run itself leaves nothing."""
    admission = admit(storage, new_run(session), history_turns=turns)
    storage.finish_run(ended(admission.run))
    return [message.content for message in admission.history]


def _delete_old(storage: Storage, before: datetime) -> int:
    """Delete old runs without a session, in steps of two."""
    count, after = storage.delete_runs(ended_before=before, limit=2)
    while after is not None:
        some, after = storage.delete_runs(ended_before=before, after=after, limit=2)
        count += some
    return count


class DeletingContract(Contract):
    """Deleting runs."""

    def test_a_deleted_run_takes_its_events_along(self, storage: Storage) -> None:
        run = admitted(storage)
        storage.append_frames([FrameBatch(run.id, frames(1, 2))])
        end = ended(run)
        storage.finish_run(end, frames=frames(3, 3))
        other = take_turn(storage, new_session(storage), "q", "a")
        assert storage.delete_run(run.id, owner=None) == end
        assert storage.get_run(run.id, owner=None) is None
        assert storage.read_frames(run.id) == []
        assert storage.get_run(other.id, owner=None) == other
        assert storage.delete_run(run.id, owner=None) is None

    def test_a_run_that_has_not_ended_stays(self, storage: Storage) -> None:
        session = new_session(storage)
        running, queued = admitted(storage, session), admitted(storage, session)
        for run in (running, queued):
            assert storage.delete_run(run.id, owner=None) == run
            assert storage.get_run(run.id, owner=None) == run

    def test_a_run_of_another_owner_stays(self, storage: Storage) -> None:
        run = ended(admitted(storage, owner="alice"))
        storage.finish_run(run)
        assert storage.delete_run(run.id, owner="bob") is None
        assert storage.get_run(run.id, owner="alice") == run
        assert storage.delete_run(run.id, owner="alice") == run

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
            storage.delete_run(runs[number].id, owner=None)
        assert [sequence for sequence, _ in _said(storage, session)] == left
        last = admitted(storage, session, seconds=9)
        assert last.position == 4
        storage.finish_run(ended(last), messages=said("q", "a"))
        assert [sequence for sequence, _ in _said(storage, session)] == [*left, 7, 8]
        shown = storage.history(session.id, owner=None, limit=99)
        kept = [run.id for number, run in enumerate(runs) if number not in deleted]
        assert [run.id for run in shown.runs] == [*kept, last.id]

    def test_pages_of_a_history_with_gaps_follow_each_other(self, storage: Storage) -> None:
        session = new_session(storage)
        runs = _turns(storage, session, 5)
        for number in (1, 3):
            storage.delete_run(runs[number].id, owner=None)
        seen: list[int] = []
        before = None
        while page := storage.history(session.id, owner=None, limit=1, before=before).messages:
            seen.append(page[0].sequence)
            before = page[0].sequence
        assert seen == [10, 9, 6, 5, 2, 1]

    def test_the_session_counts_the_runs_that_are_left_and_has_no_summary_of_the_others(self, storage: Storage) -> None:
        session = new_session(storage)
        runs = _turns(storage, session, 3)
        silent = ended(admitted(storage, session), usage=Usage(1, 1))
        storage.finish_run(silent)
        storage.put_summary(session.id, SUMMARY, owner=None)
        storage.delete_run(silent.id, owner=None)
        assert storage.get_summary(session.id, owner=None) == SUMMARY
        storage.delete_run(runs[0].id, owner=None)
        assert storage.get_summary(session.id, owner=None) is None
        now = storage.get_session(session.id, owner=None)
        assert now is not None
        assert (now.run_count, now.total_tokens, now.version) == (2, 20, session.version)

    def test_the_next_run_is_given_the_last_turns_that_are_left(self, storage: Storage) -> None:
        session = new_session(storage)
        runs = _turns(storage, session, 4)
        for number in (2, 3):
            storage.delete_run(runs[number].id, owner=None)
        assert _window(storage, session, 1) == ["q2", "a2"]
        assert _window(storage, session, 9) == ["q1", "a1", "q2", "a2"]
        _turns(storage, session, 1)
        assert _window(storage, session, 2) == ["q2", "a2", "q1", "a1"]
        for run in runs[:2]:
            storage.delete_run(run.id, owner=None)
        assert _window(storage, session, 9) == ["q1", "a1"]

    def test_an_attachment_goes_with_the_last_run_that_has_it(self, storage: Storage) -> None:
        runs = [admit(storage, new_run(owner="o", media=(picture(b"same"),))).run for _ in range(2)]
        for run in runs:
            storage.finish_run(ended(run))
        reference = str(runs[0].media[0].reference)
        storage.delete_run(runs[0].id, owner="o")
        assert storage.read_attachment(reference, owner="o") == b"same"
        storage.delete_run(runs[1].id, owner="o")
        assert storage.read_attachment(reference, owner="o") is None

    def test_of_simultaneous_deletions_each_run_is_counted_out_once(self, storage: Storage) -> None:
        session = new_session(storage)
        runs = _turns(storage, session, 3)

        def delete(number: int) -> None:
            storage.delete_run(runs[number % 2].id, owner=None)

        at_once(delete)
        now = storage.get_session(session.id, owner=None)
        assert now is not None
        assert (now.run_count, now.total_tokens) == (1, 10)

    def test_old_runs_without_a_session_are_deleted_the_others_are_kept(self, storage: Storage) -> None:
        session = new_session(storage)
        in_session = take_turn(storage, session, "q", "a")
        alone = [admitted(storage) for _ in range(5)]
        for seconds, run in enumerate(alone[:4], start=1):
            storage.finish_run(ended(run, seconds=seconds), frames=frames(1, 1))
        assert _delete_old(storage, at(4)) == 3
        assert [storage.get_run(run.id, owner=None) is None for run in alone] == [True, True, True, False, False]
        assert _delete_old(storage, at(4)) == 0
        assert _delete_old(storage, at(99)) == 1
        assert storage.get_run(alone[4].id, owner=None) is not None
        assert storage.get_run(in_session.id, owner=None) == in_session
        assert storage.read_frames(alone[0].id) == []

    def test_leased_runs_are_the_unfinished_ones_of_that_worker(self, storage: Storage) -> None:
        session = new_session(storage)
        running, queued, other, done = (
            admitted(storage, session),
            admitted(storage, session),
            admitted(storage, lease=Lease("other", 60.0)),
            admitted(storage),
        )
        storage.finish_run(ended(done))
        assert storage.leased_runs(LEASE.owner) == {running.id, queued.id}
        assert storage.leased_runs("other") == {other.id}
        storage.delete_session(session.id, owner=None)
        assert storage.leased_runs(LEASE.owner) == set()


class OwnerDataContract(Contract):
    """All that an owner has."""

    def _belongings(self, storage: Storage, owner: str) -> dict[str, str]:
        """Make a run alone and one in a session for each of two users, and a run of u2 in the session of u1."""
        made = {}
        for user_id in ("u1", "u2"):
            session = new_session(storage, owner=owner, user_id=user_id)
            made[f"{user_id} session"] = session.id
            made[f"{user_id} in session"] = take_turn(storage, session, "q", "a").id
            alone = admitted(storage, owner=owner, user_id=user_id)
            storage.finish_run(ended(alone))
            made[f"{user_id} alone"] = alone.id
            if user_id == "u1":
                made["u2 in the session of u1"] = take_turn(storage, session, "q", "a", user_id="u2").id
        return made

    def _left(self, storage: Storage, made: dict[str, str]) -> set[str]:
        return {
            name
            for name, id in made.items()
            if (storage.get_session if name.endswith(" session") and "in" not in name else storage.get_run)(
                id, owner=None
            )
        }

    def _delete_all(self, storage: Storage, owner: str, user_id: str | None = None, limit: int = 2) -> Deleted:
        deleted, after = storage.delete_owner_runs(owner, user_id=user_id, limit=limit)
        while after is not None:
            some, after = storage.delete_owner_runs(owner, user_id=user_id, after=after, limit=limit)
            deleted += some
        return deleted

    def test_the_runs_of_an_owner_are_deleted_and_no_others(self, storage: Storage) -> None:
        hers, his = self._belongings(storage, "alice"), self._belongings(storage, "bob")
        assert self._delete_all(storage, "alice") == Deleted(runs=5)
        assert self._left(storage, hers) == {"u1 session", "u2 session"}
        assert self._left(storage, his) == his.keys()
        assert self._delete_all(storage, "alice") == Deleted()

    def test_the_runs_of_a_user_are_those_of_its_name_and_those_in_its_sessions(self, storage: Storage) -> None:
        hers = self._belongings(storage, "alice")
        assert self._delete_all(storage, "alice", "u2") == Deleted(runs=3)
        assert self._left(storage, hers) == {"u1 session", "u1 in session", "u1 alone", "u2 session"}
        assert [sequence for sequence, _ in _said(storage, _session(storage, hers["u1 session"]))] == [1, 2]
        hers = self._belongings(storage, "ada")
        assert self._delete_all(storage, "ada", "u1") == Deleted(runs=3)
        assert self._left(storage, hers) == {"u1 session", "u2 session", "u2 in session", "u2 alone"}

    def test_a_page_looks_at_so_many_runs_and_says_where_to_go_on(self, storage: Storage) -> None:
        for number in range(5):
            admitted(storage, owner="o", user_id="u" if number == 4 else "v", id=str(number), seconds=number)
        place = None
        looked = []
        for _ in range(3):
            deleted, place = storage.delete_owner_runs("o", user_id="u", after=place, limit=2)
            looked.append((deleted.runs, place))
        assert looked == [(0, Cursor(at(1), "1")), (0, Cursor(at(3), "3")), (1, None)]

    def test_runs_that_have_not_ended_are_deleted_too_and_can_leave_nothing(self, storage: Storage) -> None:
        session = new_session(storage, owner="o")
        running, queued = admitted(storage, session), admitted(storage, session)
        assert self._delete_all(storage, "o") == Deleted(runs=2)
        assert not storage.finish_run(ended(running), messages=said("q", "a"))
        now = storage.get_session(session.id, owner="o")
        assert now is not None
        assert (now.run_count, now.total_tokens) == (0, 0)
        assert storage.get_run(queued.id, owner=None) is None

    def test_attachments_that_go_are_counted_once_each(self, storage: Storage) -> None:
        shared, own = picture(b"shared"), picture(b"own")
        for owner in ("alice", "bob"):
            for media in ((shared,), (shared, own)):
                run = admit(storage, new_run(owner=owner, user_id="u", media=media)).run
                storage.finish_run(ended(run))
        keeper = admit(storage, new_run(owner="alice", user_id="v", media=(shared,))).run
        assert self._delete_all(storage, "alice", "u", limit=1) == Deleted(runs=2, attachments=1)
        reference = str(keeper.media[0].reference)
        assert storage.read_attachment(reference, owner="alice") == b"shared"
        assert self._delete_all(storage, "alice") == Deleted(runs=1, attachments=1)
        assert storage.read_attachment(reference, owner="alice") is None
        assert storage.read_attachment(reference, owner="bob") == b"shared"

    def test_attachments_of_messages_are_counted_too(self, storage: Storage) -> None:
        session = new_session(storage, owner="o")
        run = admitted(storage, session)
        storage.finish_run(ended(run), messages=[Message("user", "look", media=(picture(b"more"),))])
        assert self._delete_all(storage, "o") == Deleted(runs=1, attachments=1)

    @pytest.mark.parametrize("user_id", [None, "u1"])
    def test_unfinished_runs_of_an_owner_are_asked_to_stop(self, storage: Storage, user_id: str | None) -> None:
        self._belongings(storage, "alice")
        session = new_session(storage, owner="alice", user_id="u1")
        theirs = [
            admitted(storage, owner="alice", user_id="u1"),
            admitted(storage, session),
            admitted(storage, session),
        ]
        another = admitted(storage, owner="alice", user_id="u2")
        admitted(storage, owner="bob", user_id="u1")
        expected = {run.id for run in theirs} | ({another.id} if user_id is None else set())
        assert set(storage.cancel_runs("alice", user_id=user_id)) == expected
        assert set(storage.cancel_requests(LEASE.owner)) == expected
        for run in (*theirs, another):
            storage.finish_run(ended(run))
        assert list(storage.cancel_runs("alice", user_id=user_id)) == []

    def test_an_owner_without_anything_is_no_error(self, storage: Storage) -> None:
        assert storage.delete_owner_runs("nobody", limit=9) == (Deleted(), None)
        assert list(storage.cancel_runs("nobody")) == []
        assert storage.delete_sessions(SessionFilter(owner="nobody"), limit=9) == 0


def _session(storage: Storage, session_id: str) -> Session:
    """Return a session that is there."""
    session = storage.get_session(session_id, owner=None)
    assert session is not None
    return session
