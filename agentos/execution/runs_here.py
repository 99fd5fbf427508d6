"""What others need to know of the runs that are under way in this worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from agentos.errors import AgentOSError
from agentos.execution.live import LiveRun
from agentos.tally import Tally


class RunsHere(Protocol):
    """The runs under way in this worker."""

    followers: Tally
    """Those that read the events of runs, also of runs at other workers."""

    def get(self, run_id: str) -> LiveRun | None:
        """Return one of them."""

    def running(self) -> Sequence[LiveRun]:
        """Return all of them."""

    def cancel(self, run_id: str, cause: AgentOSError) -> None:
        """Stop one of them, if it is there, without waiting for its end."""
