"""What makes the agents of a framework agents of this server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

from agentos_guest.events import Event
from agentos_guest.run import Run


class Adapter(ABC):
    """Runs the agents of one framework. One object serves all runs of a process, many at once.

    The module of an adapter is loaded into the guest's own environment, and there only. It may import its framework at
    its top: it is loaded when the agent's module has been, and its framework is among the loaded modules.
    """

    name: ClassVar[str]
    """As in the name of its plugin: ``pydantic-ai``."""

    @abstractmethod
    def accepts(self, target: object) -> bool:
        """Return whether an object is an agent of this framework."""

    @abstractmethod
    def stream(self, target: Any, run: Run) -> AsyncIterator[Event]:
        """Yield what the agent says and does, as it happens: an async generator.

        Returning completes the run. Raise :class:`~agentos_guest.Failed` with a message for the client,
        :class:`~agentos_guest.Pause` to wait for people; whatever else it raises is hidden from clients. When the run
        has to stop, the task is cancelled: what it started must be ended in ``finally``.
        """

    def describe(self, target: Any) -> Mapping[str, Any]:
        """Return what the API shows: ``name``, ``description``, ``model`` (``provider:name``), ``tools`` (names)."""
        return {}

    async def close(self) -> None:
        """End what the adapter opened, when the process ends."""
