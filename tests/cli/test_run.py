import json
import os
import pty
import signal
import threading
import time

import pytest


def test_the_answer_and_nothing_else_is_on_standard_output(cli):
    result = cli("run", "assistant", "Hello wide  world")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "Hello wide  world\n", "")


def test_the_text_may_come_from_standard_input(cli):
    assert cli.ok("run", "assistant", "-", input="Hello\nworld\n") == "Hello\nworld\n"


def test_thoughts_and_tool_calls_are_shown_beside_the_answer(cli, scripted_agents):
    result = cli("run", "sums", "1 + 2?")
    assert result.stdout == "Let me see.\nIt is 3.\n"
    thoughts, started, ended = result.stderr.splitlines()
    assert thoughts == "Hm, numbers."
    assert started == '→ add {"a": 1, "b": 2}'
    assert ended.startswith("← add (")
    assert ended.endswith("): 3")


WRITER = """
import agentos

class Writer:
    def stream(self, context):
        yield "Half"
        context.emit("progress", {"done": 1})
        context.emit("nothing")
        yield " done"

@agentos.hookimpl
def register_agents(register):
    register(Writer(), id="writer")
"""


def test_events_of_an_agents_own_are_shown_beside_the_answer(cli, install_plugin):
    install_plugin("writer", WRITER)
    result = cli("run", "writer", "Go")
    assert result.stdout == "Half\n done\n"
    assert result.stderr.splitlines() == ['progress: {"done": 1}', "nothing: null"]


@pytest.mark.parametrize("reason", ["length", "content_filter", "other"])
def test_an_answer_that_may_lack_its_end_is_said_to(cli, scripted_agents, reason):
    results = [cli("run", reason, "Hello"), cli("chat", reason, input="Hello\n")]
    run_id = cli.json("runs", "list")["runs"][0]["run_id"]
    results.append(cli("runs", "follow", run_id))
    for result in results:
        assert (result.exit_code, result.stdout) == (0, "Half\n")
        assert result.stderr.splitlines()[-1].endswith(f"(finish reason: {reason}).")
    assert f"finish_reason: {reason}" in cli.ok("runs", "show", run_id)


def test_json_is_the_finished_run_and_nothing_else(cli):
    result = cli("run", "assistant", "Hello", "--json")
    run = json.loads(result.stdout)
    assert (run["status"], run["content"], run["agent_id"], run["error"]) == ("completed", "Hello", "assistant", None)
    assert (run["model"], run["finish_reason"]) == ("scripted:echo", "stop")
    assert result.stderr == ""


def test_events_are_lines_of_json(cli):
    events = [json.loads(line) for line in cli.ok("run", "assistant", "a b", "--events").splitlines()]
    assert [event["type"] for event in events] == ["run_start", "token", "token", "complete"]
    assert events[-1]["data"]["output"] == "a b"


def test_json_and_events_exclude_each_other(cli):
    refusal = cli.fails("run", "assistant", "Hello", "--json", "--events", code=2)
    assert refusal == "Error: --json and --events exclude each other."


def test_a_failed_run_is_one_line_and_an_exit_code(cli, scripted_agents):
    result = cli("run", "failing", "Hello")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "Well\n", "Error: the model said no\n")


def test_a_failed_run_is_a_run_for_json_too(cli, scripted_agents):
    result = cli("run", "failing", "Hello", "--json")
    assert result.exit_code == 1
    run = json.loads(result.stdout)
    assert (run["status"], run["error"]["details"]["cause"]) == ("failed", "PROVIDER_ERROR")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("nobody", "Hello"), "agent with ID 'nobody' not found"),
        (("assistant",), "neither 'input' nor 'media'"),
        (("assistant", "Hello", "--session", "nowhere"), "session with ID 'nowhere' not found"),
        (("assistant", "--image", "http://user:pw@example.com/a.png"), "a user name or password is not accepted"),
    ],
)
def test_what_cannot_be_run_is_refused(cli, arguments, expected):
    assert expected in cli.fails("run", *arguments)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("nowhere.png", "file 'nowhere.png' cannot be read: No such file or directory"),
        ("words.txt", "'words.txt' is no URL, and its ending is not that of an image"),
        ("ftp://example.com/a", "'ftp://example.com/a' is no URL, and its ending is not that of an image"),
    ],
)
def test_what_is_no_image_is_a_usage_error(cli, tmp_path, image, said):
    (tmp_path / "words.txt").write_text("no image")
    assert said in cli.fails("run", "assistant", "Look", "--image", image, code=2)


def test_images_go_with_the_run(cli, tmp_path):
    (tmp_path / "dot.png").write_bytes(b"\x89PNG dot")
    run = cli.json("run", "assistant", "Look", "--image", "dot.png", "--image", "https://example.com/a.png")
    assert run["media"] == [
        {"type": "image", "content_type": "image/png", "size": 8, "name": "dot.png"},
        {"type": "image", "url": "https://example.com/a.png"},
    ]


