"""Agents in guest processes: those that were declared as guests, and our own that need an event loop."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agentos.cancellation import Cancellation
from agentos.config import Config
from agentos.domain.activity import GuestProcess
from agentos.domain.agent import AnyAgent, StreamingAgent
from agentos.domain.guest import ENVIRONMENT_NAME, Guest
from agentos.errors import ConfigError
from agentos.guests.agent import GuestAgent
from agentos.guests.description import GuestDescription, describe
from agentos.guests.own.places import HOST, Place, place_of_agent, target_of
from agentos.guests.own.tools import OwnTools
from agentos.guests.pools import GuestPools
from agentos.registry import Entry
from agentos.tools.guest_calls import GuestCalls

AS_IN_WORKERS = ("check_media", "concurrency", "history_turns", "retry_on_crash")
"""What the worker reads of an agent of its own, wherever it runs."""

OWN = "async"
"""What the guest of our own agents and tools is called where guests are listed."""


class GuestService:
    """Makes what runs agents in guest processes, and says what these do. Starts none before a run needs it."""

    def __init__(self, pools: GuestPools, config: Config) -> None:
        self._pools = pools
        self.tools: GuestCalls = OwnTools(pools, self._own_guest)
        """What calls tools that need an event loop."""
        self._own: dict[str, Guest] = {}
        self._processes = config.async_processes
        self._program = config.app.partition(":")[0] if config.app else None

    def hosted(self, guest: Guest, version: int | None = None) -> GuestAgent:
        """Return the agent that runs in the processes of a guest; ``version`` is that of a stored one."""
        if version is None:
            self._pools.keep(guest)
        return GuestAgent(guest, self._pools, version=version)

    def place(self, entry: Entry[AnyAgent]) -> Place:
        """Return where a guest process finds an agent of code or a plugin; raise ``ConfigError`` if it cannot."""
        place = place_of_agent(entry.value, entry.name, entry.source, self._program)
        if place is None:
            raise ConfigError(
                f"agent {entry.name!r} needs an event loop, and a guest process could not import it: it is made in a"
                " function, or in a module that is not found by its name; make it an attribute of a module, with"
                ' `async def stream(self, context)`, or declare it as `Guest("package.module:name")`'
            )
        return place

    def own(self, entry: Entry[AnyAgent]) -> StreamingAgent:
        """Return the agent of code or a plugin that runs in a guest process of the server's own environment."""
        name, description, model = (
            str(getattr(entry.value, one, None) or "") for one in ("name", "description", "model")
        )
        guest = replace(
            self._own_guest(target_of(self.place(entry))),
            name=name,
            description=description,
            model=model,
            allow_overrides=tuple(getattr(entry.value, "allow_overrides", ())),
        )
        hosted = self.hosted(guest)
        for one in AS_IN_WORKERS:
            if hasattr(entry.value, one):
                setattr(hosted, one, getattr(entry.value, one))
        return hosted

    def describe(self, agent: StreamingAgent, cancellation: Cancellation) -> GuestDescription | None:
        """Ask a guest process about an agent, which imports it; ``None`` for an agent that is none of a guest.

        Raises what a run of it would raise.
        """
        return describe(agent.guest, self._pools, cancellation) if isinstance(agent, GuestAgent) else None

    def _own_guest(self, target: str) -> Guest:
        """Return a guest that is what a worker is: the same interpreter, modules, environment and directory.

        The code in it would run in the worker otherwise, so it is given no less.
        """
        known = self._own.get(target)
        if known is None:
            known = self._own[target] = Guest(
                target,
                processes=self._processes,
                environment=tuple(sorted(name for name in os.environ if ENVIRONMENT_NAME.fullmatch(name))),
                path=tuple(dict.fromkeys(str(Path(folder or ".").absolute()) for folder in sys.path)),
                directory=os.getcwd(),
            )
            self._pools.keep(known)
        return known

    def processes(self) -> Sequence[GuestProcess]:
        """Return what the guest processes do that this worker has used."""
        return [
            GuestProcess(
                guest=OWN if found.targets[0].startswith(HOST) else found.targets[0],
                number=one.number,
                state=one.state,
                runs=one.own_runs,
                restarts=one.restarts,
                lag=one.lag,
                memory=one.memory,
            )
            for found in self._pools.activity()
            for one in found.processes
        ]

    def close(self) -> None:
        """Stop using the processes; each ends some seconds after its last worker has."""
        self._pools.close()
