"""Names what holds the event loop: its stack, its thread, and the tool or run that it belongs to."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from types import FrameType

from agentos.tools.invocation import Invocation

MOST_FRAMES = 20
"""Innermost calls of a stack that are named."""

_TOOL, _RUN = "tool-", "run-"
"""How the names of threads begin that call a tool and that execute a run."""


@dataclass(frozen=True, slots=True)
class Holder:
    """What was seen to run. ``stack`` has a line a call, the innermost last."""

    stack: tuple[str, ...]
    thread: str | None = None
    run_id: str | None = None

    @property
    def tool(self) -> str | None:
        """The tool that it calls."""
        return self.thread[len(_TOOL) :] if self.thread is not None and self.thread.startswith(_TOOL) else None

    @property
    def kind(self) -> str:
        """What tells this holder from others: its tool, or the function that it was seen in."""
        return self.tool or (self.stack[-1].rpartition(" ")[2] if self.stack else "")

    def described(self) -> dict[str, object]:
        """Return what a line of the log says of it."""
        named = {"tool": self.tool, "held_by": self.thread, "run_id": self.run_id}
        return {**{name: value for name, value in named.items() if value is not None}, "stack": list(self.stack)}


def holder_of(frame: FrameType) -> Holder:
    """Return what runs in a frame of another thread. Call it with the frame's thread stopped: in Python, always."""
    stack: list[str] = []
    thread = run_id = None
    at: FrameType | None = frame
    while at is not None:
        code = at.f_code
        if len(stack) < MOST_FRAMES:
            stack.append(f"{code.co_filename}:{at.f_lineno} {code.co_qualname}")
        if code is Invocation._work.__code__:
            run_id = at.f_locals["context"].run_id
        elif code is _BOOTSTRAP:
            thread = at.f_locals["self"].name
        at = at.f_back
    if thread is not None and thread.startswith(_RUN):
        run_id = thread[len(_RUN) :]
    return Holder(tuple(reversed(stack)), thread, run_id)


def outermost(frame: FrameType) -> FrameType:
    """Return the frame that a greenlet began with: another one means another greenlet."""
    while frame.f_back is not None:
        frame = frame.f_back
    return frame


_BOOTSTRAP = threading.Thread._bootstrap_inner.__code__  # type: ignore[attr-defined]
