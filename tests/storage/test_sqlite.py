import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from agentos.config import Config
from agentos.domain.run import RunStatus
from agentos.errors import ConfigError, StorageError
from agentos.storage.history import MAX_RUNS_WITHOUT_MESSAGES
from agentos.storage.paging import Paging
from agentos.storage.sessions import SessionFilter
from agentos.storage.sqlalchemy import open_sql
from agentos.storage.sqlalchemy.sqlite import open_sqlite
from agentos.testing.storage.contract import LEASE, admitted, ended, frames, new_run, new_session, said, take_turn

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
sys.stdout.write("held\\n")
sys.stdout.flush()
sys.stdin.readline()
connection.execute("COMMIT")
"""


@pytest.fixture
def sql_url(sqlite_url):
    return sqlite_url


@pytest.fixture
def path(tmp_path):
    return tmp_path / "test.db"


@pytest.fixture
def locked(storage, path):
    """Another process holds the write lock; calling ends it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield lambda: process.communicate("\n", timeout=10)
    if process.poll() is None:
        process.communicate("\n", timeout=10)


def open_files(path):
    return [file for file in Path("/proc/self/fd").iterdir() if file.exists() and file.samefile(path)]


def test_a_connection_that_is_in_use_when_the_storage_is_closed_is_closed_when_it_is_given_back(path, sqlite_url):
    path.touch()
    database = open_sqlite(sqlite_url)
    reading, closed = threading.Event(), threading.Event()

    def read(connection):
        connection.execute(text("SELECT 1"))
        reading.set()
        assert closed.wait(10)

    reader = threading.Thread(target=database.read, args=[read])
    reader.start()
    assert reading.wait(10)
    database.close()
    closed.set()
    reader.join(10)
    assert not open_files(path)


def test_a_file_that_is_no_database_is_closed(path, sqlite_url):
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError):
        open_sqlite(sqlite_url).check()
    assert not open_files(path)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file:x?mode=memory", "sqlite:///x.db?timeout=5"]
)
def test_a_database_that_is_no_file_is_refused(url):
    with pytest.raises(ConfigError, match="accepted: sqlite:///FILE"):
        open_sql(url, Config(environ={}))


def test_a_directory_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ConfigError, match="nowhere"):
        open_sql(f"sqlite:///{tmp_path}/nowhere/test.db", Config(environ={}))


@pytest.mark.parametrize("url", ["mysql://user:secret@host/db", "no url with secret"])
def test_another_scheme_is_refused_without_showing_the_url(url):
    with pytest.raises(ConfigError) as refused:
        open_sql(url, Config(environ={}))
    assert "secret" not in str(refused.value)


def test_nothing_is_created_before_the_upgrade(open_storage, sqlite_url, path):
    storage = open_storage(sqlite_url)
    assert not storage.schema().ready
    with pytest.raises(StorageError):
        storage.check()
    assert not path.exists()


def test_only_the_owner_can_read_a_new_database(storage, path):
    new_session(storage)
    modes = [stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob("test.db*")]
    assert len(modes) > 1
    assert set(modes) == {0o600}


def test_everything_is_there_after_a_restart(storage, open_storage, sqlite_url):
    session = new_session(storage)
    run = take_turn(storage, session, "q", "a")
    storage.close()
    again = open_storage(sqlite_url)
    again.upgrade()
    assert again.runs.get(run.id, owner=None) == run
    assert [one.message.content for one in again.sessions.history(session.id, owner=None, limit=9).messages] == [
        "q",
        "a",
    ]


def test_all_writers_of_a_database_that_stays_locked_fail_in_bounded_time(storage, locked):
    outcomes = []

    def write():
        try:
            new_session(storage)
        except StorageError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=write) for _ in range(6)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 6
    assert 1 < time.monotonic() - start < 6


def test_readers_do_not_wait_for_the_writer(storage, locked):
    start = time.monotonic()
    storage.sessions.list(SessionFilter(), Paging())
    storage.check()
    assert time.monotonic() - start < 0.5


