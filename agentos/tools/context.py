"""What a tool may know about the run that calls it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentos.cancellation import Cancellation
from agentos.domain.principal import ANONYMOUS
from agentos.tools.questions import NO_QUESTIONS, Questions
from agentos.tools.run_writer import WITHOUT_RUN, RunWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """Handed to tools that ask for it with a parameter annotated ``ToolContext``; the model never sees it.

    ``owner`` is the user or tenant of the run; ``user_id`` is what the client said; ``request_id`` names the HTTP
    request that began the run, as the log does. ``deadline`` is a
    ``time.monotonic()`` value. A tool that waits for something should do so inside
    ``with context.cancellation.cutting(...)``; one that is isolated is killed instead, without a signal before.

    :meth:`emit`, :meth:`set_state` and :meth:`ask` may be called from the tool's own thread, and from threads that it
    starts. They raise the reason once the call was given up or the run has to stop. Isolated tools cannot use them.
    """

    run_id: str
    agent_id: str
    owner: str = ANONYMOUS
    session_id: str | None = None
    user_id: str | None = None
    request_id: str | None = None
    deadline: float = field(default_factory=lambda: time.monotonic() + 600.0)
    cancellation: Cancellation = field(default_factory=Cancellation)
    writer: RunWriter = field(default=WITHOUT_RUN, repr=False, compare=False)
    """The server's own: what the methods below write to."""
    questions: Questions = field(default=NO_QUESTIONS, repr=False, compare=False)
    """The server's own: what :meth:`ask` asks."""

    def emit(self, name: str, data: Any = None) -> None:
        """Send a ``custom`` event to those who follow the run, in its place among the tokens.

        ``context.emit("progress", {"done": 3, "of": 7})``.
        ``name`` has 1 to 64 letters, digits and ``. _ : -``, a letter first; ``data`` is JSON of at most 64 KiB. Raises
        :class:`~agentos.errors.InvalidRequest` for others, and for more than a run may write.
        """
        self.cancellation.check()
        self.writer.emit(name, data)

    def set_state(self, patch: Sequence[Mapping[str, Any]]) -> None:
        """Change the state of the run's session by a JSON Patch (RFC 6902), all of it or nothing.

        ``context.set_state([{"op": "add", "path": "/cart", "value": []}])``.

        Those who follow the run get a ``state`` event.
        The session is changed when the run completes; if it fails or is cancelled, nothing is saved. Raises
        :class:`~agentos.errors.InvalidRequest` for a patch that does not apply, and for a run without a session.
        """
        self.cancellation.check()
        self.writer.set_state(patch)

    def ask(self, message: str, schema: Mapping[str, Any] | None = None) -> Any:
        """Ask a person and return the answer, which fits the JSON schema if there is one.

        ``context.ask("Which colour?", {"type": "string", "enum": ["red", "blue"]})``.

        Without an answer yet, the run pauses: this raises what ends the call, which is no ``Exception``, so do not
        catch it. After the answer, which may come days later and at another worker, **the tool is called again from
        its beginning**, and this returns. So ask before anything that must not happen twice. Several questions are
        asked one after the other, in the same order each time: the n-th question of a call gets the n-th answer. One
        with another text or schema than was answered is asked anew.

        Raises :class:`~agentos.errors.InvalidRequest` for an empty message, for what is no JSON schema, and outside of
        a run. A message is cut after 2,000 characters.
        """
        self.cancellation.check()
        return self.questions.ask(message, schema)

    @property
    def state(self) -> Mapping[str, Any]:
        """A copy of the session's state as this run sees it, with its own changes; empty without a session."""
        return self.writer.state()
