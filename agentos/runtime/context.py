"""What an agent is given when it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from agentos.cancellation import Cancellation
from agentos.domain.checkpoint import Checkpoint
from agentos.domain.media import Media
from agentos.domain.message import Message, ToolCall
from agentos.domain.pending import PendingAction
from agentos.domain.principal import ANONYMOUS
from agentos.domain.stored_request import NO_OVERRIDES, ModelOverrides
from agentos.runtime.transcript import Transcript
from agentos.tools.action_hash import arguments_hash
from agentos.tools.questions import RunQuestions
from agentos.tools.run_writer import WITHOUT_RUN, RunWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """One run as its agent sees it.

    ``owner`` is the user or tenant of the run. ``history`` is the last turns of the run's session, oldest first,
    and of no other; or the conversation that the client sent. ``overrides`` are those that the agent allows;
    ``deadline`` is a ``time.monotonic()`` value. What the agent yields has been added to
    ``transcript`` when it is asked for more. An agent that waits should do so inside
    ``with context.cancellation.cutting(...)``.

    Of a run that another execution has begun: its ``checkpoints``, which ``transcript`` was restored from, and all its
    ``actions`` in the order of their making, with their answers. Our own agents continue there. ``stream(context)`` of
    an agent that is not ours is called again from its beginning; :attr:`resumed` says so.
    """

    run_id: str
    agent_id: str
    input: str
    deadline: float
    owner: str = ANONYMOUS
    session_id: str | None = None
    user_id: str | None = None
    request_id: str | None = None
    media: Sequence[Media] = ()
    history: Sequence[Message] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    overrides: ModelOverrides = NO_OVERRIDES
    cancellation: Cancellation = field(default_factory=Cancellation)
    transcript: Transcript = field(default_factory=Transcript)
    writer: RunWriter = field(default=WITHOUT_RUN, repr=False, compare=False)
    """The server's own: what the methods below write to."""
    checkpoints: Sequence[Checkpoint] = ()
    actions: Sequence[PendingAction] = ()
    pause_timeout: float | None = None
    """Seconds that a question of :meth:`ask` waits for its answer; ``None`` is without limit."""
    numbers: count[int] = field(default_factory=count, repr=False, compare=False)
    """The server's own: counts the questions of :meth:`ask`."""

    def question(self) -> Message:
        """Return what the user said, as the message that a model is given."""
        return Message("user", self.input, media=tuple(self.media))

    def emit(self, name: str, data: Any = None) -> None:
        """Send a ``custom`` event to those who follow the run: :meth:`agentos.ToolContext.emit`."""
        self.cancellation.check()
        self.writer.emit(name, data)

    def set_state(self, patch: Sequence[Mapping[str, Any]]) -> None:
        """Change the state of the run's session by a JSON Patch: :meth:`agentos.ToolContext.set_state`."""
        self.cancellation.check()
        self.writer.set_state(patch)

    @property
    def resumed(self) -> bool:
        """Whether the run was paused and has its answers: what the agent said before is said, and must not be again."""
        return any(action.answer is not None for action in self.actions)

    @property
    def agent_state(self) -> Any:
        """What the agent gave to keep with its last pause: ``PauseRequested(actions, state)``. ``None`` without one."""
        return next((one.agent_state for one in reversed(self.checkpoints) if one.agent_state is not None), None)

    def ask(self, message: str, schema: Mapping[str, Any] | None = None) -> Any:
        """Ask a person and return the answer: :meth:`agentos.ToolContext.ask`, for agents that are not ours.

        The first time, the run pauses. After the answer, ``stream(context)`` is called again from its beginning, and
        this returns. What was said before the pause stays said.
        """
        self.cancellation.check()
        covers = partial(arguments_hash, self.agent_id, None, {})
        call = ToolCall("", "", "{}")
        return RunQuestions(call, covers, self.actions, 1, self.pause_timeout, self.numbers).ask(message, schema)

    @property
    def state(self) -> Mapping[str, Any]:
        """A copy of the session's state as this run sees it, with its own changes; empty without a session."""
        return self.writer.state()
