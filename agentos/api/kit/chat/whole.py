"""A run as one whole answer, when it has ended or waits for its client."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import orjson

from agentos.api.kit.chat.answer import (
    AnswerCalls,
    AnswerEnded,
    AnswerFailed,
    AnswerReader,
    AnswerStartedOver,
    AnswerText,
    AnswerThought,
    ClientCall,
    known_reason,
)
from agentos.domain.event import Frame
from agentos.domain.run import Run, RunError, RunStatus


@dataclass(slots=True, kw_only=True)
class WholeAnswer:
    """What a client gets of a run at once.

    ``pieces`` are texts and thoughts in their order: each is the piece, and whether it is a thought. Two of one kind do
    not follow each other. ``first_action`` tells the answers of one run apart, as the reader's does.
    """

    pieces: list[tuple[str, bool]] = field(default_factory=list)
    calls: Sequence[ClientCall] = ()
    finish_reason: str = "stop"
    usage: dict[str, int] = field(default_factory=dict)
    first_action: int = 0

    @property
    def text(self) -> str:
        """All texts."""
        return "".join(piece for piece, is_thought in self.pieces if not is_thought)

    @property
    def thoughts(self) -> str:
        """All thoughts."""
        return "".join(piece for piece, is_thought in self.pieces if is_thought)


def is_plain(run: Run) -> bool:
    """Return whether a run's record alone is its answer: it completed with one text, and called nothing."""
    calls = any(step.type == "tool_call" for step in run.steps)
    return run.status is RunStatus.COMPLETED and run.loops <= 1 and not calls and run.crashes == 0


def plain_answer(run: Run) -> WholeAnswer:
    """Return the answer of a run of which :func:`is_plain` is true."""
    pieces = [(run.reasoning or "", True), (run.content or "", False)]
    return WholeAnswer(
        pieces=[piece for piece in pieces if piece[0]],
        finish_reason=known_reason(run.finish_reason),
        usage=run.usage.to_dict(),
    )


def read_answer(run: Run, batches: Iterable[Sequence[Frame]], reader: AnswerReader) -> WholeAnswer | RunError:
    """Return the answer that is read from the events of a run, or the error with which it ended."""
    said: list[tuple[list[str], bool]] = []
    calls: Sequence[ClientCall] = ()
    began_again = False
    for frame in (frame for batch in batches for frame in batch):
        for part in reader.read(frame):
            match part:
                case AnswerText(json):
                    _add(said, orjson.loads(json), is_thought=False)
                case AnswerThought(text):
                    _add(said, text, is_thought=True)
                case AnswerCalls(found):
                    calls = found
                case AnswerStartedOver():
                    began_again = True
                    said.clear()
                    reader.forget()
                case AnswerEnded(reason, usage):
                    pieces = [("".join(texts), is_thought) for texts, is_thought in said]
                    if began_again and run.status is RunStatus.COMPLETED:
                        # Turns before a lost worker's end may count, and are not said again; the last one always is.
                        pieces = [piece for piece in pieces if piece[1]] + [(run.content or "", False)]
                    return WholeAnswer(
                        pieces=[piece for piece in pieces if piece[0]],
                        calls=calls,
                        finish_reason=reason,
                        usage=dict(usage),
                        first_action=reader.first_action,
                    )
                case AnswerFailed(error):
                    return RunError(
                        code=error["code"],
                        error=error["error"],
                        message=error["message"],
                        details=error.get("details", {}),
                    )
    if run.error is not None:  # a lost worker takes the last events with it
        return run.error
    raise ValueError(f"the events of run {run.id!r} end without the answer's end")


def _add(said: list[tuple[list[str], bool]], text: str, *, is_thought: bool) -> None:
    if said and said[-1][1] is is_thought:
        said[-1][0].append(text)
    else:
        said.append(([text], is_thought))
