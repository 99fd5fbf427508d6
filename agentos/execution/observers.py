"""Those who observe runs in a worker: plugins with the hooks ``run_event``, ``call_finished`` or ``run_finished``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from agentos.domain.run import Run, RunStatus
from agentos.execution.live import LiveRun
from agentos.execution.observed import (
    CallObservedRun,
    Event,
    Observe,
    ObserveCall,
    ObservedRun,
    has_ended,
)


@dataclass(frozen=True, slots=True)
class RunObservers:
    """What is called with events, ends of calls, and ended runs. None may raise; ``None``: no plugin has the hook."""

    on_finished: Callable[[Run], object]
    on_event: Observe | None = None
    on_call: ObserveCall | None = None

    def new_live(self) -> Callable[..., LiveRun]:
        """Return what makes a run under way that shows as much of itself as is observed, and does no more work."""
        if self.on_event is None:
            return LiveRun if self.on_call is None else partial(CallObservedRun, observe=self.on_call)
        return partial(ObservedRun, observe=self.on_event if self.on_call is None else self._show_both)

    def _show_both(self, run: Run, event: Event) -> None:
        assert self.on_event is not None
        assert self.on_call is not None
        self.on_event(run, event)
        if has_ended(event):
            self.on_call(run, event)  # type: ignore[arg-type]  # such an event is the end of a call

    def tell(self, live: LiveRun) -> None:
        """Show how a run has left this worker, if it has ended or paused. Else another worker has it and does that."""
        if live.run.status.finished:
            live.tell_end()
            self.on_finished(live.run)
        elif live.run.status is RunStatus.PAUSED:
            live.tell_pause()

    def tell_end(self, run: Run, event: Event) -> None:
        """Show the last event and the end of a run that was not under way here."""
        if self.on_event is not None:
            self.on_event(run, event)
        self.on_finished(run)


NO_OBSERVERS = RunObservers(lambda _: None)
