"""An HTTP client with a key, and what the server keeps of a chat."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import httpx2
import pytest
from streams import History


@pytest.fixture
def http(base_url: str, key: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=base_url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:
        yield client


@pytest.fixture
def history(http: httpx2.Client, url: str) -> History:
    """Returns the texts of a session, oldest first."""

    def read(session_id: str) -> list[str]:
        found = http.get(f"{url}/api/v1/sessions/{session_id}/history")
        return [message["content"] for message in found.raise_for_status().json()["messages"]]

    return read


@pytest.fixture
def end_of_run(http: httpx2.Client, url: str) -> Callable[[str], str]:
    """Waits for the end of a run and returns its status."""

    def wait(run_id: str) -> str:
        until = time.monotonic() + 10
        while True:
            status: str = http.get(f"{url}/api/v1/runs/{run_id}").json()["status"]
            if status in ("completed", "failed", "cancelled"):
                return status
            assert time.monotonic() < until, f"run {run_id} is still {status}"
            time.sleep(0.05)

    return wait
