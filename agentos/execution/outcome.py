"""How a run ended or paused, as it is saved and as its last event says it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agentos.domain.event import Complete, Error, Paused
from agentos.domain.message import Message
from agentos.domain.pending import PendingAction, pending_json
from agentos.domain.run import Run, RunError, RunStatus
from agentos.domain.text import clean
from agentos.domain.usage import Usage
from agentos.errors import AgentOSError, RunCancelled
from agentos.observability.redaction import redact, redact_details
from agentos.runtime.transcript import Transcript


def status_of(failure: AgentOSError | None) -> RunStatus:
    """Return the end that a run comes to by this failure, or by none."""
    if failure is None:
        return RunStatus.COMPLETED
    return RunStatus.CANCELLED if isinstance(failure, RunCancelled) else RunStatus.FAILED


def run_error(failure: AgentOSError, run_id: str) -> RunError:
    """Return an error as it is kept with a run and shown to its clients: without secrets, which a server may echo."""
    return RunError(
        code=failure.code,
        error=failure.phrase,
        message=clean(redact(failure.message)),
        details={**_plain(failure.details), "run_id": run_id},
    )


def terminal_event(run: Run, tokens: int) -> Complete | Error:
    """Return the event that ends a run's stream; ``tokens`` is how many token events it had."""
    if run.error is not None:
        return Error(run.error.error, run.error.message, run.error.code, run.error.details)
    return Complete(
        output=run.content or "",
        duration=run.duration or 0.0,
        usage=run.usage,
        token_count=tokens,
        loops=run.loops,
        reasoning=run.reasoning,
        model=run.model,
        finish_reason=run.finish_reason,
    )


def paused_event(actions: Sequence[PendingAction], usage: Usage) -> Paused:
    """Return the event of a run that waits for these actions and took so much so far."""
    return Paused([pending_json(action) for action in actions], usage)


def turn_messages(run: Run, transcript: Transcript) -> Sequence[Message]:
    """Return the run as a whole turn for the session's history: from the user's words to an answer."""
    said = list(transcript.messages())
    if not said or said[-1].role != "assistant":
        said.append(Message("assistant", ""))
    return [Message("user", run.input, media=run.media), *said]


def leaves_messages(run: Run) -> bool:
    """Return whether an ended run becomes a turn of its session: it completed, or was cancelled after it spoke."""
    kept = run.status is RunStatus.COMPLETED or (run.status is RunStatus.CANCELLED and bool(run.content))
    return kept and run.session_id is not None


def _plain(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return details as JSON that can be stored and sent, without secrets.

    They may be other people's, and hold anything.
    """
    try:
        text = clean(json.dumps(redact_details(details), default=str, ensure_ascii=False, skipkeys=True))
        plain: dict[str, Any] = json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 19 else digits)
    except Exception:  # noqa: BLE001 - a circle, or a value of other people that cannot say what it is
        return {}
    return plain
