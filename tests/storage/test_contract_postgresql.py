import pytest
from sqlalchemy import create_engine

from agentos.config import Config
from agentos.storage.sqlalchemy import open_sql
from agentos.storage.sqlalchemy.tables import metadata
from agentos.testing.storage import StorageContract


@pytest.fixture(scope="module")
def engine(postgres_server):
    """Connect to a database that is migrated once, which takes longer than most of these tests."""
    url = postgres_server.create_database()
    storage = open_sql(url, Config(environ={}))
    storage.upgrade()
    storage.close()
    engine = create_engine(url)
    yield engine
    engine.dispose()
    postgres_server.drop_database(url)


class TestPostgresql(StorageContract):
    @pytest.fixture
    def storage(self, engine):
        with engine.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
        storage = open_sql(engine.url.render_as_string(hide_password=False), Config(environ={}))
        yield storage
        storage.close()
