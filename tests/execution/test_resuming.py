"""What becomes of the runs of a worker that is gone: some go on elsewhere, the others are ended, and all visibly."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentos.bootstrap import build
from agentos.config import Config
from agentos.domain.media import Media
from agentos.domain.principal import OPERATOR
from agentos.domain.run import Run, RunStatus
from agentos.domain.run_request import RunRequest
from agentos.domain.stored_request import RunMode
from agentos.runtime.context import RunContext
from agentos.services.services import Services
from parts.waiting import until
from parts.workers import Gate, Speaker, event, numbers

LEASE = 1.0


def patient(*parts: Gate, **settings: Any) -> Speaker:
    """Return an agent whose first attempt is the first gate, and so on."""
    attempts = iter(parts)

    def stream(context: RunContext) -> Iterator[str]:
        yield from next(attempts).stream(context)

    return Speaker(stream, **settings)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Callable[..., Services]]:
    """Make workers as the server does, on one SQLite file."""
    made: list[Services] = []

    def make(agent: object = None, **settings: Any) -> Services:
        config = Config(
            environ={}, database_url=f"sqlite:///{tmp_path / 'a.db'}", lease_seconds=LEASE, plugins=(), **settings
        )
        made.append(build(config, agents={} if agent is None else {"a": agent}))  # type: ignore[dict-item]
        return made[-1]

    yield make
    for one in made:
        one.drain(0)
        one.close()


def die(services: Services) -> None:
    """Leave a worker's runs behind as ``kill -9`` would, but for their threads."""
    services.sweeper.close()
    services.leases.close()
    services.cancels.close()
    services.worker._log.close()


def wait_out(*run_ids: str, finder: Services, until_attempt: int = 2) -> None:
    """Sweep until the runs' leases have run out and they were taken over."""

    def taken() -> bool:
        finder.sweeper.sweep()
        return all(finder.runs.open(run_id, OPERATOR).get().attempt >= until_attempt for run_id in run_ids)

    until(taken)


def started(services: Services, **request: Any) -> str:
    return services.runs.start(
        RunRequest(**{"caller": OPERATOR, "agent_id": "a", "input": "Hi", "mode": "streamed", **request})
    ).run_id


def finished(services: Services, run_id: str) -> Run:
    until(lambda: services.runs.open(run_id, OPERATOR).get().status.finished)
    return services.runs.open(run_id, OPERATOR).get()


def frames(services: Services, run_id: str) -> list[Any]:
    found = [frame for batch in services.runs.open(run_id, OPERATOR).follow(heartbeat=20) for frame in batch]
    assert numbers(found) == list(range(1, len(found) + 1))
    return [event(frame) for frame in found]


def logged(services: Services, run_id: str, count: int) -> None:
    until(lambda: len(services.storage.events.read(run_id)) >= count)


def test_a_run_whose_agent_allows_it_starts_over(worker: Callable[..., Services]) -> None:
    first, second = Gate(["lost ", "words"], deaf=True), Gate(["whole"])
    second.go_on.set()
    agent = patient(first, second, retry_on_crash=True)
    there, here = worker(agent), worker(agent)
    session, _ = there.sessions.create("a", caller=OPERATOR)
    run_id = started(there, session_id=session.id)
    logged(there, run_id, 3)
    die(there)
    wait_out(run_id, finder=here)

    run = finished(here, run_id)
    assert (run.status, run.content, run.attempt) == (RunStatus.COMPLETED, "whole", 2)
    seen = frames(here, run_id)
    assert [one.type for one in seen] == ["run_start", "token", "token", "run_start", "token", "complete"]
    assert (getattr(seen[0], "attempt", None), seen[3].attempt) == (None, 2)
    assert (seen[4].index, seen[5].output, seen[5].token_count) == (0, "whole", 1)

    first.go_on.set()  # the first worker was only slow: what it has to say comes too late
    time.sleep(0.3)
    assert here.runs.open(run_id, OPERATOR).get() == run
    assert len(frames(here, run_id)) == 6
    said = here.sessions.history(session.id, OPERATOR, limit=10).messages
    assert [one.message.content for one in said] == ["Hi", "whole"]


