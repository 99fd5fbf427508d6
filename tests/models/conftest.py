"""A faulty model server and clients for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agentos.domain.message import Message
from agentos.models.chat_completions import ChatCompletions
from agentos.models.request import ModelRequest
from parts.model_server import ModelServer

Ask = Callable[..., ModelRequest]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def client(server: ModelServer) -> Iterator[ChatCompletions]:
    client = ChatCompletions(server.url, {"Authorization": "Bearer sk-test-12345678"}, token_timeout=0.5)
    yield client
    client.close()


@pytest.fixture
def ask() -> Ask:
    def ask(model: str, text: str = "Hi", *, seconds: float = 5.0, **fields: Any) -> ModelRequest:
        messages = fields.pop("messages", (Message("user", text),))
        return ModelRequest(model=model, messages=messages, deadline=time.monotonic() + seconds, **fields)

    return ask
