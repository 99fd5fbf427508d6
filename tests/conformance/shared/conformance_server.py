"""Fixtures of all suites in Python. Their environments have pytest, and nothing of this server."""

import os

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
