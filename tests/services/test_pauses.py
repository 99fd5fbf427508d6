"""Runs that pause, through the services of whole workers on one database: answers, expiry, loss of workers."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import agentos_redis
import pytest

from agentos.bootstrap import build
from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.domain.event import Paused, Resumed
from agentos.domain.message import ToolCall
from agentos.domain.pending import Answer, Pending, PendingKind
from agentos.domain.principal import OPERATOR, Principal
from agentos.domain.run import Run, RunStatus
from agentos.domain.run_request import RunRequest
from agentos.domain.stored_request import ModelOverrides, RunMode
from agentos.domain.tool_spec import ToolSpec
from agentos.errors import (
    AgentOSError,
    AlreadyAnswered,
    Forbidden,
    InvalidRequest,
    NotFound,
    PendingExpired,
    RunFinished,
    RunNotFound,
)
from agentos.execution.executor import EmbeddedExecutor
from agentos.hookspecs import hookimpl
from agentos.models.scripted import Pause, ScriptedProvider, call
from agentos.registrations import RegisterExecutor, RegisterModelProvider
from agentos.services.pauses import SETTLED
from agentos.services.services import Services
from agentos.storage.paging import Paging
from agentos.storage.pauses import PendingFilter
from agentos.tools.approval import Approval
from agentos.tools.context import ToolContext
from agentos.tools.tool import tool
from parts.pausing import approvals, paused
from parts.waiting import until
from parts.workers import event, numbers

TRANSFER = call("transfer", '{"amount":5}', id="t1")
LOOK_UP = call("look_up", "{}", id="l1", index=1)
PAID: Sequence[Any] = ([TRANSFER, LOOK_UP], "done")

ALICE = Principal(id="key:a", owner="alice", scopes=["agents:run", "runs:approve", "runs:read"])
BOB = Principal(id="key:b", owner="bob", scopes=["agents:run", "runs:approve", "runs:read"])


class Bank:
    """A plugin with a scripted model, and tools that count how often they were called, at any worker."""

    def __init__(self, *turns: Any, approval: bool | Approval = True) -> None:
        self.approval = approval
        self.provider = ScriptedProvider(turns)
        self.calls: list[str] = []
        self.submitted: list[str] = []
        self.events: list[object] = []
        self.finished: list[Run] = []
        self.observes_pause: threading.Event | None = None

    @hookimpl
    def register_model_providers(self, register: RegisterModelProvider) -> None:
        register("test", lambda config: self.provider)

    @hookimpl
    def register_executors(self, register: RegisterExecutor) -> None:
        bank = self

        class Noting(EmbeddedExecutor):
            def submit(self, run_id: str) -> None:
                bank.submitted.append(run_id)
                super().submit(run_id)

        register("noting", lambda config: Noting(limit=2))

    @hookimpl
    def run_event(self, run: Run, event: object) -> None:
        self.events.append(event)
        if isinstance(event, Paused) and self.observes_pause is not None:
            self.observes_pause.wait(10)

    @hookimpl
    def run_finished(self, run: Run) -> None:
        self.finished.append(run)

    def agent(self, **settings: Any) -> Agent:
        @tool(approval=self.approval)
        def transfer(amount: int) -> str:
            """Transfer money."""
            self.calls.append(f"transfer {amount}")
            return "transferred"

        @tool
        def look_up() -> str:
            """Look something up."""
            self.calls.append("look_up")
            return "found"

        @tool
        def ask(context: ToolContext) -> str:
            """Ask the user."""
            self.calls.append("ask")
            colour = context.ask("Which colour?", {"type": "string"})
            return f"{colour} {context.ask('Which size?')}"

        tools = [transfer, look_up, ask]
        return Agent(id="clerk", model="test:m", tools=tools, allow_overrides=["client_tools"], **settings)


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'a.db'}"
    return str(request.getfixturevalue(f"fresh_{request.param}_url"))


Make = Callable[..., Services]


@pytest.fixture
def worker(database_url: str) -> Iterator[Make]:
    """Make workers as a server does, on one database."""
    made: list[Services] = []

    def make(bank: Bank, *, agent: Agent | None = None, **settings: Any) -> Services:
        config = Config(environ={}, database_url=database_url, plugins=(), **{"lease_seconds": 1.0, **settings})
        plugins = {"bank": bank, "redis": agentos_redis}
        made.append(build(config, agents={"clerk": agent or bank.agent()}, plugins=plugins))
        return made[-1]

    yield make
    for one in made:
        one.drain(0)
        one.close()


def start(services: Services, **more: Any) -> str:
    """Start a run and return its id."""
    request = RunRequest(**{"caller": OPERATOR, "agent_id": "clerk", "input": "Pay", "mode": RunMode.STREAMED, **more})
    return services.runs.start(request).run_id


def finished(services: Services, run_id: str) -> Run:
    found = services.runs.open(run_id, OPERATOR)
    until(lambda: found.get().status.finished)
    return found.get()


def read_by_model(bank: Bank) -> list[str]:
    """Return the results of the tools that the model read last."""
    return [message.content for message in bank.provider.requests[-1].messages if message.role == "tool"]


def types(services: Services, run_id: str) -> list[str]:
    frames = services.storage.events.read(run_id)
    assert numbers(frames) == list(range(1, len(frames) + 1))
    return [frame.type for frame in frames]


def die(services: Services) -> None:
    """Leave a worker's runs behind as ``kill -9`` would, but for their threads."""
    services.sweeper.close()
    services.leases.close()
    services.cancels.close()
    services.worker._log.close()


