"""The index of what was said: FTS5 on SQLite, ``tsvector`` on PostgreSQL.

It is made where ``AGENTOS_SEARCH`` is on, for it costs each run something. Triggers keep it: they are part of each
transaction that writes or deletes messages, also of one by a worker that does not search.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import sqlalchemy
from sqlalchemy import Boolean, bindparam, inspect, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from agentos.errors import ConfigError
from agentos.storage.sqlalchemy.columns import Values
from agentos.storage.sqlalchemy.database import Database
from agentos.storage.sqlalchemy.tables import sessions
from agentos.storage.text_query import MAX_INDEXED

MAX_MATCHES = 10_000
"""Most messages that one search looks at, the latest that match on SQLite."""

INDEX = "whole index of what is said (AGENTOS_SEARCH)"
"""What a database lacks in which :func:`prepare` did not do all of its work."""

PIECE = 200
"""Messages that are indexed in one transaction, of those that were there before the index."""

_SAID = "role IN ('user', 'assistant') AND content <> ''"

# Without a copy of the texts. `message_texts` has the message and the owner of each row of the index: when messages are
# deleted, the row of their session is gone already.
_SQLITE = (
    """CREATE TABLE IF NOT EXISTS message_texts (
        id INTEGER PRIMARY KEY, session_id TEXT NOT NULL, sequence INTEGER NOT NULL, owner TEXT NOT NULL,
        UNIQUE (session_id, sequence))""",
    """CREATE VIRTUAL TABLE IF NOT EXISTS message_search
        USING fts5(owner, content, content='', tokenize='unicode61 remove_diacritics 2')""",
    f"""CREATE TRIGGER IF NOT EXISTS messages_said AFTER INSERT ON messages
        WHEN NEW.role IN ('user', 'assistant') AND NEW.content <> '' BEGIN
        INSERT INTO message_texts (session_id, sequence, owner)
            SELECT NEW.session_id, NEW.sequence, 'o' || hex(owner) FROM sessions WHERE id = NEW.session_id;
        INSERT INTO message_search (rowid, owner, content)
            SELECT id, owner, substr(NEW.content, 1, {MAX_INDEXED}) FROM message_texts
            WHERE session_id = NEW.session_id AND sequence = NEW.sequence;
        END""",  # noqa: S608
    f"""CREATE TRIGGER IF NOT EXISTS messages_unsaid AFTER DELETE ON messages BEGIN
        INSERT INTO message_search (message_search, rowid, owner, content)
            SELECT 'delete', id, owner, substr(OLD.content, 1, {MAX_INDEXED}) FROM message_texts
            WHERE session_id = OLD.session_id AND sequence = OLD.sequence;
        DELETE FROM message_texts WHERE session_id = OLD.session_id AND sequence = OLD.sequence;
        END""",  # noqa: S608
)
_POSTGRESQL = (
    # A word of the owner's beside those of the text, so that one index answers for both; '@' begins no other.
    f"""CREATE OR REPLACE FUNCTION agentos_words(owner text, content text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
        SELECT array_to_tsvector(ARRAY['@' || encode(sha256(convert_to(owner, 'UTF8')), 'hex')])
            || to_tsvector('pg_catalog.simple', left(content, {MAX_INDEXED}))
        $$""",
    """CREATE OR REPLACE FUNCTION agentos_message_said() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO message_search (session_id, sequence, words)
                SELECT NEW.session_id, NEW.sequence, agentos_words(owner, NEW.content)
                FROM sessions WHERE id = NEW.session_id;
            RETURN NULL;
        END
        $$""",
    """CREATE TABLE IF NOT EXISTS message_search (
        session_id TEXT COLLATE "C" NOT NULL, sequence INTEGER NOT NULL, words tsvector NOT NULL,
        PRIMARY KEY (session_id, sequence),
        FOREIGN KEY (session_id, sequence) REFERENCES messages (session_id, sequence) ON DELETE CASCADE)""",
    "CREATE INDEX IF NOT EXISTS ix_message_search_words ON message_search USING gin (words)",
    "DROP TRIGGER IF EXISTS messages_said ON messages",
    """CREATE TRIGGER messages_said AFTER INSERT ON messages FOR EACH ROW
        WHEN (NEW.role IN ('user', 'assistant') AND NEW.content <> '') EXECUTE FUNCTION agentos_message_said()""",
)
_STATE = "message_search_state"
_MAKE_STATE = f"CREATE TABLE IF NOT EXISTS {_STATE} (filled INTEGER NOT NULL)"

_HAS_FTS5 = text("SELECT count(*) FROM pragma_compile_options WHERE compile_options = 'ENABLE_FTS5'")
_IS_MADE = {
    "sqlite": text(
        f"SELECT count(*) = 3 FROM sqlite_master WHERE name IN ('messages_said', 'messages_unsaid', '{_STATE}')"  # noqa: S608 - a constant
    ),
    "postgresql": text(
        f"SELECT count(*) = 1 FROM pg_trigger WHERE to_regclass('{_STATE}') IS NOT NULL"  # noqa: S608 - a constant
        " AND tgname = 'messages_said' AND tgrelid = to_regclass('messages')"
    ),
}
_FILLED = text(f"SELECT count(*) FROM {_STATE}")  # noqa: S608 - a constant
_FINISH = text(f"INSERT INTO {_STATE} (filled) VALUES (1)")  # noqa: S608 - a constant
_NEXT = text(
    f"SELECT session_id, sequence FROM messages WHERE {_SAID} AND (session_id, sequence) > (:session_id, :sequence)"  # noqa: S608
    f" ORDER BY session_id, sequence LIMIT {PIECE}"
)
_MISSING = """FROM messages JOIN sessions ON sessions.id = messages.session_id
    WHERE messages.session_id = :session_id AND messages.sequence = :sequence"""
_FILL: dict[str, Sequence[Any]] = {
    "sqlite": (
        text(
            "INSERT OR IGNORE INTO message_texts (session_id, sequence, owner)"
            f" SELECT messages.session_id, messages.sequence, 'o' || hex(owner) {_MISSING}"
        ),
        text(
            "INSERT INTO message_search (rowid, owner, content)"  # noqa: S608
            f" SELECT message_texts.id, message_texts.owner, substr(messages.content, 1, {MAX_INDEXED}) FROM messages"
            " JOIN message_texts USING (session_id, sequence)"
            " WHERE messages.session_id = :session_id AND messages.sequence = :sequence"
        ),
    ),
    "postgresql": (
        text(
            "INSERT INTO message_search (session_id, sequence, words)"
            f" SELECT messages.session_id, messages.sequence, agentos_words(owner, content) {_MISSING}"
            " ON CONFLICT DO NOTHING"
        ),
    ),
}
_IS_THERE = text("SELECT 1 FROM message_texts WHERE session_id = :session_id AND sequence = :sequence")


def prepare(database: Database) -> None:
    """Make the index, unless it is there, and put into it what was said before; in pieces that hold up no run."""
    database.migrate(_make)
    if database.query(_FILLED).scalar():
        return
    place: Values = {"session_id": "", "sequence": 0}
    while rows := database.query(_NEXT, place).all():
        keys = [{"session_id": row.session_id, "sequence": row.sequence} for row in rows]
        database.write(lambda connection: _fill(connection, keys))  # noqa: B023 - called at once
        place = keys[-1]
    database.execute(_FINISH)


def is_prepared(database: Database) -> bool:
    """Return whether :func:`prepare` has done its work, and the triggers that keep the index are there."""
    is_made = database.query(_IS_MADE[database.engine.dialect.name]).scalar()
    return bool(is_made and database.query(_FILLED).scalar())


def _make(connection: sqlalchemy.Connection) -> None:
    dialect = connection.dialect.name
    # On SQLite all of it at each start: a migration that makes the table of messages anew drops its triggers.
    if dialect != "sqlite" and inspect(connection).has_table(_STATE):
        return
    if dialect == "sqlite" and not connection.execute(_HAS_FTS5).scalar():
        raise ConfigError(
            "AGENTOS_SEARCH is on, and this Python's SQLite was built without FTS5; use another build, PostgreSQL, or"
            " turn the setting off"
        )
    for statement in (*(_SQLITE if dialect == "sqlite" else _POSTGRESQL), _MAKE_STATE):
        connection.exec_driver_sql(statement)


def _fill(connection: Any, keys: Sequence[Values]) -> None:
    for which in keys:
        # The trigger, or another worker, may have been here.
        if connection.dialect == "sqlite" and connection.execute(_IS_THERE, which).first() is not None:
            continue
        for statement in _FILL[connection.dialect]:
            connection.execute(statement, which)


class said_in(FunctionElement[bool]):  # noqa: N801 - reads as the SQL function that it is
    """Whether a message of a session has all phrases of :func:`search_values`."""

    type = Boolean()
    inherit_cache = True


SAID = said_in(sessions.c.id, *(bindparam(f"with_{name}") for name in ("match", "owner_word", "phrases")))


def search_values(phrases: Sequence[str], owner: str | None) -> Values:
    """Return the parameters of :data:`SAID`. Each phrase is quoted, so that nothing in it is an operator."""
    match = [f'content : "{phrase}"' for phrase in phrases]
    if owner is not None:
        match.insert(0, f'owner : "o{owner.encode().hex()}"')
    return {
        "with_match": " AND ".join(match),
        "with_owner_word": "" if owner is None else f"'@{sha256(owner.encode()).hexdigest()}'",
        "with_phrases": " ".join(f'"{phrase}"' for phrase in phrases),
    }


@compiles(said_in, "sqlite")
def _on_sqlite(element: said_in, compiler: SQLCompiler, **options: Any) -> str:
    session_id, match = (compiler.process(one, **options) for one in list(element.clauses)[:2])
    return (
        f"{session_id} IN (SELECT session_id FROM message_texts WHERE id IN (SELECT rowid FROM message_search"  # noqa: S608
        f" WHERE message_search MATCH {match} ORDER BY rowid DESC LIMIT {MAX_MATCHES}))"
    )


@compiles(said_in, "postgresql")
def _on_postgresql(element: said_in, compiler: SQLCompiler, **options: Any) -> str:
    given = list(element.clauses)
    session_id, owner, phrases = (compiler.process(one, **options) for one in (given[0], *given[2:]))
    words = f"websearch_to_tsquery('pg_catalog.simple', {phrases})"
    return (
        f"{session_id} IN (SELECT session_id FROM message_search WHERE words @@ (CAST({owner} AS tsquery) && {words})"  # noqa: S608
        f" AND numnode({words}) > 0 LIMIT {MAX_MATCHES})"
    )
