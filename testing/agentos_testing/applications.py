"""Applications in the test's own process, and a client of the last one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Self

from flask import Flask

from agentos import Agent, ProviderError, ScriptedProvider, StreamingAgent, Tool, Toolkit
from agentos.testing import AgentClient, Fail, serve_agents

DEFAULT_AGENT = "scripted"

UNSAID = "the test has not set what the model says; set it before the run, as in scripted.say('Hello')"


def silent_model() -> ScriptedProvider:
    """Return a model that fails until a test says what it answers."""
    return ScriptedProvider([[Fail(ProviderError(UNSAID))]])


class Applications:
    """Makes applications with a scripted model and ends them with the block."""

    def __init__(self, scripted: ScriptedProvider) -> None:
        self.scripted = scripted
        self.last: Flask | None = None
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def __call__(
        self,
        agents: Iterable[Agent] | Mapping[str, Agent | StreamingAgent] = (),
        *,
        tools: Sequence[Tool | Toolkit | Callable[..., Any]] = (),
        plugins: Mapping[str, object] | None = None,
        installed: Iterable[str] = (),
        in_place_of: Iterable[str] = (),
        real_models: bool = False,
        started: bool = False,
        **settings: Any,
    ) -> Flask:
        """Return a Flask application; ``agents`` under ids of their own are a mapping.

        The scripted model takes the place of the providers that the agents' models name, and of those ``in_place_of``
        names; with ``real_models``, of none. ``installed`` are names of installed plugins to load beside ``plugins``.
        A plugin that is broken raises :class:`~agentos.errors.PluginError`. With ``started``, what a worker does by
        itself begins too. ``settings`` are those of :class:`~agentos.Config`; the environment is not read.
        """
        served = serve_agents(
            agents,
            turns=None if real_models else self.scripted,
            tools=tools,
            plugins=plugins,
            installed=installed,
            in_place_of=in_place_of,
            started=started,
            **settings,
        )
        self.last = self._ends.enter_context(served).app
        return self.last

    def current(self) -> Flask:
        """Return the application that was made last; if there is none, make one with an agent ``scripted``."""
        return self.last or self([Agent(id=DEFAULT_AGENT, model="test:scripted")])


class LateClient(AgentClient):
    """A client of the application that is the last one when a request is made."""

    def __init__(self, applications: Applications) -> None:
        self._applications = applications
        super().__init__(None, Flask.response_class)

    @property
    def application(self) -> Flask:
        """The application of the next request."""
        return self._applications.current()

    @application.setter
    def application(self, _: object) -> None: ...
