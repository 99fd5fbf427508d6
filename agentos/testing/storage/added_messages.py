"""The promises about messages that are added to a session without a run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

import pytest

from agentos.domain.message import Message, ToolCall
from agentos.domain.run import BusyPolicy, RunStatus
from agentos.domain.session import Session
from agentos.errors import SessionBusy
from agentos.storage.history import MOST_CONTINUED, StoredMessage
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import (
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


def add_messages(storage: Storage, session: Session, *messages: Message, seconds: float = 3) -> Sequence[StoredMessage]:
    """Add messages to a session and return them in their places."""
    return storage.sessions.append(session.id, messages, owner=session.owner, now=at(seconds))


def texts(storage: Storage, session: Session, **page: int) -> list[str]:
    """Return what the messages of a session say."""
    history = storage.sessions.history(session.id, owner=None, **{"limit": 99, **page})
    return [one.message.content for one in history.messages]


def window_of(storage: Storage, session: Session, turns: int) -> tuple[Message, ...]:
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
        added = add_messages(storage, session, *given)
        assert [(one.sequence, one.run_id, one.created_at, one.message) for one in added] == [
            (number, "", at(3), message) for number, message in enumerate(given, 3)
        ]
        history = storage.sessions.history(session.id, owner="alice", limit=9)
        assert list(history.messages)[2:] == list(added)
        assert [one.id for one in history.runs] == [run.id]
        assert add_messages(storage, session) == []
        assert [one.sequence for one in add_messages(storage, session, Message("user", "next"))] == [7]

    def test_the_session_is_active_and_counts_no_run(self, storage: Storage) -> None:
        session = new_session(storage)
        add_messages(storage, session, *said("q", "a"), seconds=7)
        add_messages(storage, session, *said("q", "a"), seconds=5)
        found = storage.sessions.get(session.id, owner=None)
        assert found is not None
        assert (found.updated_at, found.run_count, found.version) == (at(7), 0, session.version)

    def test_a_model_is_given_them_between_the_runs(self, storage: Storage) -> None:
        session = new_session(storage)
        take_turn(storage, session, "q1", "a1")
        add_messages(storage, session, Message("user", "add"), CALL, RESULT)
        take_turn(storage, session, "q2", "a2")
        expected = (*said("q1", "a1"), Message("user", "add"), CALL, RESULT, *said("q2", "a2"))
        assert window_of(storage, session, 9) == expected
        assert window_of(storage, session, 2) == expected[2:]
        assert storage.runs.window(session.id, turns=2) == expected[2:]

    def test_each_message_of_a_user_begins_a_turn(self, storage: Storage) -> None:
        session = new_session(storage)
        messages = [message for number in range(4) for message in said(f"q{number}", f"a{number}")]
        add_messages(storage, session, *messages)
        assert window_of(storage, session, 2) == tuple(messages[4:])

    def test_a_call_and_its_result_that_are_added_one_after_the_other_are_one_turn(self, storage: Storage) -> None:
        session = new_session(storage)
        for message in (Message("user", "add"), CALL, RESULT, Message("assistant", "2")):
            add_messages(storage, session, message)
        assert len(window_of(storage, session, 1)) == 4

    def test_what_is_added_after_a_run_is_no_part_of_its_turn(self, storage: Storage) -> None:
        session = new_session(storage)
        run = take_turn(storage, session, "q", "a")
        add_messages(storage, session, Message("assistant", "by the way"))
        assert window_of(storage, session, 1) == (Message("assistant", "by the way"),)
        storage.runs.delete(run.id, owner=None)
        assert texts(storage, session) == ["by the way"]
        assert window_of(storage, session, 1) == (Message("assistant", "by the way"),)

    def test_no_turn_grows_forever(self, storage: Storage) -> None:
        session = new_session(storage)
        for _ in range(5):
            add_messages(storage, session, *[Message("assistant", "x")] * (MOST_CONTINUED // 2))
        assert len(window_of(storage, session, 1)) <= MOST_CONTINUED

    @pytest.mark.parametrize("policy", [BusyPolicy.ENQUEUE, BusyPolicy.ROLLBACK])
    def test_a_session_with_a_run_that_has_not_ended_takes_none(self, storage: Storage, policy: BusyPolicy) -> None:
        session = new_session(storage)
        run = admitted(storage, session)
        waiting = admit(storage, new_run(session), concurrency=policy).run
        for one in (run, waiting):
            with pytest.raises(SessionBusy):
                add_messages(storage, session, Message("user", "in the middle"))
            storage.runs.finish(ended(one, status=RunStatus.CANCELLED))
        assert [one.sequence for one in add_messages(storage, session, Message("user", "after"))] == [1]
        found = storage.sessions.get(session.id, owner=None)
        assert found is not None
        assert found.updated_at == at(3)

    def test_a_session_with_a_paused_run_takes_none_and_says_what_it_waits_for(self, storage: Storage) -> None:
        session = new_session(storage)
        run = paused(storage, session, actions=[action()])
        with pytest.raises(SessionBusy) as raised:
            add_messages(storage, session, Message("user", "in the middle"))
        assert raised.value.details["run_id"] == run.id
        assert raised.value.details["pending"]
        assert texts(storage, session) == []

    def test_of_messages_and_a_run_that_come_at_once_none_are_in_the_middle_of_the_other(
        self, storage: Storage
    ) -> None:
        session = new_session(storage)
        given: dict[str, int] = {}
        """How many messages each run was given that left some."""

        def take_or_add(number: int) -> None:
            for _ in range(4):
                if number % 2:
                    admission = admit(storage, new_run(session), history_turns=99)
                    run = admission.run
                    if run.status is RunStatus.RUNNING:
                        given[run.id] = len(admission.history or ())
                        time.sleep(0.002)  # others have their turn
                        storage.runs.finish(ended(run), messages=said("q", "a"))
                    else:
                        storage.runs.request_cancel(run.id, owner=None)
                        storage.runs.finish(ended(run, status=RunStatus.CANCELLED))
                else:
                    with contextlib.suppress(SessionBusy):
                        add_messages(storage, session, *said("one", "two"))

        at_once(take_or_add)
        history = storage.sessions.history(session.id, owner=None, limit=999)
        pairs = list(zip(history.messages[::2], history.messages[1::2], strict=True))
        assert {(one.message.content, two.message.content) for one, two in pairs} <= {("q", "a"), ("one", "two")}
        assert [one.sequence for one in history.messages] == list(range(1, len(history.messages) + 1))
        assert {one.run_id: one.sequence - 1 for one, _ in pairs if one.run_id} == given

    def test_runs_without_messages_stand_where_they_were_between_added_ones(self, storage: Storage) -> None:
        session = new_session(storage)
        order = []
        for number in range(3):
            add_messages(storage, session, Message("user", f"m{number}"))
            run = admitted(storage, session)
            storage.runs.finish(ended(run, status=RunStatus.FAILED))
            order.append(run.id)
        pages = [storage.sessions.history(session.id, owner=None, limit=1, before=before) for before in (2, 3, None)]
        assert [[one.message.content for one in page.messages] for page in pages] == [["m0"], ["m1"], ["m2"]]
        # A page ends with its last message, save the last page, which has what follows it too.
        assert [[run.id for run in page.runs] for page in pages] == [[], order[:1], order[1:]]
        whole = storage.sessions.history(session.id, owner=None, limit=9)
        assert [run.id for run in whole.runs] == order
