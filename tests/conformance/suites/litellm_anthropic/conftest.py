"""LiteLLM as its documentation sets it up for a server that speaks Anthropic's API."""

from collections.abc import AsyncIterator
from typing import Any

import litellm
import pytest


def pytest_configure(config: pytest.Config) -> None:
    # What LiteLLM does by itself: nothing that a server sends has a part in it.
    for line in (
        "ignore:.* using the `ReadOnly` qualifier:UserWarning",
        "ignore:Accessing the 'model_.*' attribute:DeprecationWarning",
        "ignore:unclosed:ResourceWarning",  # it keeps connections until the process ends
    ):
        config.addinivalue_line("filterwarnings", line)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
async def one_loop(anyio_backend: str) -> AsyncIterator[None]:
    """Keep one event loop for all tests, and close its connections: LiteLLM keeps those of its first one."""
    yield
    await litellm.close_litellm_async_clients()


@pytest.fixture
def given(url: str, key: str) -> dict[str, Any]:
    """What each call is given."""
    return {"model": "anthropic/helper", "api_base": url, "api_key": key, "max_retries": 0}
