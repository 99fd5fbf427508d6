"""Anthropic's messages while workers are killed: a repeat with the same key, at any worker, is the same answer."""

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import anthropic
import httpx2
import pytest

from faults.conftest import kill_a_worker, visible_within
from parts.client import Client
from parts.server import AgentOSServer
from parts.soak import full
from parts.waiting import until

LEASE = 1.0

Event = dict[str, Any]
Ask = Callable[..., Iterator[Event]]


@pytest.fixture
def servers(serve: Callable[..., AgentOSServer]) -> tuple[AgentOSServer, AgentOSServer]:
    """Two servers with a worker each, of one deployment."""
    first, second = (serve(workers=1, AGENTOS_LEASE_SECONDS=str(LEASE)) for _ in range(2))
    return first, second


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Streams an answer of an agent, under an idempotency key: yields the events. Closed afterwards."""
    with ExitStack() as ends:

        def stream(server: AgentOSServer, agent: str, key: str, **headers: str) -> Iterator[Event]:
            client = ends.enter_context(anthropic.Anthropic(base_url=server.url, api_key="none", max_retries=0))
            answer = ends.enter_context(
                client.messages.with_streaming_response.create(
                    model=agent,
                    max_tokens=1000,
                    messages=[{"role": "user", "content": "go"}],
                    stream=True,
                    extra_headers={"Idempotency-Key": key, **headers},
                )
            )
            data = (line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: "))
            return (event for event in map(json.loads, data) if event["type"] != "ping")

        yield stream


def words(count: int) -> str:
    return "".join(f"word{number} " for number in range(count))


def read(stream: Iterator[Event], *, most: int = 10_000) -> list[Event]:
    """Read events until there are so many, or the stream ends or is cut."""
    found: list[Event] = []
    try:
        for event in stream:
            found.append(event)
            if len(found) >= most:
                break
    except httpx2.TransportError:  # it was cut
        pass
    return found


def errors(events: list[Event]) -> list[str]:
    return [event["error"]["details"]["error_code"] for event in events if event["type"] == "error"]


def said(events: list[Event]) -> str:
    return "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")


def run_id_of(message_id: str) -> str:
    return str(uuid.UUID(message_id.removeprefix("msg_")[:32]))


def run_of(events: list[Event]) -> str:
    return run_id_of(events[0]["message"]["id"])


@pytest.mark.timeout(400)
def test_a_follower_whose_worker_is_killed_gets_the_same_answer_from_another(
    servers: tuple[AgentOSServer, AgentOSServer], ask: Ask
) -> None:
    follower, executing = servers
    agent = Client(executing.url).register(model="scripted:slow-20x0.1")
    for _ in range(full(1, 15)):
        key = uuid.uuid4().hex
        first = ask(executing, agent, key)
        begun = read(first, most=2)
        stream = ask(follower, agent, key)
        seen = read(stream, most=6)
        kill_a_worker(follower)
        seen += read(stream)
        again = read(ask(executing, agent, key))
        assert again == begun + read(first)
        assert again[: len(seen)] == seen
        assert (said(again), errors(again), again[-1]["type"]) == (words(20), [], "message_stop")


@pytest.mark.timeout(400)
def test_every_client_of_a_killed_worker_gets_exactly_one_failure(
    servers: tuple[AgentOSServer, AgentOSServer], ask: Ask
) -> None:
    executing, other = servers
    agent = Client(other.url).register(model="scripted:slow-100x0.1")
    for _ in range(full(1, 15)):
        key = uuid.uuid4().hex
        stream = ask(executing, agent, key)
        seen = read(stream, most=6)
        followers = [ask(other, agent, key) for _ in range(2)]
        kill_a_worker(executing)
        seen += read(stream)
        # It was cut, and its client has to ask again.
        assert {event["type"] for event in seen} == {"message_start", "content_block_start", "content_block_delta"}
        answers = [read(answer) for answer in (*followers, ask(other, agent, key))]
        for answer in answers:
            assert errors(answer) == ["worker_lost"]
            assert answer[-1]["type"] == "error"
            assert answer == answers[0]


@pytest.mark.timeout(400)
def test_a_run_that_starts_over_ends_each_stream_with_an_error_and_is_whole_when_it_is_read(
    servers: tuple[AgentOSServer, AgentOSServer], ask: Ask
) -> None:
    executing, other = servers
    client = Client(other.url)
    agent = client.register(model="scripted:slow-60x0.1", retry_on_crash=True)  # not over before it is killed
    for _ in range(full(1, 10)):
        key = uuid.uuid4().hex
        stream = ask(executing, agent, key)
        seen = read(stream, most=6)
        follower = ask(other, agent, key)
        kill_a_worker(executing)
        read(stream)
        for answer in (read(follower), read(ask(other, agent, key))):
            assert errors(answer) == ["run_started_over"]
            assert answer[-1]["type"] == "error"
        ended = client.ended(run_of(seen), timeout=visible_within(LEASE) + 30)
        assert ended["content"] == words(60)


@pytest.mark.timeout(200)
def test_the_run_of_a_client_that_left_is_whole_or_cancelled_as_it_asked(
    servers: tuple[AgentOSServer, AgentOSServer], ask: Ask
) -> None:
    executing, other = servers
    client = Client(other.url)
    agent = client.register(model="scripted:slow-40x0.1")
    for headers, status in (({}, "completed"), ({"X-AgentOS-On-Disconnect": "cancel"}, "cancelled")):
        with anthropic.Anthropic(base_url=executing.url, api_key="none", max_retries=0) as door:
            asked: Any = {"model": agent, "max_tokens": 1000, "messages": [{"role": "user", "content": "go"}]}
            with door.messages.stream(**asked, extra_headers=headers) as stream:
                next(stream.text_stream)
                run_id = run_id_of(stream.current_message_snapshot.id)
        ended = client.ended(run_id, timeout=60)
        assert ended["status"] == status
        assert (ended["content"] == words(40)) == (status == "completed")


@pytest.mark.timeout(200)
def test_a_library_that_asks_again_after_a_lost_connection_gets_the_same_run(
    servers: tuple[AgentOSServer, AgentOSServer],
) -> None:
    follower, executing = servers
    client = Client(executing.url)
    agent = client.register(model="scripted:slow-100x0.1")
    sent: list[httpx2.Request] = []
    asked: Any = {"model": agent, "max_tokens": 1000, "messages": [{"role": "user", "content": "go"}]}
    asked["extra_headers"] = {"Idempotency-Key": uuid.uuid4().hex}
    http = anthropic.DefaultHttpxClient(event_hooks={"request": [sent.append]})
    with (
        anthropic.Anthropic(base_url=executing.url, api_key="none", max_retries=0) as first,
        anthropic.Anthropic(base_url=follower.url, api_key="none", max_retries=8, http_client=http) as second,
        ThreadPoolExecutor(2) as threads,
    ):
        answer = threads.submit(first.messages.create, **asked)
        until(lambda: client.get(f"/runs?agent_id={agent}")["runs"])
        same = threads.submit(second.messages.create, **asked)
        while len(sent) < 2 and not same.done():
            served = follower.log().count("worker ready")
            kill_a_worker(follower)
            # The request may wait to be accepted, which it never is by workers that are killed while they start.
            follower.wait_for(lambda: follower.log().count("worker ready") > served, 30)  # noqa: B023 - waited for here
        assert same.result() == answer.result()
    assert len(sent) > 1
    (run,) = client.get(f"/runs?agent_id={agent}")["runs"]
    assert run_id_of(answer.result().id) == run["run_id"]
