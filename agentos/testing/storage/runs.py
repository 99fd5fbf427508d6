"""The promises about single runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agentos.domain.media import Media
from agentos.domain.run import RunError, RunStatus
from agentos.domain.usage import Usage
from agentos.errors import SessionNotFound, StorageError
from agentos.storage.interface import Storage
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter
from agentos.testing.storage.contract import (
    AWKWARD,
    Contract,
    admit,
    admitted,
    as_kept,
    at,
    ended,
    frames,
    new_run,
    new_session,
    said,
)

MEDIA = (
    Media("image", url="https://example.com/a.png", name="", metadata=AWKWARD),
    Media("file", data="aGVsbG8=", content_type="text/plain", name="ü.txt"),
)
TEXT = "é 漢字 \U0001f600 \r\n\u2028 end "


class RunContract(Contract):
    """Admission, end and lists of runs."""

    def test_a_run_without_session_is_running_at_once(self, storage: Storage) -> None:
        run = new_run(user_id="u", input=TEXT, media=MEDIA, metadata=AWKWARD, context={"parent_run_id": "p"})
        admission = admit(storage, run)
        assert admission.run == replace(run, status=RunStatus.RUNNING, started_at=run.created_at)
        assert admission.history == ()
        assert storage.runs.get(run.id, owner=None) == as_kept(admission.run)

    def test_an_admitted_run_has_its_place_and_counts_as_activity(self, storage: Storage) -> None:
        session = new_session(storage)
        run = admitted(storage, session, seconds=4)
        assert (run.status, run.position) == (RunStatus.RUNNING, 1)
        found = storage.sessions.get(session.id, owner=None)
        assert found is not None
        assert (found.updated_at, found.run_count, found.version) == (at(4), 0, session.version)

    def test_a_run_in_an_unknown_session_is_refused(self, storage: Storage) -> None:
        run = new_run(session_id="x")
        with pytest.raises(SessionNotFound):
            admit(storage, run)
        assert storage.runs.get(run.id, owner=None) is None

    def test_a_run_whose_id_is_taken_is_refused_and_changes_nothing(self, storage: Storage) -> None:
        session = new_session(storage)
        run = admitted(storage, session)
        with pytest.raises(StorageError):
            admit(storage, new_run(session, id=run.id, seconds=9))
        found = storage.sessions.get(session.id, owner=None)
        assert found is not None
        assert found.updated_at == at(0)

    def test_a_finished_run_keeps_everything(self, storage: Storage) -> None:
        session = new_session(storage)
        run = admitted(storage, session, media=MEDIA, metadata={"a": 1})
        end = ended(
            run,
            status=RunStatus.FAILED,
            content=TEXT,
            reasoning=TEXT,
            error=RunError(code="C", error="e", message=TEXT, details=AWKWARD),
            model="openai:small",
            finish_reason="length",
            usage=Usage(1, 2**40, 3, 1),
            loops=4,
            metadata=AWKWARD,
        )
        assert storage.runs.finish(end)
        assert storage.runs.get(run.id, owner=None) == as_kept(end)
        found = storage.sessions.get(session.id, owner=None)
        assert found is not None
        assert (found.run_count, found.total_tokens) == (1, 1 + 2**40)

    def test_a_run_ends_once(self, storage: Storage) -> None:
        session = new_session(storage)
        run = admitted(storage, session)
        assert storage.runs.finish(ended(run), messages=said("a", "b"), frames=frames(1, 1))
        again = ended(run, status=RunStatus.FAILED, content="other")
        assert not storage.runs.finish(again, messages=said("c", "d"), frames=frames(2, 2))
        assert storage.runs.get(run.id, owner=None) == ended(run)
        assert len(storage.sessions.history(session.id, owner=None, limit=9).messages) == 2
        assert len(storage.events.read(run.id)) == 1
        found = storage.sessions.get(session.id, owner=None)
        assert found is not None
        assert found.run_count == 1

    def test_the_end_of_another_attempt_is_refused_as_a_whole(self, storage: Storage) -> None:
        session = new_session(storage)
        run = admitted(storage, session)
        stale = replace(ended(run), attempt=run.attempt - 1)
        assert not storage.runs.finish(stale, messages=said("a", "b"), frames=frames(1, 1))
        assert storage.runs.get(run.id, owner=None) == run
        assert storage.sessions.history(session.id, owner=None, limit=9).messages == []
        assert storage.events.read(run.id) == []

    def test_a_run_of_a_deleted_session_cannot_be_finished(self, storage: Storage) -> None:
        session = new_session(storage)
        run = admitted(storage, session)
        storage.sessions.delete(session.id, owner=None)
        assert not storage.runs.finish(ended(run), messages=said("a"), frames=frames(1, 1))
        assert storage.runs.get(run.id, owner=None) is None
        assert storage.events.read(run.id) == []

    def test_an_unknown_run_is_none_and_cannot_be_finished(self, storage: Storage) -> None:
        assert storage.runs.get("x", owner=None) is None
        assert not storage.runs.finish(ended(new_run()))

    def test_a_run_that_is_not_at_its_end_cannot_be_finished(self, storage: Storage) -> None:
        run = admitted(storage)
        with pytest.raises(ValueError, match="running"):
            storage.runs.finish(run)

    def test_runs_are_listed_newest_first_and_filtered(self, storage: Storage) -> None:
        session = new_session(storage)
        first = admitted(storage, session, seconds=1)
        second = admitted(storage, session, seconds=2, agent_id="other")
        third = admitted(storage, seconds=3)
        storage.runs.finish(ended(third))

        def ids(where: RunFilter) -> list[str]:
            return [run.id for run in storage.runs.list(where, Paging()).items]

        assert ids(RunFilter()) == [third.id, second.id, first.id]
        assert ids(RunFilter(session_id=session.id)) == [second.id, first.id]
        assert ids(RunFilter(agent_id="assistant")) == [third.id, first.id]
        assert ids(RunFilter(status=RunStatus.QUEUED)) == [second.id]
        assert ids(RunFilter(status=RunStatus.COMPLETED)) == [third.id]
        assert ids(RunFilter(session_id=session.id, status=RunStatus.RUNNING)) == [first.id]

    def test_runs_are_filtered_by_the_run_that_made_them(self, storage: Storage) -> None:
        parent = admitted(storage, seconds=1)
        children = [admitted(storage, seconds=second, parent_run_id=parent.id) for second in (2, 3)]
        admitted(storage, seconds=4, parent_run_id="another")
        found = storage.runs.list(RunFilter(parent_run_id=parent.id), Paging()).items
        assert [run.id for run in found] == [run.id for run in reversed(children)]
        assert storage.runs.list(RunFilter(parent_run_id=children[0].id), Paging()).items == []

    def test_runs_are_filtered_by_the_time_of_their_creation(self, storage: Storage) -> None:
        session = new_session(storage)
        first = admitted(storage, session, seconds=1)
        second = admitted(storage, session, seconds=2)
        third = admitted(storage, seconds=3)

        def ids(**where: Any) -> list[str]:
            return [run.id for run in storage.runs.list(RunFilter(**where), Paging()).items]

        assert ids(since=second.created_at) == [third.id, second.id]
        assert ids(until=second.created_at) == [first.id]
        assert ids(since=second.created_at, until=third.created_at) == [second.id]
        assert ids(since=second.created_at, session_id=session.id) == [second.id]
        assert ids(since=first.created_at, status=RunStatus.QUEUED) == [second.id]
        assert ids(until=first.created_at, owner=first.owner) == []
        page = storage.runs.list(RunFilter(until=third.created_at), Paging(limit=1))
        rest = storage.runs.list(RunFilter(until=third.created_at), Paging(cursor=page.next_cursor))
        assert [run.id for run in (*page.items, *rest.items)] == [second.id, first.id]

    def test_pages_of_runs_stay_the_same_while_runs_are_added(self, storage: Storage) -> None:
        runs = [admitted(storage, id=f"run-{number}", seconds=number // 2) for number in range(4)]
        page = storage.runs.list(RunFilter(), Paging(limit=2))
        admitted(storage, seconds=9)
        rest = storage.runs.list(RunFilter(), Paging(cursor=page.next_cursor))
        assert [*page.items, *rest.items] == runs[::-1]
        assert rest.next_cursor is None
