"""What `api/kit/streaming.py` does for every protocol, with a projection and a client of the test's own."""

import threading
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest

from agentos.api.kit.client import CLIENT, ClientConnection
from agentos.api.kit.streaming import stream
from agentos.api.v1.sse import SSEProjection
from agentos.domain.event import Frame
from agentos.domain.principal import OPERATOR
from agentos.domain.run import Run
from agentos.events.projection import Projection
from agentos.models.scripted import Pause
from agentos.testing.sse import read_events
from api.conftest import Served
from parts.waiting import until

FRAMES = [
    Frame(1, "run_start", b'{"input":"\xe2\x80\xa8"}'),
    Frame(2, "token", b'{"token":"a"}'),
    Frame(3, "token", b'{"token":"b"}'),
    Frame(4, "complete", b"{}"),
]


class Pushable(ClientConnection):
    """A client that takes what is pushed as long as it is ``open``, and counts what it was sent in which way."""

    can_push = True

    def __init__(self) -> None:
        self.open = True
        self.gone = False
        self.pushed: list[bytes] = []

    def push(self, data: bytes) -> bool:
        if self.open:
            self.pushed.append(data)
        return self.open

    def is_gone(self) -> bool:
        return self.gone


class Lines(Projection):
    """A protocol with a beginning, an end, and nothing in between but the numbers of tokens."""

    media_type = "text/plain; charset=utf-8"
    opening = b"begin\n"

    def render(self, frames: Sequence[Frame]) -> bytes:
        return b"".join(b"%d\n" % frame.number for frame in frames if frame.type == "token")

    def heartbeat(self) -> bytes:
        return b"...\n"

    def end(self, run: Run) -> bytes:
        return f"end {run.status.value}\n".encode()


class Counting(Lines):
    """Counts the tokens that it was given; of these, it has enough after ``most``."""

    opening = b""

    def __init__(self, most: int = 1000) -> None:
        self.count = 0
        self.most = most

    @property
    def over(self) -> bool:
        return self.count >= self.most

    def render(self, frames: Sequence[Frame]) -> bytes:
        said = []
        for frame in frames:
            if frame.type == "token" and not self.over:
                self.count += 1
                said.append(b"%d\n" % self.count)
        return b"".join(said)


