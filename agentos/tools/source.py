"""The contract of tools that come and go while the server runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from agentos.domain.tool_spec import ToolSpec
from agentos.tools.context import ToolContext


class ToolSource(ABC):
    """Tools that another server has, or that change while this one runs. One instance a worker, used by many threads.

    Agents name one of them as ``source/tool``, or all as ``source/*``. The model knows it as ``source_tool``.

    >>> class Clock(ToolSource):
    ...     def list(self):
    ...         return [ToolSpec("now", "Say what time it is.", {"type": "object", "properties": {}})]
    ...     def call(self, name, arguments, context):
    ...         return "12:00"
    """

    @abstractmethod
    def list(self) -> Sequence[ToolSpec]:
        """Return the tools that there are now. Called when a run needs them, every ten seconds at most.

        It has three seconds. When it raises or is late, the source has no tools for ten seconds, and the log says why.
        """

    @abstractmethod
    def call(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Call a tool by the name that :meth:`list` gave it, and return what the model is to read.

        The arguments have been checked against its parameters. It is called like every tool, in a thread of its own:
        what it raises becomes an error that the model reads, and what waits belongs into
        ``with context.cancellation.cutting(...)``.
        """

    def close(self) -> None:  # noqa: B027 - not every source has something to close
        """Close connections. Called once, when the worker ends."""
