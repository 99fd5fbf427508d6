"""Every place where a plugin can extend AgentOS.

A plugin is a module (or object) named by an entry point of the group ``agentos``; its hook functions carry
``@agentos.hookimpl``. The ``register_…`` hooks are called once, when the application is built, the core first and then
the plugins by their names. One that raises makes its plugin broken: what it registered is taken out again, the plugin
is reported by name and skipped, or stops the start with ``AGENTOS_PLUGINS_STRICT=1``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    import click
    from flask import Blueprint

    from agentos.api.kit.routes import Routes
    from agentos.auth.authenticator import Authenticator
    from agentos.config import Config
    from agentos.domain.agent import Agent, StreamingAgent
    from agentos.domain.event import RunEvent
    from agentos.domain.message import ToolCall
    from agentos.domain.run import Run
    from agentos.execution.executor import Executor
    from agentos.models.provider import ModelProvider
    from agentos.models.request import ModelRequest
    from agentos.runtime.context import RunContext
    from agentos.services.runs import RunRequest
    from agentos.services.server import Server
    from agentos.setting_kinds import Kind
    from agentos.storage.interface import Storage
    from agentos.tools.context import ToolContext
    from agentos.tools.denied import Denied
    from agentos.tools.tool import Tool, Toolkit

hookspec = pluggy.HookspecMarker("agentos")
hookimpl = pluggy.HookimplMarker("agentos")


class RegisterAgent(Protocol):
    """Register an agent; ``id`` is needed for objects that are no :class:`~agentos.Agent`."""

    def __call__(self, agent: Agent | StreamingAgent, *, id: str | None = None) -> None: ...


class RegisterModelProvider(Protocol):
    """Register what makes the provider of one prefix (``openai`` in ``openai:gpt-5-mini``).

    ``factory`` is called with the configuration when a worker first needs the provider.
    """

    def __call__(self, prefix: str, factory: Callable[[Config], ModelProvider]) -> None: ...


class RegisterTool(Protocol):
    """Register a typed function, a ``@tool`` function, a Tool or a Toolkit, under its own name."""

    def __call__(self, tool: Tool | Toolkit | Callable[..., Any]) -> None: ...


class RegisterStorageBackend(Protocol):
    """Register what opens the storage of a URL scheme (``sqlite`` in ``sqlite:///agentos.db``).

    ``factory`` is called with the URL and the configuration, and returns a storage with all its stores. It must not
    create or change anything yet.
    """

    def __call__(self, scheme: str, factory: Callable[[str, Config], Storage]) -> None: ...


class RegisterExecutor(Protocol):
    """Register what executes background runs, by the name that ``AGENTOS_EXECUTOR`` chooses it by.

    ``factory`` is called with the configuration, once in each worker.
    """

    def __call__(self, name: str, factory: Callable[[Config], Executor]) -> None: ...


class RegisterAuthenticator(Protocol):
    """Register what recognises callers, by the name that ``AGENTOS_AUTH`` chooses it by.

    ``factory`` is called with the configuration and the storage, once in each worker.
    """

    def __call__(self, name: str, factory: Callable[[Config, Storage], Authenticator]) -> None: ...


class RegisterSetting(Protocol):
    """Register a setting: ``name`` in the file and in code, ``AGENTOS_NAME`` in the environment.

    ``kind`` is ``str``, ``int``, ``float``, ``bool``, or a :class:`~agentos.Kind`.
    """

    def __call__(
        self,
        name: str,
        kind: Kind | type,
        default: Any,
        help: str,
        *,
        variable: str | None = None,
        secret: bool = False,
    ) -> None: ...


class RegisterRoutes(Protocol):
    """Register a :class:`~agentos.web.Routes`, or a Flask blueprint with its ``public`` endpoints or paths named.

    What a blueprint does not name needs a credential. Each route of a ``Routes`` says itself who may call it.
    """

    def __call__(self, routes: Routes | Blueprint, *, public: Collection[str] = ()) -> None: ...


class RegisterCommand(Protocol):
    """Register a click command, or group of commands, below ``flask agentos``."""

    def __call__(self, command: click.Command) -> None: ...


@hookspec
def register_settings(register: RegisterSetting) -> None:
    """Register settings of the plugin. Called first of all; the other hooks find the values in ``config``."""


@hookspec
def register_agents(register: RegisterAgent, config: Config) -> None:
    """Register agents by code; they are read-only for HTTP and CLI. Called after models and tools are registered."""


@hookspec
def register_model_providers(register: RegisterModelProvider) -> None:
    """Register model providers by the prefix that agents name them by."""


@hookspec
def register_tools(register: RegisterTool) -> None:
    """Register tools that any agent may name."""


@hookspec
def register_storage_backends(register: RegisterStorageBackend) -> None:
    """Register storage backends by the URL scheme of ``AGENTOS_DATABASE_URL``."""


@hookspec
def register_executors(register: RegisterExecutor) -> None:
    """Register executors of background runs."""


@hookspec
def register_authenticators(register: RegisterAuthenticator) -> None:
    """Register authenticators: API keys and JWTs are the core's, others may bring OpenID Connect or their own.

    Those that ``AGENTOS_AUTH`` names are asked in its order. Each returns the caller, or ``None`` when the request has
    no credential of its kind, or raises :class:`~agentos.Unauthenticated` when it has a bad one: that ends the request.
    """


@hookspec
def register_commands(register: RegisterCommand) -> None:
    """Register commands below ``flask agentos``. Called by the CLI alone."""


@hookspec
def register_routes(register: RegisterRoutes, server: Server) -> None:
    """Register HTTP operations. Called when the application is built, in each worker, and by commands that show them.

    What cannot be served (a path that is taken, a wrong access) raises in ``register``, and the plugin is broken. The
    server's own ``/docs`` and ``/openapi.yaml`` come this way.
    """


@hookspec
def server_start(server: Server) -> None:
    """Begin what the plugin does by itself. Called once in each worker, after its fork."""


@hookspec
def server_stop(server: Server) -> None:
    """End what ``server_start`` began. Called once in each worker, after its runs have ended."""


@hookspec
def before_run(request: RunRequest, agent: Agent | StreamingAgent) -> Denied | None:
    """Allow a run by returning ``None``, or deny it, before anything of it is saved."""


@hookspec
def before_model_call(request: ModelRequest, context: RunContext) -> ModelRequest | Denied | None:
    """Return a changed request to the model, or deny the call; ``None`` leaves it as it is."""


@hookspec
def before_tool_call(call: ToolCall, context: ToolContext) -> Denied | None:
    """Allow a tool call by returning ``None``, or deny it. Called in the call's own thread, before the tool.

    Its arguments have been checked. Every plugin is asked; a call that any of them denies is not made, and the model
    reads the first reason. What this raises, or returns besides, is logged with the plugin's name, and denies too. The
    server does not start without a plugin that has this hook and is broken.
    """


@hookspec
def run_event(run: Run, event: RunEvent) -> None:
    """Observe an event of a run. Called in the run's own thread, outside of locks.

    What it raises is logged, never handed on.
    """


@hookspec
def run_finished(run: Run) -> None:
    """Observe the end of a run, after it is saved and its last event was sent. Called in the run's own thread.

    What it raises is logged, never handed on.
    """
