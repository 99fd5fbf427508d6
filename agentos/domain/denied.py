"""What a hook that may deny something answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentos.domain.text import clean, shorten
from agentos.errors import AgentOSError

LONGEST_REASON = 2000
"""Characters that are shown of a reason."""


@dataclass(frozen=True, slots=True)
class Denied:
    """Denies a run, a call to a model, or a tool call.

    ``reason`` is read by the client, and of a tool call by the model. A run that is denied gets 403 ``FORBIDDEN`` with
    the reason, unless ``error`` is given: one of :mod:`agentos.errors`, with its own status, ``details`` and
    ``retry_after``. For a call to a model, an ``error`` that is an :class:`~agentos.errors.ExecutionError` counts; for
    a tool call of a run, the reason alone. A client that calls a tool by hand gets the ``error``, as for a run.

    >>> Denied("the budget of this month is used up").reason
    'the budget of this month is used up'

    Raises ``TypeError`` for anything else.
    """

    reason: str
    error: AgentOSError | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.reason, str):
            raise TypeError(f"the reason is {self.reason!r:.100}; accepted: a text")
        if self.error is not None and not isinstance(self.error, AgentOSError):
            raise TypeError(f"the error is {self.error!r:.100}; accepted: an error of agentos.errors")
        object.__setattr__(self, "reason", shorten(clean(self.reason), LONGEST_REASON))
