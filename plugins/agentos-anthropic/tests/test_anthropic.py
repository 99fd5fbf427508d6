from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from agentos_anthropic import AnthropicProvider, register_model_providers
from agentos_anthropic.headers import request_headers

from agentos import (
    Agent,
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
    ToolCall,
    ToolSpec,
    each,
)
from agentos.testing import ProviderContract, serve_agents
from parts.message_behaviours import TEXT
from parts.model_server import ModelServer

KEY = "sk-ant-right-key"
CONTEXT = [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(api_key=KEY) as server:
        yield server


Make = Callable[..., AnthropicProvider]


@pytest.fixture
def make() -> Iterator[Make]:
    with ExitStack() as stack:

        def make(url: str, *, key: str | None = KEY, **settings: str) -> AnthropicProvider:
            given = {"anthropic_base_url": url, **settings}
            provider = AnthropicProvider(Config(environ={}, anthropic_api_key=key, plugin_settings=given))
            stack.callback(provider.close)
            return provider

        yield make


def ask(model: str = "text", **fields: Any) -> ModelRequest:
    return ModelRequest(model=model, messages=[Message("user", "Hi")], deadline=time.monotonic() + 20, **fields)


def text(provider: ModelProvider, request: ModelRequest) -> str:
    return "".join(delta.text for delta in each(provider.stream(request)) if isinstance(delta, TextDelta))


class TestContract(ProviderContract):
    @pytest.fixture
    def provider(self, server: ModelServer, make: Make) -> ModelProvider:
        return make(server.url)

    @pytest.fixture
    def model(self) -> str:
        return "text"

    @pytest.fixture
    def silent_model(self) -> str:
        return "fault-silence-headers"

    @pytest.fixture
    def thinking_model(self) -> str:
        return "thinking"

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
            "fault-529": ProviderUnavailable,
            "fault-error-event": ProviderUnavailable,
            "fault-html": ProviderError,
            "fault-no-finish": ProviderError,
        }


def test_the_plugin_brings_the_provider_anthropic() -> None:
    made: dict[str, object] = {}
    register_model_providers(lambda prefix, factory: made.__setitem__(prefix, factory))
    assert made == {"anthropic": AnthropicProvider}


# --- configuration and headers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [{"key": "sk-ant-1"}, {"token": "token-1"}, {"key": "sk-ant-1", "custom": "X-Team: blue\nX-Other:1"}],
    ids=lambda given: "+".join(given),
)
def test_anthropic_gets_the_headers_that_its_sdk_sends(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    anthropic = pytest.importorskip("anthropic", reason="the SDK is not installed")
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "ANTHROPIC_CUSTOM_HEADERS"):
        monkeypatch.delenv(name, raising=False)
    if "custom" in given:
        monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", given["custom"])
    with anthropic.Anthropic(api_key=given.get("key"), auth_token=given.get("token")) as sdk:
        about_itself = ("x-stainless-", "user-agent", "accept", "content-type", "anthropic-version")
        sent = {name: value for name, value in sdk.default_headers.items() if not name.lower().startswith(about_itself)}
    ours = request_headers(**{"key": None, "token": None, "custom": None, **given})
    assert ours == sent


def test_anthropics_version_is_the_one_of_its_sdk() -> None:
    constants = pytest.importorskip("anthropic._constants", reason="the SDK is not installed")
    from agentos.models.servers.table import server_for

    assert server_for("https://api.anthropic.com").messages.version == constants.ANTHROPIC_API_VERSION


def test_the_well_known_models_are_known_to_the_sdk() -> None:
    params = pytest.importorskip("anthropic.types.model_param", reason="the SDK is not installed")
    from typing import get_args

    known = {name for part in get_args(params.ModelParam) for name in get_args(part)}
    assert set(AnthropicProvider(Config(environ={})).model_names()) <= known


