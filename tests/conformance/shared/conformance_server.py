"""Fixtures of all suites in Python. Their environments have pytest, and nothing of this server."""

import os
from pathlib import Path

import pytest


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
