"""Responses of OpenAI's dialect while workers are killed: the rest of a stream comes from another worker."""

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


def words(count: int) -> str:
    return "".join(f"word{number} " for number in range(count))


def read(stream: Any, into: list[dict[str, Any]], *, most: int = 10_000) -> None:
    """Read events until there are so many, or the stream ends or is cut. The client raises for an event `error`."""
    try:
        for event in stream:
            into.append(event.to_dict())
            if len(into) >= most:
                return
    except httpx2.TransportError:  # it was cut
        pass
    except openai.APIError as error:
        if error.code is not None:
            into.append({"type": "error", "code": error.code})


def said(events: list[dict[str, Any]]) -> str:
    return "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")


def failures(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events if event["type"] in ("response.failed", "error")]


@pytest.mark.timeout(400)
def test_a_follower_whose_worker_is_killed_gets_exactly_the_rest_from_another(
    servers: tuple[AgentOSServer, AgentOSServer], door: Door
) -> None:
    follower, executing = servers
    agent = Client(executing.url).register(model="scripted:slow-20x0.1")
    for _ in range(full(2, 15)):
        made = door(executing).responses.create(model=agent, input="go", background=True)
        seen: list[dict[str, Any]] = []
        stream = door(follower).responses.retrieve(made.id, stream=True)
        read(stream, seen, most=8)
        kill_a_worker(follower)
        read(stream, seen)
        last = seen[-1]["sequence_number"]
        read(door(executing).responses.retrieve(made.id, stream=True, starting_after=last), seen)
        assert [event["sequence_number"] for event in seen] == list(range(len(seen)))
        assert (seen[-1]["type"], said(seen)) == ("response.completed", words(20))


@pytest.mark.timeout(400)
def test_every_client_of_a_killed_worker_gets_exactly_one_failure(
    servers: tuple[AgentOSServer, AgentOSServer], door: Door
) -> None:
    executing, other = servers
    agent = Client(other.url).register(model="scripted:slow-100x0.1")
    for _ in range(full(2, 15)):
        seen: list[dict[str, Any]] = []
        stream = door(executing).responses.create(model=agent, input="go", stream=True)
        read(stream, seen, most=8)
        id = seen[0]["response"]["id"]
        followers = [door(other).responses.retrieve(id, stream=True) for _ in range(2)]
        kill_a_worker(executing)
        read(stream, seen)
        last = seen[-1]["sequence_number"]
        # What was sent in the last tenth of a second may not be in the log, and its numbers are then given again.
        for after in (last, last + 5):
            rest: list[dict[str, Any]] = []
            read(door(other).responses.retrieve(id, stream=True, starting_after=after), rest)
            assert failures(rest) == ["response.failed"]
            assert rest[-1]["type"] == "response.failed"
        for follower in followers:
            whole: list[dict[str, Any]] = []
            read(follower, whole)
            assert [event["sequence_number"] for event in whole] == list(range(len(whole)))
            assert failures(whole) == ["response.failed"]
            assert whole[-1]["type"] == "response.failed"
            found = door(other).responses.retrieve(id)
            assert (found.status, found.output_text) == ("failed", said(whole))


@pytest.mark.timeout(400)
def test_a_run_that_starts_over_ends_each_stream_with_an_error_and_is_whole_when_it_is_read(
    servers: tuple[AgentOSServer, AgentOSServer], door: Door
) -> None:
    executing, other = servers
    client = Client(other.url)
    agent = client.register(model="scripted:slow-60x0.1", retry_on_crash=True)  # not over before it is killed
    for _ in range(full(1, 10)):
        seen: list[dict[str, Any]] = []
        stream = door(executing).responses.create(model=agent, input="go", stream=True)
        read(stream, seen, most=12)
        assert "response" in seen[0], seen
        id = seen[0]["response"]["id"]
        follower = door(other).responses.retrieve(id, stream=True)
        kill_a_worker(executing)
        read(stream, seen)
        after = seen[-1]["sequence_number"]
        resumed = door(other).responses.retrieve(id, stream=True, starting_after=after)
        for events in (follower, resumed):
            rest: list[dict[str, Any]] = []
            read(events, rest)
            assert failures(rest) == ["error"]
            assert (rest[-1]["type"], rest[-1]["code"]) == ("error", "run_started_over")
        client.ended(id.removeprefix("resp_"), timeout=visible_within(LEASE) + 30)
        whole: list[dict[str, Any]] = []
        read(door(other).responses.retrieve(id, stream=True), whole)
        assert (failures(whole), whole[-1]["type"]) == (["error"], "error")
        found = door(other).responses.retrieve(id)
        assert (found.status, found.output_text) == ("completed", words(60))
