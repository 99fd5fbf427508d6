"""Fixtures of all suites in Python. Their environments have pytest, and nothing of this server."""

import json
import os
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from waiting import wait_for


@pytest.fixture(scope="session")
def url() -> str:
    """Where the server is."""
    return os.environ["AGENTOS_CONFORMANCE_URL"]


@pytest.fixture(scope="session")
def base_url(url: str) -> str:
    """Where its OpenAI API is."""
    return f"{url}/v1"


@pytest.fixture(scope="session")
def key() -> str:
    """An API key with the scopes of a client."""
    return os.environ["AGENTOS_CONFORMANCE_KEY"]


@pytest.fixture(scope="session")
def other_key() -> str:
    """A key of another tenant."""
    return os.environ["AGENTOS_CONFORMANCE_OTHER_KEY"]


@pytest.fixture(scope="session")
def reading_key() -> str:
    """A key that may read runs, and nothing else."""
    return os.environ["AGENTOS_CONFORMANCE_READING_KEY"]


@pytest.fixture(scope="session")
def approving_key() -> str:
    """A key of the first tenant that may read its runs, and approve their calls of tools."""
    return os.environ["AGENTOS_CONFORMANCE_APPROVING_KEY"]


@pytest.fixture(scope="session")
def server_log() -> Path:
    """The server's log, of JSON lines."""
    return Path(os.environ["AGENTOS_CONFORMANCE_LOG"])


@pytest.fixture
def counted(server_log: Path) -> Callable[[], tuple[dict[str, str], Callable[..., int]]]:
    """Make headers for a request, and a function that says how often the server answered it, by the server's log.

    A line of the log is written after its answer: that of the last one may still come, which is waited for.
    """

    def make() -> tuple[dict[str, str], Callable[..., int]]:
        id = f"counted-{uuid.uuid4().hex}"

        def answered() -> int:
            whole = [line for line in server_log.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]
            return sum(json.loads(line)["message"] == "request" for line in whole if id in line)

        def count(expected: int) -> int:
            wait_for(lambda: answered() >= expected)
            return answered()

        return {"X-Request-ID": id}, count

    return make
