"""`on_disconnect`: what becomes of a run whose client goes away."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from agentos.api.kit.client import ClientConnection
from agentos.api.kit.disconnects import DisconnectWatch
from agentos.domain.pending import Answer
from agentos.domain.principal import OPERATOR
from agentos.domain.run import RunStatus
from agentos.errors import StorageError
from agentos.models.scripted import Pause, call
from agentos.testing.sse import read_events
from agentos.tools.tool import tool
from api.conftest import Served
from parts.waiting import until

RUN = "/api/v1/agents/scripted/run"
SILENT = ["half", Pause(20), " whole"]
UNHEARD = ["half", Pause(0.2), " whole"]  # its end is in no piece that is read before the answer is closed
TALKING = [step for number in range(400) for step in (f"{number} ", Pause(0.05))]

Ends = tuple[socket.socket, socket.socket]


def tcp() -> Ends:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]


@pytest.fixture(params=[tcp, socket.socketpair], ids=["tcp", "unix"])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    """A connection: the client's end, and the server's."""
    both = request.param()
    yield both
    for end in both:
        end.close()


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def say_goodbye(client: socket.socket) -> None:
    client.sendall(b"bytes that nobody reads, as the farewell of TLS is")
    client.close()


class Asking:
    """A request in a thread of its own, by a client whose connection the test holds."""

    def __init__(self, served: Served, server_end: socket.socket, **body: Any) -> None:
        self.answers: list[TestResponse] = []
        self._served = served
        self._end = server_end
        self._body = {"input": "Hi", **body}
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        until(lambda: served.provider.requests)
        (live,) = served.services.worker.running()
        self.run_id = live.run.id

    def _ask(self) -> None:
        answer = self._served.app.test_client().post(
            RUN, json=self._body, environ_overrides={"werkzeug.socket": self._end}
        )
        if answer.mimetype == "text/event-stream":
            answer.get_data()
        self.answers.append(answer)

    def answer(self) -> TestResponse:
        self._thread.join(10)
        return self.answers[0]


def ended_within(seconds: float, served: Served, run_id: str) -> tuple[str, str]:
    """Return how a run ended, and what it had written; it may take so long."""
    began = time.monotonic()
    run = served.ended(run_id)
    assert time.monotonic() - began < seconds
    return run["status"], run["content"]


@pytest.mark.parametrize("turn", [SILENT, TALKING], ids=["silent", "talking"])
@pytest.mark.parametrize("stream", [False, True], ids=["waiting", "streaming"])
def test_a_run_is_cancelled_within_a_second_of_its_clients_leaving(
    serve, ends: Ends, turn: list[Any], stream: bool
) -> None:
    served = serve(turn)
    client, server = ends
    asking = Asking(served, server, stream=stream, on_disconnect="cancel")
    client.close()
    status, content = ended_within(1.0, served, asking.run_id)
    assert status == "cancelled"
    assert content.startswith(turn[0])
    asking.answer()


@pytest.mark.parametrize("leave", [reset, say_goodbye])
def test_a_broken_connection_and_one_with_unread_bytes_are_gone_too(
    serve, leave: Callable[[socket.socket], None]
) -> None:
    served = serve(SILENT)
    client, server = tcp()
    with server:
        asking = Asking(served, server, on_disconnect="cancel")
        leave(client)
        assert ended_within(1.0, served, asking.run_id) == ("cancelled", "half")
        asking.answer()


def test_a_run_waiting_for_its_turn_is_cancelled_too(serve, ends: Ends) -> None:
    served = serve(SILENT)
    session = served.new_session()
    first = served.run("first", session, background=True).json["run_id"]
    until(lambda: served.provider.requests)
    thread = threading.Thread(
        target=lambda: served.app.test_client().post(
            RUN,
            json={"input": "second", "session_id": session, "on_disconnect": "cancel"},
            environ_overrides={"werkzeug.socket": ends[1]},
        )
    )
    thread.start()
    queued = "/api/v1/runs?status=queued"
    until(lambda: served.client.get(queued).json["count"] == 1)
    second = served.client.get(queued).json["runs"][0]["run_id"]
    ends[0].close()
    assert ended_within(1.0, served, second) == ("cancelled", "")
    assert served.client.get(f"/api/v1/runs/{first}").json["status"] == "running"
    thread.join(10)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_is_there_is_left_alone(serve, ends: Ends, stream: bool) -> None:
    served = serve(["half", Pause(0.8), " whole"])
    client, server = ends
    client.sendall(b"POST /the/next/request HTTP/1.1\r\n")
    asking = Asking(served, server, stream=stream, on_disconnect="cancel")
    asking.answer()
    assert served.ended(asking.run_id)["content"] == "half whole"
    assert server.recv(5) == b"POST "  # nothing was taken from it
    assert server.gettimeout() is None


@pytest.mark.parametrize("on_disconnect", [{}, {"on_disconnect": "continue"}])
def test_a_run_goes_on_without_its_client_unless_that_was_asked_for(serve, on_disconnect: dict[str, str]) -> None:
    served = serve(["half", Pause(0.8), " whole"])
    client, server = tcp()
    asking = Asking(served, server, **on_disconnect)
    client.close()
    assert served.ended(asking.run_id)["content"] == "half whole"
    asking.answer()
    server.close()


@pytest.mark.parametrize("pieces", [0, 1])
def test_a_stream_that_is_closed_early_cancels_its_run_also_when_it_never_began(serve, pieces: int) -> None:
    served = serve(SILENT)
    answer = served.stream(on_disconnect="cancel")
    body = answer.iter_encoded()
    for _ in range(pieces):
        next(body)
    answer.close()
    answer.close()
    status, _ = ended_within(1.0, served, answer.headers["X-Run-ID"])
    assert status == "cancelled"


def test_closing_a_stream_whose_run_is_over_does_nothing(serve) -> None:
    served = serve(UNHEARD)
    answer = served.stream(on_disconnect="cancel")
    run = served.ended(answer.headers["X-Run-ID"])
    assert run["status"] == "completed"
    answer.close()
    assert served.ended(run["run_id"]) == run


def test_closing_a_stream_whose_run_is_gone_does_nothing(serve) -> None:
    served = serve(UNHEARD)
    session = served.new_session()
    answer = served.stream(session_id=session, on_disconnect="cancel")
    run_id = served.ended(answer.headers["X-Run-ID"])["run_id"]
    assert served.client.delete(f"/api/v1/sessions/{session}").status_code == 200
    answer.close()  # raises nothing
    assert served.client.get(f"/api/v1/runs/{run_id}").status_code == 404


def test_a_cancellation_that_the_database_did_not_take_is_tried_again_and_one_that_it_took_is_not() -> None:
    tried: list[str] = []

    class Run:
        run_id = "r1"
        status = RunStatus.RUNNING

        def get(self) -> Any:
            return self

        def cancel(self) -> None:
            tried.append(self.run_id)
            if len(tried) == 1:
                raise StorageError("the database is away")

    watch = DisconnectWatch(Run(), ClientConnection())  # type: ignore[arg-type]
    for _ in range(4):
        watch.leave()
    assert tried == ["r1", "r1"]


def test_the_watch_does_not_change_what_is_streamed(serve, ends: Ends) -> None:
    served = serve(["Hel", Pause(0.7), "lo"])
    answer = served.client.post(
        f"{RUN}/stream",
        json={"input": "Hi", "on_disconnect": "cancel"},
        environ_overrides={"werkzeug.socket": ends[1]},
    )
    body = answer.get_data()
    assert [event.type for event in read_events([body])] == ["run_start", "token", "token", "complete"]
    assert b"heartbeat" not in body
    answer.close()
    assert served.ended(answer.headers["X-Run-ID"])["status"] == "completed"


def test_a_watched_stream_says_that_it_is_alive_as_often_as_any(serve) -> None:
    served = serve([Pause(1.5)], heartbeat_interval=0.1)
    body = served.stream(on_disconnect="cancel").get_data()
    assert 10 <= body.count(b": heartbeat") <= 16


def test_a_run_of_another_worker_is_cancelled_when_the_client_that_joined_it_leaves(serve_pair) -> None:
    here, there = serve_pair(SILENT)
    headers = {"Idempotency-Key": "k"}
    body = {"input": "Hi", "on_disconnect": "cancel"}
    first = here.client.post(f"{RUN}/stream", json=body, headers=headers)
    joined = there.client.post(f"{RUN}/stream", json=body, headers=headers)
    assert next(joined.iter_encoded())
    joined.close()
    status, _ = ended_within(1.5, there, first.headers["X-Run-ID"])
    assert status == "cancelled"


# --- runs that pause -----------------------------------------------------------------------------------------------


def pay(amount: int) -> str:
    """Pay."""
    return f"{amount} paid"


ASKING = ["half", call("pay", '{"amount": 3}')]
"""A turn whose call has to be approved."""


@pytest.mark.parametrize("read", [True, False], ids=["read", "not read"])
def test_to_leave_after_a_pause_is_no_disconnect(serve, read: bool) -> None:
    served = serve(ASKING, tools=[tool(approval=True)(pay)])
    answer = served.stream(on_disconnect="cancel")
    run = served.ended(answer.headers["X-Run-ID"])
    if read:
        assert [event.type for event in read_events(answer.iter_encoded())][-1] == "paused"
    answer.close()
    time.sleep(0.1)
    assert served.client.get(f"/api/v1/runs/{run['run_id']}").json["status"] == "paused"


def test_a_client_that_has_seen_the_pause_may_leave_after_the_run_is_resumed(serve) -> None:
    served = serve(ASKING, [Pause(0.5), "whole"], tools=[tool(approval=True)(pay)])
    answer = served.stream(on_disconnect="cancel")
    pieces = answer.iter_encoded()
    while b"event: paused" not in next(pieces):
        pass
    run_id = answer.headers["X-Run-ID"]
    [action] = served.services.runs.open(run_id, OPERATOR).get().pending
    served.services.runs.answer(run_id, {action.id: Answer(decision="approve")}, OPERATOR)
    answer.close()
    assert served.ended(run_id)["status"] == "completed"


def test_a_client_that_waits_for_a_run_may_leave_while_it_pauses(serve, ends: Ends) -> None:
    served = serve([Pause(0.7), *ASKING], tools=[tool(approval=True)(pay)])
    client, server = ends
    asking = Asking(served, server, stream=True, on_disconnect="cancel")
    time.sleep(0.3)
    until(lambda: served.services.runs.open(asking.run_id, OPERATOR).get().status is RunStatus.PAUSED)
    client.close()
    asking.answer()
    assert served.client.get(f"/api/v1/runs/{asking.run_id}").json["status"] == "paused"


def test_a_client_that_leaves_after_the_resume_of_a_run_that_it_joined_is_gone(serve, ends: Ends) -> None:
    served = serve(ASKING, ["more", Pause(20)], tools=[tool(approval=True)(pay)])
    headers = {"Idempotency-Key": "k"}
    body = {"input": "Hi", "on_disconnect": "cancel"}
    run_id = served.client.post(f"{RUN}/stream", json=body, headers=headers).headers["X-Run-ID"]
    served.ended(run_id)
    [action] = served.services.runs.open(run_id, OPERATOR).get().pending
    served.services.runs.answer(run_id, {action.id: Answer(decision="approve")}, OPERATOR)
    joined = served.client.post(f"{RUN}/stream", json=body, headers=headers)
    pieces = joined.iter_encoded()
    while b"more" not in next(pieces):
        pass
    joined.close()
    status, _ = ended_within(1.5, served, run_id)
    assert status == "cancelled"
