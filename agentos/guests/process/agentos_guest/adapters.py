"""The adapters of this process: loaded when their framework is, and asked in turn which of them an agent is for."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import importlib.util
import json
import logging
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from agentos_guest.adapter import Adapter
from agentos_guest.plain import PlainAdapter
from agentos_guest.targets import Refused, load

logger = logging.getLogger(__name__)

CLOSING = 2.0
"""Seconds that an adapter may take to close."""


@dataclass(frozen=True)
class Registration:
    """An adapter that a plugin of the server brings: a file, or a folder with an ``__init__.py``."""

    name: str
    path: Path
    framework: str
    """The module that is among the loaded ones if an agent of the framework is there."""


@dataclass(frozen=True)
class Agent:
    """An agent with the adapter that runs it."""

    adapter: Adapter
    target: Any
    framework_version: str


def read_registrations(text: str) -> list[Registration]:
    """Return what the option ``--adapters`` lists: ``[{"name", "path", "framework"}]``."""
    return [Registration(one["name"], Path(one["path"]), one["framework"]) for one in json.loads(text)]


class Adapters:
    """Finds agents by their import path."""

    def __init__(self, registrations: Sequence[Registration]) -> None:
        self._registrations = registrations
        self._plain = PlainAdapter()
        self._loaded: dict[str, Adapter] = {}
        self._agents: dict[str, Agent] = {}

    def agent(self, name: str) -> Agent:
        """Return the agent of a target, imported now or before. Raises :class:`~agentos_guest.targets.Refused`."""
        target = load(name)
        known = self._agents.get(name)
        if known is None or known.target is not target:
            known = self._agents[name] = self._choose(name, target)
        return known

    def versions(self) -> Mapping[str, str]:
        """Return the versions of the frameworks that are loaded."""
        frameworks = [one.framework for one in self._registrations if one.framework in sys.modules]
        return {framework: version(framework) for framework in frameworks}

    async def close(self) -> None:
        """Close the adapters that were loaded, within their time. Their errors are logged."""
        for adapter in self._loaded.values():
            try:
                await asyncio.wait_for(adapter.close(), CLOSING)
            except Exception:  # the adapter's own code
                logger.exception("adapter %s could not be closed", adapter.name)

    def _choose(self, name: str, target: Any) -> Agent:
        for registration in self._registrations:
            if registration.framework not in sys.modules:
                continue
            adapter = self._adapter(registration)
            if self._accepts(adapter, target):
                return Agent(adapter, target, adapter.framework_version or version(registration.framework))
        if self._plain.accepts(target):
            return Agent(self._plain, target, sys.version.split()[0])
        raise Refused("not_an_agent", f"{name!r:.200} is {_kind(target)} and no agent; accepted are {self._accepted()}")

    def _adapter(self, registration: Registration) -> Adapter:
        adapter = self._loaded.get(registration.name)
        if adapter is None:
            adapter = self._loaded[registration.name] = _load_adapter(registration)
        return adapter

    def _accepts(self, adapter: Adapter, target: Any) -> bool:
        try:
            return adapter.accepts(target)
        except Exception as error:  # the adapter's own code
            reason = f"adapter {adapter.name!r} failed when it was asked about an agent"
            raise Refused("adapter", reason) from error

    def _accepted(self) -> str:
        loaded = [one.name for one in self._registrations if one.framework in sys.modules]
        frameworks = f"agents of {', '.join(loaded)}, " if loaded else ""
        without = [one.name for one in self._registrations if one.framework not in sys.modules]
        hint = f" (its module imports nothing of {', '.join(without)})" if without else ""
        return (
            f"{frameworks}objects with `async def stream(self, context)` and async generator functions{hint}; an agent"
            " of a framework needs the plugin with its adapter in the server, as agentos-langgraph"
        )


@cache
def version(framework: str) -> str:
    """Return the version of a loaded module's distribution, or what the module says, or an empty text."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(framework.replace("_", "-"))
    said = getattr(sys.modules.get(framework), "__version__", None)
    if isinstance(said, str):
        return said
    for distribution in importlib.metadata.packages_distributions().get(framework, ()):
        return importlib.metadata.version(distribution)
    return ""


def _load_adapter(registration: Registration) -> Adapter:
    name = "agentos_guest_adapter_" + re.sub(r"\W", "_", registration.name)
    path = registration.path
    file = path / "__init__.py" if path.is_dir() else path
    # A package, so that a larger adapter can import the files beside it.
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[str(file.parent)])
    try:
        if spec is None or spec.loader is None:
            raise ImportError(f"{file.name} is no Python file")
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        adapter = module.ADAPTER
    except Exception as error:  # the adapter's own code, and a framework of a version that it does not know
        sys.modules.pop(name, None)
        installed = f"{registration.framework} {version(registration.framework)}"
        reason = f"adapter {registration.name!r} does not load with {installed}"
        raise Refused("adapter", reason) from error
    if not isinstance(adapter, Adapter):
        reason = f"ADAPTER of adapter {registration.name!r} is {_kind(adapter)}; accepted is an object of an Adapter"
        raise Refused("adapter", reason)
    return adapter


def _kind(value: Any) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return "None" if value is None else f"a value of type {type(value).__module__}.{type(value).__qualname__}"
