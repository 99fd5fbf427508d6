"""Writes a line for each run that ends."""

from __future__ import annotations

import logging
import os
from typing import Any

from agentos.domain.run import Run, RunStatus
from agentos.hookspecs import hookimpl
from agentos.observability.content import UntrustedText, without_quotes
from agentos.observability.event_logger import EventLogger

LOOKED_AT = 64 * 1024
"""Characters of what was said that are compared: each takes time, and a run may have been given millions."""

logger = EventLogger("agentos.runs")


class RunLog:
    """A plugin that logs who ran, how it ended, how long it took and what it cost.

    What was said is logged only with ``content``; a provider's error may quote it, and is cut there.
    """

    def __init__(self, *, content: bool = False) -> None:
        self._content = content

    @hookimpl
    def run_finished(self, run: Run) -> None:
        """Write the line."""
        fields: dict[str, Any] = {
            "run_id": run.id,
            "agent_id": run.agent_id,
            "session_id": run.session_id,
            "request_id": run.request_id,
            "worker": os.getpid(),
            "duration": run.duration,
            "loops": run.loops,
            "model": run.model,
            "finish_reason": run.finish_reason,
            "prompt_tokens": run.usage.prompt_tokens,
            "completion_tokens": run.usage.completion_tokens,
            "content_length": len(run.content or ""),
        }
        if self._content:
            fields |= {"input": run.input, "content": run.content}
        if run.error is not None:
            reason = run.error.message
            if not self._content:
                said = [text[:LOOKED_AT] for text in (run.input, run.content, run.reasoning) if text]
                reason = without_quotes(reason, said)
            cause = run.error.details.get("cause")
            fields |= {"code": run.error.code, "cause": cause, "reason": UntrustedText(reason)}
        level = logging.WARNING if run.status is RunStatus.FAILED else logging.INFO
        logger.log(level, f"run {run.status.value}", extra=fields)
