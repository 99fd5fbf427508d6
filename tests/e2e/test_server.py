"""The server as deployed — gunicorn, gevent, two workers, SQLite — with scripted models."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import requests

from agentos.testing.sse import SSEReader
from parts.client import Client
from parts.model_server import ModelServer
from parts.server import AgentOSServer


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, model: ModelServer) -> Iterator[AgentOSServer]:
    environment = {
        "AGENTOS_MODEL": "scripted:echo",
        "OPENAI_BASE_URL": model.url,
        "AGENTOS_REQUEST_TIMEOUT": "5",
        "AGENTOS_TOKEN_TIMEOUT": "20",
    }
    with AgentOSServer(environment, cwd=tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def client(server: AgentOSServer) -> Client:
    return Client(server.url)


def test_a_session_is_made_talked_in_and_found_again(client: Client) -> None:
    session = client.post("/sessions", {"agent_id": "assistant", "user_id": "ada"})
    answer = client.post("/agents/assistant/run", {"input": "Hello there", "session_id": session["session_id"]})
    assert answer["content"] == "Hello there"
    assert answer["status"] == "completed"
    history = client.get(f"/sessions/{session['session_id']}/history")
    assert [(message["role"], message["content"]) for message in history["messages"]] == [
        ("user", "Hello there"),
        ("assistant", "Hello there"),
    ]


def test_fifty_streams_interleave(client: Client) -> None:
    agent = client.register(model="scripted:slow-10x0.2")
    begun = threading.Barrier(50, timeout=30)
    spans: list[tuple[float, float]] = []
    gaps: list[float] = []

    def follow() -> None:
        begun.wait()
        times = [
            time.monotonic()
            for event in client.stream(f"/agents/{agent}/run/stream", {"input": "go"})
            if event.type == "token"
        ]
        assert len(times) == 10
        spans.append((times[0], times[-1]))
        gaps.extend(after - before for before, after in pairwise(times))

    threads = [threading.Thread(target=follow) for _ in range(50)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(spans) == 50
    # One after the other they would take 100 s; together each had its first word before any had its last.
    assert max(first for first, _ in spans) < min(last for _, last in spans)
    assert time.monotonic() - started < 30
    # A token leaves when it arrives: the words come one by one, not all at the end.
    assert sorted(gaps)[len(gaps) // 2] > 0.1


def test_an_agent_registered_by_the_command_line_answers_on_both_workers(server: AgentOSServer, client: Client) -> None:
    command = [sys.executable, "-m", "flask", "agentos", "register", "from-cli", "--model", "scripted:echo"]
    done = subprocess.run(command, cwd=server.cwd, env=server.environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr

    time.sleep(2)
    for _ in range(20):
        assert client.post("/agents/from-cli/run", {"input": "hi"})["content"] == "hi"
    ran = [record for record in server.records() if record.get("agent_id") == "from-cli" and "worker" in record]
    assert {record["worker"] for record in ran} == set(server.worker_pids())


def test_a_changed_agent_is_served_by_every_worker_within_two_seconds(client: Client) -> None:
    agent = client.register(model="scripted:echo")
    for _ in range(10):
        client.post(f"/agents/{agent}/run", {"input": "hi"})
    client.put(f"/agents/{agent}", {"model": "scripted:slow-1x0"})
    time.sleep(2)
    assert {client.post(f"/agents/{agent}/run", {"input": "hi"})["content"] for _ in range(20)} == {"word0 "}


def test_a_run_over_its_limit_answers_504_and_the_call_to_the_model_is_cut(client: Client, model: ModelServer) -> None:
    agent = client.register(model="openai:fault-silence")
    cut = model.connections_cut
    before = time.monotonic()
    response = client.request("POST", f"/agents/{agent}/run", {"input": "hi"})
    assert 4.5 < time.monotonic() - before < 9
    assert response.status_code == 504
    assert response.json()["details"]["cause"] == "TIMEOUT"
    assert model.wait_for_cuts(cut + 1, timeout=2)


def test_a_client_that_leaves_changes_nothing_for_the_run(client: Client) -> None:
    agent = client.register(model="scripted:slow-10x0.1")
    events = client.stream(f"/agents/{agent}/run/stream", {"input": "go"})
    run_id = next(events).run_id
    next(events)
    events.close()

    deadline = time.monotonic() + 10
    while (run := client.get(f"/runs/{run_id}"))["status"] == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert run["status"] == "completed"
    assert run["content"] == "".join(f"word{number} " for number in range(10))


def test_two_interleaved_sessions_of_one_agent_never_reach_the_model_together(
    client: Client, model: ModelServer
) -> None:
    agent = client.register(model="openai:echo", instructions="Remember.")
    first, second = (client.post("/sessions", {"agent_id": agent})["session_id"] for _ in range(2))
    begun = len(model.requests)
    for number in range(3):
        for name, session in (("ada", first), ("bob", second)):
            client.post(f"/agents/{agent}/run", {"input": f"{name} {number}", "session_id": session})
    client.post(f"/agents/{agent}/run", {"input": "nobody"})

    received = [[message["content"] for message in request["messages"]] for request in model.requests[begun:]]
    assert received == [
        ["Remember.", *(f"{name} {earlier}" for earlier in range(number) for _ in "qa"), f"{name} {number}"]
        for number in range(3)
        for name in ("ada", "bob")
    ] + [["Remember.", "nobody"]]


def test_messages_sent_to_one_session_at_once_do_not_interleave(client: Client) -> None:
    agent = client.register(model="scripted:slow-3x0.02")
    session = client.post("/sessions", {"agent_id": agent})["session_id"]
    answers: list[dict] = []

    def say(number: int) -> None:
        answers.append(client.post(f"/agents/{agent}/run", {"input": str(number), "session_id": session}))

    threads = [threading.Thread(target=say, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert [answer["status"] for answer in answers] == ["completed"] * 12
    messages = client.get(f"/sessions/{session}/history")["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant"] * 12
    assert sorted(int(message["content"]) for message in messages[::2]) == list(range(12))


FAULTS = [
    ("fault-401", 502, "PROVIDER_ERROR"),
    ("fault-429", 503, "PROVIDER_RATE_LIMITED"),
    ("fault-500", 503, "PROVIDER_UNAVAILABLE"),
    ("fault-html", 502, "PROVIDER_ERROR"),
    ("fault-garbage", 502, "PROVIDER_ERROR"),
    ("fault-no-finish", 502, "PROVIDER_ERROR"),
    ("fault-half-close", 502, "PROVIDER_ERROR"),
    ("fault-reset", 503, "PROVIDER_UNAVAILABLE"),
    ("fault-silence", 504, "TIMEOUT"),
    ("fault-endless", 504, "TIMEOUT"),
    ("tools-endless", 500, "TURN_LIMIT"),
]


@pytest.mark.parametrize(("behaviour", "status", "cause"), FAULTS)
def test_a_model_that_fails_ends_the_run_in_the_error_that_the_contract_names(
    client: Client, behaviour: str, status: int, cause: str
) -> None:
    agent = client.register(model=f"openai:{behaviour}", max_turns=3, tools=["calculator"])
    response = client.request("POST", f"/agents/{agent}/run", {"input": "hi"})
    assert response.status_code == status
    error = response.json()
    assert (error["code"], error["details"]["cause"]) == ("EXECUTION_ERROR", cause)
    assert client.get(f"/runs/{error['details']['run_id']}")["status"] == "failed"
    assert requests.get(f"{client.url}/health", timeout=5).status_code == 200


def test_the_stream_of_a_failed_run_ends_with_the_same_error(client: Client) -> None:
    agent = client.register(model="openai:fault-401")
    events = list(client.stream(f"/agents/{agent}/run/stream", {"input": "hi"}))
    assert [event.type for event in events] == ["run_start", "error"]
    assert events[-1].data["code"] == "EXECUTION_ERROR"
    assert events[-1].data["details"]["cause"] == "PROVIDER_ERROR"


def test_a_stream_without_news_says_that_it_is_alive(tmp_path: Path) -> None:
    environment = {"AGENTOS_HEARTBEAT_INTERVAL": "0.2", "AGENTOS_MODEL": "scripted:slow-2x1"}
    with AgentOSServer(environment, cwd=tmp_path, workers=1) as server:
        address = f"{server.url}/api/v1/agents/assistant/run/stream"
        answer = requests.post(address, json={"input": "go"}, timeout=10)
    reader = SSEReader()
    events = reader.feed(answer.content)
    assert len(reader.comments) >= 6
    assert [event.type for event in events] == ["run_start", "token", "token", "complete"]


def test_the_conversation_is_there_after_a_restart(tmp_path: Path) -> None:
    environment = {"AGENTOS_MODEL": "scripted:echo"}
    with AgentOSServer(environment, cwd=tmp_path) as server:
        client = Client(server.url)
        client.register("keeper", model="scripted:echo")
        session = client.post("/sessions", {"agent_id": "keeper", "metadata": {"colour": "blue"}})
        client.post("/agents/keeper/run", {"input": "one", "session_id": session["session_id"]})
        server.kill()

    with AgentOSServer(environment, cwd=tmp_path) as server:
        client = Client(server.url)
        client.post("/agents/keeper/run", {"input": "two", "session_id": session["session_id"]})
        found = client.get(f"/sessions/{session['session_id']}")
        assert (found["metadata"], found["run_count"]) == ({"colour": "blue"}, 2)
        messages = client.get(f"/sessions/{session['session_id']}/history")["messages"]
        assert [message["content"] for message in messages] == ["one", "one", "two", "two"]


def test_the_log_has_a_line_a_request_and_a_run_and_never_what_was_said(server: AgentOSServer, client: Client) -> None:
    response = client.request("POST", "/agents/assistant/run", {"input": "the secret word"})
    request_id = response.headers["X-Request-ID"]
    server.wait_for(lambda: request_id in server.log(), what="logging the request")
    server.wait_for(lambda: response.json()["run_id"] in server.log(), what="logging the run")
    (line,) = [record for record in server.records() if record.get("request_id") == request_id and "path" in record]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/api/v1/agents/assistant/run", 200)
    assert line["duration"] > 0
    assert "secret word" not in server.log()
