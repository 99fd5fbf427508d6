"""The promises about transcripts: the window that a model is given, and the pages that a client reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from agentos.domain.media import Media
from agentos.domain.message import Message, ToolCall
from agentos.domain.run import RunStatus
from agentos.domain.session import Session
from agentos.errors import SessionNotFound
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import (
    AWKWARD,
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

IMAGE = Media("image", data="aGVsbG8=", content_type="image/png", metadata=AWKWARD)


def _window(storage: Storage, session: Session, turns: int) -> Sequence[Message]:
    """Return the history that a new run of the session is given, and end that run without a trace."""
    admission = admit(storage, new_run(session), history_turns=turns)
    storage.runs.finish(ended(admission.run, status=RunStatus.CANCELLED))
    return tuple(admission.history or ())


class HistoryContract(Contract):
    """Messages of sessions."""

    def test_the_history_is_the_last_whole_turns_oldest_first(self, storage: Storage) -> None:
        session = new_session(storage)
        for number in range(4):
            take_turn(storage, session, f"q{number}", *[f"a{number}"] * number)
        assert _window(storage, session, 2) == said("q2", "a2", "a2") + said("q3", "a3", "a3", "a3")
        assert len(_window(storage, session, 100)) == 10
        assert _window(storage, session, 0) == ()

    def test_what_only_its_provider_is_to_see_again_comes_back_with_the_message(self, storage: Storage) -> None:
        session = new_session(storage)
        details = {"reasoning_content": "hm \U0001f600", "nested": [1, {"a": None}]}
        turn = (
            Message("user", "q"),
            Message(
                "assistant",
                "",
                tool_calls=(ToolCall("c1", "add", "{}", {"extra_content": AWKWARD}), ToolCall("c2", "add", "{}")),
                provider="openai",
                provider_details=details,
            ),
            Message("tool", "3", tool_call_id="c1"),
            Message("tool", "4", tool_call_id="c2"),
            Message("assistant", "7", provider="openai", provider_details={"signature": "x"}),
        )
        assert storage.runs.finish(ended(admitted(storage, session)), messages=turn)
        assert _window(storage, session, 1) == turn
        assert [one.message for one in storage.sessions.history(session.id, owner=None, limit=9).messages] == list(turn)

    def test_a_session_never_sees_the_messages_of_another(self, storage: Storage) -> None:
        mine, other = new_session(storage), new_session(storage)
        take_turn(storage, mine, "mine")
        take_turn(storage, other, "other")
        assert _window(storage, mine, 10) == said("mine")
        assert [one.message for one in storage.sessions.history(other.id, owner=None, limit=9).messages] == list(
            said("other")
        )

    def test_runs_without_messages_take_no_turn_of_the_window(self, storage: Storage) -> None:
        session = new_session(storage)
        take_turn(storage, session, "a")
        for _ in range(3):
            storage.runs.finish(ended(admitted(storage, session), status=RunStatus.FAILED))
        assert _window(storage, session, 1) == said("a")

    def test_messages_come_back_as_they_were_said(self, storage: Storage) -> None:
        session = new_session(storage)
        own = Media("file", url="https://example.com/x", name="")
        turn = (
            Message("user", "é \U0001f600\r\n\u2028 ", media=(IMAGE,)),
            Message("assistant", "", tool_calls=(ToolCall("c1", "add", '{"a": 1,'), ToolCall("c2", "add", "é"))),
            Message("tool", "3", tool_call_id="c1"),
            Message("tool", "4", tool_call_id="c2"),
            Message("user", "more", media=(own, IMAGE)),
            Message("assistant", "7"),
        )
        run = admitted(storage, session, media=(IMAGE,))
        storage.runs.finish(ended(run), messages=turn)
        kept = tuple(replace(one, media=tuple(media.without_data() for media in one.media)) for one in turn)
        assert _window(storage, session, 1) == kept
        assert tuple(one.message for one in storage.sessions.history(session.id, owner=None, limit=9).messages) == kept

    def test_a_user_spoke_at_the_admission_and_the_others_by_the_end(self, storage: Storage) -> None:
        session = new_session(storage)
        take_turn(storage, session, "q", "a", seconds=2)
        assert [one.created_at for one in storage.sessions.history(session.id, owner=None, limit=9).messages] == [
            at(2),
            at(5),
        ]

    def test_pages_lead_back_to_the_first_message(self, storage: Storage) -> None:
        session = new_session(storage)
        runs = [take_turn(storage, session, f"q{number}", f"a{number}") for number in range(3)]
        last = storage.sessions.history(session.id, owner=None, limit=3)
        assert [one.sequence for one in last.messages] == [4, 5, 6]
        assert [one.message.content for one in last.messages] == ["a1", "q2", "a2"]
        assert list(last.runs) == runs[1:]
        before = storage.sessions.history(session.id, owner=None, limit=3, before=4)
        assert [one.sequence for one in before.messages] == [1, 2, 3]
        assert list(before.runs) == runs[:2]
        assert storage.sessions.history(session.id, owner=None, limit=3, before=1).messages == []

    def test_every_run_without_messages_stands_on_one_page(self, storage: Storage) -> None:
        session = new_session(storage)

        def fail() -> str:
            run = ended(admitted(storage, session), status=RunStatus.FAILED)
            storage.runs.finish(run)
            return run.id

        order = [
            fail(),
            take_turn(storage, session, "q0", "a0").id,
            fail(),
            fail(),
            take_turn(storage, session, "q1", "a1").id,
            fail(),
        ]
        pages = [storage.sessions.history(session.id, owner=None, limit=2, before=before) for before in (3, None)]
        assert [[run.id for run in page.runs] for page in pages] == [order[:2], order[2:]]
        assert [run.id for run in storage.sessions.history(session.id, owner=None, limit=2, before=99).runs] == order[
            2:
        ]

    def test_large_runs_without_messages_do_not_make_a_large_page(self, storage: Storage) -> None:
        session, mebibyte = new_session(storage), 1024**2
        order = []
        for _ in range(40):
            run = admitted(storage, session, input="x" * mebibyte)
            storage.runs.finish(ended(run, status=RunStatus.FAILED))
            order.append(run.id)
        shown = [run.id for run in storage.sessions.history(session.id, owner=None, limit=2).runs]
        assert shown == order[-len(shown) :]
        assert 8 <= len(shown) <= 32

    def test_runs_under_way_are_not_in_the_history_yet(self, storage: Storage) -> None:
        session = new_session(storage)
        done = take_turn(storage, session, "a")
        admitted(storage, session)
        admitted(storage, session)
        assert list(storage.sessions.history(session.id, owner=None, limit=9).runs) == [done]

    def test_an_empty_session_has_an_empty_history(self, storage: Storage) -> None:
        history = storage.sessions.history(new_session(storage).id, owner=None, limit=9)
        assert (list(history.messages), list(history.runs)) == ([], [])

    def test_the_history_of_an_unknown_session_is_refused(self, storage: Storage) -> None:
        with pytest.raises(SessionNotFound):
            storage.sessions.history("x", owner=None, limit=9)
