"""The framework as its documentation sets it up: a default client, and no traces sent to OpenAI."""

from collections.abc import AsyncIterator

import pytest
from agents import OpenAIChatCompletionsModel, OpenAIResponsesModel, set_default_openai_client, set_tracing_disabled
from openai import AsyncOpenAI

Model = OpenAIChatCompletionsModel | OpenAIResponsesModel


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
async def client(base_url: str, key: str) -> AsyncIterator[AsyncOpenAI]:
    set_tracing_disabled(True)
    async with AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0) as client:
        set_default_openai_client(client, use_for_tracing=False)
        yield client


@pytest.fixture(params=[OpenAIResponsesModel, OpenAIChatCompletionsModel])
def model(request: pytest.FixtureRequest, client: AsyncOpenAI) -> Model:
    return request.param("helper", client)
