"""What `docs/how-to/backup.md` says, done as it stands there."""

import os
import re
import sqlite3
import subprocess
import sysconfig
from contextlib import closing
from pathlib import Path

import pytest

from agentos.config import Config
from agentos.settings import settings_of
from agentos.storage.migrations import COMPATIBILITY
from agentos.storage.schema import SchemaState
from agentos.storage.sqlalchemy import open_sql
from agentos.testing.storage.contract import new_session, take_turn
from parts.postgres import PostgresServer

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
PAGES = ("backup.md", "upgrade.md", "rolling-update.md", "postgresql.md")


def blocks(page: str, heading: str) -> list[str]:
    section = (HOW_TO / page).read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


def do(script: str, folder: Path, path: str = "", **variables: str) -> str:
    search = os.pathsep.join(filter(None, [path, sysconfig.get_path("scripts"), os.environ["PATH"]]))
    environment = {"PATH": search, "HOME": str(folder), "AGENTOS_PLUGINS": "none", **variables}
    done = subprocess.run(
        ["sh", "-e", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fill(url: str) -> str:
    """Make a database with a conversation; return its session's id."""
    storage = open_sql(url, Config(environ={}))
    storage.upgrade()
    session = new_session(storage)
    take_turn(storage, session, "q", "a")
    storage.close()
    return session.id


def said(url: str, session_id: str) -> list[str]:
    storage = open_sql(url, Config(environ={}))
    try:
        return [str(one.message.content) for one in storage.sessions.history(session_id, owner=None, limit=9).messages]
    finally:
        storage.close()


def test_sqlite_is_backed_up_while_it_is_used_and_restored(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/agentos.db"
    session_id = fill(url)
    backup, check, restore = blocks("backup.md", "SQLite")
    with closing(sqlite3.connect(tmp_path / "agentos.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM messages")  # never committed, and so not in the backup
        do(backup, tmp_path)
        other.execute("COMMIT")
    assert said(url, session_id) == []
    assert (tmp_path / "backup.db").stat().st_mode & 0o077 == 0
    output = do(check, tmp_path)
    assert output.startswith("ok\nThe database answers")
    do(restore, tmp_path)
    assert said(url, session_id) == ["q", "a"]


def test_postgresql_is_backed_up_and_restored(
    postgres_server: PostgresServer, fresh_postgresql_url: str, tmp_path: Path
) -> None:
    session_id = fill(fresh_postgresql_url)
    restored = postgres_server.create_database()
    variables = {
        name: url.replace("+psycopg", "") for name, url in (("DATABASE", fresh_postgresql_url), ("RESTORED", restored))
    }
    try:
        output = "".join(
            do(script, tmp_path, str(postgres_server.binaries), **variables)
            for script in blocks("backup.md", "PostgreSQL")
        )
        assert "The database answers" in output
        assert said(restored, session_id) == ["q", "a"]
    finally:
        postgres_server.drop_database(restored)


@pytest.mark.parametrize("page", PAGES)
def test_the_settings_of_the_pages_are_settings(page: str) -> None:
    known = {name for setting in settings_of(Config) for name in (*setting.env, *setting.file_env)}
    assert set(re.findall(r"AGENTOS_[A-Z_]*[A-Z]", (HOW_TO / page).read_text("utf-8"))) <= known


@pytest.mark.parametrize(
    "state", [SchemaState("0003", "0004"), SchemaState("0005", "0004"), SchemaState("0009", "0004", "0008")]
)
def test_the_table_of_the_upgrade_says_what_the_program_says(state: SchemaState) -> None:
    page = (HOW_TO / "upgrade.md").read_text("utf-8")
    assert state.description.partition(";")[0] in page
    assert COMPATIBILITY in page
