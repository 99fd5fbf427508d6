"""Those who observe runs in a worker: the plugins with the hooks ``run_event`` and ``run_finished``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agentos.domain.run import Run, RunStatus
from agentos.execution.live import LiveRun
from agentos.execution.observed import Event, Observe


@dataclass(frozen=True, slots=True)
class RunObservers:
    """What is called with events, and with ended runs. Neither may raise; ``None``: no plugin has the hook."""

    on_finished: Callable[[Run], object]
    on_event: Observe | None = None

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
