"""What is saved of an unfinished run, so that any worker can go on with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agentos.domain.json_patch import Patch
from agentos.domain.message import Message
from agentos.domain.run_step import RunStep
from agentos.domain.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a run did since its checkpoint before. All of them, in order, are what it needs to go on.

    ``number`` counts 1, 2, 3 … in the run. New since the one before: ``messages`` (an assistant's with all its calls,
    before their results), ``reasoning``, ``steps`` of the run's record, ``patches`` of the session's state. The sums so
    far: ``usage``, ``tokens`` (events), ``turns``, ``size`` (characters of text and reasoning), ``written`` (bytes of
    custom and state events). ``agent_state`` is JSON that an agent that is not ours asked to keep. Calls of
    the last assistant's message that have no result yet are open: the next worker begins with them.
    """

    number: int
    messages: Sequence[Message] = ()
    reasoning: str = ""
    steps: Sequence[RunStep] = ()
    patches: Sequence[Patch] = ()
    usage: Usage = field(default_factory=Usage)
    tokens: int = 0
    turns: int = 1
    size: int = 0
    written: int = 0
    agent_state: Any = None
    model: str | None = None
    finish_reason: str | None = None
    unknown: Sequence[str] = ()
    """What a newer version of AgentOS has stored and this one does not know; such a run is not continued here."""