def test_another_server_gets_the_key_under_both_names(server: ModelServer, make: Make) -> None:
    assert text(make(server.url), ask()) == TEXT
    sent = server.headers[0]
    assert (sent["authorization"], sent["x-api-key"]) == (f"Bearer {KEY}", KEY)
    assert sent["anthropic-version"] == "2023-06-01"
    assert sent["user-agent"].startswith("agentos/")


def test_a_token_is_sent_where_there_is_no_key(server: ModelServer, make: Make) -> None:
    assert text(make(server.url, key=None, anthropic_auth_token=KEY), ask()) == TEXT
    assert "x-api-key" not in server.headers[0]


def test_the_environment_is_read_by_the_settings_alone(
    monkeypatch: pytest.MonkeyPatch, server: ModelServer, make: Make
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-of-the-process")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Team: blue")
    text(make(server.url), ask())
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert "x-team" not in server.headers[0]


def test_without_a_key_the_error_names_the_variable() -> None:
    with pytest.raises(ProviderError, match="set ANTHROPIC_API_KEY"):
        text(AnthropicProvider(Config(environ={})), ask())


def test_another_server_needs_no_key(make: Make) -> None:
    with ModelServer() as server:
        assert text(make(server.url, key=None), ask()) == TEXT


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/", "/v1/messages"])
def test_the_address_may_have_the_version_or_not(server: ModelServer, make: Make, end: str) -> None:
    assert text(make(f"http://127.0.0.1:{server.port}{end}"), ask()) == TEXT


def test_a_wrong_key_is_refused_without_being_told(server: ModelServer, make: Make) -> None:
    with pytest.raises(ProviderError, match="check that it is set") as raised:
        text(make(server.url, key="sk-wrong-key"), ask())
    assert "wrong" not in raised.value.message


# --- what reaches the model -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("media", [Media("video", url="https://x/y"), Media("audio", data="AA==")])
def test_what_has_no_place_is_refused_before_a_run(media: Media) -> None:
    with pytest.raises(InvalidMedia):
        AnthropicProvider(Config(environ={})).check_media(media)


