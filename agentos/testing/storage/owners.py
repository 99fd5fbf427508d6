"""The promises about owners: a row of another owner behaves like a missing row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agentos.domain.ids import new_id
from agentos.domain.media import Media
from agentos.domain.run import BusyPolicy, RunStatus
from agentos.domain.session import Session, Summary
from agentos.errors import AgentOSError, SessionNotFound
from agentos.storage.admission import Lease
from agentos.storage.interface import Storage
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter
from agentos.storage.sessions import SessionChanges, SessionFilter
from agentos.testing.storage.contract import (
    LEASE,
    Contract,
    admit,
    admitted,
    at,
    claimed,
    ended,
    frames,
    key,
    new_run,
    new_session,
    said,
    take_turn,
    taken_over,
)

Call = Callable[[Storage, str, str, str | None], object]

PICTURE = Media("image", data="aGVsbG8=", content_type="image/png")
FORK = SessionChanges()
SUMMARY = Summary(content="", run_count=0, total_tokens=0, created_at=at(0))


def _update(version: int | None) -> Call:
    changes = SessionChanges(name="new")
    return lambda s, session, _, owner: s.sessions.update(
        session, changes, owner=owner, now=at(9), expected_version=version
    )


def _admit(how: BusyPolicy) -> Call:
    return lambda s, session, _, owner: s.runs.admit(
        new_run(id=f"by-{owner}", session_id=session),
        claim=LEASE,
        owner=owner,
        history_turns=3,
        concurrency=how,
    )


def _reference(storage: Storage, run_id: str) -> str:
    """Return the reference of a run's attachment; one that stands for nothing if there is no such run."""
    run = storage.runs.get(run_id, owner=None)
    return "missing" if run is None else str(run.media[0].reference)


CALLS: dict[str, Call] = {
    "sessions.get": lambda s, session, _, owner: s.sessions.get(session, owner=owner),
    "sessions.update": _update(None),
    "sessions.update of the present version": _update(1),
    "sessions.update of another version": _update(7),
    "sessions.history": lambda s, session, _, owner: s.sessions.history(session, owner=owner, limit=9),
    "sessions.history before": lambda s, session, _, owner: s.sessions.history(session, owner=owner, limit=9, before=2),
    "sessions.append": lambda s, session, _, owner: s.sessions.append(session, said("q"), owner=owner, now=at(9)),
    "sessions.append of nothing": lambda s, session, _, owner: s.sessions.append(session, (), owner=owner, now=at(9)),
    "sessions.remove_message": lambda s, session, _, owner: s.sessions.remove_message(session, 1, owner=owner),
    "sessions.fork": lambda s, session, _, owner: s.sessions.fork(session, new_id(), FORK, owner=owner, now=at(9)),
    "sessions.fork before a run": lambda s, session, run, owner: s.sessions.fork(
        session, new_id(), FORK, before_run_id=run, owner=owner, now=at(9)
    ),
    "sessions.put_summary": lambda s, session, _, owner: s.sessions.put_summary(session, SUMMARY, owner=owner),
    "sessions.get_summary": lambda s, session, _, owner: s.sessions.get_summary(session, owner=owner),
    **{f"runs.admit with {how}": _admit(how) for how in BusyPolicy},
    "runs.get": lambda s, _, run, owner: s.runs.get(run, owner=owner),
    "runs.request": lambda s, _, run, owner: s.runs.request(run, owner=owner),
    "runs.request_cancel": lambda s, _, run, owner: s.runs.request_cancel(run, owner=owner),
    "runs.request_cancel to forget": lambda s, _, run, owner: s.runs.request_cancel(run, owner=owner, forget=True),
    "runs.answer": lambda s, _, run, owner: s.runs.answer(run, {}, owner=owner),
    "attachments.read": lambda s, _, run, owner: s.attachments.read(_reference(s, run), owner=owner),
    "runs.delete": lambda s, _, run, owner: s.runs.delete(run, owner=owner),
    "sessions.delete": lambda s, session, _, owner: s.sessions.delete(session, owner=owner),
}
"""Every method that takes an owner; its first word is the name of the method."""

ALIKE = [
    ("alice", "Alice"),
    ("alice", "alice "),
    ("a_ice", "alice"),
    ("%", "alice"),
    ("\u00fc", "u\u0308"),
    ("1", "01"),
]