def test_an_approved_call_runs_at_another_worker_and_what_needed_nobody_is_not_repeated(worker: Make) -> None:
    bank = Bank(*PAID)
    there, here = worker(bank), worker(bank)
    session, _ = there.sessions.create("clerk", caller=OPERATOR)
    run_id = start(there, session_id=session.id)
    (pending,) = paused(there.storage, run_id).pending
    assert (pending.kind, pending.call.name, bank.calls) == (PendingKind.APPROVAL, "transfer", ["look_up"])
    die(there)
    here.runs.answer(run_id, {pending.id: Answer(decision="approve")}, OPERATOR)
    run = finished(here, run_id)
    assert (run.status, run.content, run.error) == (RunStatus.COMPLETED, "done", None)
    assert bank.calls == ["look_up", "transfer 5"]
    assert types(here, run_id) == [
        *("run_start", "tool_call", "tool_call", "paused"),
        *("resumed", "tool_call", "tool_call", "token", "complete"),
    ]
    said = here.sessions.history(session.id, OPERATOR, limit=9).messages
    assert [(one.message.role, one.message.content) for one in said] == [
        ("user", "Pay"),
        ("assistant", ""),
        ("tool", "transferred"),
        ("tool", "found"),
        ("assistant", "done"),
    ]


def test_twenty_answers_at_once_resume_a_run_once(worker: Make) -> None:
    bank = Bank(*PAID)
    workers = [worker(bank), worker(bank)]
    run_id = start(workers[0])
    answers = approvals(paused(workers[0].storage, run_id))
    with ThreadPoolExecutor(20) as threads:
        given = [threads.submit(workers[number % 2].runs.answer, run_id, answers, OPERATOR) for number in range(20)]
        assert {one.result().id for one in given} == {run_id}
    assert finished(workers[1], run_id).status is RunStatus.COMPLETED
    assert bank.calls.count("transfer 5") == 1
    assert types(workers[0], run_id).count("resumed") == 1


def test_a_tool_that_asks_is_called_again_with_each_answer(worker: Make) -> None:
    bank = Bank([call("ask", "{}", id="a1")], "done")
    services = worker(bank)
    run_id = start(services)
    for output in ("red", "XL"):
        (pending,) = paused(services.storage, run_id).pending
        assert pending.kind is PendingKind.INPUT
        services.runs.answer(run_id, {pending.id: Answer(output=output)}, OPERATOR)
        until(lambda: services.storage.runs.actions(run_id)[-1].id != pending.id or bank.finished)  # noqa: B023
    finished(services, run_id)
    assert bank.calls == ["ask"] * 3
    assert bank.provider.requests[-1].messages[-1].content == "red XL"
    tool_calls = [event(frame) for frame in services.storage.events.read(run_id) if frame.type == "tool_call"]
    assert [one.status for one in tool_calls] == ["started", "completed"]


def test_a_client_executes_its_own_tools(worker: Make) -> None:
    bank = Bank([call("browse", '{"url":"x"}', id="b1")], "done")
    services = worker(bank)
    overrides = ModelOverrides(client_tools=[ToolSpec("browse", "", {"type": "object"})])
    run_id = start(services, overrides=overrides)
    (pending,) = paused(services.storage, run_id).pending
    assert pending.kind is PendingKind.CLIENT_TOOL
    services.runs.answer(run_id, {pending.id: Answer(output="a page")}, OPERATOR)
    assert finished(services, run_id).content == "done"
    assert bank.provider.requests[-1].messages[-1].content == "a page"


