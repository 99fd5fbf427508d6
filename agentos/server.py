"""The server as an object: for programs that register agents in code and serve them themselves."""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from agentos.auth.exposure import check_binding
from agentos.config import Config
from agentos.domain.agent import Agent, AnyAgent
from agentos.domain.ids import AGENT_ID
from agentos.errors import AgentExists, ConfigError, InvalidRequest
from agentos.observability.startup import one_line_exit, report_errors_in_one_line
from agentos.tools.tool import Tool, Toolkit

if TYPE_CHECKING:
    from flask import Flask


# A program that serves makes its settings and agents before it calls start(): their errors are failed starts too.
report_errors_in_one_line()


class AgentOS:
    """One server and what it serves.

    >>> server = AgentOS(Config(address=":9090", auth=["api_key"]))
    >>> server.register_agent("support", Agent(id="support", model="openai:gpt-5-mini", instructions="Be kind."))
    >>> server.start()  # doctest: +SKIP

    The workers are forked from this process and build :attr:`app` each for itself, so agents must not hold open
    connections or threads. ``start`` belongs under ``if __name__ == "__main__":``; see there.
    """

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()
        self._agents: dict[str, AnyAgent] = {}
        self._tools: list[Tool | Toolkit | Callable[..., Any]] = []
        self._app: Flask | None = None
        self._building = threading.Lock()
        self._master: int | None = None
        self._ended = False

    def register_agent(self, id: str | Agent, agent: AnyAgent | None = None) -> None:
        """Register an agent: ``register_agent("support", agent)``, or ``register_agent(agent)`` under its own id.

        An object with ``stream(context)`` needs the id, and so does a :class:`~agentos.Guest`. Raises
        :class:`~agentos.errors.InvalidRequest` for what is no agent, and :class:`~agentos.errors.AgentExists` for an id
        that was given before.
        """
        self._refuse_if_built("an agent")
        if isinstance(id, Agent):
            self.register_agent(id.id, id if agent is None else agent)
            return
        if not isinstance(id, str) or not AGENT_ID.fullmatch(id):
            raise InvalidRequest(
                f"agent id {id!r} is not accepted: 1 to 128 of letters, digits, '.', '_' and '-', the first a letter or"
                " digit"
            )
        if isinstance(agent, type) or not isinstance(agent, AnyAgent):
            raise InvalidRequest(
                f"{agent!r} is not accepted as agent {id!r}: give an agentos.Agent, an object with stream(context), or"
                " an agentos.Guest"
            )
        if id in self._agents:
            raise AgentExists(f"agent {id!r} was registered before; register it once, or under another id")
        if isinstance(agent, Agent) and agent.id != id:
            agent = dataclasses.replace(agent, id=id, name="" if agent.name == agent.id else agent.name)
        self._agents[id] = agent

    def register_tool(self, tool: Tool | Toolkit | Callable[..., Any]) -> None:
        """Register a tool that any agent may name: a typed function, a ``@tool``, a Tool or a Toolkit."""
        self._refuse_if_built("a tool")
        self._tools.append(tool)

    @property
    def agents(self) -> Mapping[str, AnyAgent]:
        """The agents that were registered, by id."""
        return MappingProxyType(self._agents)

    @property
    def tools(self) -> Sequence[Tool | Toolkit | Callable[..., Any]]:
        """The tools that were registered."""
        return tuple(self._tools)

    @property
    def is_built(self) -> bool:
        """Return whether :attr:`app` was asked for."""
        return self._app is not None

    def copy(self, config: Config | None = None) -> AgentOS:
        """Return a server with the same agents and tools, before its application is built."""
        server = AgentOS(config or self.config)
        server._agents, server._tools = dict(self._agents), list(self._tools)
        return server

    @property
    def app(self) -> Flask:
        """The WSGI application, built when it is first asked for: for tests, and for other WSGI servers."""
        with self._building:
            if self._app is None:
                from agentos.app import create_app  # Late: a program that only starts builds nothing in its master.

                self._app = create_app(self.config, agents=self._agents, tools=self._tools)
                self._app.extensions["agentos.server"] = self
            return self._app

    def start(self, *, read_settings: Callable[[], Config] | None = None) -> None:
        """Serve under gunicorn until SIGTERM, SIGINT or :meth:`shutdown`; call it from the main thread.

        At a reload (SIGHUP) new workers serve with the settings that ``read_settings`` returns, or with the same as
        before. Their agents are always those that were registered here: for others, restart the program, or serve it
        by gunicorn with ``AGENTOS_APP``.

        The workers need gevent's patches from before the first import on. A program that runs without them is started
        over with them, in the same process: what it did before this call happens twice, so let it be little.

        Ends the program with one line on standard error where other machines could reach a server without
        authentication (``address`` without ``auth`` or ``allow_anonymous``).

        Raises :class:`~agentos.errors.ConfigError` when there is no program to start over, or when :attr:`app` was
        built in this process already: its connections and threads would not survive the fork.
        """
        if self._app is not None:
            raise ConfigError(
                "AgentOS.app was built before start(): its connections and threads do not survive the fork into the"
                " workers; either use `app`, or start()"
            )
        if threading.current_thread() is not threading.main_thread():
            raise ConfigError(
                "AgentOS.start() was called from a thread; signals reach only the main thread, call it there"
            )
        if "agentos_guest" in sys.modules:
            raise ConfigError(
                "AgentOS.start() was called while a guest process imported the program; put server.start() under"
                ' `if __name__ == "__main__":`'
            )
        with one_line_exit():
            check_binding(self.config, [self.config.address])
        from agentos.serving.patching import is_patched, start_over

        if not is_patched():
            start_over()
        self._serve(read_settings)

    def shutdown(self) -> None:
        """End the server as SIGTERM does: runs under way get ``drain_timeout``, and :meth:`start` returns.

        From any thread, signal handler or worker. A server that has not started yet will not start any more.
        """
        self._ended = True
        if self._master is not None:
            os.kill(self._master, signal.SIGTERM)

    def _serve(self, read_settings: Callable[[], Config] | None) -> None:
        from agentos.serving.application import Application

        before = {number: signal.getsignal(number) for number in signal.valid_signals()}
        master = os.getpid()
        # Until gunicorn listens to signals, SIGTERM must end this program in order too, and not kill it.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        self._master = master
        code: object = 0 if self._ended else 1
        try:
            if not self._ended:
                Application(self.config, self._app_with, read_settings).run()
        except SystemExit as end:
            code = end.code or 0
        finally:
            if os.getpid() != master:
                _end_worker(code)
            self._master = None
            for number, handler in before.items():
                if signal.getsignal(number) is not handler:  # gunicorn took it
                    signal.signal(number, handler)
        if code:
            raise SystemExit(code)

    def _app_with(self, config: Config) -> Flask:
        self.config = config
        return self.app

    def _refuse_if_built(self, what: str) -> None:
        if self._app is not None:
            raise ConfigError(f"{what} was registered after the application was built; register it before")


def _end_worker(code: object) -> None:
    """End a forked worker here: what follows ``start()`` in the program, and its exit handlers, are the master's."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)
