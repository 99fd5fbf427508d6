"""Runs that are stopped, in whatever way, are stopped in the framework too, and nothing else is."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from guests.frameworks.catalogue import Framework
from parts.model_server import ModelServer
from parts.waiting import until

from .conftest import Hosting, hosting

STOPPED = 1.0
"""Seconds after which a model's connection is closed."""


def begin(server: Hosting, number: int = 1, **fields: object) -> list[str]:
    """Start runs in the background that a slow model answers; return their ids once it does."""
    before = server.model.calls["slow"]
    body = {"input": "go", "background": True, **fields}
    runs = [server.client.post("/api/v1/agents/slow/run", body).json["run_id"] for _ in range(number)]
    until(lambda: server.model.calls["slow"] == before + number, 30)
    return runs


@pytest.mark.needs("slow")
def test_a_cancel_closes_the_models_connection(server: Hosting) -> None:
    cuts = server.model.connections_cut
    (run,) = begin(server)
    server.client.post(f"/api/v1/runs/{run}/cancel")
    assert server.model.wait_for_cuts(cuts + 1, timeout=STOPPED)
    until(lambda: server.status(run)["status"] == "cancelled")


@pytest.mark.needs("slow")
def test_a_client_that_leaves_closes_the_models_connection(server: Hosting) -> None:
    cuts = server.model.connections_cut
    events = server.client.stream("slow", "go", on_disconnect="cancel")
    while next(events).type != "token":
        pass
    events.close()  # type: ignore[attr-defined]  # a generator
    assert server.model.wait_for_cuts(cuts + 1, timeout=2 * STOPPED)  # the server looks twice a second


@pytest.mark.needs("slow")
def test_a_deadline_closes_the_models_connection(server: Hosting) -> None:
    cuts = server.model.connections_cut
    began = time.monotonic()
    answer = server.client.run("slow", "go")
    assert answer.json["details"]["cause"] == "TIMEOUT", answer.json
    assert server.model.wait_for_cuts(cuts + 1, timeout=STOPPED)
    assert 3.5 < time.monotonic() - began < 4 + 2 * STOPPED


def test_a_run_that_is_silent_for_longer_than_a_heartbeat_may_be_ends_well(server: Hosting) -> None:
    assert server.run("silent").text == "done"


@pytest.mark.needs("busy")
def test_an_agent_that_computes_holds_up_no_stream_of_another_process(server: Hosting) -> None:
    assert server.run("busy").text == "done"
    server.run("calm", "say 1 x")
    gaps: dict[str, list[float]] = {"talker": [], "calm": []}

    def follow(agent: str, text: str) -> None:
        last = None
        for event in server.client.stream(agent, text):
            now = time.monotonic()
            if event.type == "token":
                gaps[agent] += [] if last is None else [now - last]
                last = now

    # The calm agent says its words 5 ms apart, the one in the worker 10 ms.
    followers = [threading.Thread(target=follow, args=one) for one in (("talker", "go"), ("calm", "say 500 x"))]
    for follower in followers:
        follower.start()
    time.sleep(0.2)
    assert server.run("busy").text == "done"
    for follower in followers:
        follower.join()
    for agent, measured in gaps.items():
        # A stream that waited would have one gap of two seconds, and many of 50 ms if it had to share the loop.
        # Single gaps say more of what else the machine does: two suites run side by side.
        assert max(measured) < 1.5, agent
        assert sorted(measured)[int(len(measured) * 0.9)] < 0.05, agent


@pytest.mark.needs("slow")
def test_a_guest_that_is_killed_ends_its_runs_visibly_and_the_next_ones_work(
    server: Hosting, framework: Framework
) -> None:
    number = framework.processes if framework.exclusive else 20
    with ThreadPoolExecutor(number) as pool:
        cuts, asked = server.model.connections_cut, server.model.calls["slow"]
        runs = [pool.submit(server.run, "slow") for _ in range(number)]
        until(lambda: server.model.calls["slow"] == asked + number, 30)
        time.sleep(1)
        for pid in server.guests():
            os.kill(pid, signal.SIGKILL)
        ended = [run.result() for run in runs]
    assert {run.last.data["details"]["cause"] for run in ended} == {"GUEST_LOST"}
    assert {run.last.data["details"]["retryable"] for run in ended} == {True}
    assert all(run.text for run in ended)
    assert server.model.wait_for_cuts(cuts + number, timeout=STOPPED)
    assert server.run("words", "say 2 next").text == "next-0 next-1 "


@pytest.mark.needs("slow")
def test_the_runs_of_killed_workers_are_stopped(framework: Framework, model: ModelServer, tmp_path: Path) -> None:
    number = framework.processes if framework.exclusive else 4
    with hosting(framework, model, tmp_path) as server:
        cuts = model.connections_cut
        begin(server, number)
        for worker in server.worker_pids():
            os.kill(worker, signal.SIGKILL)
        assert model.wait_for_cuts(cuts + number, timeout=3 * STOPPED)
        server.wait_for(lambda: server.log().count("worker ready") >= 4, 30)
        assert server.run("words", "say 1 x").text == "x-0 "
    until(lambda: not server.guests(), 20)
