"""The checks of ``flask agentos doctor``."""

from __future__ import annotations

import platform
import threading
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from agentos.cancellation import Cancellation
from agentos.cli.opening import changed, database_name, found_server, load_plugins
from agentos.cli.pages import read_pages
from agentos.config import Config
from agentos.errors import AgentOSError, GuestLost

if TYPE_CHECKING:
    from agentos.domain.agent import StreamingAgent
    from agentos.plugins.manager import PluginReport
    from agentos.services.agent_info import AgentInfo
    from agentos.services.services import Services


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    name: str
    status: Literal["ok", "warning", "failed"]
    detail: str


def diagnose(timeout: float, *, find_models: bool = False) -> Iterator[Finding]:
    """Yield each finding when it is there; ``timeout`` (seconds) is for all model providers together.

    Nothing is changed: a schema that is not there yet is not made.
    """
    from agentos.advice import advice
    from agentos.api.own_plugins import OWN_PLUGINS
    from agentos.api.resources import collect_routes, server_of
    from agentos.bootstrap import build

    yield Finding("python", "ok", platform.python_version())
    try:
        server = found_server()
        config = server.config
        given = [name for name, source in config.sources.items() if source != "default"]
        set_ones = f"set: {', '.join(given)}; all others have their defaults" if given else "all have their defaults"
        yield Finding("settings", "ok", set_ones)
    except AgentOSError as error:
        yield Finding("settings", "failed", error.message)
        return
    yield from (Finding("advice", "warning", sentence) for sentence in advice(config))
    yield from _exposure(config)
    yield _open_files(config)
    try:
        services = build(changed(config, migrate=False), agents=server.agents, tools=server.tools, plugins=OWN_PLUGINS)
    except AgentOSError as error:
        with suppress(AgentOSError):  # a name that no setting has may be the cause
            known, manager = load_plugins(config)
            yield from _unread(known, manager.reports)
        yield Finding("server", "failed", f"cannot be put together: {error.message_to_operator}")
        return
    try:
        yield from _plugin_settings(services.config)
        yield from _unread(services.config, services.plugins.reports)
        try:
            collect_routes(services, server_of(services))
        except AgentOSError as error:
            yield Finding("server", "failed", f"cannot be put together: {error.message_to_operator}")
            return
        yield from _plugins(services)
        database = list(_database(services, config))
        yield from database
        usable = all(one.status == "ok" for one in database if one.name in ("database", "schema"))
        agents = list(read_pages(services.agents.list)) if usable else _agents_without_database(services, server.agents)
        yield from _providers(services, timeout, {agent.model.partition(":")[0] for agent in agents if agent.model})
        if find_models:
            yield from _model_servers()
        yield from _agents(services, agents, timeout)
        if usable:
            yield from _shadowed(services, agents)
        else:
            yield Finding("stored agents", "warning", "not checked, as the database is not ready")
    finally:
        services.close()


def _plugin_settings(config: Config) -> Iterator[Finding]:
    names = [one.name for one in config.settings if one.plugin is not None and config.sources[one.name] != "default"]
    if names:
        yield Finding("plugin settings", "ok", f"set: {', '.join(names)}; all others have their defaults")


def _unread(config: Config, reports: Sequence[PluginReport]) -> Iterator[Finding]:
    from agentos.advice import unread_variables

    return (Finding("advice", "warning", sentence) for sentence in unread_variables(config, reports))


def _exposure(config: Config) -> Iterator[Finding]:
    """Say who can reach the server, whether they are asked who they are, and how often they may ask."""
    from agentos.auth.exposure import check_binding, is_confined, is_here

    try:
        check_binding(config, [config.address])
    except AgentOSError as error:
        yield Finding("exposure", "failed", error.message)
        return
    address = _address(config)
    if config.auth:
        yield Finding("exposure", "ok", f"{address}, for callers who are known ({', '.join(config.auth)})")
    elif is_confined(config) and "*" in config.allow_origins:
        yield Finding(
            "exposure",
            "warning",
            f"{address}, for this machine and every page that it opens in a browser, without a credential; name"
            " the pages' origins in AGENTOS_ALLOW_ORIGINS",
        )
    elif is_confined(config):
        yield Finding("exposure", "ok", f"{address}, for this machine alone; no credential is asked for")
    else:
        yield Finding("exposure", "warning", f"{address}, for anybody who can reach it, without a key")
    yield from _limits(config, reachable=bool(config.proxy_hops) or not is_here(config.address))


def _address(config: Config) -> str:
    """Return where the server listens; with a port alone, in which families of addresses."""
    if not config.address.startswith(":"):
        return config.address
    from agentos.serving.addresses import ipv6_here

    return f"{config.address} ({'IPv4 alone: there is no IPv6 here' if ipv6_here() == 'none' else 'IPv4 and IPv6'})"


def _limits(config: Config, *, reachable: bool) -> Iterator[Finding]:
    """Say which limits are in force. A server that others reach should have one for requests that are served."""
    per_key, per_address = config.rate_limit if config.auth else None, config.address_rate_limit
    failed = config.failed_auth_rate_limit if config.auth else None
    counted = (
        (per_key, "for each key"),
        (per_address, "for each address"),
        (failed, "for each address without a valid credential"),
    )
    limits = " and ".join(f"{rate} {what}" for rate, what in counted if rate)
    if (per_key or per_address) or (limits and not reachable):
        yield Finding("rate limit", "ok", f"{limits}, in each of {config.workers} workers")
    elif reachable:
        yield Finding(
            "rate limit", "warning", f"{limits or 'none'}: one client may take all there is; set AGENTOS_RATE_LIMIT"
        )
    owner, all_owners = config.max_runs_per_owner, config.max_runs
    quotas = [f"{count} {what}" for count, what in ((owner, "of each owner"), (all_owners, "of all")) if count]
    if quotas:
        yield Finding("runs at once", "ok", " and ".join(quotas))


