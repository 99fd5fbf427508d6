"""Runs that nobody waits for."""

from collections.abc import Callable

import requests

from parts.client import Client, tokens_of
from parts.pair import Pair
from parts.server import AgentOSServer

WORDS = "".join(f"word{number} " for number in range(10))


def begin(client: Client, agent: str, **more: object) -> requests.Response:
    return client.request("POST", f"/agents/{agent}/run", {"input": "go", "background": True, **more})


def test_it_is_accepted_at_once_and_found_again_from_any_worker(pair: Pair) -> None:
    agent = pair.here.register(model="scripted:slow-10x0.1")
    session = pair.here.session(agent)
    answer = begin(pair.here, agent, session_id=session)
    assert answer.status_code == 202
    run_id = answer.json()["run_id"]
    assert answer.headers["Location"].endswith(f"/api/v1/runs/{run_id}")
    assert answer.elapsed.total_seconds() < 0.9

    events = list(pair.there.follow(run_id))
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert (events[-1].type, tokens_of(events)) == ("complete", WORDS)
    for client in (pair.here, pair.there):
        run = client.get(f"/runs/{run_id}")
        assert (run["status"], run["content"]) == ("completed", WORDS)
    assert pair.there.said(session) == [("user", "go"), ("assistant", WORDS)]


def test_a_full_queue_refuses_with_the_time_to_come_back(serve: Callable[..., AgentOSServer]) -> None:
    server = serve(workers=1, AGENTOS_BACKGROUND_LIMIT="2", AGENTOS_BACKGROUND_QUEUE="3")
    client = Client(server.url)
    agent = client.register(model="scripted:slow-30x0.1")
    accepted = [begin(client, agent) for _ in range(5)]
    assert [answer.status_code for answer in accepted] == [202] * 5
    refused = begin(client, agent)
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
    assert int(refused.headers["Retry-After"]) >= 1
    runs = client.get("/runs")["runs"]
    assert len(runs) == 5, "what is refused leaves no run"
    assert [run["status"] for run in runs].count("running") <= 2
    # Who waits for an answer is not held up by those who do not.
    assert client.post("/agents/assistant/run", {"input": "hi"})["content"] == "hi"

    for answer in accepted:
        assert client.ended(answer.json()["run_id"])["status"] == "completed"
    assert begin(client, agent).status_code == 202


def test_it_can_be_cancelled_while_it_waits_and_while_it_runs(serve: Callable[..., AgentOSServer]) -> None:
    server, other = (serve(workers=1, AGENTOS_BACKGROUND_LIMIT="1") for _ in range(2))
    client = Client(server.url)
    agent = client.register(model="scripted:slow-200x0.1")
    running, waiting = (begin(client, agent).json()["run_id"] for _ in range(2))
    for run_id in (waiting, running):
        assert Client(other.url).request("POST", f"/runs/{run_id}/cancel").status_code == 202
        assert client.ended(run_id, timeout=3)["status"] == "cancelled"
    assert not client.get(f"/runs/{waiting}")["content"]
