"""One run as its agent sees it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Kind = Literal["approval", "input"]


@dataclass(frozen=True)
class Media:
    """An attachment: at a ``url``, or with its bytes in a file, which is deleted at the run's end."""

    type: Literal["image", "audio", "video", "file"]
    url: str | None = None
    path: str | None = field(default=None, repr=False)
    content_type: str | None = None
    name: str | None = None

    def read(self) -> bytes:
        """Return the bytes. Raises ``ValueError`` for one that only has a ``url``."""
        if self.path is None:
            raise ValueError(f"the attachment {self.name or self.url!r} has no bytes, only a url")
        return Path(self.path).read_bytes()

    def base64(self) -> str:
        """Return the bytes as base64 text."""
        return base64.b64encode(self.read()).decode("ascii")


@dataclass(frozen=True)
class Call:
    """A tool call. ``arguments`` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Message:
    """One message of the conversation. ``tool_calls`` are an assistant's; ``tool_call_id`` is of a tool's result."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    tool_calls: Sequence[Call] = ()
    tool_call_id: str | None = None
    media: Sequence[Media] = ()


@dataclass(frozen=True)
class Overrides:
    """What this run does differently; only what the agent allows is ever here."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    output_schema: Mapping[str, Any] | None = None
    instructions: str | None = None


@dataclass(frozen=True)
class Action:
    """One thing that a run waits for. ``key`` names it to the adapter, and comes back in its :class:`Answer`.

    ``approval``: of a tool call. ``input``: an answer to ``message``, which fits ``schema`` if there is one.
    """

    key: str
    kind: Kind
    tool_call_id: str = ""
    tool_name: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Answer:
    """The answer to one action. Of an approval: ``approved``, perhaps other ``arguments``, and a ``message``.

    ``arguments`` is ``None`` where the approver left them as they were. Of an input: ``output``.
    """

    key: str
    kind: Kind
    approved: bool = False
    arguments: Mapping[str, Any] | None = None
    message: str = ""
    output: Any = None


@dataclass(frozen=True)
class Run:
    """One run. ``history`` is the session's last turns, oldest first, without the ``input`` and ``media`` of this run.

    ``seconds`` are left until its deadline. ``state`` is the session's. After a pause, ``saved`` is what
    :class:`Pause` was given and ``answers`` are all that were given; both are empty at the first call.
    """

    id: str
    agent_id: str
    input: str
    seconds: float = 300.0
    history: Sequence[Message] = ()
    media: Sequence[Media] = ()
    session_id: str | None = None
    user_id: str | None = None
    owner: str = "anonymous"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    overrides: Overrides = field(default_factory=Overrides)
    state: Mapping[str, Any] = field(default_factory=dict)
    saved: Any = None
    answers: Sequence[Answer] = ()
    emit: Callable[[str, Any], None] = lambda name, data: None  # noqa: ARG005
    """Sends a ``custom`` event (name, JSON value) to those who follow the run, in its place among the others."""
    set_state: Callable[[Sequence[Mapping[str, Any]]], None] = lambda patch: None  # noqa: ARG005
    """Changes the session's state by a JSON Patch."""

    @property
    def resumed(self) -> bool:
        """Whether the run was paused and has its answers."""
        return bool(self.answers)
