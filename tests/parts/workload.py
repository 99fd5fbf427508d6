"""Clients that go on through faults: they ask again, under the same key, until they are told; and note what they heard.

load = Workload(client, agents=["assistant"])
load.start(runs=50, writes=200)
...                                # break things
load.join()
load.check()                       # against what the server has kept
"""

import contextlib
import itertools
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import requests

from parts.client import Client, events_of, tokens_of

GONE = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError, requests.Timeout)
"""How a request fails whose worker was killed."""


@dataclass
class Asked:
    """A run that a client wants, and what it heard of it. ``said`` is what it was told as completed, if it was."""

    input: str
    kind: str
    session_id: str | None
    run_ids: set[str] = field(default_factory=set)
    said: str | None = None


@dataclass
class Written:
    """A session that a client made and then changed, one write after the other; ``least`` was acknowledged."""

    session_id: str
    least: int = 0
    tried: int = 0


class Workload:
    """Runs of each kind, in sessions and without, and writes of sessions, from a few threads."""

    def __init__(self, client: Client, agent_id: str, *, sessions: int = 4, patience: float = 60) -> None:
        self.client = client
        self.agent_id = agent_id
        self.asked: list[Asked] = []
        self.written: list[Written] = []
        self.failures: list[BaseException] = []
        self.unacknowledged = 0
        self._sessions = [client.session(agent_id) for _ in range(sessions)]
        self._patience = patience
        self._threads: list[threading.Thread] = []

    # --- asking --------------------------------------------------------------------------------------------------

    def start(self, *, runs: int, writes: int, threads: int = 5) -> None:
        """Begin; ``threads`` clients run agents and as many write sessions."""
        kinds = itertools.product(("plain", "stream", "background"), (*self._sessions, None))
        shapes = random.sample(list(kinds), 3 * len(self._sessions) + 3)
        for number, (kind, session_id) in zip(range(runs), itertools.cycle(shapes), strict=False):
            self.asked.append(Asked(f"run-{number}-of-{id(self)}", kind, session_id))
        for number in range(threads):
            self._spawn(self._run_all, self.asked[number::threads])
            self._spawn(self._write_all, writes // threads)

    def join(self, timeout: float = 240) -> None:
        """Wait until every client has been told; raise what one of them met."""
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
            assert not thread.is_alive(), "a client is still waiting"
        if self.failures:
            raise self.failures[0]

    @property
    def busy(self) -> bool:
        """Whether a client still waits for something."""
        return any(thread.is_alive() for thread in self._threads)

    def _spawn(self, work: Any, *arguments: Any) -> None:
        def guarded() -> None:
            try:
                work(*arguments)
            except BaseException as failure:
                self.failures.append(failure)

        thread = threading.Thread(target=guarded, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run_all(self, asked: list[Asked]) -> None:
        for one in asked:
            self._until_told(lambda one=one: self._run(one))

    def _write_all(self, count: int) -> None:
        """Make a session (with a key, since it is asked for until it is told) and change it, over and over."""
        left = count
        while left > 0:
            name = f"session-{random.getrandbits(64)}"
            made = self._until_told(
                lambda name=name: self._answer("POST", "/sessions", {"agent_id": self.agent_id, "name": name}, key=name)
            )
            session = Written(made["session_id"])
            self.written.append(session)
            left -= 1
            for number in range(1, min(left, 9) + 1):
                session.tried = number
                path = f"/sessions/{session.session_id}"
                self._until_told(lambda path=path, number=number: self._answer("PUT", path, {"state": {"n": number}}))
                session.least = number
                left -= 1

    def _until_told(self, ask: Any) -> Any:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                told = ask()
                if told is not None:
                    return told
            except GONE:
                pass
            self.unacknowledged += 1
            assert time.monotonic() < deadline, f"no answer within {self._patience} s"
            time.sleep(0.1)

    def _answer(self, method: str, path: str, body: Any, *, key: str | None = None) -> Any:
        response = self.client.request(method, path, body, headers={"Idempotency-Key": key} if key else None)
        if response.status_code == 503 and "Retry-After" in response.headers:
            return None
        assert response.ok, f"{method} {path}: {response.status_code} {response.text}"
        return response.json()

    # --- runs ----------------------------------------------------------------------------------------------------

    def _run(self, one: Asked) -> Any:
        """Ask for the run, or again for the same run; return something true once its end is known."""
        body: dict[str, Any] = {"input": one.input}
        if one.session_id is not None:
            body["session_id"] = one.session_id
        if one.kind != "plain":
            body |= {"stream": True} if one.kind == "stream" else {"background": True}
        address = f"{self.client.url}/api/v1/agents/{self.agent_id}/run"
        with requests.post(
            address, json=body, headers={"Idempotency-Key": one.input}, stream=True, timeout=60
        ) as response:
            if one.kind == "stream" and response.ok:
                one.run_ids.add(response.headers["X-Run-ID"])
                return self._follow_to_end(one, response)
            told = response.json()
            if response.ok or (response.status_code == 500 and told["code"] == "EXECUTION_ERROR"):
                run_id = told["run_id"] if response.ok else told["details"]["run_id"]
                one.run_ids.add(run_id)
                if one.kind == "plain" and response.ok:
                    one.said = told["content"]
                return self._poll_to_end(run_id) if one.kind == "background" else run_id
            assert response.status_code == 503, f"{response.status_code} {told}"
            assert "Retry-After" in response.headers or told["code"] == "EXECUTION_ERROR", told
            return None

    def _follow_to_end(self, one: Asked, response: requests.Response) -> Any:
        events = []
        run_id = response.headers["X-Run-ID"]
        pieces = events_of(response)
        while True:
            with contextlib.suppress(GONE):
                events += pieces
            # A worker that dies takes its last moment's events with it; whoever saw them hears the end all the same.
            numbered = events[:-1] if events and events[-1].type == "error" else events
            assert [event.id for event in numbered] == list(range(1, len(numbered) + 1)), (
                "events are missing or doubled"
            )
            if events and events[-1].type in ("complete", "error"):
                break
            time.sleep(0.1)
            pieces = self._follow_again(run_id, after=len(events))
        if events[-1].type == "complete":
            one.said = events[-1].data["output"]
            assert tokens_of(events) == one.said
        return run_id

    def _follow_again(self, run_id: str, *, after: int) -> Any:
        return iter(self._until_told(lambda: list(self.client.follow(run_id, after=after))))

    def _poll_to_end(self, run_id: str) -> Any:
        deadline = time.monotonic() + self._patience
        while (run := self._until_told(lambda: self._answer("GET", f"/runs/{run_id}", None)))["status"] in (
            "queued",
            "running",
        ):
            assert time.monotonic() < deadline, f"run {run_id} is still {run['status']}"
            time.sleep(0.1)
        return run_id

    # --- checking ------------------------------------------------------------------------------------------------

    def check(self, *, output: str) -> Counter[str]:
        """Compare what was heard with what was kept; return how many runs came to each end.

        ``output`` is what the agent says whenever it completes.
        """
        runs = self.client.get(f"/runs?limit=1000&agent_id={self.agent_id}")["runs"]
        assert {run["status"] for run in runs} <= {"completed", "failed", "cancelled"}
        by_id = {run["run_id"]: run for run in runs}
        asked = Counter(run["input"] for run in runs)
        for one in self.asked:
            assert asked[one.input] <= 1, f"{one.input!r} was run twice"
            assert len(one.run_ids) == 1, f"{one} was told of several runs, or of none"
            run = by_id[next(iter(one.run_ids))]
            assert run["input"] == one.input
            if one.said is not None:
                assert (run["status"], run["content"], one.said) == ("completed", output, output)
        for run in runs:
            self._check_log(run)
        for session_id in self._sessions:
            self._check_history(session_id, [run for run in runs if run.get("session_id") == session_id])
        self._check_written()
        return Counter(run["status"] for run in runs)

    def _check_log(self, run: Any) -> None:
        events = list(self.client.follow(run["run_id"]))
        assert [event.id for event in events] == list(range(1, len(events) + 1))
        assert [event.type for event in events if event.type in ("complete", "error")] == [events[-1].type]
        if run["status"] == "completed":
            assert events[-1].type == "complete"
            assert tokens_of(events) == run["content"]
        else:
            assert events[-1].type == "error"

    def _check_history(self, session_id: str, runs: list[Any]) -> None:
        """Every completed run is one whole turn, in the order of the database, and no other run is there."""
        said = self.client.said(session_id)
        assert [role for role, _ in said] == ["user", "assistant"] * (len(said) // 2)
        completed = sorted(
            (run["started_at"], run["input"], run["content"]) for run in runs if run["status"] == "completed"
        )
        assert [(question, answer) for _, question, answer in completed] == [
            (said[number][1], said[number + 1][1]) for number in range(0, len(said), 2)
        ]

    def _check_written(self) -> None:
        listed, cursor = Counter[str](), ""
        while True:
            page = self.client.get(f"/sessions?limit=1000&cursor={cursor}" if cursor else "/sessions?limit=1000")
            listed.update(session["name"] for session in page["sessions"] if session.get("name"))
            cursor = page.get("next_cursor")
            if not cursor:
                break
        assert [name for name, times in listed.items() if times > 1] == [], "sessions were made twice"
        for one in self.written:
            kept = (self.client.get(f"/sessions/{one.session_id}")["state"] or {}).get("n", 0)
            assert one.least <= kept <= one.tried, f"{one} is kept as {kept}"
