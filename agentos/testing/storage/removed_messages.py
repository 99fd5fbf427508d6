"""The promises about added messages that go: one by one, with their session, and what stays when a run goes."""

from __future__ import annotations

import pytest

from agentos.domain.message import Message
from agentos.domain.run import BusyPolicy, RunStatus
from agentos.domain.session import Summary
from agentos.errors import InvalidRequest, SessionBusy, SessionNotFound
from agentos.storage.interface import Storage
from agentos.storage.sessions import SessionFilter
from agentos.testing.storage.added_messages import add_messages, texts, window_of
from agentos.testing.storage.attachments import picture
from agentos.testing.storage.contract import (
    LEASE,
    Contract,
    admit,
    admitted,
    at,
    ended,
    new_run,
    new_session,
    said,
    take_turn,
)

SUMMARY = Summary(content="q, a", run_count=0, total_tokens=0, created_at=at(4))


class RemovedMessageContract(Contract):
    """Messages that no run left, and that are there no more."""

    def test_an_added_message_is_removed_and_its_place_stays_empty(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        add_messages(storage, session, *said("q1", "a1"))
        take_turn(storage, session, "q2", "a2")
        add_messages(storage, session, *said("q3", "a3"))
        for sequence in (6, 1):
            assert storage.sessions.remove_message(session.id, sequence, owner="alice")
            assert not storage.sessions.remove_message(session.id, sequence, owner="alice")
        assert texts(storage, session) == ["a1", "q2", "a2", "q3"]
        assert texts(storage, session, limit=2, before=5) == ["q2", "a2"]
        assert [one.content for one in window_of(storage, session, 9)] == ["a1", "q2", "a2", "q3"]
        assert [one.sequence for one in add_messages(storage, session, Message("assistant", "new"))] == [7]

    def test_turns_are_counted_back_from_the_last_one_that_is_left(self, storage: Storage) -> None:
        session = new_session(storage)
        take_turn(storage, session, "q1", "a1")
        add_messages(storage, session, *said("q2", "a2"))
        for sequence in (4, 3):
            assert storage.sessions.remove_message(session.id, sequence, owner=None)
        assert window_of(storage, session, 1) == said("q1", "a1")

    @pytest.mark.parametrize("sequence", [0, -1, 3, 2**31, 2**70])
    def test_what_is_not_there_is_not_removed(self, storage: Storage, sequence: int) -> None:
        session = new_session(storage)
        add_messages(storage, session, *said("q", "a"))
        assert not storage.sessions.remove_message(session.id, sequence, owner=None)
        assert texts(storage, session) == ["q", "a"]

    def test_a_message_of_a_run_is_not_removed_alone(self, storage: Storage) -> None:
        session = new_session(storage)
        run = take_turn(storage, session, "q", "a")
        for sequence in (1, 2):
            with pytest.raises(InvalidRequest, match=f"DELETE /api/v1/runs/{run.id}"):
                storage.sessions.remove_message(session.id, sequence, owner=None)
        assert texts(storage, session) == ["q", "a"]

    def test_what_is_removed_is_in_no_summary_any_more(self, storage: Storage) -> None:
        session = new_session(storage)
        add_messages(storage, session, *said("q", "a"))
        storage.sessions.put_summary(session.id, SUMMARY, owner=None)
        assert storage.sessions.get_summary(session.id, owner=None) is not None
        storage.sessions.remove_message(session.id, 2, owner=None)
        assert storage.sessions.get_summary(session.id, owner=None) is None

    def test_messages_of_another_owner_are_not_there(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        add_messages(storage, session, *said("q", "a"))
        with pytest.raises(SessionNotFound):
            storage.sessions.append(session.id, said("q"), owner="bob", now=at(9))
        assert not storage.sessions.remove_message(session.id, 1, owner="bob")
        assert texts(storage, session) == ["q", "a"]
        assert storage.sessions.remove_message(session.id, 1, owner=None)

    def test_the_deletion_of_a_run_leaves_added_messages_where_they_are(self, storage: Storage) -> None:
        session = new_session(storage)
        add_messages(storage, session, *said("q1", "a1"))
        run = take_turn(storage, session, "q2", "a2")
        add_messages(storage, session, *said("q3", "a3"))
        storage.runs.delete(run.id, owner=None)
        assert texts(storage, session) == ["q1", "a1", "q3", "a3"]
        assert window_of(storage, session, 1) == said("q3", "a3")

    def test_a_rolled_back_run_leaves_added_messages_where_they_are(self, storage: Storage) -> None:
        session = new_session(storage)
        add_messages(storage, session, *said("q1", "a1"))
        first = admitted(storage, session)
        second = admit(storage, new_run(session), concurrency=BusyPolicy.ROLLBACK).run
        storage.runs.finish(ended(first, status=RunStatus.CANCELLED), messages=said("q2"))
        assert storage.runs.claim(second.id, LEASE, now=at(4)) is not None
        storage.runs.finish(ended(second), messages=said("q3", "a3"))
        assert texts(storage, session) == ["q1", "a1", "q3", "a3"]

    def test_old_sessions_and_sessions_of_an_owner_go_with_what_was_added(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        (added,) = add_messages(storage, session, Message("user", "look", media=(picture(b"x"),)), seconds=5)
        reference = str(added.message.media[0].reference)
        assert storage.sessions.delete_oldest(SessionFilter(updated_before=at(5)), limit=9) == 0
        assert storage.sessions.delete_oldest(SessionFilter(owner="alice", updated_before=at(6)), limit=9) == 1
        assert storage.attachments.read(reference, owner=None) is None

    def test_attachments_are_kept_until_the_last_run_or_message_that_has_them_goes(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        added = add_messages(
            storage,
            session,
            Message("user", "one", media=(picture(b"x"), picture(b"y"))),
            Message("user", "two", media=(picture(b"x"),)),
        )
        assert [[one.data for one in stored.message.media] for stored in added] == [[None, None], [None]]
        x, y = (str(media.reference) for media in added[0].message.media)
        run = ended(admitted(storage, session, media=(picture(b"x"),)))
        storage.runs.finish(run, messages=said("q", "a"))
        assert [one.media for one in window_of(storage, session, 9)[:2]] == [one.message.media for one in added]

        def left() -> list[bytes | None]:
            return [storage.attachments.read(reference, owner="alice") for reference in (x, y)]

        assert left() == [b"x", b"y"]
        storage.sessions.remove_message(session.id, 1, owner=None)
        assert left() == [b"x", None]
        storage.runs.delete(run.id, owner=None)
        assert left() == [b"x", None]
        storage.sessions.remove_message(session.id, 2, owner=None)
        assert left() == [None, None]

    def test_a_run_keeps_bytes_of_a_message_that_is_removed(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        (added,) = add_messages(storage, session, Message("user", "one", media=(picture(b"x"),)))
        (media,) = added.message.media
        admitted(storage, None, owner="alice", media=(picture(b"x"),))
        assert storage.sessions.delete(session.id, owner=None)
        assert storage.attachments.read(str(media.reference), owner="alice") == b"x"

    def test_messages_that_are_refused_leave_no_bytes(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        (reference,) = [
            one.message.media[0].reference
            for one in add_messages(storage, session, Message("user", "one", media=(picture(b"x"),)))
        ]
        storage.sessions.remove_message(session.id, 1, owner=None)
        admitted(storage, session)
        with pytest.raises(SessionBusy):
            add_messages(storage, session, Message("user", "one", media=(picture(b"x"),)))
        assert storage.attachments.read(str(reference), owner=None) is None
