"""Reads lists and transcripts that come in pages, and deletes what they list."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from agentos.cli.audit import audited
from agentos.cli.opening import opened
from agentos.cli.output import printable
from agentos.cli.values import Text
from agentos.domain.principal import OPERATOR
from agentos.domain.run import Run

if TYPE_CHECKING:
    from agentos.services.services import Services
    from agentos.storage.history import History, StoredMessage
    from agentos.storage.paging import Page, Paging

T = TypeVar("T")

PAGE = 500


def read_pages(read: Callable[[Paging], Page[T]], limit: int = sys.maxsize) -> Iterator[T]:
    """Yield up to ``limit`` items of a list, of which ``read`` returns a part. Without ``limit``: all."""
    from agentos.storage.paging import Paging

    paging = Paging(limit=min(limit, PAGE))
    while True:
        page = read(paging)
        yield from page.items
        limit -= len(page.items)
        if page.next_cursor is None or limit <= 0:
            return
        paging = Paging(limit=min(limit, PAGE), cursor=page.next_cursor)


def read_transcript(services: Services, session_id: str) -> History:
    """Return all messages and runs of a session, oldest first; raises ``SessionNotFound``.

    Pages come newest first, so it is all in memory for a moment. What is said meanwhile is left out.
    """
    from agentos.storage.history import History

    messages: list[StoredMessage] = []
    runs: dict[str, Run] = {}
    while True:
        before = messages[0].sequence if messages else None
        page = services.sessions.history(session_id, OPERATOR, limit=PAGE, before=before)
        messages = [*page.messages, *messages]
        runs = {run.id: run for run in page.runs} | runs  # A run with messages on two pages is in both.
        if len(page.messages) < PAGE:
            return History(messages, list(runs.values()))


def delete_command(kind: str, help: str) -> click.Command:
    """Return the command that deletes what the service of this kind has under the given IDs."""

    @click.command("delete", help=help)
    @click.argument("ids", metavar="ID...", type=Text(), nargs=-1, required=True)
    def delete(ids: Sequence[str]) -> None:
        with opened() as services:
            for id in ids:
                with audited(f"{kind}.delete", id):
                    getattr(services, f"{kind}s").delete(id, OPERATOR)
                click.echo(f"Deleted {kind} {printable(id)}.")

    return delete