def test_a_call_whose_tool_has_another_schema_by_now_is_not_made(worker: Make) -> None:
    bank = Bank(*PAID)
    there = worker(bank)

    @tool(approval=True)
    def transfer(amount: int, currency: str = "EUR") -> str:
        """Transfer money."""
        raise AssertionError("nobody has approved this")

    changed = Agent(id="clerk", model="test:m", tools=[transfer])
    run_id = start(there)
    answers = approvals(paused(there.storage, run_id))
    there.drain(0)
    here = worker(bank, agent=changed)
    here.runs.answer(run_id, answers, OPERATOR)
    assert finished(here, run_id).content == "done"
    results = [one.content for one in bank.provider.requests[-1].messages if one.role == "tool"]
    assert "is not what was" in results[0] or "are not what was" in results[0]


def test_answers_need_their_scopes_and_the_runs_owner(worker: Make) -> None:
    bank = Bank([TRANSFER, call("ask", "{}", id="a1", index=1)], "done")
    services = worker(bank)
    run_id = start(services, caller=ALICE)
    run = paused(services.storage, run_id)
    by_kind = {one.kind: one.id for one in run.pending}
    approve = {by_kind[PendingKind.APPROVAL]: Answer(decision="approve")}
    reply = {by_kind[PendingKind.INPUT]: Answer(output="red")}
    only = {scope: Principal(id="key:x", owner="alice", scopes=[scope]) for scope in ("agents:run", "runs:approve")}
    refused: list[tuple[type[AgentOSError], Any, Principal]] = [
        (RunNotFound, approve, BOB),
        (Forbidden, approve, only["agents:run"]),
        (Forbidden, reply, only["runs:approve"]),
        (NotFound, {"nothing": Answer(decision="approve")}, ALICE),
        (InvalidRequest, {by_kind[PendingKind.APPROVAL]: Answer(output="x")}, ALICE),
    ]
    for error, answers, caller in refused:
        with pytest.raises(error):
            services.runs.answer(run_id, answers, caller)
    half = services.runs.answer(run_id, approve, only["runs:approve"])
    assert (half.status, [one.id for one in half.pending]) == (RunStatus.PAUSED, list(reply))
    assert services.runs.answer(run_id, approve, ALICE).status is RunStatus.PAUSED  # the same again
    with pytest.raises(AlreadyAnswered):
        services.runs.answer(run_id, {next(iter(approve)): Answer(decision="reject")}, ALICE)
    (answered, *_) = [one for one in services.storage.runs.actions(run_id) if one.id in approve]
    assert answered.answer is not None
    assert answered.answer.answered_by == "key:x"
    assert services.runs.answer(run_id, reply, only["agents:run"]).status is RunStatus.QUEUED


def test_what_waits_is_shown_to_its_owner_alone(worker: Make) -> None:
    services = worker(Bank([TRANSFER]))
    mine, theirs = start(services, caller=ALICE), start(services, caller=BOB)
    for run_id in (mine, theirs):
        paused(services.storage, run_id)

    def shown(caller: Principal) -> set[str]:
        return {one.run_id for one in services.runs.waiting(PendingFilter(), Paging(), caller).items}

    assert (shown(ALICE), shown(BOB), shown(OPERATOR)) == ({mine}, {theirs}, {mine, theirs})


def test_a_background_run_is_resumed_by_the_executor_and_others_at_once(worker: Make) -> None:
    bank = Bank(*PAID, *PAID)
    services = worker(bank, executor="noting")
    for mode, submitted in ((RunMode.STREAMED, 0), (RunMode.BACKGROUND, 2)):
        run_id = start(services, mode=mode)
        services.runs.answer(run_id, approvals(paused(services.storage, run_id)), OPERATOR)
        finished(services, run_id)
        assert bank.submitted.count(run_id) == submitted


