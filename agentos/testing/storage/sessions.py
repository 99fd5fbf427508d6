"""The promises about sessions."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from agentos.domain.session import Summary
from agentos.errors import PreconditionFailed, SessionNotFound, StorageError
from agentos.storage.interface import Storage
from agentos.storage.paging import Cursor, Paging
from agentos.storage.runs import RunFilter
from agentos.storage.sessions import SessionChanges, SessionFilter
from agentos.testing.storage.contract import (
    AWKWARD,
    Contract,
    admitted,
    at,
    ended,
    frames,
    new_session,
    said,
    take_turn,
)

FIELDS = ("agent_id", "user_id", "team_id", "workflow_id")


def _ids(storage: Storage, where: SessionFilter = SessionFilter(), **paging: int | Cursor) -> list[str]:  # noqa: B008
    return [session.id for session in storage.sessions.list(where, Paging(**paging)).items]  # type: ignore[arg-type]


NAMES = (
    "Trip to Rome",
    "rome",
    "100%",
    "1000",
    "a_b",
    "aab",
    "b\\c",
    "\u00c9t\u00e9",
    "\u6f22\u5b57",
    "it's",
    None,
    "",
)


class SessionContract(Contract):
    """Sessions and summaries."""

    def test_a_session_comes_back_as_it_was_created(self, storage: Storage) -> None:
        session = new_session(storage, user_id="ü", name="n", metadata=AWKWARD, state={"k": AWKWARD}, team_id="t")
        assert storage.sessions.get(session.id, owner=None) == session

    def test_an_unknown_session_is_none(self, storage: Storage) -> None:
        assert storage.sessions.get("x", owner=None) is None

    def test_a_session_whose_id_is_taken_is_refused(self, storage: Storage) -> None:
        session = new_session(storage)
        with pytest.raises(StorageError):
            storage.sessions.create(session)

    def test_what_a_caller_does_to_a_returned_session_changes_nothing(self, storage: Storage) -> None:
        given = {"list": [1]}
        session = new_session(storage, metadata=given)
        given["list"].append(2)
        for _ in range(2):
            found = storage.sessions.get(session.id, owner=None)
            assert found is not None
            assert found.metadata == {"list": [1]}
            found.metadata["list"].append(3)

    def test_sessions_are_listed_by_newest_activity_and_then_id(self, storage: Storage) -> None:
        new_session(storage, id="b", seconds=1)
        new_session(storage, id="c", seconds=1)
        new_session(storage, id="a", seconds=2)
        new_session(storage, id="d", seconds=0)
        assert _ids(storage) == ["a", "c", "b", "d"]
        admitted(storage, storage.sessions.get("d", owner=None), seconds=3)
        assert _ids(storage) == ["d", "a", "c", "b"]

    @pytest.mark.parametrize(
        ("part", "found"),
        [
            ("rome", ["rome", "Trip to Rome"]),
            ("ROM", ["rome", "Trip to Rome"]),
            ("p to", ["Trip to Rome"]),
            ("%", ["100%"]),
            ("0%", ["100%"]),
            ("_", ["a_b"]),
            ("A_B", ["a_b"]),
            ("\\", ["b\\c"]),
            ("T\u00e9", ["\u00c9t\u00e9"]),
            ("\u5b57", ["\u6f22\u5b57"]),
            ("'", ["it's"]),
            ("*", []),
            ("paris", []),
        ],
    )
    def test_sessions_are_found_by_a_part_of_their_name(self, storage: Storage, part: str, found: list[str]) -> None:
        for number, name in enumerate(NAMES):
            new_session(storage, name=name, seconds=number)
        where = SessionFilter(name_contains=part)
        assert [one.name for one in storage.sessions.list(where, Paging()).items] == found
        assert storage.sessions.count(where) == len(found)

    def test_sessions_are_found_by_name_among_those_that_match_otherwise_page_by_page(self, storage: Storage) -> None:
        for number in range(12):
            whose = "alice" if number % 2 else "bob"
            new_session(storage, id=f"{number:02}", owner=whose, name=f"Trip {number}", seconds=number)
        where = SessionFilter(owner="alice", name_contains="trip", updated_before=at(9))
        page = storage.sessions.list(where, Paging(limit=3))
        rest = storage.sessions.list(where, Paging(limit=3, cursor=page.next_cursor))
        assert [[one.id for one in part.items] for part in (page, rest)] == [["07", "05", "03"], ["01"]]
        assert rest.next_cursor is None
        assert storage.sessions.delete_oldest(where, limit=9) == 4
        assert storage.sessions.count(SessionFilter(name_contains="trip")) == 8

    @pytest.mark.parametrize("field", FIELDS)
    def test_sessions_are_filtered_by_exact_matches(self, storage: Storage, field: str) -> None:
        for session_id, value in (("mine", "x"), ("other", "X")):
            fields: dict[str, Any] = {field: value}
            new_session(storage, id=session_id, **fields)
        new_session(storage, id="without")
        where = SessionFilter(**{field: "x"})  # type: ignore[arg-type]
        assert _ids(storage, where) == ["mine"]
        assert storage.sessions.count(where) == 1
        assert storage.sessions.count(SessionFilter()) == 3

    def test_filters_are_anded(self, storage: Storage) -> None:
        new_session(storage, id="both", user_id="u", team_id="t")
        new_session(storage, id="one", user_id="u")
        assert _ids(storage, SessionFilter(user_id="u", team_id="t")) == ["both"]

    def test_the_filter_for_old_sessions_is_exclusive(self, storage: Storage) -> None:
        for seconds in range(3):
            new_session(storage, id=str(seconds), seconds=seconds)
        assert _ids(storage, SessionFilter(updated_before=at(1))) == ["0"]

    def test_pages_follow_each_other_to_the_end(self, storage: Storage) -> None:
        for number in range(5):
            new_session(storage, id=str(number), seconds=number // 2)
        seen: list[str] = []
        cursor = None
        for _ in range(3):
            page = storage.sessions.list(SessionFilter(), Paging(limit=2, cursor=cursor))
            seen.extend(session.id for session in page.items)
            cursor = page.next_cursor
        assert seen == ["4", "3", "2", "1", "0"]
        assert cursor is None

    def test_the_last_page_that_is_full_has_no_next(self, storage: Storage) -> None:
        for number in range(2):
            new_session(storage, id=str(number))
        assert storage.sessions.list(SessionFilter(), Paging(limit=2)).next_cursor is None

    def test_a_page_behind_a_cursor_stays_the_same_while_sessions_are_added(self, storage: Storage) -> None:
        for number in range(4):
            new_session(storage, id=str(number), seconds=number)
        cursor = storage.sessions.list(SessionFilter(), Paging(limit=2)).next_cursor
        assert cursor is not None
        new_session(storage, seconds=9)
        assert _ids(storage, cursor=cursor) == ["1", "0"]

    def test_an_offset_leaves_the_first_items_out(self, storage: Storage) -> None:
        for number in range(4):
            new_session(storage, id=str(number), seconds=number)
        assert _ids(storage, offset=1, limit=2) == ["2", "1"]

    def test_an_update_changes_what_is_given_and_counts_the_version_up(self, storage: Storage) -> None:
        session = new_session(storage, name="old", user_id="u", metadata={"a": 1})
        updated = storage.sessions.update(
            session.id, SessionChanges(name=None, state=AWKWARD, agent_id="other"), owner=None, now=at(7)
        )
        assert updated == replace(
            session, name=None, state=AWKWARD, agent_id="other", version=session.version + 1, updated_at=at(7)
        )
        assert storage.sessions.get(session.id, owner=None) == updated

    def test_an_update_of_another_version_is_refused(self, storage: Storage) -> None:
        session = new_session(storage)
        storage.sessions.update(
            session.id, SessionChanges(name="1"), owner=None, now=at(1), expected_version=session.version
        )
        with pytest.raises(PreconditionFailed):
            storage.sessions.update(
                session.id, SessionChanges(name="2"), owner=None, now=at(2), expected_version=session.version
            )
        found = storage.sessions.get(session.id, owner=None)
        assert found is not None
        assert found.name == "1"

    def test_an_update_of_an_unknown_session_is_refused(self, storage: Storage) -> None:
        for version in (None, 1):
            with pytest.raises(SessionNotFound):
                storage.sessions.update("x", SessionChanges(), owner=None, now=at(0), expected_version=version)

    def test_of_simultaneous_updates_of_one_version_one_succeeds(self, storage: Storage) -> None:
        session = new_session(storage)
        done: list[int] = []

        def update(number: int) -> None:
            changes = SessionChanges(name=str(number))
            try:
                storage.sessions.update(session.id, changes, owner=None, now=at(1), expected_version=session.version)
            except PreconditionFailed:
                return
            done.append(number)

        threads = [threading.Thread(target=update, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(done) == 1

    def test_activity_never_goes_back(self, storage: Storage) -> None:
        session = new_session(storage, seconds=10)
        storage.sessions.update(session.id, SessionChanges(name="n"), owner=None, now=at(5))
        admitted(storage, session, seconds=6)
        found = storage.sessions.get(session.id, owner=None)
        assert found is not None
        assert found.updated_at == at(10)

    def test_a_deleted_session_takes_its_messages_runs_and_events_along(self, storage: Storage) -> None:
        session, other = new_session(storage), new_session(storage)
        run = admitted(storage, session)
        storage.runs.finish(ended(run), messages=said("a", "b"), frames=frames(1, 2))
        kept = take_turn(storage, other, "c", "d")
        assert storage.sessions.delete(session.id, owner=None)
        assert storage.sessions.get(session.id, owner=None) is None
        assert storage.runs.get(run.id, owner=None) is None
        assert storage.events.read(run.id) == []
        assert [found.id for found in storage.runs.list(RunFilter(), Paging()).items] == [kept.id]
        assert len(storage.sessions.history(other.id, owner=None, limit=9).messages) == 2
        with pytest.raises(SessionNotFound):
            storage.sessions.history(session.id, owner=None, limit=9)

    def test_an_unknown_session_is_not_deleted(self, storage: Storage) -> None:
        assert not storage.sessions.delete("x", owner=None)

    def test_sessions_are_deleted_in_batches_oldest_first(self, storage: Storage) -> None:
        for number in range(5):
            new_session(storage, id=str(number), seconds=number, user_id="u")
        new_session(storage, id="other")
        where = SessionFilter(user_id="u", updated_before=at(4))
        assert storage.sessions.delete_oldest(where, limit=3) == 3
        assert _ids(storage) == ["4", "3", "other"]
        assert storage.sessions.delete_oldest(where, limit=3) == 1
        assert storage.sessions.delete_oldest(where, limit=3) == 0

    def test_by_age_no_session_is_deleted_that_has_a_run_under_way(self, storage: Storage) -> None:
        running, queued, over = (new_session(storage, id=name) for name in ("running", "queued", "over"))
        admitted(storage, running)
        admitted(storage, queued, lease=None)
        storage.runs.finish(ended(admitted(storage, over, seconds=1)))
        where = SessionFilter(updated_before=at(9))
        assert [storage.sessions.delete_oldest(where, limit=1) for _ in range(2)] == [1, 0]
        assert set(_ids(storage)) == {"running", "queued"}
        assert storage.sessions.delete_oldest(SessionFilter(), limit=9) == 2

    def test_a_summary_replaces_the_one_before(self, storage: Storage) -> None:
        session = new_session(storage)
        assert storage.sessions.get_summary(session.id, owner=None) is None
        for number in (1, 2):
            summary = Summary(content="é\n", run_count=number, total_tokens=7, created_at=at(number))
            storage.sessions.put_summary(session.id, summary, owner=None)
            assert storage.sessions.get_summary(session.id, owner=None) == summary
        assert storage.sessions.get(session.id, owner=None) == session

    def test_a_summary_needs_its_session(self, storage: Storage) -> None:
        with pytest.raises(SessionNotFound):
            storage.sessions.get_summary("x", owner=None)
        with pytest.raises(SessionNotFound):
            storage.sessions.put_summary(
                "x", Summary(content="", run_count=0, total_tokens=0, created_at=at(0)), owner=None
            )
