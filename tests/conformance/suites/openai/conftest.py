"""Clients of the server, of its two tenants and of its own API."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import openai
import pytest
from server_api import ServerAPI

OPTIONS: dict[str, Any] = {"max_retries": 0, "_strict_response_validation": True}
"""Clients that raise for an answer that lacks what their types have; by default they take anything."""


@pytest.fixture
def client(base_url: str, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key=key, **OPTIONS) as client:
        yield client


@pytest.fixture
def other_client(base_url: str, other_key: str) -> Iterator[openai.OpenAI]:
    """A client of another tenant."""
    with openai.OpenAI(base_url=base_url, api_key=other_key, **OPTIONS) as client:
        yield client


@pytest.fixture
def in_loop(base_url: str, key: str) -> Callable[[Callable[[openai.AsyncOpenAI], Awaitable[Any]]], Any]:
    """Call a coroutine function with a client for coroutines, and return what it returns."""

    def run(function: Callable[[openai.AsyncOpenAI], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            async with openai.AsyncOpenAI(base_url=base_url, api_key=key, **OPTIONS) as client:
                return await function(client)

        return asyncio.run(main())

    return run


@pytest.fixture
def server(url: str, key: str) -> Iterator[ServerAPI]:
    """The server's own API, with the same key."""
    with ServerAPI(url, key) as api:
        yield api
