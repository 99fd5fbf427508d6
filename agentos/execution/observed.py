"""A run under way that plugins observe, event by event."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from agentos.domain.event import (
    AgentEvent,
    CustomEvent,
    Frame,
    Reasoning,
    Resumed,
    RunEvent,
    RunStart,
    StateEvent,
    Step,
    Token,
)
from agentos.domain.event import ToolCallEvent as ToolCall
from agentos.domain.run import Run
from agentos.domain.text import clean
from agentos.domain.usage import Usage
from agentos.execution.live import LiveRun
from agentos.execution.outcome import paused_event, terminal_event
from agentos.storage.admission import Admission

Event = RunEvent | Usage | Step
Observe = Callable[[Run, Event], object]
"""Shows an event to the plugins. Must not raise."""


Ended = Step | ToolCall
"""The end of a call to a model or a tool."""

ObserveCall = Callable[[Run, Ended], object]
"""Shows the end of a call to the plugins. Must not raise."""


class _ShownRun(LiveRun):
    """A run that shows something of itself to plugins.

    Events are queued as they are recorded, under the run's lock, and shown outside of it. One thread at a time shows
    them: the run's own, or one that ends the run. So they come in order, and none comes while another is shown.
    """

    def __init__(self, admission: Admission, *arguments: Any, observe: Callable[..., object], **options: Any) -> None:
        self._observe = observe
        self._unseen: deque[Event] = deque()
        self._telling = threading.Lock()
        super().__init__(admission, *arguments, **options)

    def tell(self) -> None:
        """Show observers what they have not seen. A thread that finds another at it leaves the rest to that one."""
        while self._unseen and self._telling.acquire(blocking=False):
            try:
                while self._unseen:
                    self._observe(self.run, self._unseen.popleft())
            finally:
                self._telling.release()


class CallObservedRun(_ShownRun):
    """A run that is made where a plugin has the hook ``call_finished`` and none has ``run_event``.

    Nothing is done for the pieces of an answer.
    """

    def _add(self, event: Reasoning | ToolCall, frames: list[Frame]) -> None:
        super()._add(event, frames)
        if has_ended(event):
            self._unseen.append(event)

    def _keep_step(self, step: Step) -> None:
        super()._keep_step(step)
        if has_ended(step):
            self._unseen.append(step)


class ObservedRun(_ShownRun):
    """A run that is made where a plugin has the hook ``run_event``; other runs pay nothing for it."""

    def tell_end(self) -> None:
        """Show observers the last event of a run that has ended."""
        self._unseen.append(terminal_event(self.run, self.transcript.tokens))
        self.tell()

    def tell_pause(self) -> None:
        """Show observers that the run paused."""
        self._unseen.append(paused_event(self.run.pending, self.run.usage))
        self.tell()

    def _begin(self, first: RunStart | Resumed) -> None:
        super()._begin(first)
        self._unseen.append(first)

    def _take(self, item: AgentEvent | str, frames: list[Frame]) -> None:
        tokens = self.transcript.tokens
        try:
            super()._take(item, frames)
        finally:  # the piece that makes an answer too long was sent too
            if self.transcript.tokens > tokens:
                self._unseen.append(Token(clean(item if isinstance(item, str) else item.token), tokens))  # type: ignore[union-attr]
        if isinstance(item, Usage):
            self._unseen.append(item)

    def _add(self, event: Reasoning | ToolCall, frames: list[Frame]) -> None:
        super()._add(event, frames)
        self._unseen.append(event)

    def _add_written(self, event: CustomEvent | StateEvent) -> None:
        super()._add_written(event)
        self._unseen.append(event)

    def _keep_step(self, step: Step) -> None:
        super()._keep_step(step)
        self._unseen.append(step)


def has_ended(event: Event) -> bool:
    """Return whether an event is the end of a call to a model or a tool."""
    return isinstance(event, Step | ToolCall) and event.status != "started"
