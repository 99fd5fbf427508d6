"""Workers that are killed at the worst moments, and what everybody finds afterwards."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from faults.conftest import kill_a_worker, visible_within
from parts.client import Client, Event, tokens_of
from parts.model_server import ModelServer
from parts.server import AgentOSServer
from parts.soak import full
from parts.workload import Workload

LEASE = 1.0
VISIBLE = visible_within(LEASE)
TEN_WORDS = "".join(f"word{number} " for number in range(10))


def unfinished(client: Client) -> list[str]:
    return [run["run_id"] for status in ("queued", "running") for run in client.get(f"/runs?status={status}")["runs"]]


def read_until_cut(events: Iterator[Event]) -> list[Event]:
    read: list[Event] = []
    try:
        for event in events:
            read.append(event)
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        pass
    return read


def wait_for_tokens(client: Client, run_id: str, count: int) -> None:
    """Wait until a run has said so many words in all its attempts, and the log has them."""
    stream = client.follow(run_id)
    for _ in range(count):
        next(event for event in stream if event.type == "token")
    stream.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("round", range(full(1, 10)))
def test_nothing_that_was_acknowledged_is_lost_or_doubled_while_workers_are_killed(
    serve: Callable[..., AgentOSServer], round: int
) -> None:
    server = serve(AGENTOS_LEASE_SECONDS=str(LEASE), AGENTOS_MAX_ATTEMPTS="100")
    client = Client(server.url)
    lost, retried = (
        Workload(client, client.register(model="scripted:slow-10x0.05", retry_on_crash=retry))
        for retry in (False, True)
    )
    for load in (lost, retried):
        load.start(runs=full(12, 25), writes=full(40, 100))
    killed = 0
    while lost.busy or retried.busy:
        time.sleep(random.uniform(0.2, 1.2))
        if killed < full(4, 20):
            kill_a_worker(server)
            killed += 1
    for load in (lost, retried):
        load.join()

    server.wait_for(lambda: not unfinished(client), VISIBLE, "done with every run")
    ends = [load.check(output=TEN_WORDS) for load in (lost, retried)]
    assert lost.unacknowledged + retried.unacknowledged, "no fault was met"
    assert ends[0]["completed"]
    assert set(ends[1]) == {"completed"}


def test_a_run_whose_worker_was_killed_ends_visibly_and_keeps_what_it_had_written(
    serve: Callable[..., AgentOSServer],
) -> None:
    first, second = (serve(workers=1, AGENTOS_LEASE_SECONDS=str(LEASE)) for _ in range(2))
    client = Client(second.url)
    agent = client.register(model="scripted:slow-100x0.1")
    session = client.session(agent)
    stream = Client(first.url).stream(f"/agents/{agent}/run/stream", {"input": "go", "session_id": session})
    seen = [next(stream) for _ in range(10)]
    os.kill(first.worker_pids()[0], signal.SIGKILL)
    killed = time.monotonic()
    seen += read_until_cut(stream)

    run = client.ended(seen[0].run_id, timeout=VISIBLE)
    assert time.monotonic() - killed >= LEASE / 3, "it was taken from a worker whose lease still held"
    assert (run["status"], run["error"]["code"], run["error"]["details"]["cause"]) == (
        "failed",
        "EXECUTION_ERROR",
        "WORKER_LOST",
    )
    # What the client saw in the last tenth of a second may not have reached the log.
    assert run["content"].split()[:5] == tokens_of(seen).split()[:5]
    logged = list(client.follow(run["run_id"]))
    assert tokens_of(logged) == run["content"]
    assert logged[-1].type == "error"
    assert client.said(session) == []
    assert client.post("/agents/assistant/run", {"input": "hi", "session_id": session})["content"] == "hi"


def test_a_run_of_an_agent_that_may_be_retried_completes_on_another_worker(
    serve: Callable[..., AgentOSServer],
) -> None:
    first, second = (serve(workers=1, AGENTOS_LEASE_SECONDS=str(LEASE)) for _ in range(2))
    client = Client(second.url)
    agent = client.register(model="scripted:slow-9x0.1", retry_on_crash=True)
    session = client.session(agent)
    stream = Client(first.url).stream(f"/agents/{agent}/run/stream", {"input": "go", "session_id": session})
    seen = [next(stream) for _ in range(5)]
    first.kill()
    seen += read_until_cut(stream)
    seen += client.follow(seen[0].run_id, after=len(seen))

    assert [event.id for event in seen] == list(range(1, len(seen) + 1))
    assert [event.type for event in seen].count("run_start") == 2
    assert seen[-1].type == "complete"
    words = "".join(f"word{number} " for number in range(9))
    assert (tokens_of(seen), seen[-1].data["output"]) == (words, words)
    assert client.said(session) == [("user", "go"), ("assistant", words)]
    assert list(client.follow(seen[0].run_id)) == seen


def test_a_run_that_kills_its_workers_is_given_up(serve: Callable[..., AgentOSServer], model: ModelServer) -> None:
    server = serve(workers=1, AGENTOS_LEASE_SECONDS="1", AGENTOS_MAX_ATTEMPTS="2")
    client = Client(server.url)
    agent = client.register(model="openai:fault-silence-midway", retry_on_crash=True)
    before = model.calls["fault-silence-midway"]
    run_id = client.post(f"/agents/{agent}/run", {"input": "go", "background": True})["run_id"]
    for attempt in (1, 2):
        wait_for_tokens(client, run_id, attempt)
        kill_a_worker(server)
    run = client.ended(run_id, timeout=20)
    assert (run["status"], run["error"]["details"]["cause"]) == ("failed", "WORKER_LOST")
    assert model.calls["fault-silence-midway"] == before + 2
    events = list(client.follow(run_id))
    assert (events[-1].type, events[-1].data["details"]["cause"]) == ("error", "WORKER_LOST")
    assert run["content"] == tokens_of(events) == "Hm"
