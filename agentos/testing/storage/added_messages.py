"""The promises about messages that are added to a session without a run."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pytest

from agentos.domain.message import Message, ToolCall
from agentos.domain.run import BusyPolicy, RunStatus
from agentos.domain.session import Session, Summary
from agentos.errors import InvalidRequest, SessionBusy, SessionNotFound
from agentos.storage.history import MOST_CONTINUED, StoredMessage
from agentos.storage.interface import Storage
from agentos.storage.sessions import SessionFilter
from agentos.testing.storage.attachments import picture
from agentos.testing.storage.contract import (
    LEASE,
    Contract,
    admit,
    admitted,
    at,
    at_once,
    ended,
    new_run,
    new_session,
    said,
    take_turn,
)
from agentos.testing.storage.pausing import action, paused

CALL = Message("assistant", "", tool_calls=(ToolCall("c1", "add", '{"a":1}'),))
RESULT = Message("tool", "2", tool_call_id="c1")
SUMMARY = Summary(content="q, a", run_count=0, total_tokens=0, created_at=at(4))


def _add(storage: Storage, session: Session, *messages: Message, seconds: float = 3) -> Sequence[StoredMessage]:
    return storage.sessions.append(session.id, messages, owner=session.owner, now=at(seconds))


def _said(storage: Storage, session: Session, **page: int) -> list[str]:
    history = storage.sessions.history(session.id, owner=None, **{"limit": 99, **page})
    return [one.message.content for one in history.messages]


def _window(storage: Storage, session: Session, turns: int) -> tuple[Message, ...]:
    """Return the history that a new run of the session is given, and end that run without a trace."""
    admission = admit(storage, new_run(session), history_turns=turns)
    storage.runs.finish(ended(admission.run, status=RunStatus.CANCELLED))
    return tuple(admission.history or ())


class AddedMessageContract(Contract):
    """Messages that no run left."""

    def test_added_messages_come_back_in_their_places_without_a_run(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        run = take_turn(storage, session, "q", "a")
        given = (Message("user", "add"), CALL, RESULT, Message("assistant", "2"))
        added = _add(storage, session, *given)
        assert [(one.sequence, one.run_id, one.created_at, one.message) for one in added] == [
            (number, "", at(3), message) for number, message in enumerate(given, 3)
        ]
        history = storage.sessions.history(session.id, owner="alice", limit=9)
        assert list(history.messages)[2:] == list(added)
        assert [one.id for one in history.runs] == [run.id]
        assert _add(storage, session) == []
        assert [one.sequence for one in _add(storage, session, Message("user", "next"))] == [7]

    def test_the_session_is_active_and_counts_no_run(self, storage: Storage) -> None:
        session = new_session(storage)
        _add(storage, session, *said("q", "a"), seconds=7)
        _add(storage, session, *said("q", "a"), seconds=5)
        found = storage.sessions.get(session.id, owner=None)
        assert found is not None
        assert (found.updated_at, found.run_count, found.version) == (at(7), 0, session.version)

    def test_a_model_is_given_them_between_the_runs(self, storage: Storage) -> None:
        session = new_session(storage)
        take_turn(storage, session, "q1", "a1")
        _add(storage, session, Message("user", "add"), CALL, RESULT)
        take_turn(storage, session, "q2", "a2")
        expected = (*said("q1", "a1"), Message("user", "add"), CALL, RESULT, *said("q2", "a2"))
        assert _window(storage, session, 9) == expected
        assert _window(storage, session, 2) == expected[2:]
        assert storage.runs.window(session.id, turns=2) == expected[2:]

    def test_each_message_of_a_user_begins_a_turn(self, storage: Storage) -> None:
        session = new_session(storage)
        messages = [message for number in range(4) for message in said(f"q{number}", f"a{number}")]
        _add(storage, session, *messages)
        assert _window(storage, session, 2) == tuple(messages[4:])

    def test_a_call_and_its_result_that_are_added_one_after_the_other_are_one_turn(self, storage: Storage) -> None:
        session = new_session(storage)
        for message in (Message("user", "add"), CALL, RESULT, Message("assistant", "2")):
            _add(storage, session, message)
        assert len(_window(storage, session, 1)) == 4

    def test_what_is_added_after_a_run_is_no_part_of_its_turn(self, storage: Storage) -> None:
        session = new_session(storage)
        run = take_turn(storage, session, "q", "a")
        _add(storage, session, Message("assistant", "by the way"))
        assert _window(storage, session, 1) == (Message("assistant", "by the way"),)
        storage.runs.delete(run.id, owner=None)
        assert _said(storage, session) == ["by the way"]
        assert _window(storage, session, 1) == (Message("assistant", "by the way"),)

    def test_no_turn_grows_forever(self, storage: Storage) -> None:
        session = new_session(storage)
        for _ in range(5):
            _add(storage, session, *[Message("assistant", "x")] * (MOST_CONTINUED // 2))
        assert len(_window(storage, session, 1)) <= MOST_CONTINUED

    @pytest.mark.parametrize("policy", [BusyPolicy.ENQUEUE, BusyPolicy.ROLLBACK])
    def test_a_session_with_a_run_that_has_not_ended_takes_none(self, storage: Storage, policy: BusyPolicy) -> None:
        session = new_session(storage)
        run = admitted(storage, session)
        waiting = admit(storage, new_run(session), concurrency=policy).run
        for one in (run, waiting):
            with pytest.raises(SessionBusy):
                _add(storage, session, Message("user", "in the middle"))
            storage.runs.finish(ended(one, status=RunStatus.CANCELLED))
        assert [one.sequence for one in _add(storage, session, Message("user", "after"))] == [1]
        found = storage.sessions.get(session.id, owner=None)
        assert found is not None
        assert found.updated_at == at(3)

    def test_a_session_with_a_paused_run_takes_none_and_says_what_it_waits_for(self, storage: Storage) -> None:
        session = new_session(storage)
        run = paused(storage, session, actions=[action()])
        with pytest.raises(SessionBusy) as raised:
            _add(storage, session, Message("user", "in the middle"))
        assert raised.value.details["run_id"] == run.id
        assert raised.value.details["pending"]
        assert _said(storage, session) == []

    def test_of_messages_and_a_run_that_come_at_once_none_are_in_the_middle_of_the_other(
        self, storage: Storage
    ) -> None:
        session = new_session(storage)

        def take_or_add(number: int) -> None:
            for _ in range(4):
                if number % 2:
                    run = admit(storage, new_run(session)).run
                    if run.status is RunStatus.RUNNING:
                        storage.runs.finish(ended(run), messages=said("q", "a"))
                    else:
                        storage.runs.request_cancel(run.id, owner=None)
                        storage.runs.finish(ended(run, status=RunStatus.CANCELLED))
                else:
                    with contextlib.suppress(SessionBusy):
                        _add(storage, session, *said("one", "two"))

        at_once(take_or_add)
        history = storage.sessions.history(session.id, owner=None, limit=999)
        pairs = list(zip(history.messages[::2], history.messages[1::2], strict=True))
        assert {(one.message.content, two.message.content) for one, two in pairs} <= {("q", "a"), ("one", "two")}
        assert [one.sequence for one in history.messages] == list(range(1, len(history.messages) + 1))

    def test_runs_without_messages_stand_where_they_were_between_added_ones(self, storage: Storage) -> None:
        session = new_session(storage)
        order = []
        for number in range(3):
            _add(storage, session, Message("user", f"m{number}"))
            run = admitted(storage, session)
            storage.runs.finish(ended(run, status=RunStatus.FAILED))
            order.append(run.id)
        pages = [storage.sessions.history(session.id, owner=None, limit=1, before=before) for before in (2, 3, None)]
        assert [[one.message.content for one in page.messages] for page in pages] == [["m0"], ["m1"], ["m2"]]
        # A page ends with its last message, save the last page, which has what follows it too.
        assert [[run.id for run in page.runs] for page in pages] == [[], order[:1], order[1:]]
        whole = storage.sessions.history(session.id, owner=None, limit=9)
        assert [run.id for run in whole.runs] == order

    def test_an_added_message_is_removed_and_its_place_stays_empty(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        _add(storage, session, *said("q1", "a1"))
        take_turn(storage, session, "q2", "a2")
        _add(storage, session, *said("q3", "a3"))
        for sequence in (6, 1):
            assert storage.sessions.remove_message(session.id, sequence, owner="alice")
            assert not storage.sessions.remove_message(session.id, sequence, owner="alice")
        assert _said(storage, session) == ["a1", "q2", "a2", "q3"]
        assert _said(storage, session, limit=2, before=5) == ["q2", "a2"]
        assert [one.content for one in _window(storage, session, 9)] == ["a1", "q2", "a2", "q3"]
        assert [one.sequence for one in _add(storage, session, Message("assistant", "new"))] == [7]

    def test_turns_are_counted_back_from_the_last_one_that_is_left(self, storage: Storage) -> None:
        session = new_session(storage)
        take_turn(storage, session, "q1", "a1")
        _add(storage, session, *said("q2", "a2"))
        for sequence in (4, 3):
            assert storage.sessions.remove_message(session.id, sequence, owner=None)
        assert _window(storage, session, 1) == said("q1", "a1")

    @pytest.mark.parametrize("sequence", [0, -1, 3, 2**31, 2**70])
    def test_what_is_not_there_is_not_removed(self, storage: Storage, sequence: int) -> None:
        session = new_session(storage)
        _add(storage, session, *said("q", "a"))
        assert not storage.sessions.remove_message(session.id, sequence, owner=None)
        assert _said(storage, session) == ["q", "a"]

    def test_a_message_of_a_run_is_not_removed_alone(self, storage: Storage) -> None:
        session = new_session(storage)
        run = take_turn(storage, session, "q", "a")
        for sequence in (1, 2):
            with pytest.raises(InvalidRequest, match=f"DELETE /api/v1/runs/{run.id}"):
                storage.sessions.remove_message(session.id, sequence, owner=None)
        assert _said(storage, session) == ["q", "a"]

    def test_what_is_removed_is_in_no_summary_any_more(self, storage: Storage) -> None:
        session = new_session(storage)
        _add(storage, session, *said("q", "a"))
        storage.sessions.put_summary(session.id, SUMMARY, owner=None)
        assert storage.sessions.get_summary(session.id, owner=None) is not None
        storage.sessions.remove_message(session.id, 2, owner=None)
        assert storage.sessions.get_summary(session.id, owner=None) is None

    def test_messages_of_another_owner_are_not_there(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        _add(storage, session, *said("q", "a"))
        with pytest.raises(SessionNotFound):
            storage.sessions.append(session.id, said("q"), owner="bob", now=at(9))
        assert not storage.sessions.remove_message(session.id, 1, owner="bob")
        assert _said(storage, session) == ["q", "a"]
        assert storage.sessions.remove_message(session.id, 1, owner=None)

    def test_the_deletion_of_a_run_leaves_added_messages_where_they_are(self, storage: Storage) -> None:
        session = new_session(storage)
        _add(storage, session, *said("q1", "a1"))
        run = take_turn(storage, session, "q2", "a2")
        _add(storage, session, *said("q3", "a3"))
        storage.runs.delete(run.id, owner=None)
        assert _said(storage, session) == ["q1", "a1", "q3", "a3"]
        assert _window(storage, session, 1) == said("q3", "a3")

    def test_a_rolled_back_run_leaves_added_messages_where_they_are(self, storage: Storage) -> None:
        session = new_session(storage)
        _add(storage, session, *said("q1", "a1"))
        first = admitted(storage, session)
        second = admit(storage, new_run(session), concurrency=BusyPolicy.ROLLBACK).run
        storage.runs.finish(ended(first, status=RunStatus.CANCELLED), messages=said("q2"))
        assert storage.runs.claim(second.id, LEASE, now=at(4)) is not None
        storage.runs.finish(ended(second), messages=said("q3", "a3"))
        assert _said(storage, session) == ["q1", "a1", "q3", "a3"]

    def test_old_sessions_and_sessions_of_an_owner_go_with_what_was_added(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        (added,) = _add(storage, session, Message("user", "look", media=(picture(b"x"),)), seconds=5)
        reference = str(added.message.media[0].reference)
        assert storage.sessions.delete_oldest(SessionFilter(updated_before=at(5)), limit=9) == 0
        assert storage.sessions.delete_oldest(SessionFilter(owner="alice", updated_before=at(6)), limit=9) == 1
        assert storage.attachments.read(reference, owner=None) is None

    def test_attachments_are_kept_until_the_last_run_or_message_that_has_them_goes(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        added = _add(
            storage,
            session,
            Message("user", "one", media=(picture(b"x"), picture(b"y"))),
            Message("user", "two", media=(picture(b"x"),)),
        )
        assert [[one.data for one in stored.message.media] for stored in added] == [[None, None], [None]]
        x, y = (str(media.reference) for media in added[0].message.media)
        run = ended(admitted(storage, session, media=(picture(b"x"),)))
        storage.runs.finish(run, messages=said("q", "a"))
        assert [one.media for one in _window(storage, session, 9)[:2]] == [one.message.media for one in added]

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
        (added,) = _add(storage, session, Message("user", "one", media=(picture(b"x"),)))
        (media,) = added.message.media
        admitted(storage, None, owner="alice", media=(picture(b"x"),))
        assert storage.sessions.delete(session.id, owner=None)
        assert storage.attachments.read(str(media.reference), owner="alice") == b"x"

    def test_messages_that_are_refused_leave_no_bytes(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        (reference,) = [
            one.message.media[0].reference
            for one in _add(storage, session, Message("user", "one", media=(picture(b"x"),)))
        ]
        storage.sessions.remove_message(session.id, 1, owner=None)
        admitted(storage, session)
        with pytest.raises(SessionBusy):
            _add(storage, session, Message("user", "one", media=(picture(b"x"),)))
        assert storage.attachments.read(str(reference), owner=None) is None
