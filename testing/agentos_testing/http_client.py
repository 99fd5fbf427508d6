"""A small client of a running server: JSON, and streams as they arrive."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentos.testing import Event, SSEReader

PIECE = 65536


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered, an error too. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class HttpClient:
    """Talks with the server at ``url``; ``headers`` go with each request, as a key does.

    >>> client = HttpClient(server.url, {"Authorization": f"Bearer {key}"})  # doctest: +SKIP
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        self.headers = dict(headers or {})

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> Answer:
        """Return the answer to one request. ``path`` begins with ``/``; ``body`` is sent as JSON."""
        with self._open(method, path, body, headers, timeout) as response:
            return Answer(response.status, _lower(response.headers), response.read())

    def get(self, path: str, **options: Any) -> Answer:
        """Return the answer to a GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        """Return the answer to a POST with a JSON body."""
        return self.request("POST", path, body, **options)

    def run(self, agent_id: str, text: str, *, headers: Mapping[str, str] | None = None, **fields: Any) -> Answer:
        """Run an agent. ``fields`` are fields of the request's body."""
        return self.post(f"/api/v1/agents/{agent_id}/run", {"input": text, **fields}, headers=headers)

    def stream(
        self, agent_id: str, text: str, *, headers: Mapping[str, str] | None = None, **fields: Any
    ) -> Iterator[Event]:
        """Yield the events of a run as they arrive; closing the iterator closes the connection.

        Raises ``AssertionError`` for an answer that is no stream.
        """
        path = f"/api/v1/agents/{agent_id}/run/stream"
        with self._open("POST", path, {"input": text, **fields}, headers, 60) as response:
            if response.status != 200:
                raise AssertionError(f"{response.status} {response.read().decode()}")
            reader = SSEReader()
            while piece := response.read1(PIECE):
                for event in reader.feed(piece):
                    yield Event(event.type, event.json()["data"], int(event.id or 0))

    def _open(self, method: str, path: str, body: Any, headers: Mapping[str, str] | None, timeout: float) -> Any:
        data = None if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} if data is not None else {}
        asked = urllib.request.Request(  # noqa: S310 - the address of the test's own server
            f"{self.url}{path}", data=data, method=method, headers={**given, **self.headers, **(headers or {})}
        )
        try:
            return urllib.request.urlopen(asked, timeout=timeout)  # noqa: S310
        except urllib.error.HTTPError as error:
            return error


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
