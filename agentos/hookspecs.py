"""Every place where a plugin can extend AgentOS.

A plugin is a module (or object) named by an entry point of the group ``agentos``; its hook functions carry
``@agentos.hookimpl``. The ``register_…`` hooks are called once, when the application is built, the core first and then
the plugins by their names; those that have ``config`` may leave it out. One that raises makes its plugin broken: what
it registered is taken out again, the plugin is reported by name and skipped, or stops the start with
``AGENTOS_PLUGINS_STRICT=1``.

The last line of each hook says which plugin of this repository uses it, or the capability that will.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from agentos.config import Config
    from agentos.domain.agent import Agent, StreamingAgent
    from agentos.domain.denied import Denied
    from agentos.domain.event import RunEvent, Step, ToolCallEvent
    from agentos.domain.finished_request import FinishedRequest
    from agentos.domain.message import ToolCall
    from agentos.domain.pending import Pending
    from agentos.domain.run import Run
    from agentos.domain.run_request import RunRequest
    from agentos.domain.trace_context import TraceContext
    from agentos.domain.usage import Usage
    from agentos.models.request import ModelRequest
    from agentos.registrations import (
        RegisterAgent,
        RegisterAuthenticator,
        RegisterCommand,
        RegisterExecutor,
        RegisterGuestAdapter,
        RegisterJob,
        RegisterModelProvider,
        RegisterRateLimitStore,
        RegisterRoutes,
        RegisterSetting,
        RegisterSignals,
        RegisterStorageBackend,
        RegisterTool,
        RegisterToolSource,
    )
    from agentos.runtime.context import RunContext
    from agentos.services.server import Server
    from agentos.tools.context import ToolContext

hookspec = pluggy.HookspecMarker("agentos")
hookimpl = pluggy.HookimplMarker("agentos")


@hookspec
def register_settings(register: RegisterSetting) -> None:
    """Register settings of the plugin. Called first of all; the other hooks find the values in ``config``.

    ``config.plugin_settings["http_timeout"]`` is the value, checked and converted by its kind. The CLI calls this hook
    without the others, so let it open nothing. A name or variable of ours or of another plugin is refused. A value that
    is not accepted makes the plugin broken, and the report names setting, source, value and what is accepted.

    Used by: ``agentos-anthropic``, ``agentos-anthropic-api``, ``agentos-console``, ``agentos-http``, ``agentos-local``,
    ``agentos-metrics``, ``agentos-openai-api``, ``agentos-redis``, ``agentos-tool-policy``.
    """


@hookspec
def register_agents(register: RegisterAgent, config: Config) -> None:
    """Register agents by code; they are read-only for HTTP and CLI. Called after models and tools are registered.

    Used by: the core (``agentos/core.py``).
    """


@hookspec
def register_model_providers(register: RegisterModelProvider, config: Config) -> None:
    """Register model providers by the prefix that agents name them by.

    Used by: ``agentos-anthropic``, ``agentos-openai``, ``agentos-local``, the core (``agentos/core.py``).
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
def register_guest_adapters(register: RegisterGuestAdapter, config: Config) -> None:
    """Register what runs the agents of another framework in a guest process.

    ``register("pydantic-ai", Path(__file__).with_name("adapter.py"), framework="pydantic_ai")`` names a file, or a
    folder that is a package. The guest loads it into its own environment, and only if the agent's module has imported
    ``framework``. Its attribute ``ADAPTER`` is an ``agentos_guest.Adapter``. The plugin does not import the file, and
    the server needs no framework. ``environment`` is set in every guest process.

    Used by: ``agentos-agno``, ``agentos-crewai``, ``agentos-langgraph``, ``agentos-openai-agents``,
    ``agentos-pydantic-ai``.
    """


@hookspec
def register_storage_backends(register: RegisterStorageBackend, config: Config) -> None:
    """Register storage backends by the URL scheme of ``AGENTOS_DATABASE_URL``.

    Used by: ``agentos-redis``, the core (``agentos/core.py``).
    """


@hookspec
def register_executors(register: RegisterExecutor, config: Config) -> None:
    """Register executors of background runs.

    Used by: the core (``agentos/core.py``).
    """


@hookspec
def register_signals(register: RegisterSignals, config: Config) -> None:
    """Register how workers wake each other, by the URL scheme of ``AGENTOS_SIGNALS``.

    Without one, each worker asks the database a few times a second: for new events of runs that it follows, for the
    turn of runs that wait, for requests to stop. With one it is woken at once. Nothing depends on it: a signal may be
    lost, may come twice, and carries no data.

    Used by: ``agentos-redis``, the core (``agentos/core.py``).
    """


@hookspec
def register_rate_limit_stores(register: RegisterRateLimitStore, config: Config) -> None:
    """Register where all workers count requests together, by the URL scheme of ``AGENTOS_RATE_LIMIT_STORE``.

    Without one, each worker counts for itself. With one, a request that the worker lets through is counted there by all
    its limits in one step. While the store fails, the workers' own counts hold; the log and ``/ready`` say so.

    Used by: ``agentos-redis``.
    """


@hookspec
def register_jobs(register: RegisterJob, config: Config) -> None:
    """Register what is done with the records of a collection when they are due: webhooks, schedules, expiries.

    ``handler(record, server)`` is called in a thread of one worker, any of the deployment. ``None``: it is done, and
    the record is deleted. A ``datetime``: again then. What it raises is logged with the plugin's name, and the record
    is tried again, after longer and longer pauses. A job is done at least once: one of a lost worker is done again by
    another. Commands do none.

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

    Used by: the core (``agentos/api/own_plugins.py``), ``agentos-anthropic-api``, ``agentos-console``,
    ``agentos-metrics``, ``agentos-openai-api``.
    """


