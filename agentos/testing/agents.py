"""Tests agents through the HTTP API, in the test's own process, with models that say what the test wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentos.config import Config
from agentos.domain.agent import Agent, StreamingAgent
from agentos.hookspecs import RegisterModelProvider, hookimpl
from agentos.models.request import ModelRequest
from agentos.models.scripted import Cut, Fail, Pause, ScriptedProvider, Step, call
from agentos.testing.sse import read_events
from agentos.tools.tool import Tool, Toolkit

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.test import TestResponse

__all__ = ["Cut", "Event", "Fail", "Pause", "ServedAgents", "call", "serve_agents"]

Agents = Iterable[Agent] | Mapping[str, Agent | StreamingAgent]


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream, out of its envelope."""

    type: str
    data: Mapping[str, Any]


class ServedAgents:
    """An application under test. ``client`` is Flask's test client, for everything that has no method here."""

    def __init__(self, app: Flask, script: ScriptedProvider) -> None:
        self.app = app
        self.client = app.test_client()
        self._script = script

    @property
    def requests(self) -> list[ModelRequest]:
        """What the models were asked, call by call."""
        return self._script.requests

    def session(self, agent_id: str, **fields: Any) -> str:
        """Make a session and return its id."""
        answer = self.client.post("/api/v1/sessions", json={"agent_id": agent_id, **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["session_id"])

    def run(self, agent_id: str, text: str, **fields: Any) -> TestResponse:
        """Run an agent and return the answer, an error too. ``fields`` are fields of the request's body."""
        return self.client.post(f"/api/v1/agents/{agent_id}/run", json={"input": text, **fields})

    def stream(self, agent_id: str, text: str, **fields: Any) -> list[Event]:
        """Run an agent and return the events of its stream. Raises :class:`AssertionError` where there is none."""
        answer = self.client.post(f"/api/v1/agents/{agent_id}/run/stream", json={"input": text, **fields})
        assert answer.status_code == 200, answer.text
        return [Event(event.type, event.json()["data"]) for event in read_events(answer.response)]  # type: ignore[arg-type]  # pieces of bytes


@contextmanager
def serve_agents(
    agents: Agents = (),
    *,
    turns: Sequence[str | Sequence[Step]] | None = None,
    tools: Sequence[Tool | Toolkit | Callable[..., Any]] = (),
    plugins: Mapping[str, object] | None = None,
    installed: Iterable[str] = (),
    **settings: Any,
) -> Iterator[ServedAgents]:
    """Serve agents in this process until the block ends.

    ``turns`` is what the model says, one item a call, as in :class:`~agentos.ScriptedProvider`. It takes the place of
    the providers that the agents' models name, but for ``scripted``; without it, models are asked. ``plugins`` are the
    plugins under test, by name; one that is broken raises :class:`~agentos.errors.PluginError`. ``installed`` are names
    of installed plugins to load as well; no others are. ``settings`` are those of :class:`~agentos.Config`; the
    database is in memory unless they name one, and the environment is not read.

    >>> with serve_agents([Agent(id="shop", model="openai:gpt-5-mini")], turns=["We open at nine."]) as server:
    ...     server.run("shop", "When do you open?").get_json()["content"]
    'We open at nine.'
    """
    from agentos.app import create_app  # Late: the rest of the module needs no web framework.

    served = dict(agents) if isinstance(agents, Mapping) else {agent.id: agent for agent in agents}
    named = {agent.model.partition(":")[0] for agent in served.values() if isinstance(agent, Agent)}
    script = ScriptedProvider(turns or ())
    scripted = {} if turns is None else {"script": _Script(script, named - {"scripted"})}
    config = {"database_url": "memory://", "assistant": False, "plugins_strict": True, "environ": {}, **settings}
    app = create_app(
        Config(plugins=tuple(installed), **config),
        agents=served,
        tools=tools,
        plugins={**scripted, **(plugins or {})},
    )
    services = app.extensions["agentos"]
    try:
        yield ServedAgents(app, script)
    finally:
        services.drain(0)
        services.close()


class _Script:
    """A plugin that plays one script under several providers' names."""

    def __init__(self, script: ScriptedProvider, names: set[str]) -> None:
        self._script = script
        self._names = names

    @hookimpl
    def register_model_providers(self, register: RegisterModelProvider) -> None:
        for name in sorted(self._names):
            register(name, lambda _config: self._script)