def test_a_lock_that_is_released_in_time_is_waited_for(storage, locked):
    timer = threading.Timer(0.5, locked)
    timer.start()
    session = new_session(storage)
    timer.join()
    assert storage.sessions.get(session.id, owner=None) == session


def test_processes_that_write_at_once_all_get_their_turn(storage, sqlite_url):
    code = (
        "import sys\n"
        "from agentos.config import Config\n"
        "from agentos.storage.sqlalchemy import open_sql\n"
        "from agentos.testing.storage.contract import new_session, take_turn\n"
        "storage = open_sql(sys.argv[1], Config(environ={}))\n"
        "session = storage.sessions.get('shared', owner=None)\n"
        "for number in range(40):\n"
        "    take_turn(storage, new_session(storage), 'q', 'a')\n"
    )
    new_session(storage, id="shared")
    writers = [subprocess.Popen([sys.executable, "-c", code, sqlite_url]) for _ in range(3)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    assert storage.sessions.count(SessionFilter()) == 121


def test_a_write_that_fails_in_the_middle_leaves_nothing_and_can_be_done_again(storage, path):
    session = new_session(storage)
    run = admitted(storage, session)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TRIGGER refuse BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'no'); END")
        with pytest.raises(StorageError):
            storage.runs.finish(ended(run), messages=said("a"))
        assert storage.runs.get(run.id, owner=None) == run
        assert storage.sessions.get(session.id, owner=None).run_count == 0
        other.execute("DROP TRIGGER refuse")
    assert storage.runs.finish(ended(run), messages=said("a"))


def test_text_that_the_driver_cannot_encode_is_a_storage_error(storage):
    with pytest.raises(StorageError):
        new_session(storage, name="lone \ud800 surrogate")


def test_a_page_of_history_holds_a_bounded_number_of_runs_without_messages(storage):
    session = new_session(storage)
    for _ in range(MAX_RUNS_WITHOUT_MESSAGES + 2):
        storage.runs.finish(ended(admitted(storage, session), status=RunStatus.FAILED))
    assert [run.position for run in storage.sessions.history(session.id, owner=None, limit=1).runs] == list(
        range(3, MAX_RUNS_WITHOUT_MESSAGES + 3)
    )


def test_a_run_writes_few_pages(storage, path):
    """Most of a commit's time is a page for each index that it changes."""
    session = new_session(storage)
    written = []
    for make in (lambda: new_run(), lambda: new_run(session)):
        before = path.with_name("test.db-wal").stat().st_size
        for _ in range(10):
            run = storage.runs.admit(make(), claim=LEASE, owner=None, history_turns=3).run
            storage.runs.finish(ended(run), messages=said("q", "a") if run.session_id else (), frames=frames(1, 3))
        written.append((path.with_name("test.db-wal").stat().st_size - before) / 4120 / 10)
    plain, in_session = written
    assert 0 < plain <= 16.5
    assert 0 < in_session <= 29.5


def test_many_threads_count_their_failures_together(storage, locked, caplog):
    def write():
        with pytest.raises(StorageError):
            new_session(storage)

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    locked()
    new_session(storage)
    said = [record.getMessage() for record in caplog.records]
    assert len([one for one in said if "the database failed" in one]) == 1
    assert [record.failures for record in caplog.records if "works again" in record.getMessage()] == [6]


def test_names_are_found_in_upper_and_lower_case_of_all_scripts(open_storage, sqlite_url):
    storage = open_storage(sqlite_url)
    storage.upgrade()
    session = new_session(storage, name="\u00c9t\u00e9 \u041c\u043e\u0441\u043a\u0432\u0430 Stra\u00dfe")
    for part in ("\u00e9T\u00c9", "\u043c\u041e\u0421", "STRASSE", "E\u0301t"):
        found = storage.sessions.list(SessionFilter(name_contains=part), Paging()).items
        assert [one.id for one in found] == [session.id], part
