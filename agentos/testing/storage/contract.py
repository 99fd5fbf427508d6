"""What the parts of the contract have in common: the fixture to override, and values to store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentos.domain.event import Frame
from agentos.domain.ids import new_id
from agentos.domain.message import Message
from agentos.domain.run import Run, RunStatus
from agentos.domain.session import Session
from agentos.storage.admission import Admission, Lease
from agentos.storage.idempotency import IdempotencyKey
from agentos.storage.interface import Storage

START = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
LEASE = Lease("worker-1", 60.0)
THREADS = 8
AWKWARD: dict[str, Any] = {
    "z": 1,
    "a": [None, True, 1.5, "", {"": []}],
    "big": 123456789012345678901234567890,
    "text": 'é 漢字 \U0001f600 "\\ \n\r\t\u2028\u2029 end',
    "nul": "\x00",
}
"""JSON that careless storage changes: order of keys, large integers, control and line separator characters."""


class Contract:
    """A part of the contract."""

    @pytest.fixture
    def storage(self) -> Storage:
        """Return an empty storage that is ready for use."""
        raise NotImplementedError("override the fixture `storage` with one that returns your storage, upgraded")


def at(seconds: float) -> datetime:
    """Return a time by its seconds after :data:`START`."""
    return START + timedelta(seconds=seconds)


def new_session(storage: Storage, *, seconds: float = 0, **fields: Any) -> Session:
    """Create a session and return it."""
    given = {"id": new_id(), "agent_id": "assistant", "created_at": at(seconds), "updated_at": at(seconds), **fields}
    session = Session(**given)
    storage.sessions.create(session)
    return session


def new_run(session: Session | None = None, *, seconds: float = 0, **fields: Any) -> Run:
    """Return a run that is not admitted yet."""
    given: dict[str, Any] = {
        "id": new_id(),
        "agent_id": "assistant",
        "session_id": None if session is None else session.id,
        "status": RunStatus.QUEUED,
        "input": "Hello",
        "created_at": at(seconds),
        **fields,
    }
    return Run(**given)


def admit(
    storage: Storage,
    run: Run,
    claim: Lease | None = LEASE,
    *,
    owner: str | None = None,
    history_turns: int = 10,
    **options: Any,
) -> Admission:
    """Admit a run; its idempotency key, if it has one, is new."""
    admission = storage.runs.admit(run, claim=claim, owner=owner, history_turns=history_turns, **options)
    assert isinstance(admission, Admission)
    return admission


def admitted(storage: Storage, session: Session | None = None, *, lease: Lease | None = LEASE, **fields: Any) -> Run:
    """Admit a run and return it as it was admitted; without a lease, it waits for a worker to claim it."""
    return admit(storage, new_run(session, **fields), lease).run


def claimed(storage: Storage, run_id: str, lease: Lease = LEASE, *, seconds: float = 1) -> Admission:
    """Claim a run that no worker has, or that has lost its worker."""
    admission = storage.runs.claim(run_id, lease, now=at(seconds))
    assert admission is not None
    return admission


def taken_over(storage: Storage, lease: Lease = LEASE, *, limit: int = 9) -> list[Run]:
    """Claim the runs that have lost their workers, and return them."""
    return [claimed(storage, run_id, lease).run for run_id in storage.runs.unattended(limit=limit).lost]


def key(name: str = "k", **fields: Any) -> IdempotencyKey:
    """Return an idempotency key."""
    return IdempotencyKey(**{"owner": "alice", "route": "run", "key": name, "fingerprint": "f", **fields})


def as_kept(run: Run) -> Run:
    """Return a run as lists and histories have it: its attachments without their bytes."""
    return replace(run, media=tuple(media.without_data() for media in run.media))


def ended(run: Run, *, seconds: float = 5, **fields: Any) -> Run:
    """Return a run at its end."""
    given = {"status": RunStatus.COMPLETED, "content": "Hi", "ended_at": at(seconds), **fields}
    return replace(run, **given)


def said(*texts: str) -> tuple[Message, ...]:
    """Return a turn: what the user said first, then the assistant."""
    return tuple(Message("assistant" if index else "user", text) for index, text in enumerate(texts))


def take_turn(storage: Storage, session: Session, *texts: str, **fields: Any) -> Run:
    """Run one whole turn in a session and return the run at its end."""
    run = ended(admitted(storage, session, **fields))
    assert storage.runs.finish(run, messages=said(*texts))
    return run


def frames(first: int, last: int, *, kind: str = "token") -> tuple[Frame, ...]:
    """Return consecutive frames."""
    return tuple(Frame(number, kind, b'{"n":%d}' % number) for number in range(first, last + 1))


def at_once(call: Callable[[int], None], count: int = THREADS) -> None:
    """Call from several threads and raise what one of them raised."""
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            call(number)
        except BaseException as error:  # noqa: BLE001 - handed on below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures:
        raise failure
