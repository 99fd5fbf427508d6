"""What a client asks for: one request to run an agent, whichever protocol it came by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.domain.principal import Principal
from agentos.domain.run import BusyPolicy
from agentos.domain.stored_request import NO_OVERRIDES, ModelOverrides, RunMode, StoredRequest
from agentos.errors import InvalidRequest

if TYPE_CHECKING:
    from agentos.storage.idempotency import IdempotencyKey


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A request to run an agent. ``server.runs.start(request)`` accepts it or raises why not.

    ``caller`` is asked whether it may. ``messages`` are a conversation that the client keeps itself, oldest first: they
    replace the session's history for this run and are never saved in a session. Its last message, if it is the user's,
    may stand there instead of in ``input`` and ``media``. ``concurrency`` falls back to the agent's. ``idempotency``
    names the request: a repeat gets the run of the first. ``request_id`` is in the log lines of the run.

    >>> RunRequest(caller=caller, agent_id="assistant", input="Hi", overrides=ModelOverrides(parameters={"seed": 7}))

    Raises :class:`~agentos.errors.InvalidRequest` for a ``mode`` or ``concurrency`` that does not exist.
    """

    caller: Principal
    agent_id: str
    input: str = ""
    media: tuple[Media, ...] = ()
    messages: Sequence[Message] = ()
    session_id: str | None = None
    user_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    """``run_context`` of the request: kept with the run, never interpreted."""
    overrides: ModelOverrides = NO_OVERRIDES
    mode: RunMode = RunMode.INLINE
    concurrency: BusyPolicy | None = None
    idempotency: IdempotencyKey | None = None
    request_id: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "mode", _member(RunMode, "mode", self.mode))
        if self.concurrency is not None:
            object.__setattr__(self, "concurrency", _member(BusyPolicy, "concurrency", self.concurrency))

    def stored(self) -> StoredRequest:
        """Return what is kept of the request beside the run's own fields."""
        if not self.messages and self.concurrency is None and self.overrides is NO_OVERRIDES:
            return _PLAIN[self.mode]
        return StoredRequest(
            mode=self.mode, messages=self.messages, overrides=self.overrides, concurrency=self.concurrency
        )


_PLAIN = {mode: StoredRequest(mode=mode) for mode in RunMode}


def _member(kind: type[StrEnum], name: str, value: object) -> StrEnum:
    try:
        return kind(value)  # type: ignore[arg-type]  # what is no text is refused too
    except ValueError:
        raise InvalidRequest(f"{name} of the request is {value!r:.60}; accepted are {', '.join(kind)}") from None
