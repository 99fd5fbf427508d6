"""Builds a server from its configuration: the one place that knows every concrete class."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from agentos import hookspecs
from agentos.auth.rate_limits import RateLimits
from agentos.config import Config
from agentos.domain.agent import AnyAgent
from agentos.domain.denied import Denied
from agentos.domain.ids import new_id
from agentos.domain.message import ToolCall
from agentos.domain.pending import Asked
from agentos.domain.remembered import FindRemembered
from agentos.errors import ConfigError
from agentos.events.log import EventLog
from agentos.execution.cancels import CancelWatch
from agentos.execution.followed import Followed
from agentos.execution.jobs import Jobs
from agentos.execution.leases import LeaseKeeper
from agentos.execution.observers import RunObservers
from agentos.execution.submission import Submission
from agentos.execution.sweeper import Sweeper
from agentos.execution.worker import Worker
from agentos.guests.pools import GuestPools
from agentos.models.catalog import Catalog
from agentos.observability.call_log import ToolCallLog
from agentos.observability.redaction import process, secrets_of
from agentos.observability.slow import SlowLog
from agentos.plugins.closing import OpenedThings, close_all
from agentos.plugins.decisions import first_decision
from agentos.plugins.lifecycle import Lifecycle
from agentos.plugins.manager import PluginManager
from agentos.plugins.observers import Observers
from agentos.plugins.traces import begin_trace
from agentos.registries import Registries, StorageFactory
from agentos.registry import Registry
from agentos.runtime.before_model_call import BeforeModelCall
from agentos.services.activity import ActivityService
from agentos.services.agent_checks import check_agents, check_assistant
from agentos.services.agent_tools import AgentTools
from agentos.services.agent_versions import AgentVersionService
from agentos.services.agents import AgentService
from agentos.services.approval_rules import ApprovalRuleService
from agentos.services.auth import AuthService
from agentos.services.before_run import BeforeRun
from agentos.services.direct_calls import DirectCallService
from agentos.services.guests import GuestService
from agentos.services.health import HealthService
from agentos.services.housekeeping import HousekeepingService
from agentos.services.keys import KeyService
from agentos.services.owner_data import OwnerDataService
from agentos.services.pauses import PauseService
from agentos.services.preparation import RunPreparation
from agentos.services.provider_checks import CachedProviderChecks
from agentos.services.records import RecordService
from agentos.services.run_checks import RunChecks
from agentos.services.runs import RunService
from agentos.services.services import Services
from agentos.services.sessions import SessionService
from agentos.services.summaries import SummaryService
from agentos.shared_parts import open_shared_limits, open_signals
from agentos.storage.admission import Lease, Quota
from agentos.storage.interface import Storage
from agentos.storage.sqlalchemy.address import scheme_of
from agentos.tools.context import ToolContext
from agentos.tools.executor import ToolExecutor
from agentos.tools.guest_calls import GuestCalls
from agentos.tools.isolation import Isolation
from agentos.tools.sources import ToolSources
from agentos.tools.tool import Tool, Toolkit

T = TypeVar("T")


def build(
    config: Config,
    *,
    agents: Mapping[str, AnyAgent] | None = None,
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
    manager = PluginManager(hookspecs, allowed=config.plugins, strict=config.plugins_strict)
    registries = Registries()
    storage: Storage | None = None
    try:
        config = registries.fill(manager, config, plugins or {})
        registries.add_from_code(agents or {}, tools)
        storage = _open_storage(registries.storages, config)
        if config.migrate:
            storage.upgrade()
        return _assemble(config, manager, registries, storage, serving=serving)
    except BaseException:
        close_all(registries.opened.take())
        if storage is not None:
            storage.close()
        raise


def _assemble(
    config: Config, manager: PluginManager, registries: Registries, storage: Storage, *, serving: bool
) -> Services:
    catalog = Catalog(registries.providers, config)
    model_hooks = manager.implementations("before_model_call")
    approval_rules = ApprovalRuleService(storage)
    guests = GuestService(GuestPools(lambda: [entry.value for entry in registries.guest_adapters]), config)
    agent_service = AgentService(
        storage,
        registries.agents,
        AgentTools(registries.tools, ToolSources(registries.tool_sources)),
        catalog,
        config,
        guests=guests,
        executor=_tool_executor(config, manager, approval_rules.find, guests.tools),
        before_model_call=BeforeModelCall(model_hooks) if model_hooks else None,
    )
    check_agents(agent_service, registries.agents, manager.leave_out)
    if serving:
        check_assistant(agent_service, registries.agents)
    prepare = RunPreparation(agent_service, config)
    lease = Lease(worker_id=f"{socket.gethostname()}:{os.getpid()}:{new_id()[-12:]}", seconds=config.lease_seconds)
    opened, run_hooks = registries.opened, manager.implementations("before_run")
    signals = open_signals(registries.signals, config, opened)
    shared_limits = open_shared_limits(registries.rate_limit_stores, config, opened)
    authenticators = {
        name: _made(registries.authenticators, name, "AGENTOS_AUTH names", opened, config, storage)
        for name in config.auth
    }
    executor = _made(registries.executors, config.executor, "AGENTOS_EXECUTOR is", opened, config)
    submission = Submission(executor, _source(registries.executors, config.executor))
    slow_tools = SlowLog("tool call", config.slow_tool)
    signals.begin(lease.worker_id)
    log = EventLog(storage, signals.notify, Followed(signals, lease.worker_id))
    worker = Worker(
        storage,
        log,
        lease,
        signals,
        submission,
        prepare=prepare,
        quota=Quota(config.max_runs_per_owner, config.max_runs, config.background_queue),
        max_paused=config.max_paused_runs_per_owner,
        max_attempts=config.max_attempts,
        background_wait=config.queue_timeout or config.background_timeout,
        observers=_observers(manager),
        tool_log=ToolCallLog(config.log_content, slow_tools),
    )
    traces = begin_trace(manager.implementations("begin_trace"))
    sessions = SessionService(storage, worker, config)
    leases = LeaseKeeper(storage, worker, lease)
    sweeper = Sweeper(storage, worker, lease, leases, prepare=prepare, max_attempts=config.max_attempts)
    cancels = CancelWatch(storage, worker, lease.worker_id, signals)
    return Services(
        config=config,
        plugins=manager,
        lifecycle=Lifecycle(manager),
        opened=opened,
        storage=storage,
        tools=registries.tools,
        catalog=catalog,
        agents=agent_service,
        guests=guests,
        agent_versions=AgentVersionService(storage, agent_service),
        approval_rules=approval_rules,
        sessions=sessions,
        summaries=SummaryService(storage, agent_service, config),
        runs=RunService(
            storage,
            worker,
            signals,
            config,
            checks=RunChecks(agent_service, config, BeforeRun(run_hooks) if run_hooks else None),
            pauses=PauseService(storage, worker, signals, prepare, config),
            leases=leases,
            sweeper=sweeper,
            cancels=cancels,
            begin_trace=traces,
        ),
        direct_calls=DirectCallService(agent_service, sessions, worker, config, slow=slow_tools),
        owner_data=OwnerDataService(storage, worker),
        auth=AuthService(authenticators, RateLimits(config, shared_limits)),
        keys=KeyService(storage),
        health=HealthService(
            storage,
            worker,
            config,
            guests,
            providers=_provider_checks(catalog, agent_service, config),
            limits=shared_limits,
        ),
        activity=ActivityService(storage, worker, log, leases, sweeper, guests),
        housekeeping=HousekeepingService(storage, config),
        worker=worker,
        signals=signals,
        records=RecordService(storage.records, signals),
        jobs=Jobs(storage.records, registries.jobs, lease, signals),
        submission=submission,
        leases=leases,
        sweeper=sweeper,
        cancels=cancels,
        begin_trace=traces,
    )


def _provider_checks(catalog: Catalog, agents: AgentService, config: Config) -> CachedProviderChecks | None:
    return CachedProviderChecks(catalog, agents.used_providers) if config.ready_providers else None


def _observers(manager: PluginManager) -> RunObservers:
    hooks = ("run_finished", "run_event", "call_finished")
    finished, observed, ended = (Observers(manager.implementations(hook)) for hook in hooks)
    return RunObservers(
        lambda run: finished(run=run),
        (lambda run, event: observed(run=run, event=event)) if observed else None,
        (lambda run, call: ended(run=run, call=call)) if ended else None,
    )


def _source(registry: Registry[Any], name: str) -> str:
    entry = registry.get(name)
    return "" if entry is None else entry.source


def _tool_executor(
    config: Config, manager: PluginManager, find_remembered: FindRemembered, guests: GuestCalls
) -> ToolExecutor:
    calls = manager.implementations("before_tool_call")
    undecided = Denied("it could not be found out whether the call is allowed")

    def ask(call: ToolCall, context: ToolContext) -> Denied | Asked | None:
        about = {"tool": call.name, "run_id": context.run_id, "agent_id": context.agent_id}
        return first_decision(
            calls, lambda hook_call: hook_call(call=call, context=context), undecided=undecided, about=about
        )

    return ToolExecutor(
        config.tool_timeout,
        isolation=Isolation(cpu=config.tool_cpu, memory=config.tool_memory),
        before_call=ask if calls else None,
        pause_timeout=config.pause_timeout,
        find_remembered=find_remembered,
        guests=guests,
    )


def _made(
    registry: Registry[Callable[..., T]], name: str, setting: str, opened: OpenedThings, *given: Config | Storage
) -> T:
    """Make what a setting names; raise :class:`~agentos.errors.ConfigError` for what is not installed."""
    entry = registry.get(name)
    if entry is None:
        installed = ", ".join(registry.names())
        raise ConfigError(f"{setting} {name!r:.40}, which is not installed; installed are {installed}")
    made = entry.value(*given)
    opened.add(entry.source, f"{registry.kind}:{name}", made)
    return made


def _open_storage(backends: Registry[StorageFactory], config: Config) -> Storage:
    scheme = scheme_of(config.database_url)  # nothing else of the URL may be said: it may be the password
    backend = backends.get(scheme or "")
    if backend is None:
        given = f"begins with {scheme!r}, which no installed storage backend serves" if scheme else "has no scheme"
        raise ConfigError(
            f"AGENTOS_DATABASE_URL {given}; installed are {', '.join(f'{name}://' for name in backends.names())}"
        )
    return backend.value(config.database_url, config)
