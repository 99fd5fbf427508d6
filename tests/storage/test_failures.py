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