def _open_files(config: Config) -> Finding:
    """Say whether each worker may open a file for every connection that it is set to serve."""
    from agentos.serving import descriptors

    limit, wanted = descriptors.limit(raised=True), config.worker_connections
    served = descriptors.connections(wanted, limit)
    detail = f"{limit} for each worker (ulimit -Hn), enough for {served} connections"
    if served < wanted:
        return Finding(
            "open files", "warning", f"{detail} instead of {wanted} (AGENTOS_WORKER_CONNECTIONS); raise the limit"
        )
    return Finding("open files", "ok", detail)


def _plugins(services: Services) -> Iterator[Finding]:
    for report in services.plugins.reports:
        name = f"plugin {report.name}"
        if report.status == "failed":
            yield Finding(name, "failed", f"broken and skipped: {report.error}")
        elif report.status == "loaded" and report.error is not None:
            yield Finding(name, "failed", f"a part of it was left out: {report.error}")
        elif report.status == "loaded":
            yield Finding(name, "ok", ", ".join(report.provides) or "loaded")


def _database(services: Services, config: Config) -> Iterator[Finding]:
    for check in services.health.ready():
        if check.name == "storage":
            if not check.ok:
                yield _unusable(services, config, check.detail)
                return
            yield Finding("database", "ok", f"{database_name(config.database_url)}: {check.detail}")
        elif check.name == "migrations":
            if not check.ok and config.migrate and _is_made_at_start(services):
                yield Finding("schema", "warning", "not the one needed; the next start brings it up to date")
            else:
                yield Finding("schema", "ok" if check.ok else "failed", check.detail)
        elif check.name in ("clock", "disk", "durability", "rate limits"):
            yield Finding(check.name, check.status, check.detail)


def _is_made_at_start(services: Services) -> bool:
    schema = services.storage.schema()
    return schema.older or schema.lacks is not None


def _unusable(services: Services, config: Config, reason: str) -> Finding:
    """Tell a file that the first start will make from a database that is out of reach."""
    name = database_name(config.database_url)
    try:
        missing = services.storage.schema().current is None
    except AgentOSError as error:
        missing, reason = False, error.message_to_operator
    if missing and config.migrate:
        return Finding("database", "warning", f"{name}: there is none yet; the first start makes it")
    return Finding("database", "failed", f"{name}: {reason}")


def _agents_without_database(services: Services, in_code: Iterable[str]) -> list[AgentInfo]:
    """Return the agents that are known without the database: those of plugins and of the program."""
    provided = (name for report in services.plugins.reports for name in report.provides)
    names = {name.removeprefix("agent:") for name in provided if name.startswith("agent:")}
    return [services.agents.get(name) for name in sorted({*names, *in_code})]


def _providers(services: Services, timeout: float, used: Container[str]) -> Iterator[Finding]:
    """Ask all providers. One that no agent uses may fail: it is installed, but perhaps without its key."""
    from agentos.services.provider_checks import check_providers

    for one in check_providers(services.catalog, [entry.name for entry in services.catalog], timeout):
        name = f"model provider {one.prefix}"
        if one.ok:
            yield Finding(name, "ok", one.detail)
        elif one.prefix in used:
            yield Finding(name, "failed", one.detail)
        else:
            yield Finding(name, "warning", f"no agent uses it, but: {one.detail}")


def _model_servers() -> Iterator[Finding]:
    """Say which model servers run on this machine, and how to use a model of theirs."""
    from agentos.cli.model_servers import find_model_servers, usual_ports

    ports = usual_ports()
    found = find_model_servers(ports)
    for server in found:
        yield Finding(f"{server.name} (port {server.port})", "ok", server.description)
    if not found:
        places = ", ".join(f"{name} on {port}" for name, port in ports.items())
        yield Finding("model servers", "warning", f"none answers on this machine; looked for {places}")


def _agents(services: Services, agents: Sequence[AgentInfo], timeout: float) -> Iterator[Finding]:
    """Say of each agent whether it can run. Guests' processes import theirs, each within ``timeout`` seconds."""
    for agent in agents:
        try:
            described = _described(services, services.agents.resolve(agent.id), timeout)
        except AgentOSError as error:
            yield Finding(f"agent {agent.id}", "failed", error.message)
        else:
            model = agent.model or "no model of ours"
            yield Finding(f"agent {agent.id}", "ok", f"{model}, from {agent.source}{described}")


def _described(services: Services, agent: StreamingAgent, timeout: float) -> str:
    """Return what runs an agent in a guest process, in words; nothing for any other."""
    cancellation = Cancellation()
    late = GuestLost(f"its guest process did not say within {timeout:g} s what it is")
    timer = threading.Timer(timeout, cancellation.cancel, [late])
    timer.daemon = True
    timer.start()
    try:
        found = services.agents.guests.describe(agent, cancellation)
    finally:
        timer.cancel()
    return "" if found is None else f", in a guest process ({found.adapter} {found.framework_version})"


def _shadowed(services: Services, agents: Sequence[AgentInfo]) -> Iterator[Finding]:
    from agentos.services.agent_info import STORED

    for agent in agents:
        if agent.source != STORED and services.storage.agents.get(agent.id) is not None:
            yield Finding(
                f"agent {agent.id}",
                "warning",
                f"a stored agent of this id is not served: {agent.source!r} registered the id in code",
            )
