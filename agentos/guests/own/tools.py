"""Calls our own tools in a guest process of the server's own environment."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from agentos.domain.guest import Guest
from agentos.domain.text import clean, shorten
from agentos.errors import PluginError
from agentos.guests.events import events_of
from agentos.guests.exchange import Exchange
from agentos.guests.failures import broken, lost, refusal_of
from agentos.guests.output import GuestOutput
from agentos.guests.own.places import CALL_TOOL, Place, place_of_function
from agentos.guests.pools import GuestPools
from agentos.guests.wire import VERSION, ProtocolError, encode
from agentos.observability.content import UntrustedText
from agentos.observability.redaction import redact
from agentos.observability.repeated import RepeatedLines
from agentos.runtime.context import RunContext
from agentos.tools.context import ToolContext
from agentos.tools.guest_calls import GuestCallFailed, GuestCalls, refused_loop
from agentos.tools.results import MAX_ERROR_LENGTH
from agentos.tools.tool import Tool

logger = logging.getLogger(__name__)


class OwnTools(GuestCalls):
    """Calls tools by the places of their functions. ``guest`` makes a guest of the server's own environment."""

    def __init__(self, pools: GuestPools, guest: Callable[[str], Guest]) -> None:
        self._pools = pools
        self._guest = guest
        self._failures = RepeatedLines(logger)
        self._places: dict[Callable[..., Any], tuple[Place, str] | None] = {}
        """By function: to find one again means to look into the file system."""

    def can_call(self, tool: Tool) -> bool:
        """Return whether a guest process would find the tool's function."""
        return self._place(tool) is not None

    def call(self, tool: Tool, arguments: Mapping[str, Any], context: ToolContext, *, max_size: int) -> str:
        """Call the tool as :class:`~agentos.tools.guest_calls.GuestCalls` says.

        A question that the tool asks is asked here. With its answer, the tool is called again from its beginning, as
        after a pause.
        """
        place = self._place(tool)
        if place is None:
            raise refused_loop()
        asked: list[Any] = []
        while True:
            frame = {
                "kind": "call",
                "version": VERSION,
                "target": CALL_TOOL,
                "arguments": {"place": place[0], "method": place[1], "arguments": arguments, "size": max_size},
                "context": _context_document(context, asked),
                "context_parameter": "context",
                "seconds": max(0.001, context.deadline - time.monotonic()),
            }
            last = self._exchange(tool, frame, context)
            if last["kind"] != "paused":
                return self._result(tool, last.get("value"))
            asked += [context.ask(action["message"], action.get("schema")) for action in last["actions"]]

    def _place(self, tool: Tool) -> tuple[Place, str] | None:
        if tool.function not in self._places:
            self._places[tool.function] = place_of_function(tool.function)
        return self._places[tool.function]

    def _exchange(self, tool: Tool, frame: Mapping[str, Any], context: ToolContext) -> Mapping[str, Any]:
        """Return the last frame of a call."""
        guest = self._guest(CALL_TOOL)
        name = f"tool {tool.name!r}"
        about = {"tool": tool.name, "run_id": context.run_id, "agent_id": context.agent_id}
        pool = self._pools.pool(guest)
        with pool.process(context.session_id, context.cancellation) as process:
            output = GuestOutput(guest.target, process.number)
            try:
                with pool.exchange(process, context.cancellation) as exchange:
                    exchange.start(encode(frame))
                    last = _last(exchange, context, lambda line: output.log(line, about))
            except ProtocolError as error:
                raise broken(name, about, str(error)) from None
            except OSError as error:
                context.cancellation.check()
                raise lost(name) from error
        context.cancellation.check()
        if last is None:
            raise lost(name)
        if last["kind"] == "refused":
            raise refusal_of(last, name, about)
        if last["kind"] == "failed":  # its module does not load, or there is no place for the call
            raise self._failed(tool, last)
        return last

    def _result(self, tool: Tool, value: Any) -> str:
        match value:
            case {"result": str(result)}:
                return clean(result)
            case {"error": str(error), "traceback": traceback}:
                raise self._failed(tool, {"message": error, "traceback": traceback})
        raise GuestCallFailed("failed: its guest process gave an answer that is none")

    def _failed(self, tool: Tool, said: Mapping[str, Any]) -> GuestCallFailed:
        trace = UntrustedText(shorten(clean(str(said.get("traceback") or "")), 8000))
        self._failures.warning(
            "tool %r failed in its guest process", tool.name, kind=tool.name, extra={"traceback": trace}
        )
        # Its process knows no secrets of ours by their values.
        return GuestCallFailed(f"failed: {shorten(redact(clean(str(said.get('message')))), MAX_ERROR_LENGTH)}")


def _last(
    exchange: Exchange, context: ToolContext, log: Callable[[Mapping[str, Any]], None]
) -> Mapping[str, Any] | None:
    """Take in what the tool writes, and return the frame that says how the call ended."""
    for frames in exchange:
        for frame in frames:
            match frame["kind"]:
                case "log":
                    log(frame)
                case "events":
                    _write(frame.get("events"), context)
                case "result" | "paused" | "failed" | "refused" | "cancelled":
                    exchange.finish()
                    return frame
    return None


def _write(items: Any, context: ToolContext) -> None:
    if not isinstance(items, list):
        raise ProtocolError("the events of a frame are no list")
    # It is written to as a run's context is.
    for _ in events_of(items, cast(RunContext, context)):
        raise ProtocolError("a tool yielded what only an agent does")


def _context_document(context: ToolContext, asked: list[Any]) -> dict[str, Any]:
    """Return what crosses of a tool's context: who and where, the session's state, and answers to its questions."""
    return {
        "run_id": context.run_id,
        "agent_id": context.agent_id,
        "owner": context.owner,
        "session_id": context.session_id,
        "user_id": context.user_id,
        "request_id": context.request_id,
        "state": context.state,
        "answers": [
            {"key": f"question-{number}", "kind": "input", "output": output} for number, output in enumerate(asked, 1)
        ],
    }


def check_importable(tool: Tool) -> None:
    """Raise :class:`~agentos.errors.PluginError` for a tool with ``async def`` that a guest process would not find."""
    if tool.is_async and not tool.isolated and place_of_function(tool.function) is None:
        raise PluginError(
            f"tool {tool.name!r} is an `async def`, which a guest process calls, and it could not import"
            f" {getattr(tool.function, '__qualname__', tool.function)!r}; accepted: a function of a module, or a method"
            " of an object that is an attribute of a module"
        )