class Reading:
    """Reads a response in a thread of its own, as a server does."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.yielded: list[bytes] = []
        self._thread = threading.Thread(target=lambda: self.yielded.extend(pieces))
        self._thread.start()

    def wait(self) -> list[bytes]:
        self._thread.join(10)
        assert not self._thread.is_alive()
        return self.yielded


def streamed(served: Served, client: ClientConnection, query: str = "", **body: Any) -> Reading:
    path = f"/api/v1/agents/scripted/run/stream{query}"
    answer = served.app.test_client().post(path, json={"input": "Hi", **body}, environ_overrides={CLIENT: client})
    assert answer.status_code == 200
    return Reading(answer.iter_encoded())


@pytest.mark.parametrize("types", [set(), {"token"}, {"reasoning"}])
@pytest.mark.parametrize("cuts", [[1, 2, 3], [2], []])
def test_a_log_gives_the_same_bytes_however_it_is_cut(types: set[str], cuts: list[int]) -> None:
    projection = SSEProjection(types)
    places = [0, *cuts, len(FRAMES)]
    parts = [FRAMES[begin:end] for begin, end in pairwise(places)]
    assert b"".join(projection.render(part) for part in parts) == SSEProjection(types).render(FRAMES)


def test_a_run_can_be_streamed_in_another_protocol_live_and_again(serve) -> None:
    served = serve(["a", Pause(0.1), "b"])
    run_id = served.run("Hi", background=True).json["run_id"]
    for _ in range(2):
        with served.app.test_request_context():
            response = stream(served.services.runs.open(run_id, OPERATOR), Lines(), ClientConnection())
            assert (response.mimetype, response.headers["X-Run-ID"]) == ("text/plain", run_id)
            assert b"".join(response.iter_encoded()) == b"begin\n2\n3\nend completed\n"


def followed(served: Served, projection: Projection, client: ClientConnection) -> list[bytes]:
    run_id = served.run("Hi", background=True).json["run_id"]
    with served.app.test_request_context():
        response = stream(served.services.runs.open(run_id, OPERATOR), projection, client)
    return Reading(response.iter_encoded()).wait()


@pytest.mark.parametrize("open", [True, False])
def test_a_projection_is_given_each_frame_once(serve, open: bool) -> None:
    client = Pushable()
    client.open = open
    served = serve([step for number in range(10) for step in (Pause(0.02), f"{number} ")])
    yielded = followed(served, Counting(), client)
    numbers = [int(line) for line in b"".join([*client.pushed, *yielded]).split() if line.isdigit()]
    assert numbers == list(range(1, 11))


@pytest.mark.parametrize("open", [True, False])
def test_a_projection_that_is_over_ends_the_response_and_not_the_run(serve, open: bool) -> None:
    client = Pushable()
    client.open = open
    served = serve([step for number in range(20) for step in (Pause(0.05), f"{number} ")], heartbeat_interval=0.1)
    began = time.monotonic()
    yielded = followed(served, Counting(most=3), client)
    assert b"".join([*client.pushed, *yielded]).replace(b"...\n", b"").split() == [b"1", b"2", b"3"]
    assert time.monotonic() - began < 0.9
    (run,) = served.client.get("/api/v1/runs").json["runs"]
    assert run["status"] == "running"
    assert served.ended(run["run_id"])["status"] == "completed"


@pytest.mark.parametrize("query", ["", "?types=token,complete"])
@pytest.mark.parametrize("on_disconnect", ["continue", "cancel"])
def test_what_comes_while_the_client_waits_is_pushed_and_the_end_is_written(
    serve, query: str, on_disconnect: str
) -> None:
    client = Pushable()
    served = serve([step for number in range(10) for step in (Pause(0.02), f"{number} ")])
    reading = streamed(served, client, query, on_disconnect=on_disconnect)
    yielded = reading.wait()
    tokens = [event.json()["data"]["token"] for event in read_events(client.pushed) if event.type == "token"]
    assert len(tokens) >= 8  # the first may come before the client waits
    assert b"event: complete" in yielded[-1]
    numbers = [int(event.id) for event in read_events([*client.pushed, yielded[-1]])]
    assert numbers == sorted(numbers)


def test_what_a_client_does_not_take_is_written(serve) -> None:
    client = Pushable()
    client.open = False
    served = serve([step for number in range(5) for step in (Pause(0.02), f"{number} ")])
    events = list(read_events(streamed(served, client).wait()))
    assert [int(event.id) for event in events] == list(range(1, 8))
    assert client.pushed == []


def test_a_client_hears_of_the_run_while_all_that_comes_is_filtered_out(serve) -> None:
    client = Pushable()
    steps = [step for number in range(40) for step in (Pause(0.02), f"{number} ")]
    served = serve(steps, heartbeat_interval=0.1)
    yielded = streamed(served, client, "?types=complete").wait()
    assert 4 <= yielded.count(b": heartbeat\n\n") <= 10
    assert [event.type for event in read_events([*client.pushed, *yielded])] == ["complete"]


def test_a_client_that_leaves_while_it_is_pushed_to_ends_its_run(serve) -> None:
    client = Pushable()
    served = serve([step for number in range(400) for step in (f"{number} ", Pause(0.02))])
    reading = streamed(served, client, on_disconnect="cancel")
    until(lambda: len(client.pushed) > 3)
    client.gone = True
    left = time.monotonic()
    run_id = next(iter(read_events([*reading.yielded, *client.pushed]))).json()["run_id"]
    assert served.ended(run_id)["status"] == "cancelled"
    assert time.monotonic() - left < 1.5
    reading.wait()
