"""Everything that plugins may register, and the program that embeds the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from agentos.auth.authenticator import Authenticator
from agentos.auth.shared_limits import RateLimitStore
from agentos.config import Config
from agentos.core import CorePlugin
from agentos.domain.agent import AnyAgent
from agentos.domain.guest import GuestAdapter
from agentos.domain.guest_adapter import checked_adapter
from agentos.errors import ConfigError, PluginError
from agentos.execution.executor import Executor
from agentos.execution.jobs import JobHandler
from agentos.execution.signals import Signals
from agentos.guests.own.tools import check_importable
from agentos.models.catalog import ProviderFactory
from agentos.models.provider import ModelProvider
from agentos.observability.run_log import RunLog
from agentos.plugins.closing import OpenedThings
from agentos.plugins.manager import PluginManager, PluginReport
from agentos.plugins.settings import read_plugin_settings
from agentos.provider_settings import ProviderSettings
from agentos.registry import Registry
from agentos.storage.interface import Storage
from agentos.storage.records import LONGEST_COLLECTION, check_name
from agentos.tools.source import ToolSource
from agentos.tools.sources import SOURCE_NAME
from agentos.tools.tool import Tool, Toolkit, as_tools, is_tool

AuthenticatorFactory = Callable[[Config, Storage], Authenticator]
ExecutorFactory = Callable[[Config], Executor]
RateLimitStoreFactory = Callable[[str, Config], RateLimitStore]
SignalsFactory = Callable[[str, Config], Signals]
StorageFactory = Callable[[str, Config], Storage]

SETTINGS = "settings"
"""The source of model providers that the settings name; it is listed like a plugin."""


class Registries:
    """One registry for each kind of thing. ``opened`` has what plugins registered that is to be closed."""

    def __init__(self) -> None:
        self.opened = OpenedThings()
        self.providers: Registry[ProviderFactory] = Registry("model provider")
        self.storages: Registry[StorageFactory] = Registry("storage backend")
        self.executors: Registry[ExecutorFactory] = Registry("executor")
        self.signals: Registry[SignalsFactory] = Registry("signals")
        self.rate_limit_stores: Registry[RateLimitStoreFactory] = Registry("rate limit store")
        self.jobs: Registry[JobHandler] = Registry("job")
        self.authenticators: Registry[AuthenticatorFactory] = Registry("authenticator")
        self.tools: Registry[Tool] = Registry("tool")
        self.guest_adapters: Registry[GuestAdapter] = Registry("guest adapter")
        self.tool_sources: Registry[ToolSource] = Registry("tool source")
        self.agents: Registry[AnyAgent] = Registry("agent")

    def fill(self, manager: PluginManager, config: Config, plugins: Mapping[str, object]) -> Config:
        """Load all plugins and let each register; agents come last, as they name models and tools.

        Return the configuration with the settings of the plugins.
        """
        for registry in vars(self).values():
            if isinstance(registry, Registry):
                manager.on_removal(registry.remove_source)
        manager.on_removal(self.opened.close_of)
        manager.add("core", CorePlugin(self.providers, self.tools))
        manager.add("run-log", RunLog(content=config.log_content))
        for name, plugin in plugins.items():
            manager.add(name, plugin)
        manager.load_installed()
        config = read_plugin_settings(manager, config)
        manager.call("register_storage_backends", partial(_register_into, self.storages), config=config)
        manager.call("register_executors", partial(_register_into, self.executors), config=config)
        manager.call("register_signals", partial(_register_into, self.signals), config=config)
        stores = partial(_register_into, self.rate_limit_stores)
        manager.call("register_rate_limit_stores", stores, config=config)
        manager.call("register_jobs", self._register_job, config=config)
        manager.call("register_authenticators", partial(_register_into, self.authenticators), config=config)
        manager.call("register_model_providers", partial(_register_into, self.providers), config=config)
        self._add_providers_of(config, manager)
        manager.call("register_tools", self._register_tool, config=config)
        manager.call("register_tool_sources", self._register_tool_source, config=config)
        manager.call("register_guest_adapters", self._register_guest_adapter, config=config)
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
                from agentos.models.compatible import check_dialect

                check_dialect(one)  # what is not accepted stops the start, as for every other option
            _register_into(self.providers, manager.report(SETTINGS), one.prefix, partial(_compatible, one))

    def add_from_code(
        self, agents: Mapping[str, AnyAgent], tools: Sequence[Tool | Toolkit | Callable[..., Any]]
    ) -> None:
        """Add what an embedding program brings. It is the program's to close: it may serve it again."""
        for tool in tools:
            self.add_tool(tool, "code")
        for id, agent in agents.items():
            self.agents.add(id, agent, source="code")

    def add_tool(self, tool: Tool | Toolkit | Callable[..., Any], source: str) -> list[str]:
        """Add a tool, or all tools of a toolkit; return their names."""
        added = as_tools(tool)
        for one in added:
            check_importable(one)
            self.tools.add(one.name, one, source=source)
        return [one.name for one in added]

    def _register_tool(self, report: PluginReport, tool: Tool | Toolkit | Callable[..., Any]) -> None:
        # A tool of a toolkit may be named close: it closes something else, for a model.
        if not is_tool(getattr(tool, "close", None)):
            self.opened.add(report.name, f"tools of {type(tool).__name__}", tool)
        report.provides.extend(f"tool:{name}" for name in self.add_tool(tool, report.name))

    def _register_tool_source(self, report: PluginReport, name: str, source: ToolSource) -> None:
        if not isinstance(name, str) or not SOURCE_NAME.fullmatch(name):
            raise PluginError(f"tool source {name!r:.100}: accepted are 1 to 32 of letters, digits, '_' and '-'")
        if not all(callable(getattr(source, method, None)) for method in ("list", "call")):
            raise PluginError(f"tool source {name!r} is a {type(source).__name__}; accepted: an agentos.ToolSource")
        self.tool_sources.add(name, source, source=report.name)
        self.opened.add(report.name, f"tool source:{name}", source)
        report.provides.append(f"tool source:{name}")

    def _register_guest_adapter(
        self,
        report: PluginReport,
        name: str,
        path: Path,
        *,
        framework: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        adapter = checked_adapter(name, path, framework, environment or {})
        _register_into(self.guest_adapters, report, name, adapter)

    def _register_job(self, report: PluginReport, collection: str, handler: JobHandler) -> None:
        check_name("collection", collection, LONGEST_COLLECTION)
        if not callable(handler):
            raise PluginError(
                f"the handler of {collection!r} is a {type(handler).__name__}; accepted: a function of a record and the"
                " server"
            )
        self.jobs.add(collection, handler, source=report.name)
        report.provides.append(f"job:{collection}")

    def _register_agent(self, report: PluginReport, agent: AnyAgent, *, id: str | None = None) -> None:
        name = id or getattr(agent, "id", None)
        if not name:
            raise PluginError(f"an agent of type {type(agent).__name__} has no id; give register(agent, id=…)")
        self.agents.add(name, agent, source=report.name)
        report.provides.append(f"agent:{name}")


def _register_into(registry: Registry[Any], report: PluginReport, name: str, value: object) -> None:
    registry.add(name, value, source=report.name)
    report.provides.append(f"{registry.kind}:{name}")


def _compatible(settings: ProviderSettings, config: Config) -> ModelProvider:
    # A server without such providers, or before its first call, need not load a client.
    from agentos.models.compatible import compatible_provider

    return compatible_provider(settings, config)
