"""A client of the API for tests: raises on what is not 2xx, with the answer in the message."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from agentos.testing.sse import SSEReader


@dataclass(frozen=True)
class Event:
    """An event of a run, out of its envelope."""

    id: int
    type: str
    run_id: str
    data: dict[str, Any]


class Client:
    """Speaks JSON with a server at ``url``; paths are below ``/api/v1``."""

    def __init__(self, url: str) -> None:
        self.url = url

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> requests.Response:
        """Return the answer, whatever it is."""
        address = f"{self.url}/api/v1{path}"
        return requests.request(method, address, json=body, headers=headers, timeout=timeout)

    def get(self, path: str) -> Any:
        return _checked(self.request("GET", path))

    def post(self, path: str, body: Any) -> Any:
        return _checked(self.request("POST", path, body))

    def put(self, path: str, body: Any) -> Any:
        return _checked(self.request("PUT", path, body))

    def register(self, id: str | None = None, **agent: Any) -> str:
        """Register an agent and return its id."""
        return str(self.post("/agents", {"id": id or f"agent-{uuid.uuid4().hex[:8]}", **agent})["id"])

    def session(self, agent_id: str = "assistant") -> str:
        """Create a session and return its id."""
        return str(self.post("/sessions", {"agent_id": agent_id})["session_id"])

    def said(self, session_id: str) -> list[tuple[str, str]]:
        """Return what a session's history holds, as pairs of role and text."""
        messages = self.get(f"/sessions/{session_id}/history")["messages"]
        return [(message["role"], message["content"]) for message in messages]

    def ended(self, run_id: str, *, timeout: float = 30) -> Any:
        """Wait until a run has visibly ended and return it."""
        deadline = time.monotonic() + timeout
        while (run := self.get(f"/runs/{run_id}"))["status"] in ("queued", "running"):
            assert time.monotonic() < deadline, f"run {run_id} is still {run['status']} after {timeout} s"
            time.sleep(0.05)
        return run

    def stream(self, path: str, body: Any, *, headers: Mapping[str, str] | None = None) -> Iterator[Event]:
        """Yield the events of a stream as they arrive; closing the iterator closes the connection."""
        address = f"{self.url}/api/v1{path}"
        with requests.post(address, json=body, headers=headers, stream=True, timeout=120) as response:
            yield from events_of(response)

    def follow(self, run_id: str, *, after: int = 0, query: str = "") -> Iterator[Event]:
        """Yield the events of a run after number ``after``, as one does that comes back, until the run's last."""
        address = f"{self.url}/api/v1/runs/{run_id}/events{query}"
        headers = {"Last-Event-ID": str(after)} if after else {}
        with requests.get(address, headers=headers, stream=True, timeout=120) as response:
            yield from events_of(response)


def events_of(response: requests.Response) -> Iterator[Event]:
    """Yield the events of an answer that was asked for with ``stream=True``; raises unless it is 2xx."""
    _raise_for(response)
    reader = SSEReader()
    for piece in response.iter_content(None):
        for event in reader.feed(piece):
            envelope = event.json()
            assert envelope["type"] == event.type
            yield Event(int(event.id or 0), event.type, envelope["run_id"], envelope["data"])


def tokens_of(events: list[Event]) -> str:
    """Return what the tokens say together, since the run began, or began anew."""
    said: list[str] = []
    for event in events:
        if event.type == "run_start":
            said.clear()
        elif event.type == "token":
            said.append(event.data["token"])
    return "".join(said)


def _checked(response: requests.Response) -> Any:
    _raise_for(response)
    return response.json()


def _raise_for(response: requests.Response) -> None:
    if not response.ok:
        raise AssertionError(f"{response.status_code} {response.text}")
