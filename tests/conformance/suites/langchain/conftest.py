"""LangChain's chat model for OpenAI, by both of OpenAI's APIs."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from langchain_openai import ChatOpenAI
from openai import DefaultAsyncHttpxClient

MakeModel = Callable[..., ChatOpenAI]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def http_client(anyio_backend: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Connections that are closed: LangChain keeps its own, of the first event loop, until the process ends."""
    async with DefaultAsyncHttpxClient() as client:
        yield client


@pytest.fixture(params=["chat completions", "responses"])
def make_model(request: pytest.FixtureRequest, base_url: str, key: str, http_client: httpx2.AsyncClient) -> MakeModel:
    def make(model: str = "helper", **options: Any) -> ChatOpenAI:
        given = {
            "base_url": base_url,
            "api_key": key,
            "max_retries": 0,
            "use_responses_api": request.param == "responses",
            "stream_usage": True,
            "http_async_client": http_client,
            **options,
        }
        return ChatOpenAI(model=model, **given)

    return make


@pytest.fixture
def model(make_model: MakeModel) -> ChatOpenAI:
    return make_model()
