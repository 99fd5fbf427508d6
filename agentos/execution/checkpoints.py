"""Makes the checkpoints of one run."""

from __future__ import annotations

from typing import Any

from agentos.domain.checkpoint import Checkpoint
from agentos.execution.live_writer import LiveWriter
from agentos.execution.step_recorder import StepRecorder
from agentos.runtime.transcript import Transcript


class CheckpointMaker:
    """Collects what is new in a run since its last checkpoint; ``last`` is the number of the one that is saved."""

    def __init__(self, transcript: Transcript, steps: StepRecorder, writer: LiveWriter, *, last: int) -> None:
        self._transcript = transcript
        self._steps = steps
        self._writer = writer
        self._number = last

    def make(self, *, written: int, open_calls: bool = False, agent_state: Any = None) -> Checkpoint:
        """Return the next checkpoint. ``written`` is how many bytes of custom and state events the run has.

        With ``open_calls``, steps that have only started count too. ``agent_state`` is what the agent asked to keep.
        """
        said = self._transcript.take()
        self._number += 1
        return Checkpoint(
            number=self._number,
            messages=said.messages,
            reasoning=said.reasoning,
            steps=self._steps.take(open_calls=open_calls),
            patches=self._writer.take_patches(),
            usage=self._transcript.usage,
            tokens=self._transcript.tokens,
            turns=self._transcript.turns,
            size=self._transcript.size,
            written=written,
            agent_state=agent_state,
            model=self._transcript.model,
            finish_reason=self._transcript.finish_reason,
        )
