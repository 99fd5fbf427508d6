"""Builds a server from its configuration: the one place that knows every concrete class."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from agentos.auth.authenticator import Authenticator
from agentos.auth.rate_limits import RateLimits
from agentos.config import Config
from agentos.core import CorePlugin
from agentos.domain.agent import Agent, StreamingAgent
from agentos.domain.ids import new_id
from agentos.domain.message import ToolCall
from agentos.errors import ConfigError, PluginError
from agentos.events.log import EventLog
from agentos.execution.cancels import CancelWatch
from agentos.execution.executor import Executor
from agentos.execution.leases import LeaseKeeper
from agentos.execution.runner import Runner
from agentos.models.catalog import Catalog, ProviderFactory
from agentos.models.provider import ModelProvider
from agentos.observability.redaction import process, secrets_of
from agentos.observability.run_log import RunLog
from agentos.plugins.manager import PluginManager, PluginReport
from agentos.plugins.settings import read_plugin_settings
from agentos.provider_settings import ProviderSettings
from agentos.registry import Registry
from agentos.services.agent_checks import check_agents, check_assistant
from agentos.services.agents import AgentService
from agentos.services.auth import AuthService
from agentos.services.health import HealthService
from agentos.services.housekeeping import HousekeepingService
from agentos.services.keys import KeyService
from agentos.services.owner_data import OwnerDataService
from agentos.services.runs import RunService, resume_lost
from agentos.services.services import Services
from agentos.services.sessions import SessionService
from agentos.services.summaries import SummaryService
from agentos.storage.admission import Lease, Quota
from agentos.storage.interface import Storage
from agentos.storage.sqlalchemy.address import scheme_of
from agentos.tools.context import ToolContext
from agentos.tools.denied import Denied
from agentos.tools.executor import ToolExecutor
from agentos.tools.isolation import Isolation
from agentos.tools.tool import Tool, Toolkit, as_tools

AuthenticatorFactory = Callable[[Config, Storage], Authenticator]
ExecutorFactory = Callable[[Config], Executor]
StorageFactory = Callable[[str, Config], Storage]
T = TypeVar("T")

SETTINGS = "settings"
"""The source of model providers that the settings name; it is listed like a plugin."""


def build(
    config: Config,
    *,
    agents: Mapping[str, Agent | StreamingAgent] | None = None,
    tools: Sequence[Tool | Toolkit | Callable[..., Any]] = (),
    plugins: Mapping[str, object] | None = None,
    serving: bool = False,
) -> Services:
    """Load the plugins and put a server together. Nothing is connected, created or started yet, but for the schema.

    ``agents``, ``tools`` and ``plugins`` are those of an embedding program, beside the installed ones; an agent comes
    under the id that it is given here. With ``serving``, a model of the assistant that cannot be used is refused;
    commands do without it. Raises :class:`~agentos.errors.ConfigError`, :class:`~agentos.errors.PluginError`, and
    :class:`~agentos.errors.StorageError` when the schema cannot be brought up to date.
    """
    process.keep(*secrets_of(config))
    manager = PluginManager(allowed=config.plugins, strict=config.plugins_strict)
    registries = _Registries()
    config = registries.fill(manager, config, plugins or {})
    registries.add_from_code(agents or {}, tools)

    storage = _open_storage(registries.storages, config)
    try:
        if config.migrate:
            storage.upgrade()
        return _assemble(config, manager, registries, storage, serving=serving)
    except BaseException:
        storage.close()
        raise


def _assemble(
    config: Config, manager: PluginManager, registries: _Registries, storage: Storage, *, serving: bool
) -> Services:
    lease = Lease(worker_id=f"{socket.gethostname()}:{os.getpid()}:{new_id()[-12:]}", seconds=config.lease_seconds)
    runner = Runner(
        storage,
        EventLog(storage),
        lease,
        quota=Quota(config.max_runs_per_owner, config.max_runs),
        on_finished=lambda run: manager.observe("run_finished", run=run),
        log_content=config.log_content,
    )
    catalog = Catalog(registries.providers, config)
    agent_service = AgentService(
        storage, registries.agents, registries.tools, catalog, config, executor=_tool_executor(config, manager)
    )
    check_agents(agent_service, registries.agents, manager.leave_out)
    if serving:
        check_assistant(agent_service, registries.agents)
    resume = partial(resume_lost, agents=agent_service, runner=runner, config=config)
    leases = LeaseKeeper(storage, runner, lease, resume=resume)
    cancels = CancelWatch(storage, runner, lease.worker_id)
    authenticators = [
        _installed(registries.authenticators, name, "AGENTOS_AUTH names")(config, storage) for name in config.auth
    ]
    return Services(
        config=config,
        plugins=manager,
        storage=storage,
        tools=registries.tools,
        catalog=catalog,
        agents=agent_service,
        sessions=SessionService(storage, runner, config),
        summaries=SummaryService(storage, agent_service, config),
        runs=RunService(
            storage,
            agent_service,
            runner,
            _installed(registries.executors, config.executor, "AGENTOS_EXECUTOR is")(config),
            config,
            leases=leases,
            cancels=cancels,
        ),
        owner_data=OwnerDataService(storage, runner),
        auth=AuthService(authenticators, RateLimits(config)),
        keys=KeyService(storage),
        health=HealthService(storage, runner),
        housekeeping=HousekeepingService(storage, config),
        runner=runner,
        leases=leases,
        cancels=cancels,
    )


class _Registries:
    """Everything that plugins may register."""

    def __init__(self) -> None:
        self.providers: Registry[ProviderFactory] = Registry("model provider")
        self.storages: Registry[StorageFactory] = Registry("storage backend")
        self.executors: Registry[ExecutorFactory] = Registry("executor")
        self.authenticators: Registry[AuthenticatorFactory] = Registry("authenticator")
        self.tools: Registry[Tool] = Registry("tool")
        self.agents: Registry[Agent | StreamingAgent] = Registry("agent")

    def fill(self, manager: PluginManager, config: Config, plugins: Mapping[str, object]) -> Config:
        """Load all plugins and let each register; agents come last, as they name models and tools.

        Return the configuration with the settings of the plugins.
        """
        for registry in (self.providers, self.storages, self.executors, self.authenticators, self.tools, self.agents):
            manager.on_removal(registry.remove_source)
        manager.add("core", CorePlugin(self.providers, self.tools))
        manager.add("run-log", RunLog(content=config.log_content))
        for name, plugin in plugins.items():
            manager.add(name, plugin)
        manager.load_installed()
        config = read_plugin_settings(manager, config)
        manager.call("register_storage_backends", partial(_register_into, self.storages), config=config)
        manager.call("register_executors", partial(_register_into, self.executors), config=config)
        manager.call("register_authenticators", partial(_register_into, self.authenticators), config=config)
        manager.call("register_model_providers", partial(_register_into, self.providers), config=config)
        self._add_providers_of(config, manager)
        manager.call("register_tools", self._register_tool, config=config)
        manager.call("register_agents", self._register_agent, config=config)
        return config

    def _add_providers_of(self, config: Config, manager: PluginManager) -> None:
        """Add the providers that the settings name. One that a plugin has too would be a guess, so it is refused."""
        for one in config.providers:
            if (taken := self.providers.get(one.prefix)) is not None:
                raise ConfigError(
                    f"setting 'providers' (from {config.sources['providers']}) names the provider {one.prefix!r}, and"
                    f" plugin {taken.source!r} registers a provider of the same name; give it another name in the"
                    " settings, or leave the plugin out with AGENTOS_PLUGINS"
                )
            if one.dialect:
                from agentos.models.compatible import dialect_of

                dialect_of(one)  # what is not accepted stops the start, as for every other option
            _register_into(self.providers, manager.report(SETTINGS), one.prefix, partial(_compatible, one))

    def add_from_code(
        self, agents: Mapping[str, Agent | StreamingAgent], tools: Sequence[Tool | Toolkit | Callable[..., Any]]
    ) -> None:
        """Add what an embedding program brings."""
        for tool in tools:
            self.add_tool(tool, "code")
        for id, agent in agents.items():
            self.agents.add(id, agent, source="code")

    def add_tool(self, tool: Tool | Toolkit | Callable[..., Any], source: str) -> list[str]:
        """Add a tool, or all tools of a toolkit; return their names."""
        added = as_tools(tool)
        for one in added:
            self.tools.add(one.name, one, source=source)
        return [one.name for one in added]

    def _register_tool(self, report: PluginReport, tool: Tool | Toolkit | Callable[..., Any]) -> None:
        report.provides.extend(f"tool:{name}" for name in self.add_tool(tool, report.name))

    def _register_agent(self, report: PluginReport, agent: Agent | StreamingAgent, *, id: str | None = None) -> None:
        name = id or getattr(agent, "id", None)
        if not name:
            raise PluginError(f"an agent of type {type(agent).__name__} has no id; give register(agent, id=…)")
        self.agents.add(name, agent, source=report.name)
        report.provides.append(f"agent:{name}")


def _register_into(registry: Registry[Any], report: PluginReport, name: str, factory: Callable[..., Any]) -> None:
    registry.add(name, factory, source=report.name)
    report.provides.append(f"{registry.kind}:{name}")


def _compatible(settings: ProviderSettings, config: Config) -> ModelProvider:
    # A server without such providers, or before its first call, need not load a client.
    from agentos.models.compatible import CompatibleProvider

    return CompatibleProvider(settings, config)


def _tool_executor(config: Config, manager: PluginManager) -> ToolExecutor:
    undecided = Denied("it could not be found out whether the call is allowed")

    def ask(call: ToolCall, context: ToolContext) -> Denied | None:
        return manager.ask("before_tool_call", Denied, undecided, call=call, context=context)

    return ToolExecutor(
        config.tool_timeout,
        isolation=Isolation(cpu=config.tool_cpu, memory=config.tool_memory),
        before_call=ask if manager.has("before_tool_call") else None,
    )


def _installed(registry: Registry[T], name: str, setting: str) -> T:
    """Return what a setting names; raise :class:`~agentos.errors.ConfigError` for what is not installed."""
    entry = registry.get(name)
    if entry is None:
        installed = ", ".join(registry.names())
        raise ConfigError(f"{setting} {name!r:.40}, which is not installed; installed are {installed}")
    return entry.value


def _open_storage(backends: Registry[StorageFactory], config: Config) -> Storage:
    scheme = scheme_of(config.database_url)  # nothing else of the URL may be said: it may be the password
    backend = backends.get(scheme or "")
    if backend is None:
        given = f"begins with {scheme!r}, which no installed storage backend serves" if scheme else "has no scheme"
        raise ConfigError(
            f"AGENTOS_DATABASE_URL {given}; installed are {', '.join(f'{name}://' for name in backends.names())}"
        )
    return backend.value(config.database_url, config)
