"""What is said is found: by FTS5 on SQLite, by `tsvector` on PostgreSQL, by a scan in memory."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from agentos.app import create_app
from agentos.config import Config
from agentos.domain.message import Message
from agentos.errors import InvalidRequest
from agentos.storage.memory import MemoryStorage
from agentos.storage.paging import Paging
from agentos.storage.sessions import SessionChanges, SessionFilter
from agentos.storage.sqlalchemy import open_sql
from agentos.storage.text_query import MAX_INDEXED, phrases_of
from agentos.testing.storage.added_messages import add_messages
from agentos.testing.storage.contract import admitted, at, ended, new_session, take_turn
from parts.redis import open_redis_storage


@pytest.fixture
def open_searched():
    """Open a storage that keeps the index, where the setting is on, as a worker does at its start."""
    opened = []

    def open_one(url, search=True):
        storage = open_sql(url, Config(search=search, environ={}))
        opened.append(storage)
        storage.upgrade()
        return storage

    yield open_one
    for storage in opened:
        storage.close()


@pytest.fixture
def open_redis():
    opened = []

    def open_one(url):
        opened.append(open_redis_storage(url))
        return opened[-1]

    yield open_one
    for storage in opened:
        storage.close()


@pytest.fixture(params=["memory", "sqlite", "postgresql", "redis"])
def storage(request, open_searched, open_redis):
    if request.param == "memory":
        return MemoryStorage()
    if request.param == "redis":
        return open_redis(request.getfixturevalue("fresh_redis_url"))
    return open_searched(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "fresh_postgresql_url"))


def found(storage, query, owner=None, **where):
    given = SessionFilter(owner=owner, said=phrases_of(query), **where)
    return [one.id for one in storage.sessions.list(given, Paging()).items]


def test_sessions_are_found_by_words_and_phrases_that_one_message_has(storage):
    rome = new_session(storage, id="rome", seconds=1)
    take_turn(storage, rome, "When is the night train to Rome?", "At 20:15, from platform 7.")
    paris = new_session(storage, id="paris", seconds=2)
    take_turn(storage, paris, "The train by night, please", "To Paris, at eight")
    assert found(storage, "train") == ["paris", "rome"]
    assert found(storage, "TRAIN night") == ["paris", "rome"]
    assert found(storage, '"night train"') == ["rome"]
    assert found(storage, 'rome "night train"') == ["rome"]
    assert found(storage, "train platform") == []
    assert found(storage, "platform") == ["rome"]
    assert found(storage, "plat") == []
    assert found(storage, "train", agent_id="other") == []
    assert storage.sessions.count(SessionFilter(said=("train",))) == 2


def test_what_an_owner_finds_is_the_owners(storage):
    for owner in ("alice", "bob", "Alice", "ü"):
        session = new_session(storage, id=owner, owner=owner)
        take_turn(storage, session, "the word alice bob", "a")
    for owner in ("alice", "bob", "Alice", "ü"):
        assert found(storage, "word", owner) == [owner]
    assert found(storage, "word", "carol") == []
    assert len(found(storage, "word")) == 4


@pytest.mark.parametrize(
    "query",
    [
        *('word" OR "x', "word AND", "NOT word", "word*", "-word", "word:", "^word", "(word", "owner:word", "word)"),
        *("NEAR(word", "'word", "word\\", "word %", "{word}", "+word", "word | x", "word & !x", "w\u0301ord", "\u6f22"),
    ],
)
def test_nothing_in_a_query_is_an_operator_or_an_error(storage, query):
    take_turn(storage, new_session(storage, owner="alice"), "other things", "are said")
    assert found(storage, query, "alice") == []


@pytest.mark.parametrize(
    "query",
    ["word*", "-word", "word:", "^word", "(word", "'word'", '"word', "!word", "+word", "{word}", "word\\", "w\u00f6rd"],
)
def test_what_is_an_operator_elsewhere_is_no_part_of_a_word(storage, query):
    session = new_session(storage, owner="alice")
    take_turn(storage, session, "a word is w\u00f6rd", "are said")
    assert found(storage, query, "alice") == [session.id]


@pytest.mark.parametrize("query", ["", " ", '"', '""', "*", "- ! &", "'"])
def test_a_query_without_a_word_is_refused(query):
    with pytest.raises(InvalidRequest, match="a word to look for"):
        phrases_of(query)
    with pytest.raises(InvalidRequest, match="at most 16"):
        phrases_of("x " * 17)


def test_what_is_deleted_is_not_found(storage):
    run_gone, removed, deleted = (new_session(storage, id=name) for name in ("run", "removed", "deleted"))
    run = take_turn(storage, run_gone, "first word", "a")
    take_turn(storage, deleted, "second word", "a")
    (added,) = add_messages(storage, removed, Message("user", "third word"))
    assert sorted(found(storage, "word")) == ["deleted", "removed", "run"]
    storage.runs.delete(run.id, owner=None)
    storage.sessions.delete(deleted.id, owner=None)
    storage.sessions.remove_message(removed.id, added.sequence, owner=None)
    assert found(storage, "word") == []
    take_turn(storage, run_gone, "again a word", "a")
    assert found(storage, "word") == ["run"]


def test_copies_and_added_messages_are_found_and_tools_results_are_not(storage):
    session = new_session(storage, id="parent", owner="alice")
    add_messages(storage, session, Message("user", "added"), Message("tool", "result", tool_call_id="c"))
    fork = storage.sessions.fork("parent", "fork", SessionChanges(), owner="alice", now=at(9))
    assert found(storage, "added", "alice") == ["fork", "parent"]
    assert found(storage, "result", "alice") == []
    storage.sessions.delete("parent", owner=None)
    assert found(storage, "added", "alice") == [fork.id]


def test_only_the_beginning_of_a_long_message_is_searched_and_any_is_kept(storage):
    session = new_session(storage)
    words = " ".join(f"{number:x}z" for number in range(MAX_INDEXED // 4))
    long = f"first {words} {'x' * 3000} {chr(0x1F600) * MAX_INDEXED} last"
    take_turn(storage, session, long, "漢" * MAX_INDEXED)
    assert found(storage, "first") == [session.id]
    assert found(storage, "last") == []
    assert storage.sessions.history(session.id, owner=None, limit=9).messages[0].message.content == long
    assert storage.sessions.delete(session.id, owner=None)


def test_pages_of_what_is_found_follow_each_other(storage):
    for number in range(7):
        take_turn(storage, new_session(storage, id=str(number), seconds=number), "word", "a", seconds=number)
    where = SessionFilter(said=("word",))
    page = storage.sessions.list(where, Paging(limit=3))
    rest = storage.sessions.list(where, Paging(limit=9, cursor=page.next_cursor))
    assert [one.id for one in (*page.items, *rest.items)] == list("6543210")


def test_what_was_said_before_the_index_is_found_once_it_is_made(open_searched, sql_url):
    before = open_searched(sql_url, search=False)
    for number in range(3):
        session = new_session(before, id=str(number), owner="alice")
        take_turn(before, session, *["word", "answer"] * 100)
    storage = open_searched(sql_url)
    assert sorted(found(storage, "word", "alice")) == ["0", "1", "2"]
    again = open_searched(sql_url)
    # A worker that does not search writes what the others find.
    take_turn(before, new_session(before, id="new", owner="alice"), "new word", "a")
    before.sessions.delete("1", owner="alice")
    assert sorted(found(again, "word", "alice")) == ["0", "2", "new"]


def test_the_index_of_sqlite_is_whole_after_all_that_is_deleted(open_searched, sqlite_url):
    storage = open_searched(sqlite_url)
    for number in range(4):
        session = new_session(storage, id=str(number))
        run = take_turn(storage, session, f"word {number}", "é漢 " * 50)
        if number % 2:
            storage.runs.delete(run.id, owner=None)
    storage.sessions.delete("0", owner=None)
    storage.shrink()
    assert found(storage, "word") == ["2"]
    assert found(storage, "e漢") == found(storage, "É漢") == ["2"]
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        assert connection.execute("SELECT count(*) FROM message_texts").fetchone() == (2,)
    storage.sessions.delete("2", owner=None)
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        connection.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, message_search, 'row')")
        assert connection.execute("SELECT term FROM words").fetchall() == []


def test_a_run_that_ends_without_a_word_is_no_matter(storage):
    session = new_session(storage)
    run = ended(admitted(storage, session))
    assert storage.runs.finish(replace(run, content=""), messages=[Message("user", ""), Message("assistant", "")])
    assert found(storage, "word") == []


@pytest.mark.parametrize("kind", ["sqlite_url", "fresh_postgresql_url"])
def test_where_no_start_migrates_a_worker_is_ready_once_an_upgrade_has_made_the_index(request, kind):
    url = request.getfixturevalue(kind)

    def open_app(**settings):
        app = create_app(Config(database_url=url, environ={}, **settings))
        request.addfinalizer(app.extensions["agentos"].close)
        return app.test_client()

    def ready(client):
        answer = client.get("/ready")
        return answer.status_code, "AGENTOS_SEARCH" in answer.text

    open_app()
    without = open_app(migrate=False)
    client = open_app(migrate=False, search=True)
    storage = client.application.extensions["agentos"].storage
    session = new_session(storage)
    take_turn(storage, session, "Hello there", "Good day")
    assert (ready(without), ready(client)) == ((200, False), (503, True))
    refused = client.get("/api/v1/sessions?q_text=hello")
    assert (refused.status_code, refused.json["code"]) == (503, "STORAGE_ERROR")
    assert "run 'flask agentos db upgrade' with the settings of the server" in refused.json["message"]

    storage.upgrade()
    assert ready(client) == (200, False)
    assert [one["session_id"] for one in client.get("/api/v1/sessions?q_text=hello").json["sessions"]] == [session.id]


def test_an_index_that_nothing_keeps_any_more_is_not_ready(open_searched, sqlite_url):
    assert open_searched(sqlite_url).schema().lacks is None
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        connection.execute("DROP TRIGGER messages_unsaid")
    again = open_sql(sqlite_url, Config(search=True, environ={}))
    try:
        assert not again.schema().ready
        again.upgrade()
        assert again.schema().ready
    finally:
        again.close()
