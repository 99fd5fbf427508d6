"""The server's own API, as far as tests compare it with those of others."""

from __future__ import annotations

from typing import Any, Self
from uuid import UUID

import httpx2


class ServerAPI:
    """A client of /api/v1. Answers that are no success raise."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx2.Client(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {key}"}, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str) -> dict[str, Any]:
        """Return a resource."""
        return self._json(self._http.get(path))

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make or do something, and return the answer."""
        return self._json(self._http.post(path, json=body))

    def events(self, run_id: str) -> str:
        """Return the whole event stream of a run, once it has ended."""
        answer = self._http.get(f"/runs/{run_id}/events")
        answer.raise_for_status()
        return answer.text

    def run(self, id: str) -> dict[str, Any]:
        """Return the run of a response, a chat completion or a message, or that with this id."""
        if id.startswith("msg_"):
            id = str(UUID(id.removeprefix("msg_")[:32]))
        return self.get(f"/runs/{id.removeprefix('resp_').removeprefix('chatcmpl-')}")

    @staticmethod
    def _json(answer: httpx2.Response) -> dict[str, Any]:
        answer.raise_for_status()
        return dict(answer.json())
