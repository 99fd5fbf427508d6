"""No secret of a server comes out of it: in a log, an answer, an event, whatever is asked and whatever breaks."""

import json
import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from agentos_openai import OpenAIProvider
from flask import Flask

from agentos.app import create_app
from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.errors import AgentFailed, ProviderError, ProviderRateLimited
from agentos.hookspecs import hookimpl
from agentos.models.scripted import Fail, ScriptedProvider, call
from agentos.settings import settings_of
from agentos.storage.memory import MemoryStorage
from parts.model_server import ModelServer

# Nothing in their look gives them away: they are known by value alone.
# Two are left out: what is not installed ends the start, and tests/plugins/test_jobs.py looks at what that says.
VALUES = {
    setting.name: f"quokka-{setting.name}-of-at-least-32-letters"
    for setting in settings_of(Config)
    if setting.secret and setting.name not in ("signals", "rate_limit_store")
}
PROVIDER_VALUES = {
    name: f"quokka {name}/of-at-least+32-letters" for name in ("KEY", "HEADER", "QUERY", "LITERAL", "PLAIN")
}
"""Keys of providers that the settings name: of a key's variable, a header's, a parameter's, and one in the file."""
PASSWORD = "quokka@pass/word"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJxdW9ra2EifQ.quokkaquokka"


class Vault(MemoryStorage):
    """A storage that says too much when it breaks."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        finish_run = self.runs.finish

        def count(where: Any) -> int:
            raise ConnectionError(f"cannot connect to {config.database_url}")

        def finish(run: Any, **more: Any) -> bool:
            if run.agent_id == "unsaved":
                raise RuntimeError(f"lost {config.database_url}")
            return finish_run(run, **more)

        self.sessions.count, self.runs.finish = count, finish  # type: ignore[method-assign]


class Talking:
    """Fails with every secret that the configuration has, in every place where plugins can."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def all(self) -> str:
        """Return all secrets in a text."""
        return " ".join([*(str(getattr(self._config, name)) for name in VALUES), *PROVIDER_VALUES.values()])

    @hookimpl
    def register_storage_backends(self, register: Any) -> None:
        register("vault", lambda url, config: Vault(config))

    @hookimpl
    def register_model_providers(self, register: Any) -> None:
        told = {"headers": {"Authorization": f"Bearer {self._config.openai_api_key}"}, "reason": self.all()}
        register("openai", OpenAIProvider)
        register("echoing", lambda _: ScriptedProvider([[Fail(ProviderError(f"key: {self.all()}", details=told))]]))
        register("limited", lambda _: ScriptedProvider([[Fail(ProviderRateLimited(self.all()))]]))
        register("unmakable", self._make)
        register("tool", lambda _: ScriptedProvider([[call("tell")], "Done."]))
        register("fine", lambda _: ScriptedProvider(["Fine."]))

    def _make(self, config: Config) -> Any:
        raise RuntimeError(self.all())

    @hookimpl
    def run_finished(self, run: Any) -> None:
        warnings.warn(self.all(), UserWarning, stacklevel=1)
        raise RuntimeError(self.all())

    def tell(self) -> str:
        """Tell."""
        raise PermissionError(f"{self.all()} {quote(PASSWORD, safe='')}")

    def stream(self, context: Any) -> Iterator[str]:
        yield "Well, "
        raise AgentFailed(f"no: {self.all()}")


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


