"""Tools that a client brings and executes itself: a model may call them, and the run waits for the client's result."""

from __future__ import annotations

from typing import NoReturn

from agentos.domain.tool_spec import ToolSpec
from agentos.tools.tool import Tool


class ClientTool(Tool):
    """A tool without code at the server. Raises as :class:`~agentos.Tool` does."""

    @classmethod
    def of(cls, spec: ToolSpec, *, timeout: float | None = None) -> ClientTool:
        """Return the tool of a client's specification. Its client has ``timeout`` seconds for a result."""
        return cls(
            name=spec.name,
            description=spec.description,
            parameters=spec.parameters,
            function=_executed_there,
            timeout=timeout,
        )


def _executed_there(**_: object) -> NoReturn:
    raise RuntimeError("a client executes this tool")