def test_text_that_no_database_takes_is_a_usage_error(cli):
    assert "U+0000" in cli.fails("run", "assistant", "-", input="a\0b", code=2)
    assert "not UTF-8" in cli.fails("run", "assistant", "-", input=b"na\xefve", code=2)
    assert cli.ok("chat", "assistant", input=b"na\xefve\n") == "na\ufffdve\n"
    assert "UTF-8" in cli.fails("run", "assistant", "a\udcffb", code=2)


def test_a_stored_agent_runs(cli):
    cli.ok("register", "parrot", "--model", "scripted:echo")
    assert cli.ok("run", "parrot", "Hello") == "Hello\n"


def test_a_run_in_a_session_is_in_its_history(cli):
    cli.ok("chat", "assistant", input="Hello\n")
    session = cli.json("sessions", "list")["sessions"][0]["session_id"]
    cli.ok("run", "assistant", "Again", "--session", session)
    said = cli.json("sessions", "show", session)["messages"]
    assert [message["content"] for message in said] == ["Hello", "Hello", "Again", "Again"]


def test_tokens_are_printed_as_they_arrive(cli):
    cli.ok("register", "slow", "--model", "scripted:slow-100x0.05")
    process = cli.process("run", "slow", "Go")
    with process:
        assert process.stdout.read(6) == "word0 "
        assert process.poll() is None
        process.kill()


def test_ctrl_c_cancels_the_run_and_keeps_what_was_written(cli):
    cli.ok("register", "slow", "--model", "scripted:slow-1000x0.05")
    cli.ok("chat", "slow", input="/quit\n")
    session = cli.json("sessions", "list")["sessions"][0]["session_id"]
    with cli.process("run", "slow", "Go", "--session", session) as process:
        beginning = process.stdout.read(12)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.startswith("Cancelled: ")
    exported = json.loads(cli.ok("sessions", "export", session))
    assert exported["runs"][0]["status"] == "cancelled"
    assert exported["messages"][-1]["content"].rstrip() == (beginning + out).rstrip()


def test_a_reader_that_goes_away_ends_the_run(cli):
    cli.ok("register", "slow", "--model", "scripted:slow-1000x0.05")
    cli.ok("chat", "slow", input="/quit\n")
    session = cli.json("sessions", "list")["sessions"][0]["session_id"]
    with cli.process("run", "slow", "Go", "--session", session) as process:
        process.stdout.read(6)
        process.stdout.close()
        assert process.wait(30) == 1
        assert "Traceback" not in process.stderr.read()
    assert json.loads(cli.ok("sessions", "export", session))["runs"][0]["status"] == "cancelled"


def on_terminal(cli, *arguments: str, columns: int = 80) -> bytes:
    """Return what a command writes to a terminal."""
    ours, theirs = pty.openpty()
    process = cli.process(
        *arguments, env={"COLUMNS": str(columns)}, stdin=theirs, stdout=theirs, stderr=theirs, text=False
    )
    os.close(theirs)
    written = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux says so when the other end is closed.
            break
        if not piece:
            break
        written += piece
    os.close(ours)
    process.wait(10)
    return written


def test_a_model_cannot_command_the_terminal(cli):
    written = on_terminal(cli, "run", "assistant", "a\x1b]0;evil\x07 b\u202e")
    assert written == b"a\\x1b]0;evil\\x07 b\\u202e\r\n"


def test_a_pipe_gets_the_answer_to_the_byte(cli):
    assert cli.ok("run", "assistant", "a\x1b]0;evil\x07 b") == "a\x1b]0;evil\x07 b\n"


def test_asides_are_dim_on_a_terminal_unless_it_asks_for_plain_text(cli, scripted_agents, monkeypatch):
    assert b"\x1b[2mHm, " in on_terminal(cli, "run", "sums", "1 + 2?")
    monkeypatch.setenv("NO_COLOR", "1")
    assert b"\x1b" not in on_terminal(cli, "run", "sums", "1 + 2?")


def test_a_narrow_terminal_takes_away_neither_ids_nor_columns(cli, monkeypatch):
    cli.ok("chat", "assistant", input="/quit\n")
    session = cli.json("sessions", "list")["sessions"][0]["session_id"]
    written = on_terminal(cli, "sessions", "list", columns=40)
    assert session.encode() in written
    assert b"\x1b[1mUPDATED" in written
    monkeypatch.setenv("NO_COLOR", "1")
    assert b"\x1b" not in on_terminal(cli, "sessions", "list")


def test_a_command_leaves_no_thread_behind_that_uses_the_database(cli):
    # They begin with the run, which ends first: one that is still connecting then would never close its connection.
    for _ in range(5):
        cli.ok("run", "assistant", "Hello")

        names = {thread.name for thread in threading.enumerate()}
        assert not names & {"leases", "cancels", "housekeeping", "event-log"}