def test_a_draining_worker_takes_an_answer_and_leaves_the_run_to_others(worker: Make) -> None:
    bank = Bank(*PAID)
    here, there = worker(bank), worker(bank)
    run_id = start(here)
    answers = approvals(paused(here.storage, run_id))
    here.worker.drain(0)
    assert here.runs.answer(run_id, answers, OPERATOR).status is RunStatus.QUEUED
    time.sleep(0.2)
    assert here.runs.open(run_id, OPERATOR).get().status is RunStatus.QUEUED
    there.worker.execute(run_id)
    assert finished(there, run_id).content == "done"


def test_a_run_whose_answer_was_taken_by_a_worker_that_died_is_found_by_the_sweep(worker: Make) -> None:
    bank = Bank(*PAID)
    here, there = worker(bank), worker(bank)
    run_id = start(there)
    run = paused(there.storage, run_id)
    there.storage.runs.answer(run_id, approvals(run), owner=None, claim_within=0.1)
    die(there)
    time.sleep(0.2)
    here.sweeper.sweep()
    assert finished(here, run_id).content == "done"


FAILS = Approval(on_expiry="fail")


def test_a_run_of_which_an_approval_is_to_fail_it_fails_without_an_answer_in_time(worker: Make) -> None:
    bank = Bank(*PAID, approval=FAILS)
    services = worker(bank, pause_timeout=0.3)
    session, _ = services.sessions.create("clerk", caller=OPERATOR)
    run_id = start(services, session_id=session.id)
    run = paused(services.storage, run_id)
    assert services.runs.expire(run_id) == run.pending[0].expires_at + SETTLED
    time.sleep(0.4)
    with pytest.raises(PendingExpired):
        services.runs.answer(run_id, approvals(run), OPERATOR)
    assert services.runs.expire(run_id) is not None, "an answer in time may still be on its way"
    time.sleep(SETTLED.total_seconds())
    assert services.runs.expire(run_id) is None
    ended = finished(services, run_id)
    assert ended.error is not None
    assert (ended.status, ended.error.code) == (RunStatus.FAILED, "PENDING_EXPIRED")
    assert ended.error.details["expired"] == [run.pending[0].id]
    assert types(services, run_id)[-2:] == ["paused", "error"]
    with pytest.raises(PendingExpired):
        services.runs.answer(run_id, approvals(run), OPERATOR)
    assert [one.id for one in bank.finished] == [run_id]
    assert start(services, session_id=session.id)  # the session is free


def test_a_call_that_is_not_decided_in_time_is_rejected_and_the_run_continues(worker: Make) -> None:
    bank = Bank(*PAID)
    services = worker(bank, pause_timeout=0.3)
    run_id = start(services)
    run = paused(services.storage, run_id)
    assert services.runs.expire(run_id) == run.pending[0].expires_at + SETTLED
    time.sleep(0.4 + SETTLED.total_seconds())
    assert services.runs.expire(run_id) is None
    ended = finished(services, run_id)
    assert (ended.status, ended.content) == (RunStatus.COMPLETED, "done")
    assert bank.calls == ["look_up"]
    assert read_by_model(bank)[0] == "tool 'transfer' was not called: it was rejected: it was not decided in time"
    (action,) = services.storage.runs.actions(run_id)
    assert (action.answer.decision, action.answer.answered_by, action.answer.answered_as) == ("reject", "expiry", None)
    with pytest.raises(PendingExpired):
        services.runs.answer(run_id, approvals(run), OPERATOR)


def test_approvals_of_one_step_expire_one_after_the_other(worker: Make) -> None:
    def when(call: ToolCall, context: ToolContext) -> Pending:
        return Pending(expires_in=call.parsed_arguments["amount"])

    calls = [call("transfer", f'{{"amount": {seconds}}}', id=f"t{seconds}", index=seconds) for seconds in (1, 2, 600)]
    bank = Bank(calls, "done", approval=Approval(when=when))
    services = worker(bank)
    services.start()
    run_id = start(services)
    first, second, last = paused(services.storage, run_id).pending
    until(lambda: len(paused(services.storage, run_id).pending) == 2)
    assert paused(services.storage, run_id).pending == (second, last)
    with pytest.raises(PendingExpired):
        services.runs.answer(run_id, {first.id: Answer(decision="approve")}, OPERATOR)
    until(lambda: paused(services.storage, run_id).pending == (last,))
    services.runs.answer(run_id, {last.id: Answer(decision="approve")}, OPERATOR)
    assert finished(services, run_id).status is RunStatus.COMPLETED
    assert bank.calls == ["transfer 600"]
    assert [said.endswith("in time") for said in read_by_model(bank)] == [True, True, False]
    assert not services.records.list("pending-expiry", Paging(), owner=None).items


