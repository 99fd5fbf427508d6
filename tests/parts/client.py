"""A client of the API for tests: raises on what is not 2xx, with the answer in the message."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
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

    def request(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Return the answer, whatever it is."""
        return requests.request(method, f"{self.url}/api/v1{path}", json=body, timeout=120)

    def get(self, path: str) -> Any:
        return _checked(self.request("GET", path))

    def post(self, path: str, body: Any) -> Any:
        return _checked(self.request("POST", path, body))

    def put(self, path: str, body: Any) -> Any:
        return _checked(self.request("PUT", path, body))

    def register(self, id: str | None = None, **agent: Any) -> str:
        """Register an agent and return its id."""
        return str(self.post("/agents", {"id": id or f"agent-{uuid.uuid4().hex[:8]}", **agent})["id"])

    def stream(self, path: str, body: Any) -> Iterator[Event]:
        """Yield the events of a stream as they arrive; closing the iterator closes the connection."""
        address = f"{self.url}/api/v1{path}"
        with requests.post(address, json=body, stream=True, timeout=120) as response:
            _raise_for(response)
            reader = SSEReader()
            for piece in response.iter_content(None):
                for event in reader.feed(piece):
                    envelope = event.json()
                    assert envelope["type"] == event.type
                    yield Event(int(event.id or 0), event.type, envelope["run_id"], envelope["data"])


def _checked(response: requests.Response) -> Any:
    _raise_for(response)
    return response.json()


def _raise_for(response: requests.Response) -> None:
    if not response.ok:
        raise AssertionError(f"{response.status_code} {response.text}")
