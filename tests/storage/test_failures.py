import logging

import pytest

from agentos.errors import StorageError
from agentos.testing.storage.contract import new_session


def test_a_failure_is_logged_once_and_shows_no_data(storage, caplog):
    new_session(storage, id="private")
    with pytest.raises(StorageError) as failed:
        new_session(storage, id="private", name="private words")
    assert "database did not take" in str(failed.value)
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1
    assert "unique constraint" in errors[0].lower()
    assert "private" not in errors[0]


def lines(caplog, text):
    return [record for record in caplog.records if text in record.getMessage()]


def test_many_failures_of_one_kind_are_one_line_and_the_end_of_the_outage_is_another(
    open_storage, sqlite_url, tmp_path, caplog
):
    caplog.set_level(logging.INFO)
    storage = open_storage(sqlite_url)
    storage.upgrade()
    session = new_session(storage)
    storage.close()
    (tmp_path / "test.db").rename(tmp_path / "away.db")
    for _ in range(30):
        with pytest.raises(StorageError):
            storage.check()
    assert len(lines(caplog, "the database failed")) == 1
    (tmp_path / "away.db").rename(tmp_path / "test.db")
    for _ in range(3):
        assert storage.sessions.get(session.id, owner=None) == session
    [back] = lines(caplog, "the database works again")
    assert (back.failures, back.levelname) == (30, "WARNING")
    storage.close()
    (tmp_path / "test.db").rename(tmp_path / "away.db")
    with pytest.raises(StorageError):
        storage.check()
    assert len(lines(caplog, "the database failed")) == 2, "the next outage is said at once"


def test_a_failure_of_another_kind_is_said_although_one_was_said_just_now(storage, caplog):
    new_session(storage, id="there")
    for fields in ({"id": "there"}, {"name": "lone \ud800 surrogate"}):
        for _ in range(3):
            with pytest.raises(StorageError):
                new_session(storage, **fields)
    assert len(lines(caplog, "the database failed")) == 2
    assert lines(caplog, "the database works again") == [], "the database was there all the time"