def test_a_run_sends_thinking_back_with_the_results_and_in_the_next_turn(server: ModelServer) -> None:
    agent = Agent(id="clerk", model="anthropic:tools", tools=["calculator"])
    settings = {
        "anthropic_api_key": KEY,
        "environ": {"ANTHROPIC_BASE_URL": server.url},
    }
    with serve_agents([agent], installed=["anthropic", "calculator"], **settings) as served:
        session = served.session("clerk")
        for _ in range(2):
            events = served.stream("clerk", "Go", session_id=session)
            thoughts = [event.data for event in events if event.type == "reasoning"]
            assert [thought["content"] for thought in thoughts] == ["Two.", ""]
            assert thoughts[1]["redacted_content"] == "ZGF0YQ=="
            assert events[-1].data["output"] == "The result is 2 and 6."
            assert events[-1].data["usage"]["cached_tokens"] == 8
    thinking = [
        {"type": "thinking", "thinking": "Two.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "ZGF0YQ=="},
    ]
    assert server.requests[1]["messages"][1]["content"][:2] == thinking
    assert [block["type"] for block in server.requests[1]["messages"][1]["content"][2:]] == ["tool_use", "tool_use"]
    results = server.requests[1]["messages"][2]["content"]
    assert [(block["tool_use_id"], block["content"]) for block in results] == [("toolu_a", "2"), ("toolu_b", "6")]
    assert server.requests[2]["messages"][1]["content"][:2] == thinking


# --- models and the check ---------------------------------------------------------------------------------------------


def test_of_another_server_no_models_are_guessed(server: ModelServer, make: Make) -> None:
    assert make(server.url).model_names() == []


def test_the_check_counts_the_models(server: ModelServer, make: Make) -> None:
    assert make(server.url).check() == f"5 models at http://127.0.0.1:{server.port}"


def test_the_check_says_that_the_key_is_wrong(server: ModelServer, make: Make) -> None:
    with pytest.raises(ProviderError, match="check ANTHROPIC_API_KEY") as raised:
        make(server.url, key="sk-wrong-key").check()
    assert "wrong" not in raised.value.message


def test_the_check_says_that_nobody_listens(make: Make) -> None:
    with ModelServer() as server:
        provider = make(server.url)
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        provider.check()


def test_no_worker_imports_the_sdk(server: ModelServer) -> None:
    code = (
        "import sys, time, agentos, agentos_anthropic\n"
        f"config = agentos.Config(environ={{}}, plugin_settings={{'anthropic_base_url': '{server.url}'}},"
        f" anthropic_api_key='{KEY}')\n"
        "request = agentos.ModelRequest(model='text', messages=[agentos.Message('user', 'Hi')])\n"
        "assert list(agentos_anthropic.AnthropicProvider(config).stream(request))\n"
        "print('anthropic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("settings", "model"),
    [
        ({"anthropic_api_key": KEY}, "anthropic:claude-haiku-5-5"),
        ({"anthropic_api_key": KEY, "openai_api_key": "sk-1"}, "openai:gpt-5-mini"),
        ({"anthropic_api_key": KEY, "model": "scripted:echo"}, "scripted:echo"),
        ({}, "scripted:echo"),
    ],
    ids=["key", "both keys", "another model", "no key"],
)
def test_the_assistant_is_claude_where_there_is_a_key_for_it(settings: dict[str, str], model: str) -> None:
    with serve_agents(installed=["anthropic", "openai"], assistant=True, **settings) as served:
        assert served.client.get("/api/v1/agents/assistant").get_json()["model"] == model


def test_what_is_sent_is_a_request_by_the_types_of_the_sdk(server: ModelServer, make: Make) -> None:
    params = pytest.importorskip("anthropic.types.message_create_params", reason="the SDK is not installed")
    from pydantic import TypeAdapter, ValidationError

    call = ToolCall("functions.add:0", "add", '{"a": 1}')
    kept = {"blocks": [{"type": "thinking", "thinking": "So", "signature": "c2ln"}, {"type": "tool_use"}]}
    picture = Media("image", data="aGk=", content_type="image/png")
    document = Media("file", data="aGk=", content_type="application/pdf", name="a.pdf")
    history = [
        Message("system", "Be kind."),
        Message("user", "Hi", media=(picture, document, Media("image", url="https://example.com/a.png"))),
        Message("assistant", "Let me see.", tool_calls=(call,), provider_details=kept),
        Message("tool", "2", tool_call_id=call.id),
        Message("assistant", "", tool_calls=(ToolCall("x", "add", "{"),)),
        Message("user", "And now?"),
    ]
    request = ModelRequest(
        model="text",
        messages=history,
        tools=[ToolSpec("add", "Add.", {"type": "object", "properties": {"a": {"type": "integer"}}})],
        output_schema={"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}},
        parameters={
            "thinking": {"type": "enabled", "budget_tokens": 2048},
            "prompt_caching": "1h",
            "reasoning_effort": "high",
            "stop": "END",
            "parallel_tool_calls": False,
            "metadata": {"user_id": "7"},
        },
        deadline=time.monotonic() + 20,
    )
    assert text(make(server.url), request) == TEXT
    sent = server.requests[0]
    adapter = TypeAdapter(params.MessageCreateParamsStreaming, config=None)
    checked = consumed(adapter.validate_python(sent))
    assert sent.keys() <= checked.keys()
    assert [turn["role"] for turn in checked["messages"]] == ["user", "assistant", "user", "assistant", "user"]
    with pytest.raises(ValidationError):
        consumed(adapter.validate_python({**sent, "messages": [{"role": "user", "content": [{"type": "text"}]}]}))


def consumed(value: Any) -> Any:
    """Return a value whose parts were all looked at: the types of the SDK check what they iterate over late."""
    if isinstance(value, dict):
        return {name: consumed(inner) for name, inner in value.items()}
    return value if isinstance(value, str | bytes) or not isinstance(value, Iterable) else [*map(consumed, value)]