def test_a_run_that_pauses_again_expires_again(worker: Make) -> None:
    bank = Bank(*([call("transfer", '{"amount": 5}', id=f"t{turn}")] for turn in range(3)), "done")
    services = worker(bank, pause_timeout=0.3)
    services.start()
    run_id = start(services)
    assert finished(services, run_id).content == "done"
    assert types(services, run_id).count("resumed") == 3
    assert bank.calls == []


def test_a_question_without_an_answer_in_time_fails_the_run_beside_an_approval(worker: Make) -> None:
    bank = Bank([TRANSFER, call("ask", "{}", id="a1", index=1)], "done")
    services = worker(bank, pause_timeout=0.3)
    services.start()
    ended = finished(services, start(services))
    assert ended.error is not None
    assert ended.error.code == "PENDING_EXPIRED"


@pytest.mark.parametrize("approval", [FAILS, Approval()])
def test_the_expiry_of_a_run_is_done_by_any_worker(worker: Make, approval: Approval) -> None:
    bank = Bank(*PAID, approval=approval)
    there = worker(bank, pause_timeout=0.3)
    run_id = start(there)
    paused(there.storage, run_id)
    die(there)
    here = worker(bank)
    here.start()
    ended = finished(here, run_id)
    assert (ended.error is None or ended.error.code) == (approval is not FAILS or "PENDING_EXPIRED")
    assert bank.calls == ["look_up"]


def test_an_answered_run_does_not_expire(worker: Make) -> None:
    bank = Bank(*PAID)
    services = worker(bank, pause_timeout=0.5)
    run_id = start(services)
    services.runs.answer(run_id, approvals(paused(services.storage, run_id)), OPERATOR)
    assert finished(services, run_id).status is RunStatus.COMPLETED
    time.sleep(0.6)
    assert services.runs.expire(run_id) is None
    assert services.storage.records.list("pending-expiry", Paging(), owner=None).items == []


def test_a_paused_run_is_deleted_with_all_that_belongs_to_it(worker: Make) -> None:
    services = worker(Bank(*PAID))
    run_id = start(services)
    (pending,) = paused(services.storage, run_id).pending
    services.runs.delete(run_id, OPERATOR)
    assert services.storage.runs.get(run_id, owner=None) is None
    assert services.storage.runs.actions(run_id) == ()
    assert services.runs.waiting(PendingFilter(), Paging(), OPERATOR).items == []
    assert services.storage.records.list("pending-expiry", Paging(), owner=None).items == []
    with pytest.raises(RunNotFound):
        services.runs.answer(run_id, {pending.id: Answer(decision="approve")}, OPERATOR)


def test_the_deletion_of_a_session_and_of_an_owners_data_takes_paused_runs_along(worker: Make) -> None:
    services = worker(Bank([TRANSFER]))
    session, _ = services.sessions.create("clerk", caller=ALICE)
    in_session, alone = start(services, caller=ALICE, session_id=session.id), start(services, caller=ALICE)
    for run_id in (in_session, alone):
        paused(services.storage, run_id)
    services.sessions.delete(session.id, ALICE)
    assert services.storage.runs.get(in_session, owner=None) is None
    assert services.owner_data.delete("alice").runs == 1
    assert services.storage.runs.get(alone, owner=None) is None


def test_a_cancelled_paused_run_takes_no_answer(worker: Make) -> None:
    services = worker(Bank(*PAID))
    run_id = start(services)
    run = paused(services.storage, run_id)
    assert services.runs.open(run_id, OPERATOR).cancel().status is RunStatus.CANCELLED
    with pytest.raises(RunFinished):
        services.runs.answer(run_id, approvals(run), OPERATOR)


def test_observers_see_the_pause_and_the_resumption_and_one_end(worker: Make) -> None:
    bank = Bank(*PAID)
    services = worker(bank)
    run_id = start(services)
    run = paused(services.storage, run_id)
    until(lambda: isinstance(bank.events[-1], Paused))
    assert bank.finished == []
    services.runs.answer(run_id, approvals(run), OPERATOR)
    finished(services, run_id)
    until(lambda: bank.finished)
    assert [one.answers for one in bank.events if isinstance(one, Resumed)] == [
        [{"id": run.pending[0].id, "decision": "approve"}]
    ]
    assert [one.id for one in bank.finished] == [run_id]


