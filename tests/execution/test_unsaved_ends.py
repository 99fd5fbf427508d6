"""Agents that are not ours may yield anything. Their runs end all the same, and what they leave can be saved."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from agentos.domain.event import Frame, ToolCallEvent, Yielded
from agentos.domain.ids import new_id
from agentos.domain.message import ToolCall
from agentos.domain.pending import PauseRequested, PendingAction, PendingKind
from agentos.domain.run import Run, RunStatus
from agentos.domain.times import utc_now
from agentos.domain.usage import MOST_TOKENS, Usage
from agentos.errors import ExecutionError, StorageError
from agentos.runtime.context import RunContext
from parts.picky_storage import PickyStorage
from parts.waiting import until
from parts.workers import Asks, Speaker, Worker, ended, new_session, says

ACTION = PendingAction(
    id="one", kind=PendingKind.INPUT, call=ToolCall("", "", ""), arguments_hash="hash", created_at=utc_now()
)

NAIVE = utc_now().replace(tzinfo=None)


@pytest.fixture
def storage() -> PickyStorage:
    return PickyStorage()


@pytest.fixture
def worker(storage: PickyStorage) -> Iterator[Worker]:
    worker = Worker(storage, "here")
    yield worker
    worker.close()


def called(**fields: Any) -> list[Yielded]:
    ended = ToolCallEvent(**{"tool_call_id": "c", "tool_name": "t", "arguments": {}, "status": "completed", **fields})
    return [replace(ended, status="started", result=None, error=None), ended]


def saved(worker: Worker, agent: object, *, session_id: str | None = None) -> Run:
    """Return a run of an agent as it was saved when it had ended."""
    told = ended(worker.start(agent, session_id=session_id))
    run = worker.storage.runs.get(told.id, owner=None)
    assert run is not None
    assert (run.status, run.error) == (told.status, told.error)
    return run


def test_the_texts_of_tool_calls_are_cleaned(worker: Worker) -> None:
    session_id = new_session(worker.storage)
    calls = called(tool_call_id="c\0", tool_name="t\0", result="a\0b")
    run = saved(worker, says("Let me look.", *calls, "done"), session_id=session_id)
    assert run.status is RunStatus.COMPLETED
    _, asked, result, _ = worker.storage.runs.window(session_id, turns=1)
    assert [(call.id, call.name) for call in asked.tool_calls] == [("c\ufffd", "t\ufffd")]
    assert (result.tool_call_id, result.content) == ("c\ufffd", "a\ufffdb")


def test_a_result_that_is_no_text_is_its_json(worker: Worker) -> None:
    session_id = new_session(worker.storage)
    run = saved(
        worker,
        says(*called(result={"rows": 3}), *called(tool_call_id="d", result={1: 2}), "done"),
        session_id=session_id,
    )
    assert run.status is RunStatus.COMPLETED
    said = [one.content for one in worker.storage.runs.window(session_id, turns=1) if one.role == "tool"]
    assert said == ['{"rows":3}', "{1: 2}"]


@pytest.mark.parametrize("fields", [{"tool_call_id": 7}, {"tool_name": None}])
def test_what_is_no_text_in_a_tool_call_is_refused(worker: Worker, fields: dict[str, Any]) -> None:
    run = saved(worker, says(*called(**fields), "done"))
    assert run.error is not None
    assert (run.error.code, "accepted are texts" in run.error.message) == ("EXECUTION_ERROR", True)


def test_usages_that_are_too_much_together_are_refused(worker: Worker) -> None:
    most = Usage(MOST_TOKENS, 0, 0)
    run = saved(worker, says(most, most))
    assert run.error is not None
    assert (run.error.code, run.usage) == ("EXECUTION_ERROR", most)


@pytest.mark.parametrize(
    "actions",
    [
        [replace(ACTION, id="x\0")],
        [replace(ACTION, id="")],
        [replace(ACTION, id="x" * 256)],
        [ACTION, ACTION],
        [replace(ACTION, created_at=NAIVE)],
        [replace(ACTION, expires_at=NAIVE)],
        [replace(ACTION, message=object())],
        [replace(ACTION, schema={"default": object()})],
        [replace(ACTION, call=None)],
    ],
)
def test_an_action_that_cannot_be_saved_is_refused(worker: Worker, actions: Sequence[PendingAction]) -> None:
    run = saved(worker, Speaker(raising(PauseRequested(actions))))
    assert run.error is not None
    assert (run.error.code, "asked for a pause" in run.error.message) == ("EXECUTION_ERROR", True)


def test_the_texts_of_an_action_are_cleaned(worker: Worker, storage: PickyStorage) -> None:
    action = replace(ACTION, id=new_id(), message="May\0 I?", call=ToolCall("c\0", "t", '{"a":"\ud800"}'))
    live = worker.start(Speaker(raising(PauseRequested([action]))))
    until(lambda: storage.runs.get(live.run.id, owner=None).status is RunStatus.PAUSED)
    (kept,) = storage.runs.actions(live.run.id)
    assert (kept.message, kept.call) == ("May\ufffd I?", ToolCall("c\ufffd", "t", '{"a":"\ufffd"}'))


def test_an_error_with_details_that_are_a_circle_ends_the_run_as_that_error(worker: Worker) -> None:
    circle: dict[str, Any] = {}
    circle["again"] = circle
    run = saved(worker, Speaker(raising(ExecutionError("it broke", details=circle))))
    assert run.error is not None
    assert run.error.message == "it broke"


@pytest.mark.parametrize("error", [StorageError("not taken"), ValueError("a backend with a bug")])
def test_a_run_whose_messages_are_not_taken_is_saved_as_failed(
    worker: Worker, storage: PickyStorage, error: Exception
) -> None:
    storage.runs.refuses_messages, storage.runs.error = True, error
    session_id = new_session(storage)
    run = saved(worker, says("Hello"), session_id=session_id)
    assert run.error is not None
    assert (run.error.code, run.content) == ("STORAGE_ERROR", "Hello")
    assert last(storage, run).type == "error"
    assert storage.runs.window(session_id, turns=1) == ()


def test_a_paused_run_whose_messages_are_not_taken_can_be_cancelled(worker: Worker, storage: PickyStorage) -> None:
    live = worker.start(Asks(["May I?"], ["Thanks."]), session_id=new_session(storage))
    until(lambda: storage.runs.get(live.run.id, owner=None).status is RunStatus.PAUSED)
    storage.runs.refuses_messages = True
    worker.handle(live.run.id).cancel()
    run = storage.runs.get(live.run.id, owner=None)
    assert run is not None
    assert (run.status, run.content, last(storage, run).type) == (RunStatus.CANCELLED, "May I?", "error")


def last(storage: PickyStorage, run: Run) -> Frame:
    return storage.events.read(run.id)[-1]


def raising(error: BaseException) -> Callable[[RunContext], Iterator[Yielded]]:
    def stream(context: RunContext) -> Iterator[Yielded]:
        yield "x"
        raise error

    return stream
