"""The end of a server that is told to stop, and of its workers when it reloads."""

import signal
import socket
import threading
import time
from collections.abc import Callable

import requests

from parts.client import Client, Event, events_of, tokens_of
from parts.server import AgentOSServer
from parts.soak import full

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
        deadline = time.monotonic() + 30
        while min(map(len, self.events)) <= words:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()
        assert self.failures == []


def refused_and_unready(server: AgentOSServer, url: str) -> None:
    """Check that a server which drains says so to whoever asks."""
    ready = requests.get(f"{url}/ready", timeout=5)
    assert ready.status_code == 503
    run = requests.post(f"{url}/api/v1/agents/assistant/run", json={"input": "hi"}, timeout=5)
    assert (run.status_code, run.json()["code"]) == (503, "SHUTTING_DOWN")
    assert int(run.headers["Retry-After"]) >= 1
    assert requests.get(f"{url}/health", timeout=5).status_code == 200


def ask_health(connection: socket.socket) -> bytes:
    """Ask by a connection that was made before, and return the status."""
    with connection:
        connection.settimeout(5)
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
    agent = client.register(model="scripted:slow-6x0.1")
    session = client.session(agent)
    port = int(client.url.rpartition(":")[2])
    done = threading.Event()
    problems: list[str] = []
    answered = [0, 0, 0]

    def check(response: requests.Response) -> bool:
        if not response.ok and not (response.status_code == 503 and "Retry-After" in response.headers):
            problems.append(f"{response.status_code} {response.text}")
        return response.ok

    def run(path: str) -> None:
        address = f"{client.url}/api/v1/agents/{agent}{path}"
        with requests.post(address, json={"input": "go"}, stream=True, timeout=30) as response:
            if check(response):
                answered[0] += 1
                if path == "/run/stream" and [*events_of(response)][-1].type != "complete":
                    problems.append("a stream did not complete")

    def write() -> None:
        answered[1] += check(client.request("PUT", f"/sessions/{session}", {"state": {"n": answered[1]}}))

    def read() -> None:
        answered[2] += check(client.request("GET", f"/sessions/{session}"))

    def repeat(work: Callable[[], None]) -> None:
        while not done.is_set():
            try:
                work()
            except Exception as failure:
                problems.append(repr(failure))
            time.sleep(0.02)

    works = [*([lambda: run("/run")] * 3), *([lambda: run("/run/stream")] * 5), write, read]
    threads = [threading.Thread(target=repeat, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for _ in range(full(1, 20)):
        time.sleep(0.6)
        old = set(server.worker_pids())
        just_made = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
        time.sleep(0.2)
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.4)
        problems += [f"a connection that was just made: {got}" for got in map(ask_health, just_made) if got != b"200"]
        server.wait_for(lambda old=old: not old & set(server.worker_pids()), 30, "reloaded")
    time.sleep(0.5)
    done.set()
    for thread in threads:
        thread.join(30)

    assert problems == []
    assert min(answered) > 10


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