def test_a_run_is_resumed_while_observers_still_look_at_its_pause(worker: Make) -> None:
    bank = Bank(*PAID)
    bank.observes_pause = threading.Event()
    services = worker(bank)
    run_id = start(services)
    run = paused(services.storage, run_id)
    until(lambda: isinstance(bank.events[-1], Paused))
    services.runs.answer(run_id, approvals(run), OPERATOR)
    assert finished(services, run_id).status is RunStatus.COMPLETED
    bank.observes_pause.set()
    until(lambda: not services.worker.running())


def test_the_tool_calls_of_finished_steps_are_not_repeated_after_a_crash(worker: Make) -> None:
    lost = Bank([LOOK_UP], ["more words ", Pause(20)])
    found = Bank("whole")
    there, here = (
        worker(lost, agent=lost.agent(retry_on_crash=True)),
        worker(found, agent=found.agent(retry_on_crash=True)),
    )
    session, _ = there.sessions.create("clerk", caller=OPERATOR)
    run_id = start(there, session_id=session.id)
    until(lambda: len(there.storage.events.read(run_id)) == 4 and there.storage.runs.checkpoints(run_id))
    die(there)

    def taken() -> bool:
        here.sweeper.sweep()
        return here.runs.open(run_id, OPERATOR).get().status.finished

    until(taken)
    run = finished(here, run_id)
    assert (run.status, run.content, run.attempt, run.crashes, run.loops) == (RunStatus.COMPLETED, "whole", 2, 1, 2)
    assert (lost.calls, found.calls) == (["look_up"], [])
    assert [one.content for one in found.provider.requests[0].messages] == ["Pay", "", "found"]
    assert types(here, run_id) == ["run_start", "tool_call", "tool_call", "token", "run_start", "token", "complete"]
    frames = here.storage.events.read(run_id)
    assert (event(frames[4]).attempt, event(frames[4]).kept_turns, event(frames[5]).index) == (2, 1, 0)
    said = here.sessions.history(session.id, OPERATOR, limit=9).messages
    assert [one.message.content for one in said] == ["Pay", "", "found", "whole"]
    assert [step.type for step in run.steps] == ["model_call", "tool_call", "model_call"]


def test_an_approved_call_is_not_repeated_after_a_crash_of_the_worker_that_made_it(worker: Make) -> None:
    lost, found = Bank([TRANSFER], ["more words ", Pause(20)]), Bank("whole")
    agents = [bank.agent(retry_on_crash=True) for bank in (lost, found)]
    there, here = worker(lost, agent=agents[0]), worker(found, agent=agents[1])
    run_id = start(there)
    there.runs.answer(run_id, approvals(paused(there.storage, run_id)), OPERATOR)
    until(lambda: len(there.storage.runs.checkpoints(run_id)) == 2)
    until(lambda: types(there, run_id)[-1] == "token")
    die(there)

    def taken() -> bool:
        here.sweeper.sweep()
        return here.runs.open(run_id, OPERATOR).get().status.finished

    until(taken)
    run = finished(here, run_id)
    assert (run.status, run.content, run.attempt, run.crashes) == (RunStatus.COMPLETED, "whole", 3, 1)
    assert (lost.calls, found.calls) == (["transfer 5"], [])
    assert types(here, run_id) == [
        *("run_start", "paused", "resumed", "tool_call", "tool_call", "token"),
        *("run_start", "token", "complete"),
    ]


def test_the_end_of_a_paused_run_begins_the_next_background_run_of_its_session(worker: Make) -> None:
    bank = Bank(*PAID, "next")
    services = worker(bank, lease_seconds=60.0)  # no sweep comes by itself
    session, _ = services.sessions.create("clerk", caller=OPERATOR)
    run_id = start(services, session_id=session.id)
    paused(services.storage, run_id)
    services.storage.runs.request_cancel(run_id, owner=None)  # it is to stop, so that others may wait behind it
    waits = start(services, session_id=session.id, mode=RunMode.BACKGROUND)
    time.sleep(0.2)
    assert services.runs.open(waits, OPERATOR).get().status is RunStatus.QUEUED
    services.sweeper.sweep()
    assert services.runs.open(run_id, OPERATOR).get().status is RunStatus.CANCELLED
    assert finished(services, waits).status is RunStatus.COMPLETED