def _outcome(call: Call, storage: Storage, session_id: str, run_id: str, owner: str | None) -> object:
    """Return what a call returned or raised, which must not differ by more than the id that was asked for."""
    try:
        return call(storage, session_id, run_id, owner)
    except AgentOSError as error:
        message = error.message.replace(session_id, "ID").replace(run_id, "ID")
        return type(error), message, error.details, error.retry_after


def _state(storage: Storage, session: Session, run_id: str) -> tuple[object, ...]:
    return (
        storage.sessions.get(session.id, owner=None),
        storage.runs.get(run_id, owner=None),
        storage.sessions.get_summary(session.id, owner=None),
        storage.sessions.history(session.id, owner=None, limit=9),
        storage.runs.list(RunFilter(), Paging()),
        list(storage.runs.cancel_requests(LEASE.worker_id)),
    )


def _busy_session(storage: Storage) -> tuple[Session, str]:
    """Return a session of alice's with a turn and a summary, and the run under way in it."""
    session = new_session(storage, owner="alice")
    take_turn(storage, session, "q", "a")
    storage.sessions.put_summary(session.id, replace(SUMMARY, content="s"), owner="alice")
    return session, admitted(storage, session, media=(PICTURE,)).id


class OwnerContract(Contract):
    """Ownership."""

    def test_what_is_somebody_elses_is_as_if_it_were_not_there(self, storage: Storage) -> None:
        session, run_id = _busy_session(storage)
        before = _state(storage, session, run_id)
        for name, call in CALLS.items():
            missing = _outcome(call, storage, new_id(), new_id(), "bob")
            assert _outcome(call, storage, session.id, run_id, "bob") == missing, name
            assert _state(storage, session, run_id) == before, name

    @pytest.mark.parametrize("owner", ["alice", None])
    def test_what_is_ones_own_is_there_and_everything_is_there_for_those_who_see_all(
        self, storage: Storage, owner: str | None
    ) -> None:
        for name, call in CALLS.items():
            missing = _outcome(call, storage, new_id(), new_id(), owner)
            session, run_id = _busy_session(storage)
            assert _outcome(call, storage, session.id, run_id, owner) != missing, name
            storage.sessions.delete(session.id, owner="alice")

    def test_a_key_for_what_is_somebody_elses_is_not_used_up(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        with pytest.raises(SessionNotFound):
            admit(storage, new_run(session), owner="bob", idempotency=key())
        assert storage.idempotency.find(key()) is None

    def test_owners_are_told_apart_to_the_letter(self, storage: Storage) -> None:
        for one, other in ALIKE:
            for owner, another in ((one, other), (other, one)):
                session = new_session(storage, owner=owner)
                run = admitted(storage, session)
                assert storage.sessions.get(session.id, owner=owner) == session
                assert storage.sessions.get(session.id, owner=another) is None
                assert storage.runs.get(run.id, owner=another) is None
                where = SessionFilter(owner=owner), RunFilter(owner=owner)
                assert [found.id for found in storage.sessions.list(where[0], Paging()).items] == [session.id]
                assert [found.id for found in storage.runs.list(where[1], Paging()).items] == [run.id]
                storage.sessions.delete(session.id, owner=owner)

    def test_a_session_keeps_its_owner(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice", user_id="bob")
        changed = storage.sessions.update(session.id, SessionChanges(user_id="carol"), owner=None, now=at(1))
        assert (session.owner, changed.owner) == ("alice", "alice")
        assert storage.sessions.get(session.id, owner="alice") == changed

    @pytest.mark.parametrize("owner", ["alice", None])
    def test_a_run_in_a_session_is_the_session_owners_whoever_asked_for_it(
        self, storage: Storage, owner: str | None
    ) -> None:
        session = new_session(storage, owner="alice")
        first = admit(storage, new_run(session, owner="root"), owner=owner).run
        second = admit(storage, new_run(session, owner="root"), owner=owner).run
        assert [first.owner, second.owner] == ["alice", "alice"]
        assert storage.runs.get(first.id, owner="alice") == first
        assert storage.runs.get(first.id, owner="root") is None
        storage.runs.finish(ended(first))
        assert claimed(storage, second.id).run.owner == "alice"
        assert {run.owner for run in storage.sessions.history(session.id, owner="alice", limit=9).runs} == {"alice"}

    @pytest.mark.parametrize("owner", ["bob", None])
    def test_a_run_without_a_session_is_whose_it_says_it_is(self, storage: Storage, owner: str | None) -> None:
        run = admit(storage, new_run(owner="alice"), owner=owner).run
        assert run.owner == "alice"
        assert storage.runs.get(run.id, owner="alice") == run
        assert storage.runs.get(run.id, owner="bob") is None

    def test_a_run_keeps_its_owner_when_another_worker_takes_it_over_and_when_it_ends(self, storage: Storage) -> None:
        run = admit(storage, new_run(owner="alice"), Lease("gone", -1.0)).run
        (taken,) = taken_over(storage)
        assert taken.owner == "alice"
        storage.runs.finish(ended(taken))
        assert storage.runs.get(run.id, owner="alice") == ended(taken)

    def test_lists_and_counts_are_of_one_owner_or_of_all(self, storage: Storage) -> None:
        for number in range(6):
            whose = "alice" if number % 2 else "bob"
            session = new_session(storage, id=str(number), seconds=number, owner=whose, user_id="u", team_id="t")
            admitted(storage, session, id=f"run-{number}", seconds=number)
        given = SessionFilter(agent_id="assistant", user_id="u", team_id="t", updated_before=at(5))
        expected = {"alice": ["3", "1"], "bob": ["4", "2", "0"], None: ["4", "3", "2", "1", "0"], "carol": []}
        for owner, sessions in expected.items():
            where = replace(given, owner=owner)
            assert [found.id for found in storage.sessions.list(where, Paging()).items] == sessions
            assert storage.sessions.count(where) == len(sessions)
            of_runs = RunFilter(owner=owner, agent_id="assistant", status=RunStatus.RUNNING)
            runs = [found.id for found in storage.runs.list(of_runs, Paging()).items]
            assert [run_id.removeprefix("run-") for run_id in runs if run_id != "run-5"] == sessions
        assert storage.sessions.count(SessionFilter(owner="alice")) == 3
        assert storage.runs.list(RunFilter(owner="alice", session_id="0"), Paging()).items == []

    def test_pages_of_one_owner_follow_each_other_to_the_end(self, storage: Storage) -> None:
        for number in range(8):
            whose = "alice" if number % 2 else "bob"
            admitted(storage, new_session(storage, id=str(number), owner=whose), id=f"run-{number}", seconds=number)
        seen: list[str] = []
        for listed, where in (
            (storage.sessions.list, SessionFilter(owner="alice")),
            (storage.runs.list, RunFilter(owner="alice")),
        ):
            ask: Callable[..., Any] = listed
            page = ask(where, Paging(limit=3))
            rest = ask(where, Paging(limit=3, cursor=page.next_cursor))
            assert rest.next_cursor is None
            seen.extend(found.id for found in (*page.items, *rest.items))
        assert seen == ["7", "5", "3", "1", "run-7", "run-5", "run-3", "run-1"]

    def test_only_an_owners_sessions_are_deleted_by_its_filter(self, storage: Storage) -> None:
        for number in range(4):
            whose = "alice" if number % 2 else "bob"
            new_session(storage, id=str(number), seconds=number, owner=whose, user_id="u")
        assert storage.sessions.delete_oldest(SessionFilter(owner="alice", user_id="u"), limit=9) == 2
        assert [found.id for found in storage.sessions.list(SessionFilter(), Paging()).items] == ["2", "0"]
        assert storage.sessions.delete_oldest(SessionFilter(owner="alice"), limit=9) == 0

    def test_a_session_that_is_somebody_elses_is_not_taken_by_a_run_that_would_interrupt(
        self, storage: Storage
    ) -> None:
        session = new_session(storage, owner="alice")
        run = admitted(storage, session)
        with pytest.raises(SessionNotFound):
            admit(storage, new_run(session), owner="bob", concurrency=BusyPolicy.ROLLBACK)
        assert list(storage.runs.cancel_requests(LEASE.worker_id)) == []
        assert storage.runs.finish(ended(run), messages=said("q", "a"), frames=frames(1, 1))
        assert len(storage.sessions.history(session.id, owner="alice", limit=9).messages) == 2
        assert admitted(storage, session).position == 2