def test_a_run_that_starts_over_has_its_attachments(worker: Callable[..., Services]) -> None:
    seen: list[str | None] = []
    first = Gate(deaf=True)

    def stream(context: RunContext) -> Iterator[str]:
        seen.extend(media.data for media in context.media)
        if len(seen) == 1:
            yield from first.stream(context)
        yield "seen"

    agent = Speaker(stream, retry_on_crash=True)
    there, here = worker(agent), worker(agent)
    run_id = started(there, media=(Media("image", data="aGVsbG8=", content_type="image/png"),))
    assert first.waiting.wait(5)
    die(there)
    wait_out(run_id, finder=here)
    assert finished(here, run_id).status is RunStatus.COMPLETED
    assert seen == ["aGVsbG8="] * 2
    first.go_on.set()


def test_a_run_does_not_start_over_more_often_than_allowed(worker: Callable[..., Services]) -> None:
    gates = [Gate([f"{number} "], deaf=True) for number in range(3)]
    agent = patient(*gates, retry_on_crash=True)
    workers = [worker(agent, max_attempts=2) for _ in range(3)]
    run_id = started(workers[0])
    for number, (lost, finder) in enumerate(itertools.pairwise(workers)):
        assert gates[number].waiting.wait(5)
        logged(lost, run_id, 2 * number + 2)
        die(lost)
        wait_out(run_id, finder=finder, until_attempt=number + 2)

    run = finished(workers[2], run_id)
    assert run.error is not None
    assert (run.status, run.error.details["cause"]) == (RunStatus.FAILED, "WORKER_LOST")
    assert [one.type for one in frames(workers[2], run_id)] == ["run_start", "token"] * 2 + ["error"]
    assert not gates[2].waiting.is_set()
    for gate in gates:
        gate.go_on.set()


def test_runs_that_had_not_begun_go_on_elsewhere_and_the_one_that_had_ends_as_lost(
    worker: Callable[..., Services],
) -> None:
    first, second, third = Gate(["partial"], deaf=True), Gate(["2"]), Gate(["3"])
    for gate in (second, third):
        gate.go_on.set()
    agent = patient(first, second, third)
    there, here = worker(agent, background_limit=1), worker(agent)
    session, _ = there.sessions.create("a", caller=OPERATOR)
    begun = started(there, session_id=session.id)
    assert first.waiting.wait(5)
    queued = [started(there, session_id=session.id, mode=mode) for mode in ("streamed", "background")]
    logged(there, begun, 2)
    die(there)
    wait_out(begun, finder=here)

    def all_ended() -> bool:
        here.sweeper.sweep()
        return all(here.runs.open(run_id, OPERATOR).get().status.finished for run_id in queued)

    until(all_ended)
    lost = finished(here, begun)
    assert lost.error is not None
    assert (lost.status, lost.content, lost.error.details["cause"]) == (RunStatus.FAILED, "partial", "WORKER_LOST")
    ends = [finished(here, run_id) for run_id in queued]
    assert [(run.status, run.content) for run in ends] == [(RunStatus.COMPLETED, "2"), (RunStatus.COMPLETED, "3")]
    for run_id in queued:
        assert frames(here, run_id)[-1].type == "complete"
    said = here.sessions.history(session.id, OPERATOR, limit=10).messages
    assert [one.message.content for one in said] == ["Hi", "2", "Hi", "3"]
    first.go_on.set()


def test_who_still_follows_at_the_old_worker_hears_the_end_that_is_saved(worker: Callable[..., Services]) -> None:
    gate = Gate(["partial"], ["late"], deaf=True)
    agent = patient(gate)
    there, here = worker(agent), worker(agent)
    run_id = started(there)
    following = there.runs.open(run_id, OPERATOR).follow(heartbeat=20)
    logged(there, run_id, 2)
    die(there)
    wait_out(run_id, finder=here)
    finished(here, run_id)
    gate.go_on.set()
    last = event([frame for batch in following for frame in batch][-1])
    assert (last.code, last.details["cause"]) == ("EXECUTION_ERROR", "WORKER_LOST")


def test_a_run_whose_agent_is_not_here_is_ended(worker: Callable[..., Services]) -> None:
    gate = Gate(["partial"], deaf=True)
    there, here = worker(patient(gate, retry_on_crash=True)), worker()
    run_id = started(there)
    logged(there, run_id, 2)
    die(there)
    wait_out(run_id, finder=here)
    run = finished(here, run_id)
    assert run.error is not None
    assert (run.content, run.error.details["cause"]) == ("partial", "WORKER_LOST")
    gate.go_on.set()


