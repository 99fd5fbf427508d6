"""What a run keeps of the calls to its model."""

from collections.abc import Callable, Iterator

import pytest

from agentos.domain.event import Step
from agentos.domain.run import RunStatus
from agentos.domain.session import Session
from agentos.domain.usage import Usage
from agentos.runtime.context import RunContext
from agentos.storage.memory import MemoryStorage
from parts.workers import Speaker, Worker, ended, event, new_session, says

DETAILS = {"reasoning_content": "secret thoughts"}


@pytest.fixture
def here(worker: Callable[..., Worker]) -> Worker:
    return worker("here")


def test_a_run_ends_with_the_model_and_the_finish_reason_of_its_last_step(here: Worker) -> None:
    live = here.start(
        says("a", Step(model="p:first", finish_reason="tool_calls"), "b", Step(model="p:last", finish_reason="length"))
    )
    run = ended(live)
    assert (run.model, run.finish_reason) == ("p:last", "length")
    saved = here.storage.runs.get(run.id, owner=None)
    assert saved is not None
    assert (saved.model, saved.finish_reason) == ("p:last", "length")
    frames = [frame for batch in live.stream.follow(heartbeat=5) for frame in batch]
    assert [frame.type for frame in frames] == ["run_start", "token", "token", "complete"]
    assert (event(frames[-1]).model, event(frames[-1]).finish_reason) == ("p:last", "length")


def test_a_run_without_a_step_has_neither(here: Worker) -> None:
    live = here.start(says("a", Usage(1, 1)))
    assert (ended(live).model, ended(live).finish_reason) == (None, None)
    *_, last = [frame for batch in live.stream.follow(heartbeat=5) for frame in batch]
    assert b"finish_reason" not in last.data
    assert b'"model"' not in last.data


@pytest.mark.parametrize(
    "details",
    [
        {"not JSON": object()},
        {"half a pair": "\ud800"},
        {1: "a key"},
        {"large": "x" * 2 * 1024**2},
        {"large number": 2**70},
    ],
    ids=["not JSON", "half a pair", "a key that is no text", "large", "large number"],
)
def test_details_that_cannot_be_kept_are_left_out_and_the_run_completes(
    here: Worker, details: dict[object, object], caplog: pytest.LogCaptureFixture
) -> None:
    session = new_session(here.storage)
    step = Step(model="p:m\0" + "x" * 999, finish_reason="strange", provider_details=details)  # type: ignore[arg-type]
    run = ended(here.start(says("a", step), session_id=session))
    assert (run.status, run.finish_reason) == (RunStatus.COMPLETED, "other")
    assert run.model is not None
    assert len(run.model) <= 255
    (_, said) = here.storage.sessions.history(session, owner=None, limit=9).messages
    assert said.message.provider_details is None
    assert "are left out" in caplog.text


def test_details_are_kept_with_the_message_and_nowhere_else(here: Worker) -> None:
    session = new_session(here.storage)
    live = here.start(says("a", Step(model="p:m", finish_reason="stop", provider_details=DETAILS)), session_id=session)
    ended(live)
    (_, said) = here.storage.sessions.history(session, owner=None, limit=9).messages
    assert (said.message.provider, said.message.provider_details) == ("p", DETAILS)
    for batch in live.stream.follow(heartbeat=5):
        assert all(b"secret" not in frame.data for frame in batch)


class CountingStorage(MemoryStorage):
    """Counts how often a session is read."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0
        get = self.sessions.get

        def count(session_id: str, *, owner: str | None) -> Session | None:
            self.read += 1
            return get(session_id, owner=owner)

        self.sessions.get = count  # type: ignore[method-assign]


def test_a_session_is_read_only_by_a_run_that_asks_for_its_state_and_once() -> None:
    storage = CountingStorage()
    worker = Worker(storage, "here")
    session = new_session(storage)

    def stream(context: RunContext) -> Iterator[str]:
        for number in range(3):
            context.set_state([{"op": "add", "path": "/n", "value": number}])
        yield str(context.state)

    ended(worker.start(says("a"), session_id=session))
    assert storage.read == 0
    assert ended(worker.start(Speaker(stream), session_id=session)).content == "{'n': 2}"
    assert storage.read == 1
    worker.close()


def test_the_next_run_sees_the_state_at_whichever_worker(here: Worker, there: Worker) -> None:
    session = new_session(here.storage)

    def stream(context: RunContext) -> Iterator[str]:
        values = list(context.state.get("list", []))
        context.set_state([{"op": "add", "path": "/list", "value": [*values, "x"]}])
        yield str(context.state)

    live = here.start(Speaker(stream), session_id=session)
    ended(live)
    ended(there.start(Speaker(stream), session_id=session))
    found = here.storage.sessions.get(session, owner=None)
    assert found is not None
    assert (found.state, found.version) == ({"list": ["x", "x"]}, 3)
