"""The end of a server that is told to stop, and of its workers when it reloads."""

import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import requests

from parts.client import Client, Event, events_of, tokens_of
from parts.server import AgentOSServer
from parts.soak import full
from parts.waiting import until

STREAMS = 20


class Followers:
    """Streams that are open at once, each read by its own thread."""

    def __init__(self, client: Client, agent: str, count: int) -> None:
        self.events: list[list[Event]] = [[] for _ in range(count)]
        self.failures: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._read, args=(client, agent, events), daemon=True) for events in self.events
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, client: Client, agent: str, events: list[Event]) -> None:
        try:
            for event in client.stream(f"/agents/{agent}/run/stream", {"input": "go"}):
                events.append(event)
        except Exception as failure:
            self.failures.append(failure)

    def wait_open(self, words: int = 2) -> None:
        until(lambda: min(map(len, self.events)) > words, 30)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()
        assert self.failures == []


class Traffic:
    """Clients that run, stream, write and read over and over, each in its thread; notes what none of them may meet."""

    def __init__(self, client: Client) -> None:
        self.problems: list[str] = []
        self.answered = {"runs": 0, "writes": 0, "reads": 0}
        self._client = client
        self._agent = client.register(model="scripted:slow-6x0.1")
        self._session = client.session(self._agent)
        self._done = threading.Event()
        works = [*([self._run] * 3), *([self._stream] * 5), self._write, self._read]
        self._threads = [threading.Thread(target=self._repeat, args=(work,), daemon=True) for work in works]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(30)

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self._done.is_set():
            try:
                work()
            except Exception as failure:
                self.problems.append(repr(failure))
            time.sleep(0.02)

    def _count(self, what: str, response: requests.Response) -> bool:
        """Return whether an answer is one; a server that ends may refuse, if it says when to come back."""
        if not response.ok and not (response.status_code == 503 and "Retry-After" in response.headers):
            self.problems.append(f"{response.status_code} {response.text}")
        self.answered[what] += response.ok
        return response.ok

    def _run(self) -> None:
        self._count("runs", self._client.request("POST", f"/agents/{self._agent}/run", {"input": "go"}, timeout=30))

    def _stream(self) -> None:
        address = f"{self._client.url}/api/v1/agents/{self._agent}/run/stream"
        with requests.post(address, json={"input": "go"}, stream=True, timeout=30) as response:
            if self._count("runs", response) and [*events_of(response)][-1].type != "complete":
                self.problems.append("a stream did not complete")

    def _write(self) -> None:
        state = {"n": self.answered["writes"]}
        self._count("writes", self._client.request("PUT", f"/sessions/{self._session}", {"state": state}))

    def _read(self) -> None:
        self._count("reads", self._client.request("GET", f"/sessions/{self._session}"))


def refused_and_unready(server: AgentOSServer, url: str) -> None:
    """Check that a server which drains says so to whoever asks."""
    ready = requests.get(f"{url}/ready", timeout=5)
    assert ready.status_code == 503
    run = requests.post(f"{url}/api/v1/agents/assistant/run", json={"input": "hi"}, timeout=5)
    assert (run.status_code, run.json()["code"]) == (503, "SHUTTING_DOWN")
    assert int(run.headers["Retry-After"]) >= 1
    assert requests.get(f"{url}/health", timeout=5).status_code == 200


def ask_health(connection: socket.socket) -> bytes:
    """Ask by a connection that was made before, and return the status. A new worker may have to start first."""
    with connection:
        connection.settimeout(30)
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: agentos\r\nConnection: close\r\n\r\n")
        return connection.recv(65536)[9:12]


def test_open_streams_are_completed_when_there_is_time(serve: Callable[..., AgentOSServer]) -> None:
    server = serve(AGENTOS_DRAIN_TIMEOUT="20")
    client = Client(server.url)
    agent = client.register(model="scripted:slow-18x0.1")
    followers = Followers(client, agent, STREAMS)
    followers.wait_open()
    server.process.send_signal(signal.SIGTERM)
    signalled = time.monotonic()
    server.wait_for(lambda: requests.get(f"{client.url}/ready", timeout=5).status_code == 503, 1, "draining")
    refused_and_unready(server, client.url)
    assert time.monotonic() - signalled < 2, "the checks above must have met the drain"
    followers.join()

    assert [events[-1].type for events in followers.events] == ["complete"] * STREAMS
    assert server.process.wait(10) == 0


def test_what_does_not_finish_in_time_ends_in_order_with_what_it_had_written(
    serve: Callable[..., AgentOSServer],
) -> None:
    server = serve(AGENTOS_DRAIN_TIMEOUT="0.5")
    client = Client(server.url)
    agent = client.register(model="scripted:slow-200x0.1")
    followers = Followers(client, agent, STREAMS)
    followers.wait_open()
    server.process.send_signal(signal.SIGTERM)
    signalled = time.monotonic()
    followers.join()
    assert server.process.wait(10) == 0
    assert time.monotonic() - signalled < 0.5 + 5.5, "gunicorn would have killed it"
    assert "SIGKILL" not in server.log()

    for events in followers.events:
        assert [event.id for event in events] == list(range(1, len(events) + 1))
        assert (events[-1].type, events[-1].data["code"]) == ("error", "EXECUTION_ERROR")
        assert events[-1].data["details"]["cause"] == "WORKER_LOST"
    client = Client(serve(workers=1).url)
    for events in followers.events:
        run = client.get(f"/runs/{events[0].run_id}")
        assert (run["status"], run["content"]) == ("failed", tokens_of(events))
        assert list(client.follow(run["run_id"])) == events


def test_a_reload_under_load_fails_nothing(serve: Callable[..., AgentOSServer]) -> None:
    server = serve(AGENTOS_DRAIN_TIMEOUT="20")
    client = Client(server.url)
    port = int(client.url.rpartition(":")[2])
    with Traffic(client) as traffic, ExitStack() as opened:
        for _ in range(full(1, 20)):
            time.sleep(0.6)
            old = set(server.worker_pids())
            just_made = [opened.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(8)]
            time.sleep(0.2)
            server.process.send_signal(signal.SIGHUP)
            time.sleep(0.4)
            assert [ask_health(connection) for connection in just_made] == [b"200"] * 8
            server.wait_for(lambda old=old: not old & set(server.worker_pids()), 30, "reloaded")
        time.sleep(0.5)

    assert traffic.problems == []
    assert min(traffic.answered.values()) > 10


def test_an_end_in_a_hurry_still_saves_what_was_written(serve: Callable[..., AgentOSServer]) -> None:
    server = serve(AGENTOS_DRAIN_TIMEOUT="60")
    client = Client(server.url)
    agent = client.register(model="scripted:slow-200x0.1")
    followers = Followers(client, agent, 4)
    followers.wait_open()
    server.process.send_signal(signal.SIGINT)
    followers.join()
    server.process.wait(10)

    client = Client(serve(workers=1).url)
    for events in followers.events:
        run = client.get(f"/runs/{events[0].run_id}")
        assert (events[-1].type, run["status"], run["content"]) == ("error", "failed", tokens_of(events))
