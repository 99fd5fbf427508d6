from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import get_args

import pytest
from agentos_openai import OpenAIProvider, register_model_providers

from agentos import (
    Config,
    ExecutionError,
    InvalidMedia,
    Media,
    Message,
    ModelProvider,
    ModelRequest,
    ProviderError,
    ProviderRateLimited,
    ProviderUnavailable,
    TextDelta,
    each,
)
from agentos.testing import ProviderContract
from parts.model_behaviours import TEXT
from parts.model_server import ModelServer


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(api_key="sk-right-key") as server:
        yield server


Make = Callable[..., OpenAIProvider]


@pytest.fixture
def make() -> Iterator[Make]:
    with ExitStack() as stack:

        def make(server: ModelServer, *, key: str | None = "sk-right-key") -> OpenAIProvider:
            provider = OpenAIProvider(Config(environ={}, openai_api_key=key, openai_base_url=server.url))
            stack.callback(provider.close)
            return provider

        yield make


def ask(model: str = "text", **fields) -> ModelRequest:
    return ModelRequest(model=model, messages=[Message("user", "Hi")], deadline=time.monotonic() + 5, **fields)


def text(provider: ModelProvider, request: ModelRequest) -> str:
    return "".join(delta.text for delta in each(provider.stream(request)) if isinstance(delta, TextDelta))


class TestContract(ProviderContract):
    @pytest.fixture
    def provider(self, server: ModelServer, make: Make) -> ModelProvider:
        return make(server)

    @pytest.fixture
    def model(self) -> str:
        return "text"

    @pytest.fixture
    def silent_model(self) -> str:
        return "fault-silence-headers"

    @pytest.fixture
    def thinking_model(self) -> str:
        return "reasoning"

    @pytest.fixture
    def calling_model(self) -> str:
        return "tools"

    @pytest.fixture
    def failing_models(self) -> dict[str, type[ExecutionError]]:
        return {
            "fault-400": ProviderError,
            "fault-401": ProviderError,
            "fault-429": ProviderRateLimited,
            "fault-500": ProviderUnavailable,
            "fault-html": ProviderError,
            "fault-no-finish": ProviderError,
        }


def test_the_plugin_brings_the_provider_openai() -> None:
    made: dict[str, object] = {}
    register_model_providers(lambda prefix, factory: made.__setitem__(prefix, factory))
    assert made == {"openai": OpenAIProvider}


def test_key_organization_and_project_are_sent_as_the_sdk_does(monkeypatch, server: ModelServer, make: Make) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    provider = make(server)
    assert text(provider, ask()) == TEXT
    sent = server.headers[0]
    assert sent["authorization"] == "Bearer sk-right-key"
    assert (sent["openai-organization"], sent["openai-project"]) == ("org-1", "proj-1")
    assert sent["user-agent"].startswith("agentos/")
    assert sent["accept"] == "text/event-stream"


def test_without_a_key_the_error_names_the_variable() -> None:
    with pytest.raises(ProviderError, match="set OPENAI_API_KEY"):
        text(OpenAIProvider(Config(environ={})), ask())


def test_the_environment_is_not_read_past_the_configuration(monkeypatch, server: ModelServer, make: Make) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-process")
    provider = make(server)
    text(provider, ask())
    assert server.headers[0]["authorization"] == "Bearer sk-right-key"


def test_another_server_needs_no_key(make: Make) -> None:
    with ModelServer() as server:
        provider = make(server, key=None)
        assert text(provider, ask()) == TEXT


def test_a_wrong_key_is_refused_without_being_told(server: ModelServer, make: Make) -> None:
    provider = make(server, key="sk-wrong-key")
    with pytest.raises(ProviderError, match="check that it is set") as raised:
        text(provider, ask())
    assert "wrong" not in raised.value.message


def test_another_server_is_told_max_tokens(server: ModelServer, make: Make) -> None:
    provider = make(server)
    text(provider, ask(parameters={"max_output_tokens": 9}))
    assert server.requests[0]["max_tokens"] == 9


def test_an_image_reaches_the_model(server: ModelServer, make: Make) -> None:
    provider = make(server)
    image = Media("image", url="https://example.com/photo.png")
    request = ModelRequest(model="text", messages=[Message("user", "What is it?", media=(image,))])
    text(provider, request)
    part = {"type": "image_url", "image_url": {"url": "https://example.com/photo.png"}}
    assert server.requests[0]["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}
    ]


@pytest.mark.parametrize("media", [Media("video", url="https://x/y"), Media("file", url="https://x/y")])
def test_what_has_no_place_is_refused_before_a_run(media: Media) -> None:
    with pytest.raises(InvalidMedia):
        OpenAIProvider(Config(environ={})).check_media(media)


def test_the_well_known_models_are_known_to_the_sdk() -> None:
    from openai.types import ChatModel

    assert set(OpenAIProvider(Config(environ={})).model_names()) <= set(get_args(ChatModel))


def test_of_another_server_no_models_are_guessed(server: ModelServer, make: Make) -> None:
    assert make(server).model_names() == []


def test_the_check_counts_the_models(server: ModelServer, make: Make) -> None:
    assert make(server).check() == f"5 models at http://127.0.0.1:{server.port}"


def test_the_check_says_that_the_key_is_wrong(server: ModelServer, make: Make) -> None:
    with pytest.raises(ProviderError, match="check OPENAI_API_KEY") as raised:
        make(server, key="sk-wrong-key").check()
    assert "wrong" not in raised.value.message


def test_the_check_says_that_nobody_listens(make: Make) -> None:
    with ModelServer() as server:
        provider = make(server)
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        provider.check()


def test_the_check_says_that_the_address_is_wrong(server: ModelServer) -> None:
    config = Config(
        environ={}, openai_api_key="sk-right-key", openai_base_url=f"http://127.0.0.1:{server.port}/elsewhere"
    )
    with pytest.raises(ProviderError, match="404"):
        OpenAIProvider(config).check()


@pytest.mark.parametrize("url", ["http://[::1", "api.example.com/v1", "ftp://example.com/v1"])
def test_an_address_that_is_none_is_refused_with_what_is_accepted(url: str) -> None:
    provider = OpenAIProvider(Config(openai_api_key="sk-right-key", openai_base_url=url))
    with pytest.raises(ProviderError, match=r"OPENAI_BASE_URL is not accepted: give http"):
        provider.check()
    with pytest.raises(ProviderError, match=r"OPENAI_BASE_URL is not accepted: give http"):
        list(provider.stream(ModelRequest(model="m", messages=(Message("user", "Hi"),))))


def test_a_worker_that_never_calls_does_not_import_the_sdk() -> None:
    code = (
        "import sys, agentos, agentos_openai;"
        " agentos_openai.OpenAIProvider(agentos.Config(environ={})); print('openai' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"
