"""Guests of a real server: gunicorn with two workers, which share the processes."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from parts.server import AgentOSServer
from parts.waiting import until

from .conftest import HOSTED

SETTINGS = {
    "AGENTOS_PLUGINS": "none",
    "AGENTOS_ALLOW_ANONYMOUS": "1",
    "AGENTOS_MAX_RUNS_PER_OWNER": "1000",
    "HOSTED": str(HOSTED),
}


def start(folder: Path, **settings: str) -> AgentOSServer:
    shutil.copy(Path(__file__).with_name("guest_app.py"), folder)
    return AgentOSServer({**SETTINGS, **settings}, cwd=folder, app="guest_app:app")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentOSServer]:
    with start(tmp_path_factory.mktemp("guests")) as server:
        yield server


def streamed(server: AgentOSServer, agent: str, text: str) -> tuple[str, dict[str, Any]]:
    """Return the text of a run's stream, and the data of the event that ended it."""
    events = list(server.client.stream(agent, text))
    assert events[-1].type in ("complete", "error")
    return "".join(event.data["token"] for event in events if event.type == "token"), events[-1].data


def guest_pid(server: AgentOSServer, agent: str = "where") -> int:
    return int(server.client.run(agent, "go").json["content"].split()[0])


@pytest.mark.parametrize("agent", ["words", "two"])
@pytest.mark.parametrize("count", [20, 100])
def test_many_runs_at_once_have_exactly_their_own_texts(server: AgentOSServer, count: int, agent: str) -> None:
    with ThreadPoolExecutor(count) as threads:
        texts = list(threads.map(lambda number: streamed(server, agent, f"say 40 r{number}")[0], range(count)))
    assert texts == ["".join(f"r{number}-{word} " for word in range(40)) for number in range(count)]


def test_both_workers_use_one_process(server: AgentOSServer) -> None:
    with ThreadPoolExecutor(20) as threads:
        assert len(set(threads.map(lambda _: guest_pid(server), range(20)))) == 1


def test_a_guest_that_is_killed_ends_its_runs_with_their_texts_and_the_next_ones_work(server: AgentOSServer) -> None:
    pid = guest_pid(server)
    with ThreadPoolExecutor(20) as threads:
        runs = [threads.submit(streamed, server, "words", f"say 400 k{number} every 0.01") for number in range(20)]
        time.sleep(1.5)
        os.kill(pid, signal.SIGKILL)
        ended = [run.result() for run in runs]
    for number, (text, last) in enumerate(ended):
        assert last["details"]["cause"] == "GUEST_LOST", last
        assert last["details"]["retryable"] is True
        assert text.startswith(f"k{number}-0 k{number}-1 ")
        kept = server.client.get(f"/api/v1/runs/{last['details']['run_id']}").json
        assert kept["content"] == text
    assert streamed(server, "words", "say 2 next")[0] == "next-0 next-1 "
    assert guest_pid(server) != pid


def test_a_cancel_reaches_the_guests_task_within_a_second(server: AgentOSServer, tmp_path: Path) -> None:
    stopped = tmp_path / "stopped"
    events = server.client.stream("silent", str(stopped))
    run_id = next(events).data and _running(server, "silent")
    until(lambda: server.client.get(f"/api/v1/runs/{run_id}").json["status"] == "running")
    next(events)
    began = time.monotonic()
    server.client.post(f"/api/v1/runs/{run_id}/cancel")
    until(stopped.exists, 1.0)
    assert list(events)[-1].data["code"] == "RUN_CANCELLED"
    assert time.monotonic() - began < 2


def _running(server: AgentOSServer, agent: str) -> str:
    (run,) = server.client.get(f"/api/v1/runs?agent_id={agent}&status=running").json["runs"]
    return str(run["run_id"])


def test_a_guest_that_computes_holds_up_no_stream_of_others(server: AgentOSServer) -> None:
    assert streamed(server, "busy", "go")[0] == "done"  # all processes are there
    streamed(server, "calm", "say 1 x")
    gaps: dict[str, float] = {}

    def follow(agent: str, text: str) -> None:
        last = 0.0
        for event in server.client.stream(agent, text):
            now = time.monotonic()
            if event.type == "token" and last:
                gaps[agent] = max(gaps.get(agent, 0), now - last)
            last = now

    followers = [
        threading.Thread(target=follow, args=one) for one in (("talker", "go"), ("calm", "say 300 x every 0.01"))
    ]
    for follower in followers:
        follower.start()
    time.sleep(0.3)
    assert streamed(server, "busy", "go")[0] == "done"
    for follower in followers:
        follower.join()
    # A stream that waited for it would stand still for two seconds; the machine of a test may itself pause for some ms.
    assert max(gaps.values()) < 0.5, gaps
    assert gaps.keys() == {"talker", "calm"}


def test_a_killed_worker_has_its_guests_runs_cancelled(tmp_path: Path) -> None:
    with start(tmp_path) as server:
        pid = guest_pid(server)
        files = [tmp_path / f"stopped-{number}" for number in range(4)]
        for file in files:
            body = {"input": str(file), "background": True}
            assert server.client.post("/api/v1/agents/silent/run", body).status in (200, 202)
        until(lambda: len(server.client.get("/api/v1/runs?agent_id=silent&status=running").json["runs"]) == 4)
        time.sleep(0.5)
        for worker in server.worker_pids():
            os.kill(worker, signal.SIGKILL)
        for file in files:
            until(file.exists, 5)
        # The processes outlive a worker: the new ones find them, within the time that they stay without one.
        server.wait_for(lambda: server.log().count("worker ready") >= 4, 30)
        assert streamed(server, "words", "say 1 x")[0] == "x-0 "
        assert guest_pid(server)
    until(lambda: not Path(f"/proc/{pid}").exists(), 15)


def test_a_paused_run_continues_after_a_restart_of_everything(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    with start(tmp_path, AGENTOS_DATABASE_URL=url) as server:
        paused = server.client.run("clerk", "go").json
        pid = guest_pid(server)
    until(lambda: not Path(f"/proc/{pid}").exists(), 15)
    (action,) = paused["pending"]
    assert action["arguments"] == {"amount": 500}
    with start(tmp_path, AGENTOS_DATABASE_URL=url) as server:
        path = f"/api/v1/runs/{paused['run_id']}"
        answers = {"answers": [{"id": action["id"], "decision": "approve", "arguments": {"amount": 7}}]}
        assert server.client.post(f"{path}/resume", answers).status == 200
        until(lambda: server.client.get(path).json["status"] == "completed")
        assert server.client.get(path).json["content"] == "asking. True {'amount': 7} '' True"


def test_a_server_that_stops_does_not_wait_for_its_guests(tmp_path: Path) -> None:
    with start(tmp_path, AGENTOS_DRAIN_TIMEOUT="1") as server:
        file = tmp_path / "stopped"
        server.client.post("/api/v1/agents/silent/run", {"input": str(file), "background": True})
        until(lambda: server.client.get("/api/v1/runs?agent_id=silent&status=running").json["runs"])
        time.sleep(0.5)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
    assert file.exists()
