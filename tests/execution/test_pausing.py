"""A run that waits is saved, has no worker, and goes on at any worker."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from agentos.domain.event import Step, ToolCallEvent, Yielded
from agentos.domain.pending import PauseRequested
from agentos.domain.run import BusyPolicy, RunStatus
from agentos.domain.times import utc_now
from agentos.domain.usage import Usage
from agentos.errors import SessionBusy, StorageError
from agentos.runtime.context import RunContext
from agentos.storage.admission import Lease
from agentos.storage.memory import MemoryStorage
from parts.pausing import Asks, action, approvals, paused
from parts.waiting import until
from parts.workers import Gate, Speaker, Worker, ended, event, new_session, numbers, says


def answer(worker: Worker, run_id: str) -> None:
    """Approve what a run waits for, and let a worker execute it."""
    run = paused(worker.storage, run_id)
    answered = worker.storage.runs.answer(run_id, approvals(run), owner=None)
    assert answered.resumed
    worker.worker.resume(answered.run)


def types(worker: Worker, run_id: str) -> list[str]:
    frames = worker.storage.events.read(run_id)
    assert numbers(frames) == list(range(1, len(frames) + 1))
    return [frame.type for frame in frames]


def test_a_run_that_pauses_is_saved_and_leaves_its_worker(here: Worker) -> None:
    live = here.start(Asks())
    last = live.stream.wait(5)
    assert last is not None
    saved = paused(here.storage, live.run.id)
    assert (last.type, [one["id"] for one in event(last).pending]) == ("paused", [one.id for one in saved.pending])
    assert (saved.worker_id, saved.content, live.run.pending) == (None, "before 0 ", saved.pending)
    assert types(here, saved.id) == ["run_start", "token", "paused"]
    until(lambda: here.worker.get(saved.id) is None)
    assert here.finished == []


def test_a_paused_run_continues_at_another_worker_when_it_is_answered(
    worker: Callable[..., Worker],
) -> None:
    agent = Asks()
    there, here = worker("there"), worker("here", agents={"a": agent})
    session_id = new_session(there.storage)
    run_id = there.start(agent, session_id=session_id).run.id
    paused(there.storage, run_id)
    there.close()
    answer(here, run_id)
    run = here.handle(run_id).wait(5)
    assert (run.status, run.content, run.attempt) == (RunStatus.COMPLETED, "before 0 after 1", 2)
    assert types(here, run_id) == ["run_start", "token", "paused", "resumed", "token", "complete"]
    resumed, token = (event(frame) for frame in here.storage.events.read(run_id)[3:5])
    assert (resumed.answers, token.index) == ([{"id": agent.contexts[1].actions[0].id, "decision": "approve"}], 1)
    said = here.storage.sessions.history(session_id, owner=None, limit=9).messages
    assert [one.message.content for one in said] == ["Hi", "before 0 after 1"]
    assert [run.id for run in (*there.finished, *here.finished)] == [run_id]


def test_a_run_may_pause_again_and_has_the_answers_of_all_its_pauses(here: Worker) -> None:
    agent = Asks(rounds=3)
    here.agents["a"] = agent
    run_id = here.start(agent).run.id
    for _ in range(3):
        answer(here, run_id)
    assert here.handle(run_id).wait(5).content == "before 0 before 1 before 2 after 3"
    assert [len(context.actions) for context in agent.contexts] == [0, 1, 2, 3]
    assert types(here, run_id).count("run_start") == 1
    assert types(here, run_id).count("paused") == types(here, run_id).count("resumed") == 3


def test_what_a_run_used_and_did_is_counted_across_its_pauses(here: Worker) -> None:
    def stream(context: RunContext) -> Iterator[Yielded]:
        yield [Usage(1, 2), Step(model="p:m", finish_reason="tool_calls")]
        if not context.actions:
            yield ToolCallEvent("1", "add", {}, "started")
            yield ToolCallEvent("1", "add", {}, "completed", result="3")
            raise PauseRequested([action()])
        yield "end"

    here.agents["a"] = Speaker(stream)
    run_id = here.start(here.agents["a"]).run.id
    waits = paused(here.storage, run_id)
    assert (waits.usage, waits.model, waits.loops) == (Usage(1, 2), "p:m", 1)
    answer(here, run_id)
    run = here.handle(run_id).wait(5)
    assert run.usage == Usage(2, 4)
    saved = here.storage.runs.get(run_id, owner=None)
    assert [(step.number, step.type, step.status) for step in saved.steps] == [
        (1, "model_call", "completed"),
        (2, "tool_call", "completed"),
        (3, "model_call", "completed"),
    ]


def test_a_call_that_asked_is_one_step_of_the_record(here: Worker) -> None:
    def stream(context: RunContext) -> Iterator[Yielded]:
        if not context.actions:
            yield ToolCallEvent("1", "ask", {}, "started")
            raise PauseRequested([action()])
        yield ToolCallEvent("1", "ask", {}, "completed", result="blue")
        yield "end"

    here.agents["a"] = Speaker(stream)
    run_id = here.start(here.agents["a"]).run.id
    answer(here, run_id)
    here.handle(run_id).wait(5)
    saved = here.storage.runs.get(run_id, owner=None)
    assert [(step.number, step.type, step.status) for step in saved.steps] == [(1, "tool_call", "completed")]


def test_what_a_run_did_to_its_sessions_state_before_a_pause_is_saved_with_its_end(here: Worker) -> None:
    def stream(context: RunContext) -> Iterator[Yielded]:
        if not context.actions:
            context.set_state([{"op": "add", "path": "/before", "value": 1}])
            raise PauseRequested([action()])
        if context.input == "look":
            yield str(sorted(context.state))
            context.set_state([{"op": "add", "path": "/after", "value": 2}])

    here.agents["a"] = Speaker(stream)
    for text, state in (("do not look", {"before": 1}), ("look", {"before": 1, "after": 2})):
        session_id = new_session(here.storage)
        run_id = here.start(here.agents["a"], session_id=session_id, input=text).run.id
        paused(here.storage, run_id)
        assert here.storage.sessions.get(session_id, owner=None).state == {}
        answer(here, run_id)
        here.handle(run_id).wait(5)
        assert here.storage.sessions.get(session_id, owner=None).state == state
    assert here.handle(run_id).get().content == "['before']"


def test_a_pause_uses_up_no_time(worker: Callable[..., Worker]) -> None:
    agent = Asks()
    here = worker("here", agents={"a": agent})
    run_id = here.start(agent).run.id
    time.sleep(0.3)
    answer(here, run_id)
    here.handle(run_id).wait(5)
    first, second = agent.contexts
    assert second.deadline - first.deadline > 0.3


def test_a_run_that_has_to_stop_when_it_wants_to_pause_ends(here: Worker) -> None:
    asked = threading.Event()

    def stream(context: RunContext) -> Iterator[Yielded]:
        yield "words"
        asked.wait(5)
        raise PauseRequested([action()])

    live = here.start(Speaker(stream))
    here.storage.runs.request_cancel(live.run.id, owner=None)  # nothing looks for it: only the pause finds out
    asked.set()
    run = ended(live)
    assert (run.status, run.error.code, run.content) == (RunStatus.CANCELLED, "RUN_CANCELLED", "words")
    assert types(here, run.id) == ["run_start", "token", "error"]
    assert here.storage.runs.actions(run.id) == ()


def test_a_run_of_an_owner_with_too_many_paused_ones_fails_and_says_so(worker: Callable[..., Worker]) -> None:
    here = worker("here", max_paused=1)
    paused(here.storage, here.start(Asks()).run.id)
    run = ended(here.start(Asks()))
    assert (run.status, run.error.code) == (RunStatus.FAILED, "RATE_LIMITED")
    assert "AGENTOS_MAX_PAUSED_RUNS_PER_OWNER" in run.error.message


def test_an_agent_that_pauses_for_nothing_fails(here: Worker) -> None:
    def stream(context: RunContext) -> Iterator[Yielded]:
        raise PauseRequested([])
        yield

    run = ended(here.start(Speaker(stream)))
    assert "named nothing that it waits for" in run.error.message


def test_a_pause_that_cannot_be_saved_is_not_reported_as_one() -> None:
    class Failing(MemoryStorage):
        def __init__(self) -> None:
            super().__init__()
            self.runs.pause = self.runs.finish = self._fail  # type: ignore[method-assign]

        def _fail(self, *_: object, **__: object) -> bool:
            raise StorageError("disk full")

    here = Worker(Failing(), "here")
    run = ended(here.start(Asks()))
    assert (run.status, run.error.code) == (RunStatus.FAILED, "STORAGE_ERROR")
    here.close()


def test_a_cancelled_paused_run_keeps_what_it_had_said(here: Worker) -> None:
    session_id = new_session(here.storage)
    run_id = here.start(Asks(), session_id=session_id).run.id
    paused(here.storage, run_id)
    assert here.handle(run_id).cancel().status is RunStatus.CANCELLED
    run = here.storage.runs.get(run_id, owner=None)
    assert (run.content, run.error.code, run.pending) == ("before 0 ", "RUN_CANCELLED", ())
    assert types(here, run_id) == ["run_start", "token", "paused", "error"]
    said = here.storage.sessions.history(session_id, owner=None, limit=9).messages
    assert [one.message.content for one in said] == ["Hi", "before 0 "]
    assert [one.id for one in here.finished] == [run_id]


def test_a_paused_run_that_was_asked_to_stop_is_ended_by_the_sweep(here: Worker) -> None:
    run_id = here.start(Asks()).run.id
    paused(here.storage, run_id)
    here.storage.runs.request_cancel(run_id, owner=None)  # the process that asked is gone
    here.sweeper.sweep()
    assert here.storage.runs.get(run_id, owner=None).status is RunStatus.CANCELLED


def test_inline_runs_that_wait_behind_a_run_end_when_it_pauses_and_background_runs_stay_queued(here: Worker) -> None:
    session_id = new_session(here.storage)
    go_on = threading.Event()

    def stream(context: RunContext) -> Iterator[Yielded]:
        if not context.actions:
            go_on.wait(5)
            raise PauseRequested([action()])
        yield "answered"

    here.agents["a"] = Speaker(stream)
    first = here.start(here.agents["a"], session_id=session_id)
    waits = here.start(says("never"), session_id=session_id)
    background = here.submit(says("later"), session_id=session_id, input="background")
    go_on.set()
    run = ended(waits)
    (pending,) = paused(here.storage, first.run.id).pending
    assert (run.status, run.error.code) == (RunStatus.FAILED, "SESSION_BUSY")
    assert (run.error.details["run_id"], run.error.details["pending"]) == (run.id, [pending.id])
    assert here.storage.runs.get(background, owner=None).status is RunStatus.QUEUED
    answer(here, first.run.id)
    assert here.handle(background).wait(5).content == "later"
    said = here.storage.sessions.history(session_id, owner=None, limit=9).messages
    assert [one.message.content for one in said] == ["Hi", "answered", "background", "later"]


@pytest.mark.parametrize("policy", [BusyPolicy.ENQUEUE, BusyPolicy.REJECT])
def test_a_new_run_behind_a_paused_one_is_refused_with_what_that_one_waits_for(
    here: Worker, policy: BusyPolicy
) -> None:
    session_id = new_session(here.storage)
    run_id = here.start(Asks(), session_id=session_id).run.id
    (pending,) = paused(here.storage, run_id).pending
    with pytest.raises(SessionBusy) as refused:
        here.start(says("x"), session_id=session_id, concurrency=policy)
    assert refused.value.details == {"run_id": run_id, "pending": [pending.id]}


@pytest.mark.parametrize(
    ("policy", "history"),
    [(BusyPolicy.INTERRUPT, ["Hi", "before 0 ", "new", "mine"]), (BusyPolicy.ROLLBACK, ["new", "mine"])],
)
@pytest.mark.parametrize("background", [False, True])
def test_a_new_run_that_stops_the_others_ends_a_paused_one(
    here: Worker, policy: BusyPolicy, history: list[str], background: bool
) -> None:
    session_id = new_session(here.storage)
    run_id = here.start(Asks(), session_id=session_id).run.id
    paused(here.storage, run_id)
    if background:
        mine = here.submit(says("mine"), session_id=session_id, input="new", concurrency=policy)
    else:
        mine = here.start(says("mine"), session_id=session_id, input="new", concurrency=policy).run.id
    assert here.handle(mine).wait(5).content == "mine"
    assert here.storage.runs.get(run_id, owner=None).status is RunStatus.CANCELLED
    said = here.storage.sessions.history(session_id, owner=None, limit=9).messages
    assert [one.message.content for one in said] == history


def test_draining_leaves_paused_runs_and_those_that_wait_for_a_worker(worker: Callable[..., Worker]) -> None:
    here, there = worker("here", background=1), worker("there")
    waits = paused(here.storage, here.start(Asks()).run.id)
    gate = Gate()
    here.submit(gate)
    assert gate.waiting.wait(5)
    queued = here.submit(says("elsewhere"))
    here.worker.drain(0)
    gate.go_on.set()
    found = [here.storage.runs.get(run_id, owner=None) for run_id in (waits.id, queued)]
    assert [(run.status, run.worker_id) for run in found] == [(RunStatus.PAUSED, None), (RunStatus.QUEUED, None)]
    there.agents |= here.agents
    there.worker.execute(queued)
    assert there.handle(queued).wait(5).content == "elsewhere"


def test_an_answered_run_whose_worker_is_lost_before_it_says_a_word_is_resumed_only_if_its_agent_allows_that(
    worker: Callable[..., Worker],
) -> None:
    careful, bold = Asks(), Asks(retry_on_crash=True)
    there, here = worker("there"), worker("here", agents={"a": careful, "b": bold}, max_attempts=2)
    for agent_id, agent, end in (("a", careful, RunStatus.FAILED), ("b", bold, RunStatus.COMPLETED)):
        there.agents[agent_id] = agent
        run_id = there.start(agent, agent_id=agent_id).run.id
        run = paused(there.storage, run_id)
        here.storage.runs.answer(run_id, approvals(run), owner=None)
        assert here.storage.runs.claim(run_id, Lease("lost", 0.05), now=utc_now()) is not None
        time.sleep(0.2)
        here.sweeper.sweep()
        ended_run = here.handle(run_id).wait(5)
        assert ended_run.status is end
        assert ended_run.crashes == 1
        expected = ["run_start", "token", "paused"]
        expected += ["error"] if end is RunStatus.FAILED else ["resumed", "token", "complete"]
        assert types(here, run_id) == expected
