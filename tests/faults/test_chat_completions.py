"""Chat completions while workers are killed: a repeat with the same key, at any worker, is the same answer."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import openai
import pytest

from faults.conftest import kill_a_worker, visible_within
from parts.client import Client
from parts.server import AgentOSServer
from parts.soak import full

LEASE = 1.0
DONE = "[DONE]"

Ask = Callable[[AgentOSServer, str, str], Iterator[str]]


@pytest.fixture
def servers(serve: Callable[..., AgentOSServer]) -> tuple[AgentOSServer, AgentOSServer]:
    """Two servers with a worker each, of one deployment."""
    first, second = (serve(workers=1, AGENTOS_LEASE_SECONDS=str(LEASE)) for _ in range(2))
    return first, second


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Streams an answer of an agent, under an idempotency key: yields the data of the events. Closed afterwards."""
    with ExitStack() as ends:

        def stream(server: AgentOSServer, agent: str, key: str) -> Iterator[str]:
            client = ends.enter_context(openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0))
            answer = ends.enter_context(
                client.chat.completions.with_streaming_response.create(
                    model=agent,
                    messages=[{"role": "user", "content": "go"}],
                    stream=True,
                    extra_headers={"Idempotency-Key": key},
                )
            )
            return (line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: "))

        yield stream


def words(count: int) -> str:
    return "".join(f"word{number} " for number in range(count))


def read(stream: Iterator[str], *, most: int = 10_000) -> list[str]:
    """Read events until there are so many, or the stream ends or is cut."""
    found: list[str] = []
    try:
        for data in stream:
            found.append(data)
            if len(found) >= most:
                break
    except httpx2.TransportError:  # it was cut
        pass
    return found


def errors(events: list[str]) -> list[str]:
    return [json.loads(data)["error"]["code"] for data in events if data.startswith('{"error"')]


def said(events: list[str]) -> str:
    chunks: list[dict[str, Any]] = [json.loads(data) for data in events if data.startswith('{"id"')]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


@pytest.mark.timeout(400)
def test_a_follower_whose_worker_is_killed_gets_the_same_answer_from_another(
    servers: tuple[AgentOSServer, AgentOSServer], ask: Ask
) -> None:
    follower, executing = servers
    agent = Client(executing.url).register(model="scripted:slow-20x0.1")
    for _ in range(full(2, 15)):
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
        assert (said(again), errors(again), again[-1]) == (words(20), [], DONE)


@pytest.mark.timeout(400)
def test_every_client_of_a_killed_worker_gets_exactly_one_failure(
    servers: tuple[AgentOSServer, AgentOSServer], ask: Ask
) -> None:
    executing, other = servers
    agent = Client(other.url).register(model="scripted:slow-100x0.1")
    for _ in range(full(2, 15)):
        key = uuid.uuid4().hex
        stream = ask(executing, agent, key)
        seen = read(stream, most=6)
        followers = [ask(other, agent, key) for _ in range(2)]
        kill_a_worker(executing)
        seen += read(stream)
        assert (errors(seen), DONE in seen) == ([], False)  # it was cut, and its client has to ask again
        answers = [read(answer) for answer in (*followers, ask(other, agent, key))]
        for answer in answers:
            assert (errors(answer), DONE in answer) == (["worker_lost"], False)
            assert answer[-1].startswith('{"error"')
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
        run_id = json.loads(seen[0])["id"].removeprefix("chatcmpl-")
        follower = ask(other, agent, key)
        kill_a_worker(executing)
        seen += read(stream)
        for answer in (read(follower), read(ask(other, agent, key))):
            assert (errors(answer), DONE in answer) == (["run_started_over"], False)
            assert answer[-1].startswith('{"error"')
        client.ended(run_id, timeout=visible_within(LEASE) + 30)
        with openai.OpenAI(base_url=f"{other.url}/v1", api_key="none", max_retries=0) as door:
            assert door.responses.retrieve(f"resp_{run_id}").output_text == words(60)
