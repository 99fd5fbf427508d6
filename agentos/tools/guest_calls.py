"""What calls tools in a guest process: those with ``async def``, and those that turn out to need an event loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentos.event_loops import ADVICE

if TYPE_CHECKING:
    from agentos.tools.context import ToolContext
    from agentos.tools.tool import Tool


class GuestCallFailed(Exception):
    """The call did not end with a result; the text, which begins with a verb, is what the model reads of it."""


class GuestCalls(ABC):
    """Calls tools in guest processes. Thread-safe."""

    @abstractmethod
    def can_call(self, tool: Tool) -> bool:
        """Return whether a guest process would find the tool's function."""

    @abstractmethod
    def call(self, tool: Tool, arguments: Mapping[str, Any], context: ToolContext, *, max_size: int) -> str:
        """Call the tool with arguments that were checked, and return the text that the model reads.

        Raises :class:`GuestCallFailed`, an error of :mod:`agentos.errors` where there is no process to call it, and the
        cause of a cancellation.
        """


class NoGuestCalls(GuestCalls):
    """Calls nothing: for an executor that is not part of a server."""

    def can_call(self, tool: Tool) -> bool:  # noqa: ARG002
        """Return False."""
        return False

    def call(self, tool: Tool, arguments: Mapping[str, Any], context: ToolContext, *, max_size: int) -> str:  # noqa: ARG002
        """Raise."""
        raise GuestCallFailed("failed: there are no guest processes here, in which its event loop could run")


def refused_loop() -> GuestCallFailed:
    """Return the error of a tool that started an event loop where it cannot be called in a guest process."""
    return GuestCallFailed(f"failed: it starts an event loop, which a worker cannot run; {ADVICE}")
