"""The promises about idempotency keys: one key, one run or session."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agentos.domain.ids import new_id
from agentos.domain.run import BusyPolicy
from agentos.domain.session import Session
from agentos.errors import SessionBusy, SessionNotFound, StorageError
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.interface import Storage
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter
from agentos.storage.sessions import SessionFilter
from agentos.testing.storage.contract import (
    LEASE,
    THREADS,
    Contract,
    admit,
    admitted,
    at,
    at_once,
    new_run,
    new_session,
)

ROUNDS = 10
Make = Callable[[Storage, IdempotencyKey], str | Replay]


def _make_run(storage: Storage, given: IdempotencyKey) -> str | Replay:
    run = new_run()
    made = storage.runs.admit(run, claim=LEASE, owner=None, history_turns=10, idempotency=given)
    return made if isinstance(made, Replay) else run.id


def _make_session(storage: Storage, given: IdempotencyKey) -> str | Replay:
    session = Session(id=new_id(), agent_id="assistant", created_at=at(0), updated_at=at(0))
    repeat = storage.sessions.create(session, idempotency=given)
    return session.id if repeat is None else repeat


def _made(storage: Storage) -> set[str]:
    runs = storage.runs.list(RunFilter(), Paging(limit=1000)).items
    sessions = storage.sessions.list(SessionFilter(), Paging(limit=1000)).items
    return {run.id for run in runs} | {session.id for session in sessions}


EITHER = pytest.mark.parametrize("make", [_make_run, _make_session], ids=["run", "session"])
KEY = IdempotencyKey(owner="alice", route="run", key="k", fingerprint="f")
SHORT = IdempotencyKey(owner="alice", route="run", key="k", fingerprint="short", seconds=-1.0)
"""A key that has expired when it is kept."""


class IdempotencyContract(Contract):
    """Idempotency keys of runs and sessions."""

    @EITHER
    def test_a_key_that_was_used_before_makes_nothing_and_tells_what_it_made(
        self, storage: Storage, make: Make
    ) -> None:
        first = make(storage, KEY)
        assert isinstance(first, str)
        for fingerprint in ("f", "other"):
            again = IdempotencyKey(owner="alice", route="run", key="k", fingerprint=fingerprint)
            assert make(storage, again) == Replay("f", first)
            assert storage.idempotency.find(again) == Replay("f", first)
        assert _made(storage) == {first}

    def test_a_key_that_was_not_used_or_has_expired_finds_nothing(self, storage: Storage) -> None:
        assert storage.idempotency.find(KEY) is None
        _make_run(storage, SHORT)
        assert storage.idempotency.find(KEY) is None

    @EITHER
    def test_the_same_key_of_another_caller_or_route_is_another_key(self, storage: Storage, make: Make) -> None:
        names = [("alice", "run", "k"), ("bob", "run", "k"), ("alice", "other", "k"), ("alice", "run", "K")]
        made = {
            make(storage, IdempotencyKey(owner=owner, route=route, key=key, fingerprint="f"))
            for owner, route, key in names
        }
        assert made == _made(storage)
        assert len(made) == 4

    @EITHER
    def test_a_key_that_has_expired_is_as_good_as_new(self, storage: Storage, make: Make) -> None:
        first, second = make(storage, SHORT), make(storage, KEY)
        assert _made(storage) == {first, second}
        assert make(storage, SHORT) == Replay("f", str(second))

    @EITHER
    @pytest.mark.parametrize("used", [False, True], ids=["new", "expired"])
    def test_of_simultaneous_requests_with_one_key_one_makes_something(
        self, storage: Storage, make: Make, used: bool
    ) -> None:
        for number in range(ROUNDS):
            before = {make(storage, _named(SHORT, number))} if used else set()
            before |= _made(storage)
            outcomes: list[str | Replay] = []

            def ask(_: int, number: int = number, outcomes: list[str | Replay] = outcomes) -> None:
                outcomes.append(make(storage, _named(KEY, number)))

            at_once(ask)
            (made,) = _made(storage) - before
            assert outcomes.count(made) == 1
            assert outcomes.count(Replay("f", made)) == THREADS - 1

    def test_a_repeat_takes_no_place_in_the_session(self, storage: Storage) -> None:
        session = new_session(storage)
        first = admit(storage, new_run(session), idempotency=KEY).run
        repeat = storage.runs.admit(
            new_run(session, seconds=9),
            claim=LEASE,
            history_turns=10,
            concurrency=BusyPolicy.ROLLBACK,
            idempotency=KEY,
            owner=None,
        )
        assert repeat == Replay("f", first.id)
        assert list(storage.runs.cancel_requests(LEASE.worker_id)) == []
        assert storage.sessions.get(session.id, owner=None) == session
        assert admitted(storage, session).position == 2

    def test_a_repeat_is_a_repeat_though_the_session_is_busy_or_gone(self, storage: Storage) -> None:
        session = new_session(storage)
        first = admit(storage, new_run(session), concurrency=BusyPolicy.REJECT, idempotency=KEY).run

        def ask() -> object:
            again = new_run(session)
            return storage.runs.admit(
                again, claim=LEASE, owner=None, history_turns=10, concurrency=BusyPolicy.REJECT, idempotency=KEY
            )

        assert ask() == Replay("f", first.id)
        storage.sessions.delete(session.id, owner=None)
        assert ask() == Replay("f", first.id)
        assert storage.runs.get(first.id, owner=None) is None

    def test_a_request_that_is_refused_does_not_use_its_key_up(self, storage: Storage) -> None:
        session = new_session(storage)
        taken = admitted(storage, session)
        with pytest.raises(SessionNotFound):
            storage.runs.admit(new_run(session_id="x"), claim=LEASE, owner=None, history_turns=10, idempotency=KEY)
        with pytest.raises(SessionBusy):
            storage.runs.admit(
                new_run(session),
                claim=LEASE,
                owner=None,
                history_turns=10,
                concurrency=BusyPolicy.REJECT,
                idempotency=KEY,
            )
        with pytest.raises(StorageError):
            storage.runs.admit(new_run(id=taken.id), claim=LEASE, owner=None, history_turns=10, idempotency=KEY)
        with pytest.raises(StorageError):
            storage.sessions.create(session, idempotency=KEY)
        assert isinstance(_make_run(storage, KEY), str)


def _named(given: IdempotencyKey, number: int) -> IdempotencyKey:
    return IdempotencyKey(
        owner=given.owner,
        route=given.route,
        key=f"{given.key}{number}",
        fingerprint=given.fingerprint,
        seconds=given.seconds,
    )
