"""The promises about forks: a copy of what was said, that lives apart from what it was copied from."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import pytest

from agentos.domain.ids import new_id
from agentos.domain.message import Message
from agentos.domain.run import RunStatus
from agentos.domain.session import ForkedFrom, Session, Summary
from agentos.errors import InvalidRequest, RunNotFound, SessionNotFound
from agentos.storage import forks
from agentos.storage.history import StoredMessage
from agentos.storage.idempotency import Replay
from agentos.storage.interface import Storage
from agentos.storage.paging import Paging
from agentos.storage.sessions import SessionChanges, SessionFilter
from agentos.testing.storage.added_messages import CALL, RESULT, add_messages, texts, window_of
from agentos.testing.storage.attachments import picture
from agentos.testing.storage.contract import (
    Contract,
    admit,
    admitted,
    at,
    at_once,
    ended,
    key,
    new_run,
    new_session,
    take_turn,
)
from agentos.testing.storage.pausing import action, paused

SUMMARY = Summary(content="what was said", run_count=2, total_tokens=10, created_at=at(4))
NOTHING = SessionChanges()


def fork(
    storage: Storage, session: Session, before: str | None = None, changes: SessionChanges = NOTHING, **options: Any
) -> Session:
    """Fork a session, with a key that is new if it has one, and return the fork."""
    given = {"owner": session.owner, "now": at(9), **options}
    made = storage.sessions.fork(session.id, new_id(), changes, before_run_id=before, **given)
    assert isinstance(made, Session)
    return made


def stored(storage: Storage, session: Session) -> list[StoredMessage]:
    """Return the messages of a session in their places."""
    return list(storage.sessions.history(session.id, owner=None, limit=99).messages)


class ForkContract(Contract):
    """Sessions that begin as a copy of another one."""

    def test_a_fork_has_what_was_said_in_the_same_places_and_names_where_it_is_from(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice", user_id="u", name="n", metadata={"m": 1}, state={"s": 1})
        take_turn(storage, session, "q1", "a1")
        add_messages(storage, session, Message("user", "add"), CALL, RESULT)
        made = fork(storage, session)
        assert stored(storage, made) == stored(storage, session)
        assert storage.sessions.history(made.id, owner="alice", limit=9).runs == []
        expected = replace(
            session, id=made.id, created_at=at(9), updated_at=at(9), forked_from=ForkedFrom(session_id=session.id)
        )
        assert made == expected
        assert storage.sessions.get(made.id, owner="alice") == expected
        assert expected in storage.sessions.list(SessionFilter(), Paging()).items

    def test_a_model_is_given_the_same_in_both(self, storage: Storage) -> None:
        session = new_session(storage)
        for number in range(3):
            take_turn(storage, session, f"q{number}", f"a{number}")
        add_messages(storage, session, Message("user", "add"), CALL, RESULT)
        made = fork(storage, session)
        for turns in (1, 2, 9):
            assert window_of(storage, made, turns) == window_of(storage, session, turns)

    def test_before_a_run_it_ends_with_what_was_said_before(self, storage: Storage) -> None:
        session = new_session(storage)
        add_messages(storage, session, Message("user", "m0"))
        runs = [take_turn(storage, session, f"q{number}", f"a{number}") for number in range(3)]
        expected = [["m0"], ["m0", "q0", "a0"], ["m0", "q0", "a0", "q1", "a1"]]
        made = [fork(storage, session, run.id) for run in runs]
        assert [texts(storage, one) for one in made] == expected
        assert [len(window_of(storage, one, 1)) for one in made] == [1, 2, 2]
        assert made[1].forked_from == ForkedFrom(session_id=session.id, before_run_id=runs[1].id)

    def test_what_is_changed_is_as_it_was_asked_for(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice", user_id="u", name="n", metadata={"m": 1}, state={"s": 1})
        changes = SessionChanges(user_id=None, name="other", metadata={"x": 2}, state={"y": 3})
        made = fork(storage, session, changes=changes)
        assert (made.user_id, made.name, made.metadata, made.state) == (None, "other", {"x": 2}, {"y": 3})
        assert storage.sessions.get(made.id, owner="alice") == made
        assert storage.sessions.get(session.id, owner="alice") == session

    def test_state_and_summary_are_copied_with_the_whole_transcript_only(self, storage: Storage) -> None:
        session = new_session(storage, state={"s": 1})
        runs = [take_turn(storage, session, f"q{number}", f"a{number}") for number in range(2)]
        storage.sessions.put_summary(session.id, SUMMARY, owner=None)
        whole, part = fork(storage, session), fork(storage, session, runs[1].id)
        assert (whole.state, part.state) == ({"s": 1}, {})
        assert storage.sessions.get_summary(whole.id, owner=None) == SUMMARY
        assert storage.sessions.get_summary(part.id, owner=None) is None
        given = fork(storage, session, runs[1].id, SessionChanges(state={"t": 2}))
        assert given.state == {"t": 2}

    def test_a_run_without_messages_has_its_place_too(self, storage: Storage) -> None:
        session = new_session(storage)
        take_turn(storage, session, "q1", "a1")
        failed = admitted(storage, session)
        storage.runs.finish(ended(failed, status=RunStatus.FAILED))
        assert texts(storage, fork(storage, session, failed.id)) == ["q1", "a1"]
        add_messages(storage, session, Message("user", "added"))
        take_turn(storage, session, "q2", "a2")
        last = admitted(storage, session)
        storage.runs.finish(ended(last, status=RunStatus.CANCELLED))
        assert texts(storage, fork(storage, session, failed.id)) == ["q1", "a1"]
        assert texts(storage, fork(storage, session, last.id)) == ["q1", "a1", "added", "q2", "a2"]

    @pytest.mark.parametrize("pause", [False, True])
    def test_a_run_that_has_not_ended_is_not_in_it_and_stands_for_the_end(self, storage: Storage, pause: bool) -> None:
        session = new_session(storage, state={"s": 1})
        take_turn(storage, session, "q1", "a1")
        run = paused(storage, session, actions=[action()]) if pause else admitted(storage, session)
        for before in (None, run.id):
            made = fork(storage, session, before)
            assert (texts(storage, made), made.state) == (["q1", "a1"], {"s": 1})
            assert admitted(storage, made).status is RunStatus.RUNNING

    def test_what_is_said_in_one_is_not_said_in_the_other(self, storage: Storage) -> None:
        session = new_session(storage)
        take_turn(storage, session, "q1", "a1")
        made = fork(storage, session)
        take_turn(storage, session, "parent", "p")
        run = take_turn(storage, made, "fork", "f")
        add_messages(storage, made, Message("user", "more"))
        assert texts(storage, session) == ["q1", "a1", "parent", "p"]
        assert texts(storage, made) == ["q1", "a1", "fork", "f", "more"]
        assert [one.id for one in storage.sessions.history(made.id, owner=None, limit=9).runs] == [run.id]
        assert [one.sequence for one in stored(storage, made)] == [1, 2, 3, 4, 5]
        found = storage.sessions.get(made.id, owner=None)
        assert found is not None
        assert (found.run_count, found.total_tokens) == (1, run.usage.total_tokens)

    @pytest.mark.parametrize("gone", ["parent", "run", "fork"])
    def test_what_is_deleted_of_one_stays_in_the_other(self, storage: Storage, gone: str) -> None:
        session = new_session(storage, owner="alice")
        shown, added = picture(b"shown"), picture(b"added")
        run = admit(storage, new_run(session, media=(shown,), owner="alice")).run
        storage.runs.finish(ended(run), messages=[Message("user", "look", media=run.media), Message("assistant", "a")])
        add_messages(storage, session, Message("user", "and this", media=(added,)))
        made = fork(storage, session)
        before = stored(storage, made)
        left = session if gone == "fork" else made
        match gone:
            case "parent":
                storage.sessions.delete(session.id, owner="alice")
            case "run":
                storage.runs.delete(run.id, owner="alice")
            case "fork":
                storage.sessions.delete(made.id, owner="alice")
        assert stored(storage, left) == before
        references = [str(media.reference) for one in before for media in one.message.media]

        def read() -> list[bytes | None]:
            return [storage.attachments.read(reference, owner="alice") for reference in references]

        assert read() == [b"shown", b"added"]
        for one in (session, made):
            storage.sessions.delete(one.id, owner="alice")
        assert read() == [None, None]

    def test_of_a_runs_attachments_a_fork_keeps_those_that_its_messages_have(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        pictures = (picture(b"first"), picture(b"second"))
        run = admit(storage, new_run(session, media=pictures, owner="alice")).run
        storage.runs.finish(ended(run), messages=[Message("user", "look", media=run.media[:1])])
        made = fork(storage, session)
        first, second = (str(one.reference) for one in run.media)
        storage.sessions.delete(session.id, owner="alice")
        assert len(stored(storage, made)) == 1
        assert [storage.attachments.read(one, owner="alice") for one in (first, second)] == [b"first", None]

    def test_a_fork_is_forked_before_a_run_of_its_parent(self, storage: Storage) -> None:
        session = new_session(storage)
        first, second = (take_turn(storage, session, f"q{number}", f"a{number}") for number in range(2))
        made = fork(storage, session)
        run = take_turn(storage, made, "q2", "a2")
        assert texts(storage, fork(storage, made, run.id)) == ["q0", "a0", "q1", "a1"]
        again = fork(storage, made, second.id)
        assert texts(storage, again) == ["q0", "a0"]
        assert again.forked_from == ForkedFrom(session_id=made.id, before_run_id=second.id)
        assert [one.run_id for one in stored(storage, again)] == [first.id] * 2
        storage.sessions.delete(session.id, owner=None)
        assert texts(storage, fork(storage, again)) == ["q0", "a0"]

    def test_copied_messages_are_removed_one_by_one(self, storage: Storage) -> None:
        session = new_session(storage)
        take_turn(storage, session, "q", "a")
        made = fork(storage, session)
        assert storage.sessions.remove_message(made.id, 2, owner=None)
        assert (texts(storage, made), texts(storage, session)) == (["q"], ["q", "a"])

    def test_a_run_of_another_session_is_not_found(self, storage: Storage) -> None:
        session, other = new_session(storage), new_session(storage)
        for run_id in (take_turn(storage, other, "q", "a").id, admitted(storage).id, new_id(), ""):
            with pytest.raises(RunNotFound):
                fork(storage, session, run_id)
        with pytest.raises(SessionNotFound):
            fork(storage, replace(session, id=new_id()))
        assert storage.sessions.count(SessionFilter()) == 2

    def test_a_key_makes_one_fork(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        made = fork(storage, session, idempotency=key())
        again = storage.sessions.fork(session.id, new_id(), NOTHING, owner="alice", now=at(9), idempotency=key())
        assert again == Replay("f", made.id)
        assert storage.sessions.count(SessionFilter()) == 2
        with pytest.raises(RunNotFound):
            fork(storage, session, new_id(), idempotency=key("other"))
        assert storage.idempotency.find(key("other")) is None

    def test_of_forks_and_a_deletion_that_come_at_once_each_fork_is_whole_or_none(self, storage: Storage) -> None:
        for _ in range(4):
            session = new_session(storage, owner="alice")
            run = admit(storage, new_run(session, media=(picture(b"x"),), owner="alice")).run
            storage.runs.finish(ended(run), messages=[Message("user", "look", media=run.media)])
            made: list[Session] = []

            def fork_or_delete(number: int, session: Session = session, made: list[Session] = made) -> None:
                if number == 2:
                    storage.sessions.delete(session.id, owner="alice")
                else:
                    with contextlib.suppress(SessionNotFound):
                        made.append(fork(storage, session))

            at_once(fork_or_delete, 6)
            for one in made:
                ((message,),) = [stored(storage, one)]
                reference = str(message.message.media[0].reference)
                assert storage.attachments.read(reference, owner="alice") == b"x"
                storage.sessions.delete(one.id, owner="alice")

    def test_more_than_one_transaction_should_write_is_refused(self, storage: Storage) -> None:
        session = new_session(storage)
        first = take_turn(storage, session, *["x"] * (forks.MAX_MESSAGES))
        assert len(window_of(storage, fork(storage, session), 1)) == forks.MAX_MESSAGES
        add_messages(storage, session, Message("user", "y"))
        with pytest.raises(InvalidRequest, match="10000 messages"):
            fork(storage, session)
        assert texts(storage, fork(storage, session, first.id)) == []
        long = new_session(storage)
        take_turn(storage, long, *["x" * (forks.MAX_CHARACTERS // 4)] * 5)
        with pytest.raises(InvalidRequest, match="characters"):
            fork(storage, long)
