"""Every place where a plugin can extend AgentOS.

A plugin is a module (or object) named by an entry point of the group ``agentos``; its hook functions carry
``@agentos.hookimpl``. The ``register_…`` hooks are called once, when the application is built, the core first and then
the plugins by their names; those that have ``config`` may leave it out. One that raises makes its plugin broken: what
it registered is taken out again, the plugin is reported by name and skipped, or stops the start with
``AGENTOS_PLUGINS_STRICT=1``.

The last line of each hook says which plugin of this repository uses it, or the capability that will.
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
    from agentos.domain.denied import Denied
    from agentos.domain.event import RunEvent, Step
    from agentos.domain.finished_request import FinishedRequest
    from agentos.domain.message import ToolCall
    from agentos.domain.run import Run
    from agentos.domain.run_request import RunRequest
    from agentos.domain.usage import Usage
    from agentos.execution.executor import Executor
    from agentos.models.provider import ModelProvider
    from agentos.models.request import ModelRequest
    from agentos.runtime.context import RunContext
    from agentos.services.server import Server
    from agentos.setting_kinds import Kind
    from agentos.storage.interface import Storage
    from agentos.tools.context import ToolContext
    from agentos.tools.source import ToolSource
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


class RegisterToolSource(Protocol):
    """Register a :class:`~agentos.ToolSource` by a name of 1 to 32 letters, digits, ``_`` and ``-``.

    Agents name its tools as ``name/tool``, or all of them as ``name/*``.
    """

    def __call__(self, name: str, source: ToolSource) -> None: ...


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
    """Register a setting: ``name`` in the file and in code, ``AGENTOS_NAME`` or ``variable`` in the environment.

    ``kind`` is ``str``, ``int``, ``float``, ``bool``, one of ``agentos.kinds``, or an :class:`~agentos.Kind`.
    ``default`` is written as a user would write it. ``None`` means that the setting need not be set. A ``secret`` is a
    text that no log or command shows; the variable with ``_FILE`` behind its name may name a file that holds it.

    Begin the names with the name of the plugin: then a variable is known to be its own also where it is not loaded.
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
    """Register settings of the plugin. Called first of all; the other hooks find the values in ``config``.

    ``config.plugin_settings["http_timeout"]`` is the value, checked and converted by its kind. The CLI calls this hook
    without the others, so let it open nothing. A name or variable of ours or of another plugin is refused. A value that
    is not accepted makes the plugin broken, and the report names setting, source, value and what is accepted.

    Used by: ``agentos-http``, ``agentos-local``, ``agentos-metrics``, ``agentos-tool-policy``.
    """


@hookspec
def register_agents(register: RegisterAgent, config: Config) -> None:
    """Register agents by code; they are read-only for HTTP and CLI. Called after models and tools are registered.

    Used by: the core (``agentos/core.py``).
    """


@hookspec
def register_model_providers(register: RegisterModelProvider, config: Config) -> None:
    """Register model providers by the prefix that agents name them by.

    Used by: ``agentos-openai``, ``agentos-local``, the core (``agentos/core.py``).
    """


@hookspec
def register_tools(register: RegisterTool, config: Config) -> None:
    """Register tools that any agent may name.

    Used by: ``agentos-calculator``, ``agentos-http``.
    """


@hookspec
def register_tool_sources(register: RegisterToolSource, config: Config) -> None:
    """Register sources of tools that come and go while the server runs, such as those of another server.

    Nothing is connected here: a source lists its tools when the first run needs them. For MCP servers.

    Comes into use with: tools of MCP servers.
    """


@hookspec
def register_storage_backends(register: RegisterStorageBackend, config: Config) -> None:
    """Register storage backends by the URL scheme of ``AGENTOS_DATABASE_URL``.

    Used by: the core (``agentos/core.py``).
    """


@hookspec
def register_executors(register: RegisterExecutor, config: Config) -> None:
    """Register executors of background runs.

    Used by: the core (``agentos/core.py``).
    """


@hookspec
def register_authenticators(register: RegisterAuthenticator, config: Config) -> None:
    """Register authenticators: API keys and JWTs are the core's, others may bring OpenID Connect or their own.

    Those that ``AGENTOS_AUTH`` names are asked in its order. Each returns the caller, or ``None`` when the request has
    no credential of its kind, or raises :class:`~agentos.Unauthenticated` when it has a bad one: that ends the request.

    Used by: the core (``agentos/core.py``).
    """


@hookspec
def register_commands(register: RegisterCommand, config: Config) -> None:
    """Register commands below ``flask agentos``. Called by the CLI alone.

    Used by: ``agentos-local``.
    """


@hookspec
def register_routes(register: RegisterRoutes, server: Server) -> None:
    """Register HTTP operations. Called when the application is built, in each worker, and by commands that show them.

    What cannot be served (a path that is taken, a wrong access) raises in ``register``, and the plugin is broken. The
    server's own ``/docs`` and ``/openapi.yaml`` come this way.

    Used by: the core (``agentos/api/own_plugins.py``), ``agentos-metrics``.
    """


@hookspec
def server_start(server: Server) -> None:
    """Begin what the plugin does by itself. Called once in each worker, after its fork, before it serves.

    It is called in a thread of its own and must return within ten seconds: what lasts begins in a thread that the
    plugin starts. What it raises is logged, and the worker serves all the same; it does not where plugins
    are strict, or if the plugin has a deciding hook. Commands of the CLI call neither this hook nor ``server_stop``.
    Those that execute runs do call the hooks of runs.

    Used by: ``agentos-metrics``.
    """


@hookspec
def server_stop(server: Server) -> None:
    """End what ``server_start`` began. Called once in each worker, after its runs have ended, before storage closes.

    All plugins stop side by side, within one second together; one that takes longer is left behind. It is called also
    where the plugin's ``server_start`` failed. What the plugin registered is closed by itself, after this: executors,
    authenticators, model providers and toolkits that have a method ``close()``.

    Used by: ``agentos-metrics``.
    """


@hookspec
def before_run(request: RunRequest, agent: Agent | StreamingAgent) -> Denied | None:
    """Allow a run by returning ``None``, or deny it, before anything of it is saved.

    A client whose run is denied gets 403 ``FORBIDDEN`` with the reason, or the ``error`` of :class:`~agentos.Denied`.
    Every plugin is asked, in the order of their names, and the first denial counts. Not asked again: a repeat with the
    same ``Idempotency-Key``, and a run that another worker takes over. A plugin that raises, answers anything else, or
    does not answer within ten seconds denies, and is named in the log. The server does not start without a plugin that
    has this hook and is broken.

    Comes into use with: budgets.
    """


@hookspec
def before_model_call(request: ModelRequest, context: RunContext) -> ModelRequest | Denied | None:
    """Return a changed request to the model, or deny the call; ``None`` leaves the request as it is.

    Plugins are asked in the order of their names; each is given the request that the one before it returned. Make a
    changed one with ``dataclasses.replace(request, messages=[…])``; ``deadline`` and ``cancellation`` must stay. It is
    asked at each step of a run, and again after a conversation that was too long was shortened; not when the same call
    is tried again. What it changes is not saved in the session. A denial ends the run with ``EXECUTION_ERROR``, cause
    ``CONTENT_FILTERED``, and the reason.

    It is called in a thread of its own. When the run has to stop it is left behind there. A plugin that raises, or
    returns anything else, denies, and is named in the log. The server does not start without a plugin that has this
    hook and is broken. It is asked about summaries of sessions too: then ``context.run_id`` is empty. Agents that call
    their model themselves are not seen here.

    Comes into use with: guardrails and memories.
    """


@hookspec
def before_tool_call(call: ToolCall, context: ToolContext) -> Denied | None:
    """Allow a tool call by returning ``None``, or deny it. Called in the call's own thread, before the tool.

    Its arguments have been checked. Every plugin is asked; a call that any of them denies is not made, and the model
    reads the first reason. What this raises, or returns besides, is logged with the plugin's name, and denies too. The
    server does not start without a plugin that has this hook and is broken.

    Used by: ``agentos-tool-policy``.
    """


@hookspec
def run_event(run: Run, event: RunEvent | Usage | Step) -> None:
    """Observe an event of a run, after the clients that follow it got it. Called outside of locks.

    Events come in their order, one after the other: those that clients see, and :class:`~agentos.Usage` and ``Step``,
    which they do not. The last one is ``Complete`` or ``Error``, and ``run`` has then ended. It is called in the run's
    own thread, or in the one that ends the run: an observer that is slow delays this run alone, so give what takes long
    to a thread of your own. What it raises is logged, a line every few seconds, and never raised. Without any plugin
    that has this hook, it costs nothing. Clients of an agent with ``retry_on_crash`` get an event later, once the log
    has it.

    Comes into use with: traces.
    """


@hookspec
def run_finished(run: Run) -> None:
    """Observe the end of a run, after it is saved and its last event was sent. Called in the run's own thread.

    The run of a lost worker that is not executed again is seen in the worker that ends it. What this raises is logged,
    never raised.

    Used by: the core (``agentos/observability/run_log.py``), ``agentos-metrics``.
    """


@hookspec
def request_finished(request: FinishedRequest) -> None:
    """Observe an HTTP request at its end: of a stream, when the stream has ended. Called in the request's own thread.

    ``request.route`` is the path as it is declared, never the one that the client sent. What the server refuses before
    it reads a whole request is not seen here. What this raises is logged, a line every few seconds, and never raised.
    Without any plugin that has this hook, it costs nothing.

    Used by: ``agentos-metrics``.
    """
