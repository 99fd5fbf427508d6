"""The promises about attachments: bytes once per owner and content, in no list, gone with the last run of theirs."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

import pytest

from agentos.domain.media import Media
from agentos.domain.media_data import PIECE
from agentos.domain.message import Message
from agentos.domain.run import Run, RunStatus
from agentos.domain.session import Session
from agentos.errors import SessionNotFound
from agentos.storage.admission import Lease
from agentos.storage.interface import Storage
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter
from agentos.storage.sessions import SessionFilter
from agentos.testing.storage.contract import (
    Contract,
    admit,
    admitted,
    as_kept,
    at_once,
    claimed,
    ended,
    new_run,
    new_session,
    taken_over,
)


def picture(content: bytes, *, name: str | None = None) -> Media:
    """Return a picture with these bytes."""
    return Media("image", data=b64encode(content).decode(), content_type="image/png", name=name)


def _show(storage: Storage, session: Session | None, *media: Media, owner: str = "alice") -> Run:
    """Run one turn in which the user shows something, and return the run as it was admitted."""
    run = admit(storage, new_run(session, media=media, owner=owner)).run
    turn = [Message("user", "look", media=run.media), Message("assistant", "I see")]
    assert storage.runs.finish(ended(run), messages=turn if session is not None else ())
    return run


def _references(media: Sequence[Media]) -> list[str]:
    return [one.reference for one in media if one.reference is not None]


class AttachmentContract(Contract):
    """Attachments."""

    @pytest.mark.parametrize("size", [0, 1, 2, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 5])
    def test_bytes_come_back_as_they_were_given(self, storage: Storage, size: int) -> None:
        content = bytes(number % 251 for number in range(1000)) * (size // 1000 + 1)
        run = _show(storage, None, picture(content[:size]))
        (reference,) = _references(run.media)
        assert storage.attachments.read(reference, owner="alice") == content[:size]

    def test_an_admitted_run_has_its_data_and_everything_else_has_the_size(self, storage: Storage) -> None:
        session = new_session(storage)
        given = (picture(b"first", name="a"), Media("image", url="https://example.com/a.png"))
        first = admit(storage, new_run(session, media=given)).run
        waiting = admit(storage, new_run(session, media=given, seconds=1), Lease("gone", -1.0)).run
        assert (first.media, waiting.media) == (given, given)
        turn = [Message("user", "look", media=first.media), Message("assistant", "I see")]
        assert storage.runs.finish(ended(first), messages=turn)

        kept = as_kept(first).media
        assert [(one.size, one.data) for one in kept] == [(5, None), (None, None)]
        taken = claimed(storage, waiting.id).run
        cancelled = storage.runs.request_cancel(first.id, owner=None)
        found = storage.runs.get(first.id, owner=None)
        history = storage.sessions.history(session.id, owner=None, limit=9)
        assert cancelled is not None
        assert found is not None
        listed = storage.runs.list(RunFilter(), Paging()).items
        for run in (taken, cancelled, found, *listed, *history.runs):
            assert run.media == kept
        window = storage.runs.window(session.id, turns=9)
        assert window[0].media == history.messages[0].message.media == kept
        assert storage.attachments.read(_references(window[0].media)[0], owner=None) == b"first"

    def test_one_content_has_one_reference_of_each_owner(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        runs = [_show(storage, session, picture(b"same", name=str(number))) for number in range(3)]
        runs.append(_show(storage, None, picture(b"same"), picture(b"other"), picture(b"same")))
        references = {reference for run in runs for reference in _references(run.media)}
        assert len(references) == 2
        found = storage.runs.get(runs[1].id, owner="alice")
        assert found is not None
        assert [one.name for one in found.media] == ["1"]
        for reference in references:
            assert storage.attachments.read(reference, owner="bob") is None

    def test_what_another_owner_has_too_is_kept_apart(self, storage: Storage) -> None:
        hers, his = (new_session(storage, owner=owner) for owner in ("alice", "bob"))
        (reference,) = _references(_show(storage, hers, picture(b"same")).media)
        (again,) = _references(_show(storage, his, picture(b"same")).media)
        storage.sessions.delete(hers.id, owner="alice")
        assert storage.attachments.read(reference, owner="alice") is None
        assert storage.attachments.read(again, owner="bob") == b"same"

    def test_another_owners_attachment_is_shared_only_by_giving_its_data_again(self, storage: Storage) -> None:
        hers = _show(storage, None, picture(b"x")).media
        his = _show(storage, None, *hers, owner="bob").media
        assert storage.attachments.read(_references(his)[0], owner="bob") == b"x"
        (named,) = _show(storage, None, hers[0].without_data(), owner="carol").media
        assert storage.attachments.read(str(named.reference), owner="carol") is None

    def test_a_run_in_a_session_keeps_its_attachments_for_the_sessions_owner(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        (reference,) = _references(_show(storage, session, picture(b"x"), owner="root").media)
        assert storage.attachments.read(reference, owner="alice") == b"x"
        assert storage.attachments.read(reference, owner="root") is None

    @pytest.mark.parametrize("several", [False, True])
    def test_the_last_run_that_goes_takes_the_bytes_along(self, storage: Storage, several: bool) -> None:
        sessions = [new_session(storage, owner="alice", seconds=number) for number in range(2)]
        for session in sessions:
            for _ in range(2):
                (reference,) = _references(_show(storage, session, picture(b"x")).media)
        for session, left in zip(sessions, (b"x", None), strict=True):
            if several:
                assert storage.sessions.delete_oldest(SessionFilter(owner="alice"), limit=1) == 1
            else:
                assert storage.sessions.delete(session.id, owner="alice")
            assert storage.attachments.read(reference, owner="alice") == left

    def test_a_message_may_have_attachments_of_its_own(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        run = admitted(storage, session, media=(picture(b"of the run"),))
        given = (picture(b"of the message"), picture(b"of the run"))
        assert storage.runs.finish(ended(run), messages=[Message("user", "look", media=given)])
        ((stored,),) = [storage.sessions.history(session.id, owner=None, limit=9).messages]
        contents = [storage.attachments.read(one, owner="alice") for one in _references(stored.message.media)]
        assert contents == [b"of the message", b"of the run"]
        storage.sessions.delete(session.id, owner=None)
        assert [storage.attachments.read(one, owner="alice") for one in _references(stored.message.media)] == [None] * 2

    def test_a_run_that_is_refused_leaves_no_bytes(self, storage: Storage) -> None:
        (reference,) = _references(_show(storage, (session := new_session(storage)), picture(b"x")).media)
        storage.sessions.delete(session.id, owner=None)
        with pytest.raises(SessionNotFound):
            admit(storage, new_run(session, media=(picture(b"x"),)))
        assert storage.attachments.read(reference, owner=None) is None

    def test_a_run_that_another_worker_takes_over_keeps_its_attachments(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        admitted(storage, session, lease=Lease("gone", -1.0), media=(picture(b"x"),))
        (taken,) = taken_over(storage)
        turn = [Message("user", "look", media=taken.media), Message("assistant", "I see")]
        assert storage.runs.finish(ended(taken), messages=turn)
        window = storage.runs.window(session.id, turns=1)[0]
        assert storage.attachments.read(_references(window.media)[0], owner="alice") == b"x"

    @pytest.mark.parametrize("reference", ["", "x", "sha256:", "sha256:00", "run:x:0", "message:x:1:0", "run:x", ":0"])
    def test_what_refers_to_nothing_has_no_bytes(self, storage: Storage, reference: str) -> None:
        for owner in ("alice", None):
            assert storage.attachments.read(reference, owner=owner) is None

    def test_content_that_comes_and_goes_at_once_is_there_as_long_as_a_run_has_it(self, storage: Storage) -> None:
        contents = (b"x" * 2000, b"y" * 2000)
        references = {}

        def show_and_delete(number: int) -> None:
            for turn in range(6):
                session = new_session(storage, owner="alice")
                media = [picture(content) for content in contents]
                run = _show(storage, session, *(media if (number + turn) % 2 else media[::-1]))
                for one in run.media:
                    assert one.reference is not None
                    assert storage.attachments.read(one.reference, owner="alice") in contents
                    references[one.reference] = one
                assert storage.sessions.delete(session.id, owner="alice")

        at_once(show_and_delete)
        assert len(references) == 2
        assert [storage.attachments.read(reference, owner="alice") for reference in references] == [None, None]

    def test_a_failed_run_keeps_its_attachments(self, storage: Storage) -> None:
        run = admitted(storage, owner="alice", media=(picture(b"x"),))
        storage.runs.finish(ended(run, status=RunStatus.FAILED))
        assert storage.attachments.read(_references(run.media)[0], owner="alice") == b"x"
