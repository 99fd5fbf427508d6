"""LangChain's chat model for Anthropic."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from langchain_anthropic import ChatAnthropic

MakeModel = Callable[..., ChatAnthropic]


def pytest_configure(config: pytest.Config) -> None:
    # LangChain keeps its connections until the process ends.
    config.addinivalue_line("filterwarnings", "ignore:unclosed:ResourceWarning")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
async def one_loop(anyio_backend: str) -> AsyncIterator[None]:
    """Keep one event loop for all tests: LangChain keeps the connections of its first one."""
    yield  # noqa: PT022  # a fixture that returned would end the loop


@pytest.fixture
def make_model(url: str, key: str) -> MakeModel:
    def make(model: str = "helper", **options: Any) -> ChatAnthropic:
        given = {"base_url": url, "api_key": key, "max_retries": 0, "max_tokens": 4000, **options}
        return ChatAnthropic(model=model, **given)

    return make


@pytest.fixture
def model(make_model: MakeModel) -> ChatAnthropic:
    return make_model()