def requests(key: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Return what is asked: method, path, and the rest."""
    good = {"Authorization": f"Bearer {key}"}
    for agent in ("fine", "tool", "own", "echoing", "limited", "unmakable", "unsaved", "quote", "named"):
        yield "POST", f"/api/v1/agents/{agent}/run", {"json": {"input": "Hi"}, "headers": good}
        yield "POST", f"/api/v1/agents/{agent}/run/stream", {"json": {"input": "Hi"}, "headers": good}
    yield "GET", "/api/v1/runs", {"headers": good}
    yield "GET", "/api/v1/sessions?include_total=true", {"headers": good}
    for path in ("/api/v1/models", "/api/v1/tools", "/api/v1/plugins", "/api/v1/agents", "/ready", "/api/v1/nothing"):
        yield "GET", path, {"headers": good}
    for credential in (key[:-1], f"{key}x", key[:4] + key[8:], TOKEN):
        yield "GET", "/api/v1/sessions", {"headers": {"Authorization": f"Bearer {credential}"}}
        yield "GET", "/api/v1/sessions", {"headers": {"X-API-Key": credential, "Cookie": f"session={credential}"}}
        yield "GET", f"/api/v1/sessions?api_key={credential}", {}
        yield "GET", f"/api/v1/sessions?api_key={credential}&token={credential}", {"headers": good}
        yield "POST", "/api/v1/agents/fine/run", {"json": {"input": "Hi", credential: 1}, "headers": good}
        yield "POST", "/api/v1/sessions", {"json": {"agent_id": credential}, "headers": {"Authorization": credential}}
        yield "GET", "/api/v1/runs", {"headers": {**good, "Last-Event-ID": credential, "X-Request-ID": "a b"}}
    yield "POST", "/api/v1/sessions", {"data": "{", "content_type": "application/json", "headers": good}


def agents_of(talking: Talking) -> dict[str, Any]:
    """Return the agents that are asked: one for each thing that goes wrong, one that is fine, and one in code."""
    models = {name: f"{name}:m" for name in ("fine", "tool", "echoing", "limited", "unmakable")}
    models |= {"unsaved": "fine:m", "quote": "openai:quote", "named": "named:fault-quote"}
    agents = {name: Agent(id=name, model=model, tools=[talking.tell]) for name, model in models.items()}
    return {**agents, "own": talking}


def named_provider(url: str) -> dict[str, Any]:
    """Return settings with a provider that has a secret in every place that can hold one."""
    table = {
        "base_url": url,
        "key_variable": "KEY",
        "headers": {"X-Gateway-Token": PROVIDER_VALUES["LITERAL"], "X-Plain": "$PLAIN", "api-key": "$HEADER"},
        "query": {"sig": "$QUERY"},
    }
    return {"providers": {"named": table}, "environ": PROVIDER_VALUES}


def answers_of(app: Flask, key: str) -> list[str]:
    """Ask everything; return all that is answered."""
    client = app.test_client()
    told = []
    for method, path, more in requests(key):
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            answer = client.open(path, method=method, **more)
            told.append(f"{answer.status} {answer.headers} {answer.text}")
    return told


@pytest.mark.parametrize("level", [{}, {"debug": True, "log_content": True}], ids=["info", "debug"])
def test_no_secret_comes_out(log, model_server: ModelServer, level: dict[str, Any]) -> None:
    given = {**VALUES, "database_url": f"vault://me:{quote(PASSWORD, safe='')}@db/agentos"}
    config = Config(
        **given,
        plugins=(),
        auth=("api_key", "jwt"),
        jwt_algorithms=("HS256",),
        openai_base_url=model_server.url,
        model_retries=0,
        **level,
        **named_provider(model_server.url),
    )
    stream = log(config)
    talking = Talking(config)
    app = create_app(config, agents=agents_of(talking), plugins={"talking": talking})
    services = app.extensions["agentos"]
    key, _ = services.keys.create(name="a", owner="a", scopes=["admin"])
    told = answers_of(app, key)
    services.drain(0)
    services.close()

    text = stream.getvalue()
    # The real providers did call, with their keys.
    assert {PROVIDER_VALUES["LITERAL"], None} <= {one.get("x-gateway-token") for one in model_server.headers}
    assert "***" in text
    assert sum("***" in one for one in told) > 5
    secrets = {**given, "database_url": PASSWORD, "key": key[22:-2], "token": "quokkaquokka", **PROVIDER_VALUES}
    for name, value in secrets.items():
        for spelling in (value, quote(value, safe=""), json.dumps(value)[1:-1]):
            assert spelling not in text, name
            for one in told:
                assert spelling not in one, name
