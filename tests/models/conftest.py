"""A faulty model server and clients for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from agentos.domain.message import Message
from agentos.models.chat_completions import ChatCompletions
from agentos.models.deltas import Delta, each
from agentos.models.request import ModelRequest
from parts.model_server import ModelServer
from parts.replay_server import ReplayServer

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


Play = Callable[..., tuple[ChatCompletions, ReplayServer]]


@pytest.fixture
def play() -> Iterator[Play]:
    """Return a function that starts a server with these replies, and a client for it."""
    with ExitStack() as stack:

        def play(*replies: str, **options: Any) -> tuple[ChatCompletions, ReplayServer]:
            server = stack.enter_context(ReplayServer(*replies))
            client = ChatCompletions(server.url, **{"token_timeout": 5.0, **options})
            stack.callback(client.close)
            return client, server

        yield play


@pytest.fixture
def said(play: Play, ask: Ask) -> Callable[..., list[Delta]]:
    """Return a function that gives all deltas of an answer, and raises what it ends in."""

    def said(*replies: str, **fields: Any) -> list[Delta]:
        client, _ = play(*replies)
        return list(each(client.stream(ask("m", **fields))))

    return said
