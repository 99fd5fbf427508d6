"""Tests agents through the HTTP API, in the test's own process, with models that say what the test wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from agentos.domain.agent import Agent, AnyAgent
from agentos.models.request import ModelRequest
from agentos.models.scripted import Cut, Fail, Pause, ScriptedProvider, call
from agentos.testing.configuration import ModelScript, Turns, config_of
from agentos.testing.runs import Event
from agentos.tools.tool import Tool, Toolkit

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.test import TestResponse

    from agentos.testing.client import AgentClient

__all__ = ["Cut", "Event", "Fail", "Pause", "ServedAgents", "call", "serve_agents"]

Agents = Iterable[Agent] | Mapping[str, AnyAgent]


class ServedAgents:
    """An application under test. ``client`` is its client, for everything that has no method here."""

    def __init__(self, app: Flask, script: ScriptedProvider) -> None:
        self.app = app
        self.client: AgentClient = app.test_client()  # type: ignore[assignment]  # the class that serve_agents sets
        self._script = script

    @property
    def requests(self) -> list[ModelRequest]:
        """What the models were asked, call by call."""
        return self._script.requests

    def session(self, agent_id: str, **fields: Any) -> str:
        """Make a session and return its id."""
        return self.client.session(agent_id, **fields)

    def run(self, agent_id: str, text: str, **fields: Any) -> TestResponse:
        """Run an agent and return the answer, an error too. ``fields`` are fields of the request's body."""
        return self.client.run(agent_id, text, **fields)

    def stream(self, agent_id: str, text: str, **fields: Any) -> list[Event]:
        """Run an agent and return the events of its stream. Raises :class:`AssertionError` where there is none."""
        return self.client.stream(agent_id, text, **fields)


@contextmanager
def serve_agents(
    agents: Agents = (),
    *,
    turns: Turns | None = None,
    tools: Sequence[Tool | Toolkit | Callable[..., Any]] = (),
    plugins: Mapping[str, object] | None = None,
    installed: Iterable[str] = (),
    in_place_of: Iterable[str] = (),
    started: bool = False,
    **settings: Any,
) -> Iterator[ServedAgents]:
    """Serve agents in this process until the block ends.

    ``turns`` is what the model says, one item a call, as in :class:`~agentos.ScriptedProvider`, or such a provider. It
    takes the place of the providers that the agents' models name, but for ``scripted``, and of those ``in_place_of``
    names; without it, models are asked. ``plugins`` are the plugins under test, by name; one that is broken raises
    :class:`~agentos.errors.PluginError`. ``installed`` are names of installed plugins to load as well; no others are.
    With ``started``, what a worker does by itself begins too, as it does under gunicorn.
    ``settings`` are those of :class:`~agentos.Config`; the database is in memory unless they name one, and the
    environment is not read.

    >>> with serve_agents([Agent(id="shop", model="openai:gpt-5-mini")], turns=["We open at nine."]) as server:
    ...     server.run("shop", "When do you open?").get_json()["content"]
    'We open at nine.'
    """
    from agentos.app import create_app  # Late: the rest of the module needs no web framework.
    from agentos.testing.client import AgentClient

    served = dict(agents) if isinstance(agents, Mapping) else {agent.id: agent for agent in agents}
    script = ModelScript(turns, served.values(), in_place_of)
    app = create_app(
        config_of(installed, settings), agents=served, tools=tools, plugins={"script": script, **(plugins or {})}
    )
    app.test_client_class = AgentClient
    services = app.extensions["agentos"]
    try:
        if started:
            services.start()
        yield ServedAgents(app, script.provider)
    finally:
        services.drain(0)
        services.close()
