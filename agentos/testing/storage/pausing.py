"""Values for the promises about runs that pause: actions, answers and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentos.domain.checkpoint import Checkpoint
from agentos.domain.ids import new_id
from agentos.domain.message import Message, ToolCall
from agentos.domain.pending import Answer, PendingAction, PendingKind
from agentos.domain.run import Run
from agentos.domain.run_step import RunStep
from agentos.domain.session import Session
from agentos.domain.usage import Usage
from agentos.storage.interface import Storage
from agentos.storage.records import Record
from agentos.testing.storage.contract import AWKWARD, admitted, at, frames

APPROVED = Answer(decision="approve", answered_by="key:4f", answered_at=at(30))
REJECTED = Answer(decision="reject", message="é \U0001f600 no", answered_by="key:4f", answered_at=at(30))

RECORD = Record(collection="pending-expiry", id="r", owner="alice", document=AWKWARD, due_at=at(9))
CALL = ToolCall("call_1", "transfer", '{"amount": 1e400}', {"sign": AWKWARD})


def action(**fields: Any) -> PendingAction:
    """Return an action that waits for an approval, without limit."""
    given = {
        "id": new_id(),
        "kind": PendingKind.APPROVAL,
        "call": CALL,
        "arguments_hash": "0" * 64,
        "created_at": at(7),
        **fields,
    }
    return PendingAction(**given)


def checkpoint(number: int = 1, **fields: Any) -> Checkpoint:
    """Return a checkpoint that has a value in each field."""
    step = RunStep(
        number=number,
        type="model_call",
        status="completed",
        started_at=at(number),
        duration=1.5,
        model="p:m",
        attempt=1,
        finish_reason="tool_calls",
        usage=Usage(1, 2, 3, 4),
    )
    given: dict[str, Any] = {
        "number": number,
        "messages": (
            Message("assistant", f"turn {number} é \U0001f600\n", (CALL,), provider="p", provider_details=AWKWARD),
            Message("tool", "done", tool_call_id="call_0"),
        ),
        "reasoning": "hm \u2028",
        "steps": (step,),
        "patches": ([{"op": "add", "path": "/seen", "value": AWKWARD}],),
        "usage": Usage(number, 2**40, 3, None),
        "tokens": 10 * number,
        "turns": number,
        "size": 100,
        "written": 7,
        "agent_state": {"adapter": "x", "state": AWKWARD},
        "model": "p:m",
        "finish_reason": "tool_calls",
        **fields,
    }
    return Checkpoint(**given)


def pause(storage: Storage, run: Run, *actions: PendingAction, **options: Any) -> bool:
    """Pause a run, at one action unless others are given, without a checkpoint unless one is given."""
    return storage.runs.pause(run, actions=actions or (action(),), **{"checkpoints": (), **options})


def paused_run(storage: Storage, run: Run, *actions: PendingAction, **options: Any) -> Run:
    """Pause a run as :func:`pause` does, and return it as it is then."""
    assert pause(storage, run, *actions, **options)
    return read(storage, run.id)


def paused(
    storage: Storage, session: Session | None = None, *, actions: Sequence[PendingAction] = (), **fields: Any
) -> Run:
    """Admit a run, let it speak, pause it, and return it as it is then."""
    run = replace(admitted(storage, session, **fields), content="so far", usage=Usage(3, 4, 0), loops=1)
    log = (*frames(1, 2), *frames(3, 3, kind="paused"))
    return paused_run(storage, run, *actions, checkpoints=[checkpoint()], frames=log)


def answer(storage: Storage, run: Run, given: Answer = APPROVED, *, claim_within: float = 30.0) -> Run:
    """Give the same answer to all that a run waits for, and return the run as it is then."""
    answers = {one.id: given for one in read(storage, run.id).pending}
    return storage.runs.answer(run.id, answers, owner=None, claim_within=claim_within).run


def resumes(storage: Storage, run_id: str, answers: Mapping[str, Answer], *, owner: str | None = None) -> bool:
    """Answer, and return whether the run continues."""
    return storage.runs.answer(run_id, answers, owner=owner).resumed


def stored_record(storage: Storage) -> Record | None:
    """Return :data:`RECORD` as it is stored."""
    return storage.records.get(RECORD.collection, RECORD.id, owner=RECORD.owner)


def read(storage: Storage, run_id: str) -> Run:
    """Return a run that is there."""
    found = storage.runs.get(run_id, owner=None)
    assert found is not None
    return found
