"""How a run ends other than by its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from agentos_guest.run import Action

Cause = Literal[
    "AGENT_FAILED",
    "PROVIDER_ERROR",
    "PROVIDER_UNAVAILABLE",
    "PROVIDER_RATE_LIMITED",
    "QUOTA_EXHAUSTED",
    "CONTEXT_TOO_LONG",
    "CONTENT_FILTERED",
    "TURN_LIMIT",
]


class Failed(Exception):
    """The run failed, and its client may read why: ``message`` must hold no secret.

    Any other exception ends the run too, and its text is only for the log.
    """

    def __init__(self, message: str, *, cause: Cause = "AGENT_FAILED") -> None:
        super().__init__(message)
        self.message = message
        self.cause = cause


class Pause(Exception):
    """The run has to wait for these actions. It holds no process meanwhile.

    ``state`` is what the adapter needs to continue, as JSON; the run keeps it, and it comes back as ``run.saved``, in
    another process, perhaps days later. Never put there what only this process can read: no pickle, no file, no handle.
    """

    def __init__(self, actions: Sequence[Action], state: Any = None) -> None:
        super().__init__(f"{len(actions)} actions are pending")
        self.actions = tuple(actions)
        self.state = state