def test_a_worker_that_drains_takes_no_runs_over(worker: Callable[..., Services]) -> None:
    gate = Gate(["partial"], deaf=True)
    agent = patient(gate)
    there, here = worker(agent), worker(agent)
    run_id = started(there)
    die(there)
    here.drain(0)
    time.sleep(LEASE * 1.2)
    here.sweeper.sweep()
    assert here.runs.open(run_id, OPERATOR).get().attempt == 1
    gate.go_on.set()


def test_a_process_that_ends_soon_takes_runs_over_only_when_its_own_wait_for_them(
    worker: Callable[..., Services],
) -> None:
    lost, own = Gate(["partial"], deaf=True), Gate(["mine"])
    own.go_on.set()
    agent = patient(lost, own)
    there, command = worker(agent), worker(agent)
    session, _ = there.sessions.create("a", caller=OPERATOR)
    run_id = started(there, session_id=session.id)
    logged(there, run_id, 2)
    die(there)
    command.sweeper.transient = True
    command.watch_runs()
    time.sleep(LEASE * 1.7)  # its lease has run out, and a server would have swept since
    assert not command.runs.open(run_id, OPERATOR).get().status.finished

    mine = started(command, session_id=session.id)
    assert finished(command, mine).content == "mine"
    assert finished(command, run_id).status is RunStatus.FAILED
    lost.go_on.set()


def test_who_follows_from_a_third_worker_sees_both_attempts_as_one_stream(worker: Callable[..., Services]) -> None:
    first, second = Gate(["lost"], deaf=True), Gate(["whole"])
    agent = patient(first, second, retry_on_crash=True)
    there, here, third = (worker(agent) for _ in range(3))
    run_id = started(there)
    logged(there, run_id, 2)
    following = third.runs.open(run_id, OPERATOR).follow(heartbeat=0.2)
    seen = [*next(following)]
    die(there)
    wait_out(run_id, finder=here)
    second.go_on.set()
    seen += [frame for batch in following for frame in batch]
    assert numbers(seen) == [1, 2, 3, 4, 5]
    assert [event(frame).type for frame in seen] == ["run_start", "token", "run_start", "token", "complete"]
    first.go_on.set()


def test_who_follows_at_the_old_worker_sees_the_new_attempt_and_nothing_that_was_not_logged(
    worker: Callable[..., Services],
) -> None:
    hang = threading.Event()

    def unlogged() -> Iterator[str]:
        yield "unlogged"
        hang.wait(20)

    first, second = Gate(["lost"], unlogged(), deaf=True), Gate(["whole"])
    agent = patient(first, second, retry_on_crash=True)
    there, here = worker(agent), worker(agent)
    started_run = there.runs.start(RunRequest(caller=OPERATOR, agent_id="a", input="Hi", mode=RunMode.STREAMED))
    run_id, following = started_run.run_id, started_run.follow(heartbeat=20)
    logged(there, run_id, 2)
    there.sweeper.close()
    there.leases.close()  # as if it had stood still
    wait_out(run_id, finder=here)
    first.go_on.set()
    assert second.waiting.wait(5)
    time.sleep(0.3)
    second.go_on.set()
    seen = [frame for batch in following for frame in batch]
    assert numbers(seen) == [1, 2, 3, 4, 5]
    assert [event(frame).type for frame in seen] == ["run_start", "token", "run_start", "token", "complete"]
    run = started_run.wait(5)
    hang.set()
    assert run is not None
    assert (run.status, run.content) == (RunStatus.COMPLETED, "whole")


def test_a_run_that_starts_over_begins_with_the_saved_state_again(worker: Callable[..., Services]) -> None:
    first, second = Gate(), Gate()

    def agent(name: str, gate: Gate) -> Speaker:
        def stream(context: RunContext) -> Iterator[str]:
            seen = sorted(context.state)
            context.set_state([{"op": "add", "path": f"/{name}", "value": 1}])
            yield from gate.stream(context)
            yield f"{seen} {sorted(context.state)}"

        return Speaker(stream, retry_on_crash=True)

    lost, finder = worker(agent("lost", first)), worker(agent("kept", second))
    session, _ = lost.sessions.create("a", state={"before": 1}, caller=OPERATOR)
    run_id = started(lost, session_id=session.id)
    assert first.waiting.wait(10)
    die(lost)
    wait_out(run_id, finder=finder)
    second.go_on.set()
    run = finished(finder, run_id)
    assert run.content == "['before'] ['before', 'kept']"
    found = finder.storage.sessions.get(session.id, owner=None)
    assert found is not None
    assert (found.state, found.version) == ({"before": 1, "kept": 1}, session.version + 1)
    first.go_on.set()
