"""LangChain's chat model for OpenAI, by both of OpenAI's APIs."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from langchain_openai import ChatOpenAI
from openai import DefaultAsyncHttpxClient, DefaultHttpxClient

MakeModel = Callable[..., ChatOpenAI]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def connections(anyio_backend: str) -> AsyncIterator[dict[str, Any]]:
    """Connections that are closed: LangChain keeps its own until the process ends."""
    async with DefaultAsyncHttpxClient() as of_coroutines:
        with DefaultHttpxClient() as others:
            yield {"http_client": others, "http_async_client": of_coroutines}


@pytest.fixture(params=["chat completions", "responses"])
def make_model(request: pytest.FixtureRequest, base_url: str, key: str, connections: dict[str, Any]) -> MakeModel:
    def make(model: str = "helper", **options: Any) -> ChatOpenAI:
        given = {
            "base_url": base_url,
            "api_key": key,
            "max_retries": 0,
            "use_responses_api": request.param == "responses",
            "stream_usage": True,
            **connections,
            **options,
        }
        return ChatOpenAI(model=model, **given)

    return make


@pytest.fixture
def model(make_model: MakeModel) -> ChatOpenAI:
    return make_model()
