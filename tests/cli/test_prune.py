"""``prune``: what the settings keep for a time only."""

import os
import sqlite3
from contextlib import closing


def age(table: str, column: str, days: int) -> None:
    """Move times into the past, as only time can."""
    with closing(sqlite3.connect("agentos.db")) as connection, connection:
        connection.execute(f"UPDATE {table} SET {column} = {column} - ?", (days * 86_400_000_000,))


def test_what_is_young_is_kept(cli):
    cli.ok("chat", "assistant", input="Hello\n")
    assert cli.ok("prune") == (
        "Deleted the events of 0 runs, 0 idempotency keys, 0 sessions and 0 runs without a session.\n"
    )


def test_old_events_go_and_the_run_stays(cli):
    run_id = cli.json("run", "assistant", "Hello")["run_id"]
    age("runs", "ended_at", 2)
    age("run_events", "ended_at", 2)
    assert cli.json("prune") == {"event_logs": 1, "idempotency_keys": 0, "sessions": 0, "runs": 0}
    assert cli.json("runs", "show", run_id)["content"] == "Hello"
    assert "are not kept any more" in cli.fails("runs", "follow", run_id)


def test_sessions_expire_only_where_that_is_set(cli, monkeypatch):
    cli.ok("chat", "assistant", input="Hello\n")
    age("sessions", "updated_at", 2)
    assert cli.json("prune")["sessions"] == 0
    monkeypatch.setenv("AGENTOS_SESSION_TTL", "86400")
    assert cli.json("prune")["sessions"] == 1
    assert cli.json("sessions", "list")["count"] == 0


def test_runs_without_a_session_expire_only_where_that_is_set(cli, monkeypatch):
    run_id = cli.json("run", "assistant", "Hello")["run_id"]
    age("runs", "created_at", 2)
    age("runs", "ended_at", 2)
    assert cli.json("prune")["runs"] == 0
    monkeypatch.setenv("AGENTOS_RUN_TTL", "86400")
    assert cli.json("prune")["runs"] == 1
    assert "not found" in cli.fails("runs", "show", run_id)


def test_the_space_of_what_was_deleted_is_given_back_when_asked_for(cli):
    cli.ok("run", "assistant", "x" * 1_000_000)
    run_id = cli.json("runs", "list")["runs"][0]["run_id"]
    cli.ok("runs", "delete", run_id)
    assert "Shrank" not in cli.ok("prune")
    before = os.path.getsize("agentos.db")
    assert before > 1_000_000
    assert cli.ok("prune", "--vacuum").endswith("Shrank the database.\n")
    assert os.path.getsize("agentos.db") < before / 2
