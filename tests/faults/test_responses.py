"""Responses of OpenAI's dialect while workers are killed: the rest of a stream comes from another worker."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import openai
import pytest

from faults.conftest import visible_within
from parts.client import Client
from parts.server import AgentOSServer

LEASE = 1.0
WORDS = "".join(f"word{number} " for number in range(20))

Serve = Callable[..., AgentOSServer]
Door = Callable[[AgentOSServer], openai.OpenAI]


@pytest.fixture
def servers(serve: Serve) -> tuple[AgentOSServer, AgentOSServer]:
    """Two servers with a worker each, of one deployment."""
    first, second = (serve(workers=1, AGENTOS_LEASE_SECONDS=str(LEASE)) for _ in range(2))
    return first, second


@pytest.fixture
def door() -> Iterator[Door]:
    """Makes clients of the door of a server; they are closed afterwards."""
    with ExitStack() as ends:
        yield lambda server: ends.enter_context(
            openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)
        )


def read(stream: Any, into: list[dict[str, Any]], *, most: int = 10_000) -> None:
    """Read events until there are so many, or the stream ends or is cut."""
    try:
        for event in stream:
            into.append(event.to_dict())
            if len(into) >= most:
                return
    except (openai.APIError, httpx2.TransportError):  # it was cut
        pass


def said(events: list[dict[str, Any]]) -> str:
    return "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")


def test_a_follower_whose_worker_is_killed_gets_exactly_the_rest_from_another(
    servers: tuple[AgentOSServer, AgentOSServer], door: Door
) -> None:
    follower, executing = servers
    agent = Client(executing.url).register(model="scripted:slow-20x0.1")
    made = door(executing).responses.create(model=agent, input="go", background=True)
    seen: list[dict[str, Any]] = []
    stream = door(follower).responses.retrieve(made.id, stream=True)
    read(stream, seen, most=8)
    os.kill(follower.worker_pids()[0], signal.SIGKILL)
    read(stream, seen)
    assert seen[-1]["type"] == "response.output_text.delta"
    last = seen[-1]["sequence_number"]
    read(door(executing).responses.retrieve(made.id, stream=True, starting_after=last), seen)
    assert [event["sequence_number"] for event in seen] == list(range(len(seen)))
    assert (seen[-1]["type"], said(seen)) == ("response.completed", WORDS)


def test_every_client_of_a_killed_worker_gets_one_failure(
    servers: tuple[AgentOSServer, AgentOSServer], door: Door
) -> None:
    executing, other = servers
    agent = Client(other.url).register(model="scripted:slow-100x0.1")
    seen: list[dict[str, Any]] = []
    stream = door(executing).responses.create(model=agent, input="go", stream=True)
    read(stream, seen, most=8)
    id = seen[0]["response"]["id"]
    os.kill(executing.worker_pids()[0], signal.SIGKILL)
    read(stream, seen)
    rest: list[dict[str, Any]] = []
    read(door(other).responses.retrieve(id, stream=True, starting_after=seen[-1]["sequence_number"]), rest)
    # What was sent in the last tenth of a second may not be in the log, and its numbers are then given again.
    assert [event["type"] for event in rest if event["type"] in ("response.failed", "error")] in (
        ["response.failed"],
        [],
    )
    whole: list[dict[str, Any]] = []
    read(door(other).responses.retrieve(id, stream=True), whole)
    assert [event["type"] for event in whole].count("response.failed") == 1
    assert whole[-1]["type"] == "response.failed"
    found = door(other).responses.retrieve(id)
    assert (found.status, found.output_text) == ("failed", said(whole))


def test_a_run_that_starts_over_ends_the_stream_with_an_error_and_is_whole_when_it_is_read(
    servers: tuple[AgentOSServer, AgentOSServer], door: Door
) -> None:
    executing, other = servers
    client = Client(other.url)
    agent = client.register(model="scripted:slow-20x0.1", retry_on_crash=True)
    seen: list[dict[str, Any]] = []
    stream = door(executing).responses.create(model=agent, input="go", stream=True)
    read(stream, seen, most=8)
    assert "response" in seen[0], seen
    id = seen[0]["response"]["id"]
    executing.kill()
    read(stream, seen)
    client.ended(id.removeprefix("resp_"), timeout=visible_within(LEASE) + 10)
    whole: list[dict[str, Any]] = []
    read(door(other).responses.retrieve(id, stream=True), whole)
    assert (whole[-1]["type"], whole[-1]["code"]) == ("error", "run_started_over")
    found = door(other).responses.retrieve(id)
    assert (found.status, found.output_text) == ("completed", WORDS)
