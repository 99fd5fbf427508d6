"""An agent of another framework, or with ``async def stream``, which runs in a process of its own: a guest."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from agentos.domain.overrides import check_allowed_overrides
from agentos.errors import InvalidRequest

TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
"""As in ``package.module:agent``."""

ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

MOST_PROCESSES = 64

LEAST_MEMORY = 64 * 1024**2
"""Bytes below which a Python with a framework cannot start."""


@dataclass(frozen=True, kw_only=True)
class Guest:
    """An agent that runs in a guest process: one that is asyncio alone, with an interpreter and packages of its own.

    >>> Guest("support.agents:triage", python="/srv/support/venv/bin/python", environment=["OPENAI_API_KEY"]).processes
    1

    ``target`` is ``package.module:attribute``, imported in the guest. ``python`` is the interpreter's path; without
    one it is the server's own. ``processes`` serve all workers together; runs of one session go to the same process.
    With ``exclusive``, a process has one run at a time, and a run that is cancelled ends its process: for frameworks
    that cannot stop. ``environment`` names the variables of the server that the guest is given besides ``PATH``,
    ``HOME`` and the like. ``path`` are folders to import from, first of all. ``directory`` is the guest's working
    directory. A process that has more memory than ``memory_limit`` bytes takes no more runs and is replaced.
    ``name``, ``description`` and ``model`` are what the API shows; ``allow_overrides`` names what runs may override.

    Guests with the same ``python``, ``processes``, ``exclusive``, ``environment``, ``path``, ``directory`` and
    ``memory_limit`` share their processes. To choose ``target`` or ``python`` is to run code as the server's user.

    Raises :class:`~agentos.errors.InvalidRequest` when a value cannot be right.
    """

    target: str = field(kw_only=False)
    python: str = ""
    processes: int = 1
    exclusive: bool = False
    environment: Sequence[str] = ()
    path: Sequence[str] = ()
    directory: str | None = None
    memory_limit: int | None = None
    name: str = ""
    description: str = ""
    model: str = ""
    allow_overrides: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.target, str) or not TARGET.fullmatch(self.target):
            raise InvalidRequest(
                f"the guest's target is {self.target!r:.100}; accepted is a module and an attribute of it, as in"
                " 'package.module:agent'"
            )
        self._check_counts()
        object.__setattr__(self, "python", self._absolute("python", self.python or sys.executable))
        if self.directory is not None:
            object.__setattr__(self, "directory", self._absolute("directory", self.directory))
        for name in ("environment", "path", "allow_overrides"):
            object.__setattr__(self, name, self._texts(name))
        for variable in self.environment:
            if not ENVIRONMENT_NAME.fullmatch(variable):
                shown = variable.partition("=")[0]  # what stands behind it may be a secret
                self._refuse("environment", shown, "names of variables without values, as in 'OPENAI_API_KEY'")
        object.__setattr__(self, "path", tuple(self._absolute("path", folder) for folder in self.path))
        check_allowed_overrides(self.target, self.allow_overrides)

    def _check_counts(self) -> None:
        if type(self.processes) is not int or not 1 <= self.processes <= MOST_PROCESSES:
            self._refuse("processes", self.processes, f"a number from 1 to {MOST_PROCESSES}")
        if not isinstance(self.exclusive, bool):
            self._refuse("exclusive", self.exclusive, "True or False")
        limit = self.memory_limit
        if limit is not None and (type(limit) is not int or limit < LEAST_MEMORY):
            self._refuse("memory_limit", limit, f"a number of bytes from {LEAST_MEMORY}")

    def _texts(self, name: str) -> tuple[str, ...]:
        given = getattr(self, name)
        if isinstance(given, str) or not all(isinstance(one, str) for one in given):
            self._refuse(name, given, "a list of texts")
        return tuple(given)

    def _absolute(self, name: str, given: object) -> str:
        # Not resolved: the interpreter of a virtual environment is a link, and the place of the link is what it is.
        if not isinstance(given, str) or not Path(given).is_absolute() or "\0" in given:
            self._refuse(name, given, "an absolute path")
        return given

    def _refuse(self, name: str, given: object, accepted: str) -> NoReturn:
        raise InvalidRequest(f"{name} of guest {self.target!r:.100} is {given!r:.100}; accepted is {accepted}")


@dataclass(frozen=True, kw_only=True)
class GuestAdapter:
    """What makes the agents of a framework run in guest processes: a module that the guest loads from ``path``.

    It is loaded where an agent's module has imported ``framework``. ``environment`` are variables of every guest
    process, as those that switch a framework's telemetry off.
    """

    name: str
    path: Path
    framework: str
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "environment", MappingProxyType(dict(self.environment)))
