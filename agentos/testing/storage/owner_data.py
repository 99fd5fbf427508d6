"""The promises about all that an owner has: its runs are asked to stop, and deleted."""

from __future__ import annotations

import pytest

from agentos.domain.message import Message
from agentos.storage.interface import Storage
from agentos.storage.paging import Cursor
from agentos.storage.runs import Deleted
from agentos.storage.sessions import SessionFilter
from agentos.testing.storage.attachments import picture
from agentos.testing.storage.contract import (
    LEASE,
    Contract,
    admit,
    admitted,
    at,
    ended,
    new_run,
    new_session,
    said,
    take_turn,
)


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
            storage.runs.finish(ended(alone))
            made[f"{user_id} alone"] = alone.id
            if user_id == "u1":
                made["u2 in the session of u1"] = take_turn(storage, session, "q", "a", user_id="u2").id
        return made

    def _left(self, storage: Storage, made: dict[str, str]) -> set[str]:
        return {
            name
            for name, id in made.items()
            if (storage.sessions.get if name.endswith(" session") and "in" not in name else storage.runs.get)(
                id, owner=None
            )
        }

    def _delete_all(self, storage: Storage, owner: str, user_id: str | None = None, limit: int = 2) -> Deleted:
        deleted, after = storage.runs.delete_of_owner(owner, user_id=user_id, limit=limit)
        while after is not None:
            some, after = storage.runs.delete_of_owner(owner, user_id=user_id, after=after, limit=limit)
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
        left = storage.sessions.history(hers["u1 session"], owner=None, limit=99)
        assert [one.sequence for one in left.messages] == [1, 2]
        hers = self._belongings(storage, "ada")
        assert self._delete_all(storage, "ada", "u1") == Deleted(runs=3)
        assert self._left(storage, hers) == {"u1 session", "u2 session", "u2 in session", "u2 alone"}

    def test_a_page_looks_at_so_many_runs_and_says_where_to_go_on(self, storage: Storage) -> None:
        for number in range(5):
            admitted(storage, owner="o", user_id="u" if number == 4 else "v", id=str(number), seconds=number)
        place = None
        looked = []
        for _ in range(3):
            deleted, place = storage.runs.delete_of_owner("o", user_id="u", after=place, limit=2)
            looked.append((deleted.runs, place))
        assert looked == [(0, Cursor(at(1), "1")), (0, Cursor(at(3), "3")), (1, None)]

    def test_runs_that_have_not_ended_are_deleted_too_and_can_leave_nothing(self, storage: Storage) -> None:
        session = new_session(storage, owner="o")
        running, queued = admitted(storage, session), admitted(storage, session)
        assert self._delete_all(storage, "o") == Deleted(runs=2)
        assert not storage.runs.finish(ended(running), messages=said("q", "a"))
        now = storage.sessions.get(session.id, owner="o")
        assert now is not None
        assert (now.run_count, now.total_tokens) == (0, 0)
        assert storage.runs.get(queued.id, owner=None) is None

    def test_attachments_that_go_are_counted_once_each(self, storage: Storage) -> None:
        shared, own = picture(b"shared"), picture(b"own")
        for owner in ("alice", "bob"):
            for media in ((shared,), (shared, own)):
                run = admit(storage, new_run(owner=owner, user_id="u", media=media)).run
                storage.runs.finish(ended(run))
        keeper = admit(storage, new_run(owner="alice", user_id="v", media=(shared,))).run
        assert self._delete_all(storage, "alice", "u", limit=1) == Deleted(runs=2, attachments=1)
        reference = str(keeper.media[0].reference)
        assert storage.attachments.read(reference, owner="alice") == b"shared"
        assert self._delete_all(storage, "alice") == Deleted(runs=1, attachments=1)
        assert storage.attachments.read(reference, owner="alice") is None
        assert storage.attachments.read(reference, owner="bob") == b"shared"

    def test_attachments_of_messages_are_counted_too(self, storage: Storage) -> None:
        session = new_session(storage, owner="o")
        run = admitted(storage, session)
        storage.runs.finish(ended(run), messages=[Message("user", "look", media=(picture(b"more"),))])
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
        asked = storage.runs.request_cancel_of_owner("alice", user_id=user_id)
        assert {run.id for run in asked} == expected
        assert {run.worker_id for run in asked} == {LEASE.worker_id}
        assert set(storage.runs.cancel_requests(LEASE.worker_id)) == expected
        for run in (*theirs, another):
            storage.runs.finish(ended(run))
        assert list(storage.runs.request_cancel_of_owner("alice", user_id=user_id)) == []

    def test_an_owner_without_anything_is_no_error(self, storage: Storage) -> None:
        assert storage.runs.delete_of_owner("nobody", limit=9) == (Deleted(), None)
        assert list(storage.runs.request_cancel_of_owner("nobody")) == []
        assert storage.sessions.delete_oldest(SessionFilter(owner="nobody"), limit=9) == 0
