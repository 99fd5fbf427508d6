"""Attachments in an SQL database: what is written and read of them, and rows of versions that kept them otherwise."""

import json
import os
import subprocess
import sys
import tracemalloc

import pytest
from sqlalchemy import create_engine, text

from agentos.domain.media import Media
from agentos.domain.media_data import PIECE
from agentos.domain.message import Message
from agentos.domain.run import RunStatus
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter
from agentos.testing.storage.attachments import picture
from agentos.testing.storage.contract import admit, claimed, ended, new_run, new_session

MIB = 1024**2
TABLES = ("attachments", "attachment_pieces", "run_attachments", "run_media")
OLD_FIELDS = {"type", "url", "data", "content_type", "name", "metadata"}


@pytest.fixture
def engine(sql_url):
    engine = create_engine(sql_url)
    yield engine
    engine.dispose()


def query(engine, sql, **values):
    with engine.begin() as connection:
        return [tuple(row) for row in connection.execute(text(sql), values)]


def change(engine, sql, **values):
    with engine.begin() as connection:
        connection.execute(text(sql), values)


def counts(engine):
    return {table: query(engine, f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}


def show(storage, session, *media):
    """Take a turn in which the user shows something; return the run as it was admitted."""
    run = admit(storage, new_run(session, media=media)).run
    assert storage.runs.finish(
        ended(run), messages=[Message("user", "look", media=run.media), Message("assistant", "I")]
    )
    return run


def make_old(engine, run, media, *, own=()):
    """Give a run and its message attachments as a version before 0005 wrote them."""
    old = [{"type": one.type, "data": one.data, "content_type": one.content_type, "name": one.name} for one in media]
    change(engine, "DELETE FROM run_attachments WHERE run_id = :run", run=run.id)
    rows = query(engine, "SELECT run_id FROM run_media WHERE run_id = :run", run=run.id)
    insert = "INSERT INTO run_media (run_id, media) VALUES (:run, :media)"
    replace = "UPDATE run_media SET media = :media, attachments = NULL WHERE run_id = :run"
    change(engine, replace if rows else insert, run=run.id, media=json.dumps(old))
    message = "UPDATE messages SET attachments = NULL, shares_media = :shares, media = :media WHERE run_id = :run"
    where = " AND role = 'user'"
    mine = json.dumps([{"type": one.type, "data": one.data, "content_type": one.content_type} for one in own])
    change(engine, message + where, run=run.id, shares=not own, media=mine if own else None)


def test_the_same_picture_ten_times_is_one_row_of_each_owner(storage, engine):
    content = os.urandom(PIECE + 1)
    for owner in ("alice", "bob"):
        session = new_session(storage, owner=owner)
        for _ in range(10):
            show(storage, session, picture(content))
    assert counts(engine) == {"attachments": 2, "attachment_pieces": 4, "run_attachments": 20, "run_media": 20}
    stored = query(engine, "SELECT content FROM attachment_pieces WHERE owner = 'bob' ORDER BY number")
    assert b"".join(bytes(piece) for (piece,) in stored) == content


@pytest.mark.parametrize("by", ["the storage", "another version"])
def test_the_end_of_a_session_leaves_no_orphan(storage, engine, by):
    sessions = [new_session(storage, owner="alice") for _ in range(2)]
    for session in sessions:
        show(storage, session, picture(b"both"), picture(session.id.encode()))
    for session, left in zip(sessions, (2, 0), strict=True):
        if by == "the storage":
            storage.sessions.delete(session.id, owner="alice")
        elif engine.dialect.name == "sqlite":
            with engine.connect() as connection:
                connection.execute(text("PRAGMA foreign_keys = ON"))
                connection.commit()
                connection.execute(text("DELETE FROM sessions WHERE id = :id"), {"id": session.id})
                connection.commit()
        else:
            change(engine, "DELETE FROM sessions WHERE id = :id", id=session.id)
        runs = left // 2
        assert counts(engine) == {
            "attachments": left,
            "attachment_pieces": left,
            "run_attachments": left,
            "run_media": runs,
        }


# --- what earlier versions wrote, and what they read ----------------------------------------------------------------


def test_rows_of_an_earlier_version_are_shown_and_read_where_they_are(storage, engine):
    session = new_session(storage, owner="alice")
    of_run = (picture(b"first", name="a"), picture(b"second"))
    of_message = (picture(b"of the message"),)
    runs = [show(storage, session) for _ in range(2)]
    make_old(engine, runs[0], of_run)
    make_old(engine, runs[1], of_run, own=of_message)

    found = storage.runs.get(runs[0].id, owner="alice")
    assert [(one.name, one.size, one.data) for one in found.media] == [("a", 5, None), (None, 6, None)]
    assert [run.media for run in storage.runs.list(RunFilter(), Paging()).items] == [found.media] * 2
    history = storage.sessions.history(session.id, owner="alice", limit=9)
    assert [run.media for run in history.runs] == [found.media] * 2
    window = admit(storage, new_run(session)).history
    for messages in ([one.message for one in history.messages], window):
        first, _, second, _ = messages
        assert first.media == found.media
        contents = [storage.attachments.read(one.reference, owner="alice") for one in (*first.media, *second.media)]
        assert contents == [b"first", b"second", b"of the message"]
        for one in (*first.media, *second.media):
            assert storage.attachments.read(one.reference, owner="bob") is None
            assert storage.attachments.read(one.reference, owner=None) is not None
    reference = found.media[0].reference
    storage.sessions.delete(session.id, owner="alice")
    assert storage.attachments.read(reference, owner="alice") is None


def test_a_run_that_an_earlier_version_admitted_is_gone_on_with(storage, engine):
    session = new_session(storage, owner="alice")
    run = admit(storage, new_run(session)).run
    make_old(engine, run, (picture(b"old"),))
    (found,) = storage.runs.list(RunFilter(), Paging()).items
    messages = [Message("user", "look", media=found.media), Message("assistant", "I see")]
    assert storage.runs.finish(ended(found), messages=messages)
    (shown, *_) = admit(storage, new_run(session)).history
    assert storage.attachments.read(shown.media[0].reference, owner="alice") == b"old"


def test_an_earlier_version_can_read_new_rows(storage, engine):
    """It knows six fields of an attachment, and shows a model what a message has in `media`."""
    session = new_session(storage)
    address = Media("image", url="https://example.com/a.png", name="b")
    run = show(storage, session, picture(b"x", name="a"), address)
    ((media,),) = query(engine, "SELECT media FROM run_media WHERE run_id = :run", run=run.id)
    assert [one["name"] for one in json.loads(media)] == ["a", "b"]
    assert all(one.keys() <= OLD_FIELDS - {"data"} for one in json.loads(media))
    rows = query(engine, "SELECT shares_media, media FROM messages WHERE run_id = :run ORDER BY sequence", run=run.id)
    assert [bool(shares) for shares, _ in rows] == [False, False]
    assert [media and [one["name"] for one in json.loads(media)] for _, media in rows] == [["b"], None]


# --- what is read of them ------------------------------------------------------------------------------------------


def peak(call):
    """Return how many bytes a call has in memory at most."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


QUESTIONS = {
    "runs.list": lambda storage, session, run: storage.runs.list(RunFilter(), Paging(limit=1000)),
    "runs.get": lambda storage, session, run: storage.runs.get(run.id, owner=None),
    "sessions.history": lambda storage, session, run: storage.sessions.history(session.id, owner=None, limit=1000),
    "runs.request_cancel": lambda storage, session, run: storage.runs.request_cancel(run.id, owner=None),
    "runs.admit": lambda storage, session, run: admit(storage, new_run(session), history_turns=1000),
    "runs.claim": lambda storage, session, run: claimed(
        storage, admit(storage, new_run(media=(Media("image", url="https://example.com"),)), None).run.id
    ),
}


@pytest.fixture
def pictures(storage):
    """A session of 20 runs with a picture of a MiB each; the last one has failed and so has no messages."""
    session = new_session(storage)
    for _ in range(19):
        run = show(storage, session, picture(os.urandom(MIB)))
    failed = admit(storage, new_run(session, media=(picture(os.urandom(MIB)),))).run
    storage.runs.finish(ended(failed, status=RunStatus.FAILED))
    return session, run


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_list_and_no_history_reads_the_bytes(storage, pictures, recording, question):
    QUESTIONS[question](storage, *pictures)
    with recording() as recorded:
        most = peak(lambda: QUESTIONS[question](storage, *pictures))
    assert most < MIB // 2
    assert not [sql for sql, _ in recorded.statements if "attachment_pieces" in sql]


@pytest.mark.parametrize("question", ["runs.list", "sessions.history", "runs.admit"])
def test_of_an_earlier_version_one_row_at_a_time_is_read(storage, engine, question):
    session = new_session(storage)
    for _ in range(10):
        make_old(engine, show(storage, session), (picture(bytes(2 * MIB)),))
    run = storage.runs.list(RunFilter(), Paging()).items[0]
    # The text, what it is parsed into, and what the driver has of it.
    assert peak(lambda: QUESTIONS[question](storage, session, run)) < 4 * 2 * MIB * 4 / 3


HOLDS = """
from gevent import monkey
monkey.patch_all()
import sys, time, gevent
from agentos.config import Config
from agentos.storage.sqlalchemy import open_sql
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter
from agentos.testing.storage.attachments import picture
from agentos.testing.storage.contract import admit, ended, new_run, new_session, said

storage = open_sql(sys.argv[1], Config(environ={}))
session = storage.sessions.get("s", owner=None)
longest, ended_at = 0.0, False

def watch():
    global longest
    before = time.perf_counter()
    while not ended_at:
        time.sleep(0.001)
        now = time.perf_counter()
        longest, before = max(longest, now - before), now

watcher = gevent.spawn(watch)
gevent.sleep(0.01)
for part in range(3):
    for media in [one for run in storage.runs.list(RunFilter(), Paging(limit=1000)).items for one in run.media[:part]]:
        storage.attachments.read(media.reference, owner=None)
storage.sessions.history(session.id, owner=None, limit=1000)
admission = admit(storage, new_run(session, media=(picture(b"new" * 2_500_000),)))
ended_at = True
watcher.join()
print(longest)
"""


@pytest.mark.parametrize("sql_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("age", ["new", "old"])
def test_a_worker_is_never_held_for_long_by_forty_large_attachments(storage, sqlite_url, engine, age):
    """The longest time between two turns of another greenlet while they are listed, read, and one more is written."""
    session = new_session(storage, id="s")
    content = bytes(7 * MIB)
    for number in range(40 if age == "new" else 6):
        media = (picture(content + bytes([number])),)
        if age == "new":
            show(storage, session, *media)
        else:
            make_old(engine, show(storage, session), media)
    command = [sys.executable, "-c", HOLDS, sqlite_url]
    longest = min(
        float(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout) for _ in range(2)
    )
    assert longest < 0.2
