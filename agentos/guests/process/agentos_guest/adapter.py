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

    framework_version: str = ""
    """Where it is not that of the distribution with the name of the framework's module, nor its ``__version__``."""

    @abstractmethod
    def accepts(self, target: object) -> bool:
        """Return whether an object is an agent of this framework."""

    @abstractmethod
    def stream(self, target: Any, run: Run) -> AsyncIterator[Event]:
        """Yield what the agent says and does, as it happens: an async generator.

        Returning completes the run. Raise :class:`~agentos_guest.Failed` with a message for the client,
        :class:`~agentos_guest.Pause` to wait for people; any other error is hidden from clients. When the run
        has to stop, the task is cancelled: what it started must be ended in ``finally``.
        """

    async def load(self, target: Any, saved: Any) -> Any:  # noqa: ARG002  # part of the interface
        """Return what ``run.saved`` is to be, from the state that :class:`~agentos_guest.Pause` was given.

        Any error fails the run with a message that names the framework's version then and now: a state that
        an upgrade made unreadable is no secret.
        """
        return saved

    def describe(self, target: Any) -> Mapping[str, Any]:  # noqa: ARG002  # part of the interface
        """Return what the API shows: ``name``, ``description``, ``model`` (``provider:name``), ``tools`` (names)."""
        return {}

    async def close(self) -> None:  # noqa: B027  # not each adapter opens something
        """End what the adapter opened, when the process ends."""