@hookspec
def server_start(server: Server) -> None:
    """Begin what the plugin does by itself. Called once in each worker, after its fork, before it serves.

    It is called in a thread of its own and must return within ten seconds: what lasts begins in a thread that the
    plugin starts. What it raises is logged, and the worker serves all the same; it does not where plugins
    are strict, or if the plugin has a deciding hook. Commands of the CLI call neither this hook nor ``server_stop``.
    Those that execute runs do call the hooks of runs.

    Used by: ``agentos-metrics``, ``agentos-otel``, ``agentos-redis``.
    """


@hookspec
def server_stop(server: Server) -> None:
    """End what ``server_start`` began. Called once in each worker, after its runs have ended, before storage closes.

    All plugins stop side by side, within one second together; one that takes longer is left behind. It is called also
    where the plugin's ``server_start`` failed. What the plugin registered is closed by itself, after this: executors,
    signals, authenticators, model providers and toolkits that have a method ``close()``.

    Used by: ``agentos-metrics``, ``agentos-otel``.
    """


@hookspec
def begin_trace(parent: TraceContext | None) -> TraceContext | None:
    """Return the span of an HTTP request that begins, or of a run that no request asks for; ``None``: no trace.

    ``parent`` is the caller's span (``traceparent``, W3C Trace Context), or ``None`` without a proper one. What this
    returns is in the lines of the log, in ``FinishedRequest.trace``, and kept with the run that is asked for in it:
    ``run.trace`` is the run's own span at each worker, and ``run.trace.model_call(step.started_at, step.attempt)`` and
    ``run.trace.tool_call(id)`` are those of its calls. The server's own HTTP clients send them to other servers.

    Every plugin is asked, in the order of their names, and the first span counts. It is called in the request's own
    thread, so it must return at once. What it raises is logged. Without a plugin, no header is looked at.

    Used by: ``agentos-otel``.
    """


@hookspec
def before_run(request: RunRequest, agent: Agent | StreamingAgent) -> Denied | None:
    """Allow a run by returning ``None``, or deny it, before anything of it is saved.

    The client of a denied run gets 403 ``FORBIDDEN`` with the reason, or the ``error`` of :class:`~agentos.Denied`.
    Every plugin is asked, in the order of their names, and the first denial counts. Not asked again: a repeat with the
    same ``Idempotency-Key``, a run that another worker takes over, and one that is resumed. A plugin that raises,
    answers anything else, or does not answer within ten seconds denies, and is named in the log. The server does not
    start without a plugin that has this hook and is broken.

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
def before_tool_call(call: ToolCall, context: ToolContext) -> Denied | Pending | None:
    """Allow a tool call by returning ``None``, deny it, or have a person approve it first with ``Pending``.

    Its arguments have been checked. Every plugin is asked, about all calls of a step before the first of them is made;
    each call in a thread of its own. A call that any plugin denies is not made, and the model reads the first reason.
    For one that is pending, the run pauses. After the answer this is asked again, perhaps at another worker and with
    arguments that the approver changed: a denial counts then too, and ``Pending`` is granted for what was approved.
    Where it needs another person now, and the run's owner has approved, the run pauses again. So do nothing here that
    must not happen twice. Of several plugins that say ``Pending``, the strictest terms hold.

    What this raises, or returns besides, is logged with the plugin's name, and denies too. The server does not start
    without a plugin that has this hook and is broken.

    Used by: ``agentos-tool-policy``.
    """


@hookspec
def run_event(run: Run, event: RunEvent | Usage | Step) -> None:
    """Observe an event of a run, after the clients that follow it got it. Called outside of locks.

    Events come in their order, one after the other: those that clients see, and :class:`~agentos.Usage` and ``Step``,
    which they do not. The last one is ``Complete`` or ``Error``, and ``run`` has then ended. It is called in a thread
    of the run: its own, that of a tool which emits an event, or the one that ends the run. An observer that is slow
    delays this run alone, so give what takes long to a thread of your own. What it raises is logged, a line every few
    seconds, and never raised. Without any plugin that has this hook, it costs nothing. Clients of an agent with
    ``retry_on_crash`` get an event later, once the log has it.

    Used by: ``agentos-otel``, where it records contents.
    """


@hookspec
def call_finished(run: Run, call: Step | ToolCallEvent) -> None:
    """Observe the end of a call to a model (``Step``: each try has its own) or to a tool (``ToolCallEvent``).

    It is what :func:`run_event` shows of it, and in the same threads, but without a call of the plugin for each piece
    of an answer: a run with observers of this hook alone costs as much for a token as one without. ``call.status`` is
    ``completed`` or ``failed``. What it raises is logged, a line every few seconds, and never raised.

    Used by: ``agentos-metrics``.
    """


@hookspec
def run_finished(run: Run) -> None:
    """Observe the end of a run, after it is saved and its last event was sent. Called in the run's own thread.

    The run of a lost worker that is not executed again, and a paused one that is never resumed, are seen in the worker
    that ends them. A pause is no end. What this raises is logged, never raised.

    Used by: the core (``agentos/observability/run_log.py``), ``agentos-metrics``, ``agentos-otel``.
    """


@hookspec
def request_finished(request: FinishedRequest) -> None:
    """Observe an HTTP request at its end: of a stream, when the stream has ended. Called in the request's own thread.

    ``request.route`` is the path as it is declared, never the one that the client sent. What the server refuses before
    it reads a whole request is not seen here. What this raises is logged, a line every few seconds, and never raised.
    Without any plugin that has this hook, it costs nothing.

    Used by: ``agentos-metrics``, ``agentos-otel``.
    """
