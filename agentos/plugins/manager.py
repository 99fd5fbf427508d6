"""Loads plugins, calls their registration hooks one plugin at a time, and keeps an account of each."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, Literal

import pluggy

from agentos.errors import AgentOSError, PluginError
from agentos.observability.redaction import redact
from agentos.plugins.hook_call import HookCall

GROUP = "agentos"
CORE = "core"
DECIDING = frozenset({"before_run", "before_model_call", "before_tool_call"})
"""Without one of these hooks, what its plugin denies would be allowed."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class PluginReport:
    """What became of one plugin. ``provides`` lists what it registered, as ``tool:calculator``."""

    name: str
    distribution: str | None = None
    version: str | None = None
    status: Literal["loaded", "failed", "left out"] = "loaded"
    error: str | None = None
    provides: list[str] = field(default_factory=list)


class PluginManager:
    """Knows all plugins of one application.

    ``specs`` is the module that declares the hooks, :mod:`agentos.hookspecs`: it names types of every layer, so that
    this one does not import it. ``allowed`` leaves out every installed plugin that it does not name (``None``: all are
    loaded). A name behind ``-`` leaves out that one, which may be the server's own; then those that are not named are
    loaded. With ``strict`` a broken plugin raises :class:`~agentos.errors.PluginError` instead of being reported and
    skipped; one that has a deciding hook always does.
    """

    def __init__(self, specs: ModuleType, *, allowed: Sequence[str] | None = None, strict: bool = False) -> None:
        self._left_out = frozenset(name[1:] for name in allowed or () if name.startswith("-"))
        if CORE in self._left_out:
            raise PluginError("AGENTOS_PLUGINS leaves out 'core', without which there is no server")
        named = [name for name in allowed or () if not name.startswith("-")]
        self._allowed = None if allowed is None or (self._left_out and not named) else named
        self._strict = strict
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(specs)
        self._reports: dict[str, PluginReport] = {}
        self._undo: list[Callable[[str], None]] = []

    @property
    def reports(self) -> list[PluginReport]:
        """What became of each plugin, by name."""
        return [self._reports[name] for name in sorted(self._reports)]

    def report(self, name: str) -> PluginReport:
        """Return the report of this name, a new one if there is none: for a source that is no plugin."""
        return self._reports.setdefault(name, PluginReport(name))

    def add(self, name: str, plugin: object) -> None:
        """Add a plugin that is no installed distribution: the core, or an embedding program's own."""
        report = self.report(name)
        if name in self._left_out and name != CORE:
            report.status = "left out"
        else:
            self._register(report, lambda: plugin)

    def load_installed(self) -> None:
        """Load every installed entry point of the group ``agentos``, in the order of their names."""
        for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
            if entry.name in self._reports:
                continue
            report = self.report(entry.name)
            if entry.dist is not None:
                report.distribution, report.version = entry.dist.name, entry.dist.version
            if (self._allowed is None or entry.name in self._allowed) and entry.name not in self._left_out:
                self._register(report, entry.load)
            else:
                report.status = "left out"
        if unknown := sorted({*(self._allowed or ()), *self._left_out} - self._reports.keys()):
            self._fail(PluginReport(unknown[0]), PluginError("AGENTOS_PLUGINS names it, but it is not installed"))

    def _register(self, report: PluginReport, load: Callable[[], object]) -> None:
        try:
            plugin = load()
            self._manager.register(plugin, name=report.name)
            self._manager.check_pending()
            self._check_functions(report.name, plugin)
        except Exception as error:  # noqa: BLE001 - a plugin's import may raise anything; it is reported
            self._fail(report, error)

    def _check_functions(self, name: str, plugin: object) -> None:
        """Refuse what would be called and then do nothing."""
        for caller in self._manager.get_hookcallers(plugin) or ():
            for one in caller.get_hookimpls():
                if one.plugin_name != name:
                    continue
                if inspect.iscoroutinefunction(one.function) or inspect.isgeneratorfunction(one.function):
                    raise PluginError(
                        f"its hook {caller.name} is a coroutine, a generator or a wrapper; accepted: a plain function"
                    )

    def leave_out(self, name: str, thing: str, error: AgentOSError) -> None:
        """Report that one thing of a plugin, as ``agent:poet``, cannot be used; the plugin's others stay.

        Raises :class:`~agentos.errors.PluginError` where plugins are strict.
        """
        message = redact(error.message)
        self._raise_if_strict(name, message, error)
        logger.error("a part of a plugin was left out", extra={"plugin": name, "part": thing, "reason": message})
        report = self._reports[name]
        report.error = message if report.error is None else f"{report.error}; {message}"
        report.provides = [provided for provided in report.provides if provided != thing]

    def on_removal(self, remove: Callable[[str], None]) -> None:
        """Have ``remove(plugin_name)`` called when a plugin turns out broken after it registered something."""
        self._undo.append(remove)

    def call(self, hook: str, register: Callable[..., None], **given: Any) -> None:
        """Call a ``register_…`` hook of each plugin; its report is the first argument of ``register``."""
        for implementation in sorted(getattr(self._manager.hook, hook).get_hookimpls(), key=_core_first):
            report = self._reports[implementation.plugin_name]
            arguments = {"register": partial(register, report), **given}
            try:
                implementation.function(*(arguments[name] for name in implementation.argnames))
            except Exception as error:  # noqa: BLE001 - other people's code; it is reported
                self._fail(report, error)

    def implementations(self, hook: str) -> list[HookCall]:
        """Return what the plugins do for a hook, the core first and then by their names."""
        found = sorted(getattr(self._manager.hook, hook).get_hookimpls(), key=_core_first)
        return [HookCall(one.plugin_name, hook, one.function, tuple(one.argnames)) for one in found]

    def failed_to_start(self, name: str, reason: str, error: Exception) -> None:
        """Report that a plugin's ``server_start`` failed. What it registered stays.

        Raises :class:`~agentos.errors.PluginError` where plugins are strict, and for one that decides.
        """
        message = redact(f"server_start failed: {reason}")
        self._raise_if_deciding(name, message, error)
        self._raise_if_strict(name, message, error)
        report = self._reports[name]
        report.error = message if report.error is None else f"{report.error}; {message}"

    def _fail(self, report: PluginReport, error: Exception) -> None:
        message = redact(error.message if isinstance(error, PluginError) else f"{type(error).__name__}: {error}")
        self._raise_if_deciding(report.name, message, error)
        self._raise_if_strict(report.name, message, error)
        logger.error("plugin is broken and was skipped", extra={"plugin": report.name, "reason": message})
        report.status, report.error, report.provides = "failed", message, []
        self._reports[report.name] = report
        if self._manager.has_plugin(report.name):
            self._manager.unregister(name=report.name)
        for undo in self._undo:
            undo(report.name)

    def _raise_if_deciding(self, name: str, message: str, error: Exception) -> None:
        if any(call.plugin == name for hook in DECIDING for call in self.implementations(hook)):
            raise PluginError(
                f"plugin {name!r} is broken: {message}; it decides what is allowed, so the server does not start"
                " without it: mend it, or leave it out with AGENTOS_PLUGINS"
            ) from error

    def _raise_if_strict(self, name: str, message: str, error: Exception) -> None:
        if self._strict:
            raise PluginError(
                f"plugin {name!r} is broken: {message}; mend or uninstall it, or unset AGENTOS_PLUGINS_STRICT"
            ) from error


def _core_first(implementation: pluggy.HookImpl) -> tuple[bool, str]:
    return implementation.plugin_name != CORE, implementation.plugin_name
