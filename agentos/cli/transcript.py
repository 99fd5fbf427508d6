"""Reads a session's whole transcript, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentos.cli.pages import PAGE
from agentos.domain.principal import OPERATOR

if TYPE_CHECKING:
    from agentos.domain.run import Run
    from agentos.services.services import Services
    from agentos.storage.values import History, StoredMessage


def read_transcript(services: Services, session_id: str) -> History:
    """Return all messages and runs of a session, oldest first; raises ``SessionNotFound``.

    Pages come newest first, so it is all in memory for a moment. What is said meanwhile is left out.
    """
    from agentos.storage.values import History

    pages: list[History] = []
    before: int | None = None
    while not pages or len(pages[-1].messages) == PAGE:
        page = services.sessions.history(session_id, OPERATOR, limit=PAGE, before=before)
        pages.append(page)
        if page.messages:
            before = page.messages[0].sequence
    messages: list[StoredMessage] = []
    runs: dict[str, Run] = {}
    for page in reversed(pages):
        messages += page.messages
        # A run whose messages lie on two pages is in both.
        runs |= {run.id: run for run in page.runs if run.id not in runs}
    return History(messages, list(runs.values()))
