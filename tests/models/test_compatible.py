"""Several OpenAI-compatible providers side by side, from the settings: each host gets its own key and no other."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask import Flask

from agentos.app import create_app
from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.domain.media import Media
from agentos.errors import ConfigError, InvalidMedia, ProviderError, ProviderUnavailable
from agentos.hookspecs import hookimpl
from agentos.models.compatible import CompatibleProvider, compatible_provider
from agentos.models.scripted import ScriptedProvider
from parts.model_server import ModelServer

KEYS = {"A_KEY": "key-of-a-aaaaaaaa", "B_KEY": "key-of-b-bbbbbbbb", "B_TOKEN": "token-of-b-tttttttt"}


@pytest.fixture
def servers() -> Iterator[dict[str, ModelServer]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(ModelServer()) for name in ("a", "b", "none")}


@pytest.fixture
def make() -> Iterator[Callable[..., Flask]]:
    made: list[Flask] = []

    def build(**given: Any) -> Flask:
        agents = given.pop("agents", {})
        plugins = given.pop("plugins", {})
        settings = {"database_url": "memory://", "plugins": (), "model_retries": 0, "environ": dict(KEYS), **given}
        made.append(create_app(Config(**settings), agents=agents, plugins=plugins))
        return made[-1]

    yield build
    for app in made:
        app.extensions["agentos"].drain(0)
        app.extensions["agentos"].close()


def tables(servers: dict[str, ModelServer]) -> dict[str, Any]:
    return {
        "a": {"base_url": servers["a"].url, "key_variable": "A_KEY", "models": ["first", "second"]},
        "b": {
            "base_url": servers["b"].url,
            "headers": {"api-key": "$B_KEY", "X-Gateway": "gate/$B_TOKEN"},
            "query": {"api-version": "2024-10-21"},
        },
        "none": {"base_url": servers["none"].url},
    }


def ask(app: Flask, agent: str) -> dict[str, Any]:
    answer = app.test_client().post(f"/api/v1/agents/{agent}/run", json={"input": "Hi"})
    return {**answer.get_json(), "status": answer.status_code}


def test_each_agent_talks_to_the_server_that_its_model_names(servers, make) -> None:
    agents = {name: Agent(id=name, model=f"{name}:text") for name in servers}
    app = make(providers=tables(servers), agents=agents)
    for name in servers:
        assert ask(app, name)["status"] == 200
    assert [server.requests[0]["model"] for server in servers.values()] == ["text"] * 3
    assert servers["a"].headers[0]["authorization"] == f"Bearer {KEYS['A_KEY']}"
    assert servers["b"].headers[0]["api-key"] == KEYS["B_KEY"]
    assert servers["b"].headers[0]["x-gateway"] == f"gate/{KEYS['B_TOKEN']}"
    assert servers["b"].targets == ["/v1/chat/completions?api-version=2024-10-21"]


def test_no_key_reaches_another_host_than_its_own(servers, make) -> None:
    app = make(providers=tables(servers))
    client = app.test_client()
    # A holder of agents:write, who would have the key of one provider go to the host of another.
    host = servers["none"].url
    tries = [{}, {"base_url": host}, {"extra_body": {"api_base": host}}, {"extra_headers": {"Host": "x"}}]
    for name in servers:
        for number, parameters in enumerate(tries):
            document = {"id": f"{name}-{number}", "model": f"{name}:text", "parameters": parameters}
            if client.post("/api/v1/agents", json=document).status_code == 201:
                ask(app, f"{name}-{number}")
    owner = {"A_KEY": "a", "B_KEY": "b", "B_TOKEN": "b"}
    for name, server in servers.items():
        assert server.headers
        for value in (KEYS[key] for key, whose in owner.items() if whose != name):
            assert value not in f"{server.headers} {server.targets} {server.requests}"
    assert "authorization" not in servers["none"].headers[0]


def test_models_and_plugins_list_them_with_the_source_settings(servers, make) -> None:
    client = make(providers=tables(servers)).test_client()
    listed = [one for one in client.get("/api/v1/models").get_json()["models"] if one["source"] == "settings"]
    assert [one["id"] for one in listed] == ["a:first", "a:second"]
    plugins = {one["name"]: one for one in client.get("/api/v1/plugins").get_json()["plugins"]}
    assert plugins["settings"]["provides"] == ["model provider:a", "model provider:b", "model provider:none"]
    assert plugins["settings"]["status"] == "loaded"


def test_without_providers_there_is_no_source_settings(make) -> None:
    plugins = make().test_client().get("/api/v1/plugins").get_json()["plugins"]
    assert "settings" not in [one["name"] for one in plugins]


class Own:
    @hookimpl
    def register_model_providers(self, register: Any) -> None:
        register("own", lambda config: ScriptedProvider(["mine"]))


class Late(Own):
    """A plugin that sorts behind everything else."""


@pytest.mark.parametrize(
    ("prefix", "plugin"), [("scripted", "core"), ("own", "zzz"), ("own", "aaa")], ids=["core", "late", "early"]
)
def test_a_clash_with_a_plugin_stops_the_start_and_names_both(make, prefix: str, plugin: str) -> None:
    plugins = {} if plugin == "core" else {plugin: Late()}
    with pytest.raises(ConfigError) as refused:
        make(providers={prefix: {"base_url": "http://127.0.0.1:1/v1"}}, plugins=plugins)
    for part in ("'providers' (from given)", repr(prefix), f"plugin {plugin!r}", "another name"):
        assert part in refused.value.message


def test_a_missing_variable_stops_no_other_provider_and_is_named_at_the_call(servers, make) -> None:
    agents = {name: Agent(id=name, model=f"{name}:text") for name in servers}
    app = make(providers=tables(servers), agents=agents, environ={"A_KEY": KEYS["A_KEY"]})
    assert ask(app, "a")["status"] == 200
    refusal = ask(app, "b")
    assert (refusal["status"], refusal["details"]["cause"]) == (502, "PROVIDER_ERROR")
    assert "B_KEY and B_TOKEN" in refusal["message"]
    assert not servers["b"].headers
    assert ask(app, "none")["status"] == 200


def test_a_key_that_http_cannot_carry_is_not_quoted(servers, make) -> None:
    agents = {"a": Agent(id="a", model="a:text")}
    app = make(providers=tables(servers), agents=agents, environ={"A_KEY": "geheim\r\nX: geheim"})
    refusal = ask(app, "a")
    assert refusal["status"] == 502
    assert "geheim" not in f"{refusal}"
    assert not servers["a"].headers


def test_token_timeout_of_a_provider_counts_for_it(servers, make) -> None:
    table = {"base_url": servers["a"].url, "token_timeout": 0.3}
    app = make(providers={"a": table}, agents={"a": Agent(id="a", model="a:fault-silence")})
    refusal = ask(app, "a")
    assert refusal["status"] == 503


def test_the_dialect_of_a_provider_counts_for_it(servers, make) -> None:
    table = {"base_url": servers["a"].url, "dialect": {"output_limit": "max_completion_tokens"}}
    parameters = {"max_output_tokens": 5, "extra_headers": {"X-Title": "T"}, "extra_query": {"q": 2}}
    app = make(providers={"a": table}, agents={"a": Agent(id="a", model="a:text", parameters=parameters)})
    assert ask(app, "a")["status"] == 200
    assert servers["a"].requests[0]["max_completion_tokens"] == 5
    assert servers["a"].headers[0]["x-title"] == "T"
    assert servers["a"].targets == ["/v1/chat/completions?q=2"]


def test_a_server_of_the_messages_api_has_a_key_a_query_and_a_dialect_of_its_own(servers, make) -> None:
    table = {
        "base_url": servers["a"].url,
        "api": "messages",
        "key_variable": "A_KEY",
        "query": {"api-version": "2024-10-21"},
        "dialect": {"version": "2026-10-21"},
    }
    agents = {"a": Agent(id="a", model="claude:text", parameters={"temperature": 0.5})}
    app = make(providers={"claude": table}, agents=agents)
    assert ask(app, "a")["status"] == 200
    assert servers["a"].targets == ["/v1/messages?api-version=2024-10-21"]
    sent = servers["a"].headers[0]
    assert (sent["authorization"], sent["x-api-key"]) == ("Bearer key-of-a-aaaaaaaa", "key-of-a-aaaaaaaa")
    assert sent["anthropic-version"] == "2026-10-21"
    assert "temperature" not in servers["a"].requests[0]


def test_attachments_are_those_of_the_api_that_a_server_speaks() -> None:
    audio = Media("audio", data="AA==", content_type="audio/wav")
    of_chat, of_messages = (provider({"base_url": "http://127.0.0.1:1", **api}) for api in ({}, {"api": "messages"}))
    of_chat.check_media(audio)
    with pytest.raises(InvalidMedia):
        of_messages.check_media(audio)
    assert "audio" in of_chat.media_types
    assert "audio" not in of_messages.media_types


def test_the_check_of_a_server_of_the_messages_api() -> None:
    with ModelServer(api_key="right-key") as server:
        table = {"base_url": server.url, "api": "messages", "key_variable": "KEY"}
        assert provider(table, {"KEY": "right-key"}).check() == f"5 models at {server.url.removesuffix('/v1')}"
        with pytest.raises(ProviderError, match="variable KEY, which is not set"):
            provider(table).check()


@pytest.mark.parametrize("api", ["responses", "", 1, None])
def test_another_api_stops_the_start(make, api: object) -> None:
    with pytest.raises(ConfigError, match="accepted: chat_completions or messages"):
        make(providers={"a": {"base_url": "http://127.0.0.1:1/v1", "api": api}})


@pytest.mark.parametrize("dialect", [{"stream_options": False}, {"version": "2020-01-01"}])
def test_an_option_of_the_other_dialect_stops_the_start(make, dialect: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="option 'dialect': dialect option"):
        make(providers={"a": {"base_url": "http://127.0.0.1:1/v1", "api": "messages", "dialect": dialect}})


@pytest.mark.parametrize("dialect", [{"nonsense": True}, {"output_limit": "tokens"}, {"stream_options": 1}])
def test_an_unknown_option_of_a_dialect_stops_the_start(make, dialect: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refused:
        make(providers={"a": {"base_url": "http://127.0.0.1:1/v1", "dialect": dialect}})
    for part in ("'providers'", "'a'", "'dialect'", repr(next(iter(dialect))), "accepted: "):
        assert part in refused.value.message


def provider(table: dict[str, Any], environ: dict[str, str] | None = None) -> CompatibleProvider:
    config = Config(providers={"p": table}, environ=environ or {})
    return compatible_provider(config.providers[0], config)


def test_the_check_asks_for_models_with_the_key() -> None:
    with ModelServer(api_key="right-key") as server:
        table = {"base_url": server.url, "key_variable": "KEY"}
        assert provider(table, {"KEY": "right-key"}).check() == f"5 models at {server.url.removesuffix('/v1')}"
        with pytest.raises(ProviderError, match=r"refused the key with status 401: check KEY and .*providers\.p"):
            provider(table, {"KEY": "wrong"}).check()
        with pytest.raises(ProviderError, match="variable KEY, which is not set"):
            provider(table).check()


def test_the_check_says_that_nothing_listens() -> None:
    with pytest.raises(ProviderUnavailable, match=r"http://127\.0\.0\.1:1 cannot be reached: check"):
        provider({"base_url": "http://127.0.0.1:1/v1"}).check()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b'{"data": [1, 2]}', "2 models"),
        (404, b"{}", "does not list its models"),
        (405, b"", "does not list its models"),
        (200, b"<html>", "did not answer with a list of models"),
        (200, b"[]", "did not answer with a list of models"),
        (200, b'{"data": 5}', "did not answer with a list of models"),
        (302, b"", "answered with status 302"),
        (403, b"", "refused the key"),
        (500, b"geheim", "answered with status 500"),
    ],
)
def test_the_check_words_each_answer(servers, status: int, body: bytes, said: str) -> None:
    with model_list(status, body, redirect=servers["a"].url) as (url, asked):
        try:
            words = provider({"base_url": url, "key_variable": "KEY"}, {"KEY": "geheim-key"}).check()
        except ProviderError as error:
            words = error.message
    assert said in words
    assert "geheim" not in words
    assert asked == ["/v1/models"]
    # A redirect is not followed: it would take the key along.
    assert servers["a"].connections == 0


@contextmanager
def model_list(status: int, body: bytes, *, redirect: str) -> Iterator[tuple[str, list[str]]]:
    """Answer every request in one way; give the base URL and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", f"{redirect}/models")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
