"""The contract for providers, tried on those that AgentOS ships."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agentos.errors import ExecutionError, ProviderError, ProviderRateLimited, ProviderUnavailable
from agentos.models.chat_completions import ChatCompletions
from agentos.models.deltas import Arrival
from agentos.models.provider import ModelProvider
from agentos.models.request import ModelRequest
from agentos.models.scripted import ScriptedProvider
from agentos.testing.models import ProviderContract
from parts.model_server import ModelServer


class SmallestProvider(ModelProvider):
    """All that a plugin for another OpenAI-compatible server has to write."""

    def __init__(self, url: str) -> None:
        self._server = ChatCompletions(url, token_timeout=5)

    def stream(self, request: ModelRequest) -> Iterator[Arrival]:
        return self._server.stream(request)

    def close(self) -> None:
        self._server.close()


class TestChatCompletions(ProviderContract):
    @pytest.fixture
    def provider(self, server: ModelServer) -> Iterator[ModelProvider]:
        provider = SmallestProvider(server.url)
        yield provider
        provider.close()

    @pytest.fixture
    def model(self) -> str:
        return "text"

    @pytest.fixture
    def silent_model(self) -> str:
        return "fault-silence"

    @pytest.fixture
    def failing_models(self) -> dict[str, type[ExecutionError]]:
        return {"fault-401": ProviderError, "fault-429": ProviderRateLimited, "fault-503": ProviderUnavailable}


class TestScripted(ProviderContract):
    @pytest.fixture
    def provider(self) -> ModelProvider:
        return ScriptedProvider()

    @pytest.fixture
    def model(self) -> str:
        return "echo"

    @pytest.fixture
    def silent_model(self) -> str:
        pytest.skip("ends at its run's cancellation, not by a deadline of its own")
