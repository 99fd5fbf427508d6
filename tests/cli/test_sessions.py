import json
import sqlite3
from contextlib import closing

import pytest

from agentos.cli.pages import PAGE


@pytest.fixture
def session(cli) -> str:
    """A session of two turns, the second of which failed."""
    return chat(cli, "Hello\n")


def chat(cli, input: str, agent: str = "assistant") -> str:
    return cli("chat", agent, input=input).stderr.splitlines()[0].removeprefix("Session ")


def age(session: str, days: int) -> None:
    """Move a session's last activity into the past, as only time can."""
    with closing(sqlite3.connect("agentos.db")) as connection, connection:
        connection.execute(
            "UPDATE sessions SET updated_at = updated_at - ? WHERE id = ?", (days * 86_400_000_000, session)
        )


def test_sessions_are_listed_newest_activity_first(cli):
    first, second = chat(cli, "Hello\n"), chat(cli, "Hello\n")
    cli.ok("run", "assistant", "Again", "--session", first)
    listed = cli.json("sessions", "list")
    assert [one["session_id"] for one in listed["sessions"]] == [first, second]
    assert listed["count"] == 2
    assert [line.split()[:2] for line in cli.ok("sessions", "list").splitlines()[1:]] == [
        [first, "assistant"],
        [second, "assistant"],
    ]
    assert cli.json("sessions", "list", "--limit", "1")["count"] == 1


def test_a_list_is_filtered(cli, session):
    cli.ok("register", "other", "--model", "scripted:echo")
    other = chat(cli, "Hello\n", "other")
    assert [one["session_id"] for one in cli.json("sessions", "list", "--agent", "other")["sessions"]] == [other]
    for option in ("--user", "--team", "--workflow"):
        assert cli.json("sessions", "list", option, "nobody") == {"sessions": [], "count": 0}


def test_a_session_is_forked_before_a_run(cli, session):
    runs = [run["run_id"] for run in cli.json("runs", "list", "--session", session)["runs"]]
    made = cli.json("sessions", "fork", session, "--before-run", runs[0], "--name", "again")
    assert made["forked_from"] == {"session_id": session, "before_run_id": runs[0]}
    assert made["name"] == "again"
    said = cli.ok("sessions", "fork", session)
    assert said.startswith(f"Forked session {session} as ")
    fork = said.split()[-1].rstrip(".")
    shown = [cli.json("sessions", "show", one)["messages"] for one in (session, fork)]
    assert shown[0] == shown[1] != []
    refused = cli("sessions", "fork", session, "--before-run", "nothing")
    assert refused.exit_code != 0
    assert "nothing" in refused.stderr


def test_a_list_is_searched_by_name(cli, session):
    named = cli.json("sessions", "fork", session, "--name", "Trip to Rome")["session_id"]
    assert [one["session_id"] for one in cli.json("sessions", "list", "--query", "rome")["sessions"]] == [named]


def test_a_list_is_searched_by_what_was_said(cli, session, monkeypatch):
    refused = cli("sessions", "list", "--text", "hello")
    assert refused.exit_code != 0
    assert "AGENTOS_SEARCH" in refused.stderr
    monkeypatch.setenv("AGENTOS_SEARCH", "true")
    assert [one["session_id"] for one in cli.json("sessions", "list", "--text", "hello")["sessions"]] == [session]
    assert cli.json("sessions", "list", "--text", "goodbye")["count"] == 0


def test_an_empty_list_says_so_beside_the_output(cli):
    result = cli("sessions", "list")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No sessions.\n")


def test_a_session_is_shown_with_its_last_messages(cli, session):
    cli.ok("run", "assistant", "Again", "--session", session)
    shown = cli.ok("sessions", "show", session, "--messages", "1")
    assert f"session_id:   {session}" in shown
    assert "run_count:    2" in shown
    assert shown.endswith("\n[4] assistant: Again\n")
    document = cli.json("sessions", "show", session, "--messages", "3")
    assert [message["sequence"] for message in document["messages"]] == [2, 3, 4]
    assert cli.json("sessions", "show", session, "--messages", "0")["messages"] == []


def test_an_export_has_all_pages_once(cli):
    turns = PAGE + 1
    session = chat(cli, "".join(f"m{n}\n" for n in range(turns)))
    lines = [json.loads(line) for line in cli.ok("sessions", "export", session, "--format", "jsonl").splitlines()]
    assert lines[0]["session_id"] == session
    assert [line["input"] for line in lines if line["type"] == "run"] == [f"m{n}" for n in range(turns)]
    assert [line["sequence"] for line in lines if line["type"] == "message"] == list(range(1, 2 * turns + 1))


def test_an_export_to_a_file_is_one_document_with_attachments(cli, session, tmp_path):
    (tmp_path / "dot.png").write_bytes(b"\x89PNG dot")
    cli.ok("run", "assistant", "Look", "--image", "dot.png", "--session", session)
    assert cli.ok("sessions", "export", session, "--output", "out.json") == ""
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["session_id"] == session
    assert [run["status"] for run in document["runs"]] == ["completed", "completed"]
    assert document["messages"][2]["media"][0]["data"] == "iVBORyBkb3Q="


def test_an_export_of_nothing_leaves_no_file(cli, tmp_path):
    assert "not found" in cli.fails("sessions", "export", "nowhere", "--output", "out.json")
    assert not (tmp_path / "out.json").exists()


def test_delete_takes_several(cli):
    first, second, third = chat(cli, "Hello\n"), chat(cli, "Hello\n"), chat(cli, "Hello\n")
    assert cli.ok("sessions", "delete", first, third).count("Deleted session") == 2
    assert [one["session_id"] for one in cli.json("sessions", "list")["sessions"]] == [second]
    assert f"session with ID '{first}' not found" in cli.fails("sessions", "delete", first)
    assert "not found" in cli.fails("sessions", "show", first)


def test_prune_deletes_what_nobody_used_for_so_long(cli):
    old, fresh = chat(cli, "Hello\n"), chat(cli, "Hello\n")
    age(old, days=31)
    assert cli.ok("sessions", "prune", "--older-than", "32d", "--yes") == "Deleted 0 sessions.\n"
    assert cli.ok("sessions", "prune", "--older-than", "30d", "--yes") == "Deleted 1 sessions.\n"
    assert [one["session_id"] for one in cli.json("sessions", "list")["sessions"]] == [fresh]


def test_prune_asks_first(cli, session):
    result = cli("sessions", "prune", "--older-than", "0s", input="n\n")
    assert result.exit_code == 1
    assert "Delete 1 sessions without activity since " in result.stderr
    assert cli.json("sessions", "list")["count"] == 1
    assert cli.ok("sessions", "prune", "--older-than", "0s", input="y\n").endswith("Deleted 1 sessions.\n")


@pytest.mark.parametrize("given", ["30", "d", "-1d", "1y", "1.5d", "٣d", "999999d"])
def test_what_is_no_duration_is_a_usage_error(cli, given):
    assert "is not a duration" in cli.fails("sessions", "prune", f"--older-than={given}", "--yes", code=2)


@pytest.mark.parametrize("given", ["90m", "12h", "30d", "2w", "99999w"])
def test_durations_are_a_number_and_a_unit(cli, given):
    assert cli.ok("sessions", "prune", "--older-than", given, "--yes") == "Deleted 0 sessions.\n"
