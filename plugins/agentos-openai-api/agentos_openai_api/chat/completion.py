"""A run as one chat completion, when it has ended or waits for its client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from agentos import Run, RunError, RunStatus
from agentos.web import Frame
from agentos_openai_api.chat.answer import (
    FINISH_REASONS,
    AnswerReader,
    Calls,
    Ended,
    Failed,
    StartedOver,
    Text,
    Thought,
)
from agentos_openai_api.chat.forms import completion_json, message_json, usage_json


def is_plain(run: Run) -> bool:
    """Return whether a run's record alone is its answer: it completed with one text, and called nothing."""
    calls = any(step.type == "tool_call" for step in run.steps)
    return run.status is RunStatus.COMPLETED and run.loops <= 1 and not calls and run.crashes == 0


def plain_completion(run: Run) -> dict[str, Any]:
    """Return the answer of a run of which :func:`is_plain` is true."""
    reason = run.finish_reason if run.finish_reason in FINISH_REASONS else "stop"
    message = message_json(run.content or "", run.reasoning or "")
    return completion_json(run, message, str(reason), usage_json(run.usage.to_dict()))


def read_completion(run: Run, batches: Iterable[Sequence[Frame]], reader: AnswerReader) -> dict[str, Any] | RunError:
    """Return the answer that is read from the events of a run, or the error with which it ended."""
    texts: list[str] = []
    thoughts: list[str] = []
    calls: Sequence[Mapping[str, Any]] = ()
    began_again = False
    for frame in (frame for batch in batches for frame in batch):
        for part in reader.read(frame):
            match part:
                case Text(json):
                    texts.append(orjson.loads(json))
                case Thought(text):
                    thoughts.append(text)
                case Calls(found):
                    calls = found
                case StartedOver():
                    began_again = True
                    texts.clear()
                    thoughts.clear()
                    reader.forget()
                case Ended(reason, usage):
                    # The turns before a lost worker's end may count, and are not said again; the last one always is.
                    content = run.content or "" if began_again and run.status is RunStatus.COMPLETED else "".join(texts)
                    return completion_json(run, message_json(content, "".join(thoughts), calls), reason, usage)
                case Failed(error):
                    return RunError(
                        code=error["code"],
                        error=error["error"],
                        message=error["message"],
                        details=error.get("details", {}),
                    )
    raise ValueError(f"the events of run {run.id!r} end without the answer's end")
