"""What stands between the stores and the driver."""

import cProfile
import pstats

import pytest
from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary, Text, bindparam, text, update

from agentos.storage.sessions import SessionChanges
from agentos.storage.sqlalchemy import open_database
from agentos.storage.sqlalchemy.tables import metadata, sessions
from agentos.testing.storage.contract import LEASE, at, ended, frames, new_run, new_session, said

RENAME = update(sessions).where(sessions.c.id == bindparam("session_id")).values(name=bindparam("new_name"))


@pytest.fixture
def database(storage, sql_url):
    database = open_database(sql_url)
    yield database
    database.close()


def test_the_tables_hold_only_what_drivers_take_and_give_as_it_is():
    types = {type(column.type) for table in metadata.tables.values() for column in table.columns}
    assert types == {Text, Integer, BigInteger, Boolean, LargeBinary}


def test_a_turn_compiles_no_statement_that_an_earlier_turn_had(storage):
    session = new_session(storage)

    def take_turn():
        run = storage.runs.admit(new_run(session), claim=LEASE, owner=None, history_turns=3).run
        storage.runs.finish(ended(run), messages=said("q", "a"), frames=frames(1, 3, kind="complete"))

    take_turn()
    with cProfile.Profile() as profile:
        take_turn()
    called = {file for file, _, _ in pstats.Stats(profile).stats}
    assert any("sqlalchemy/pool" in file for file in called)
    assert not [file for file in called if "/sqlalchemy/sql/" in file]


def test_rows_have_the_names_of_their_columns_and_tell_how_many_changed(storage, database):
    first, second = new_session(storage, name="one"), new_session(storage, name="two")
    query = text("SELECT name, id FROM sessions ORDER BY name")
    rows = database.read(lambda connection: connection.execute(query).all())
    assert [(row.name, row.id) for row in rows] == [("one", first.id), ("two", second.id)]
    none = database.read(lambda connection: connection.execute(text("SELECT id FROM runs")))
    assert (none.all(), none.first(), none.scalar()) == ([], None, None)
    changed = database.write(
        lambda connection: connection.execute(RENAME, {"session_id": first.id, "new_name": "1", "more": "ignored"})
    )
    assert (changed.rowcount, changed.all()) == (1, ())


def test_a_snapshot_sees_one_state_while_others_write(storage, database):
    session = new_session(storage, name="before")
    query = text("SELECT name FROM sessions")

    def work(connection):
        before = connection.execute(query).scalar()
        storage.sessions.update(session.id, SessionChanges(name="after"), owner=None, now=at(1))
        return before, connection.execute(query).scalar()

    assert database.snapshot(work) == ("before", "before")
    assert storage.sessions.get(session.id, owner=None).name == "after"


class Killed(BaseException):
    """As a greenlet or a thread of the system is ended in the middle of its work."""


@pytest.mark.parametrize("how", [Killed, ValueError])
def test_work_that_is_ended_in_the_middle_leaves_nothing_and_no_broken_connection(storage, database, how):
    session = new_session(storage, name="before")

    def work(connection):
        connection.execute(RENAME, {"session_id": session.id, "new_name": "never"})
        raise how

    for _ in range(30):  # more often than there are connections
        with pytest.raises(how):
            database.write(work)
        with pytest.raises(how):
            database.snapshot(work)
    assert storage.sessions.get(session.id, owner=None) == session
    database.write(lambda connection: connection.execute(RENAME, {"session_id": session.id, "new_name": "after"}))
    assert storage.sessions.get(session.id, owner=None).name == "after"
