"""LangChain's chat model for OpenAI, by both of OpenAI's APIs."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from langchain_openai import ChatOpenAI

MakeModel = Callable[..., ChatOpenAI]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
async def one_loop(anyio_backend: str) -> AsyncIterator[None]:
    """Keep one event loop for all tests: LangChain keeps the connections of its first one."""
    yield


@pytest.fixture(params=["chat completions", "responses"])
def make_model(request: pytest.FixtureRequest, base_url: str, key: str) -> MakeModel:
    def make(model: str = "helper", **options: Any) -> ChatOpenAI:
        given = {
            "base_url": base_url,
            "api_key": key,
            "max_retries": 0,
            "use_responses_api": request.param == "responses",
            "stream_usage": True,
            **options,
        }
        return ChatOpenAI(model=model, **given)

    return make


@pytest.fixture
def model(make_model: MakeModel) -> ChatOpenAI:
    return make_model()
