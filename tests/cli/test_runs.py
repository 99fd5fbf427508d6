"""``runs``: what there is, following, and stopping from another process."""

import json
import re
import signal
import sqlite3
import time
import urllib.error
import urllib.request
from contextlib import closing

import pytest

from cli.conftest import wait_for_address

SLOW = "scripted:slow-1000x0.05"


@pytest.fixture
def slow(cli):
    """A run under way in a process of its own, and that process."""
    cli.ok("register", "slow", "--model", SLOW)
    with cli.process("run", "slow", "Go") as process:
        assert process.stdout.read(6) == "word0 "
        [run] = cli.json("runs", "list", "--agent", "slow", "--status", "running")["runs"]
        yield run["run_id"], process
        process.kill()


def test_runs_are_listed_newest_first(cli):
    for text in ("first\nquestion", "second"):
        cli.ok("run", "assistant", text)
    listed = cli.json("runs", "list")
    assert (listed["count"], [run["input"] for run in listed["runs"]]) == (2, ["second", "first\nquestion"])
    rows = [line.split() for line in cli.ok("runs", "list").splitlines()[1:]]
    assert [row[:3] for row in rows] == [[run["run_id"], "assistant", "completed"] for run in listed["runs"]]
    assert rows[1][-2:] == ["first", "question"]
    assert cli.json("runs", "list", "--limit", "1")["count"] == 1


def test_a_list_of_runs_is_filtered(cli, scripted_agents):
    cli("run", "failing", "Hello")
    session = cli("chat", "assistant", input="Hello\n").stderr.splitlines()[0].removeprefix("Session ")
    for option, value, agent in (
        ("--agent", "failing", "failing"),
        ("--status", "failed", "failing"),
        ("--status", "completed", "assistant"),
        ("--session", session, "assistant"),
    ):
        assert [run["agent_id"] for run in cli.json("runs", "list", option, value)["runs"]] == [agent]
    assert cli.json("runs", "list", "--since", "1h", "--until", "2099-01-01")["count"] == 2
    assert cli.json("runs", "list", "--until", "1h")["count"] == 0
    assert "'later' is no time: give 90d" in cli.fails("runs", "list", "--since", "later", code=2)
    assert cli("runs", "list", "--status", "queued").stderr == "No runs.\n"
    assert "'done' is not one of 'queued', 'running'" in cli.fails("runs", "list", "--status", "done", code=2)


def test_a_run_is_shown(cli):
    run_id = cli.json("run", "assistant", "Hello\nworld")["run_id"]
    shown = cli.ok("runs", "show", run_id)
    assert f"run_id:        {run_id}" in shown
    assert "status:        completed" in shown
    assert "model:         scripted:echo" in shown
    assert "finish_reason: stop" in shown
    assert shown.endswith("\n\nHello\nworld\n")
    assert cli.json("runs", "show", run_id)["content"] == "Hello\nworld"


def test_the_steps_of_a_run_are_shown(cli, scripted_agents):
    run_id = cli.json("run", "sums", "1 + 2?")["run_id"]
    shown = cli.ok("runs", "show", run_id)
    timeline = shown[shown.index("timeline:") : shown.index("tool_calls:")]
    words = r"first token \d\.\d{3} s, \d+ \+ \d+ tokens, tool_calls"
    assert re.search(rf"├─ 1\. sums:x .* \d\.\d{{3}} s\s.*{words}", timeline, re.DOTALL)
    assert re.search(r"└─ 2\. add .* \d\.\d{3} s", timeline)
    assert re.search(r"└─ 3\. sums:x .*, stop", timeline, re.DOTALL)
    steps = cli.json("runs", "show", run_id)["steps"]
    assert [step["type"] for step in steps] == ["model_call", "tool_call", "model_call"]


@pytest.mark.parametrize("command", ["show", "follow", "cancel"])
def test_a_run_that_does_not_exist_is_one_line(cli, command):
    assert "run with ID 'nowhere' not found" in cli.fails("runs", command, "nowhere")


def test_an_ended_run_is_replayed(cli, scripted_agents):
    run_id = cli.json("run", "sums", "1 + 2?")["run_id"]
    result = cli("runs", "follow", run_id)
    assert (result.exit_code, result.stdout) == (0, "Let me see.\nIt is 3.\n")
    assert result.stderr.splitlines()[0] == "Hm, numbers."
    events = [json.loads(line) for line in cli.ok("runs", "follow", run_id, "--events").splitlines()]
    assert [event["type"] for event in events][:3] == ["run_start", "reasoning", "reasoning"]
    rest = cli.ok("runs", "follow", run_id, "--events", "--after", "3").splitlines()
    assert [json.loads(line) for line in rest] == events[3:]
    assert cli.ok("runs", "follow", run_id, "--after", str(len(events))) == ""


@pytest.mark.parametrize("after", [(), ("--after", "3")])
def test_following_ends_as_the_run_did(cli, scripted_agents, after):
    run_id = cli("run", "failing", "Hello", "--json")
    run_id = json.loads(run_id.stdout)["run_id"]
    assert cli.fails("runs", "follow", run_id, *after) == "Error: the model said no"


def test_another_process_stops_a_run(cli, slow):
    run_id, process = slow
    before = time.monotonic()
    assert cli.ok("runs", "cancel", run_id) == f"Run {run_id} ended as cancelled.\n"
    assert time.monotonic() - before < 3
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, "Cancelled: the run was cancelled\n")
    assert cli.json("runs", "show", run_id)["content"].startswith("word0 ")
    assert "has ended as cancelled; there is nothing left to cancel" in cli.fails("runs", "cancel", run_id)
    result = cli("runs", "follow", run_id)
    assert (result.exit_code, result.stderr) == (130, "Cancelled: the run was cancelled\n")


def test_who_does_not_wait_is_not_told_the_end(cli, slow):
    run_id, process = slow
    assert cli.ok("runs", "cancel", run_id, "--no-wait") == f"Asked run {run_id} to stop.\n"
    assert process.wait(10) == 130


def test_a_run_is_followed_from_another_process_to_its_end(cli, slow):
    run_id, process = slow
    with cli.process("runs", "follow", run_id) as follower:
        assert follower.stdout.read(12) == "word0 word1 "
        assert follower.poll() is None
        cli.ok("runs", "cancel", run_id)
        out, err = follower.stdout.read(), follower.stderr.read()
        assert follower.wait(10) == 130
    assert err == "Cancelled: the run was cancelled\n"
    said = cli.json("runs", "show", run_id)["content"]
    assert f"word0 word1 {out}".rstrip() == said.rstrip()
    assert process.wait(10) == 130


def test_ctrl_c_ends_the_following_and_not_the_run(cli, slow):
    run_id, process = slow
    with cli.process("runs", "follow", run_id) as follower:
        follower.stdout.read(6)
        follower.send_signal(signal.SIGINT)
        _, err = follower.communicate(timeout=10)
    assert follower.returncode == 130
    assert f"The run goes on; 'flask agentos runs cancel {run_id}' stops it." in err
    assert process.poll() is None
    assert cli.json("runs", "show", run_id)["status"] == "running"


def test_the_run_of_a_server_is_stopped_from_the_command_line(cli, tmp_path):
    cli.ok("register", "slow", "--model", SLOW)
    log = tmp_path / "server.log"
    with log.open("w") as file:
        server = cli.process("serve", "--address", "127.0.0.1:0", "--workers", "1", stdout=file, stderr=file)
    try:
        request = urllib.request.Request(
            f"{wait_for_address(log)}/api/v1/agents/slow/run/stream",
            b'{"input": "Go"}',
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            while not response.readline().startswith(b"event: token"):
                pass
            [run] = cli.json("runs", "list", "--status", "running")["runs"]
            assert "ended as cancelled" in cli.ok("runs", "cancel", run["run_id"])
            rest = response.read().decode()
        assert "RUN_CANCELLED" in rest.split("event: error")[1]
    finally:
        server.terminate()
        server.wait(30)


def test_a_run_whose_worker_is_gone_is_not_waited_for_in_vain(cli, slow):
    run_id, process = slow
    process.kill()
    process.wait(10)
    said = cli.fails("runs", "cancel", run_id)
    assert "is still running after 5 s; if its worker is gone, a server ends it once its lease has run out" in said


def test_a_killed_command_does_not_block_its_session_for_ever(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_LEASE_SECONDS", "1")
    cli.ok("register", "slow", "--model", SLOW)
    session = cli("chat", "assistant", input="/quit\n").stderr.splitlines()[0].removeprefix("Session ")
    with cli.process("run", "slow", "Go", "--session", session) as process:
        process.stdout.read(6)
        process.kill()
    assert cli.ok("run", "assistant", "Again", "--session", session) == "Again\n"
    [lost] = cli.json("runs", "list", "--agent", "slow")["runs"]
    assert (lost["status"], lost["error"]["details"]["cause"]) == ("failed", "WORKER_LOST")


def test_the_tool_calls_of_a_run_are_shown(cli, scripted_agents):
    run_id = cli.json("run", "sums", "1 + 2?")["run_id"]
    shown = cli.ok("runs", "show", run_id)
    assert re.search(r'^tool_calls:\n  add\(\{"a": 1, "b": 2\}\) completed in 0\.\d{3} s\n\nIt is 3\.$', shown, re.M)
    [call] = cli.json("runs", "show", run_id)["tool_calls"]
    assert (call["name"], call["arguments"], call["status"]) == ("add", {"a": 1, "b": 2}, "completed")


def test_they_are_shown_without_events_from_the_session(cli, scripted_agents, tmp_path):
    session = cli("chat", "sums", input="1 + 2?\n2 + 1?\n").stderr.splitlines()[0].removeprefix("Session ")
    runs = cli.json("runs", "list", "--session", session)["runs"]
    with closing(sqlite3.connect(tmp_path / "agentos.db")) as database, database:
        database.execute("delete from run_events")
    for run in runs:
        assert 'add({"a": 1, "b": 2}) ended, its events are not kept any more' in cli.ok("runs", "show", run["run_id"])


def test_a_run_without_tool_calls_shows_none(cli):
    run_id = cli.json("run", "assistant", "Hello")["run_id"]
    assert "tool_calls" not in cli.ok("runs", "show", run_id)
    assert cli.json("runs", "show", run_id)["tool_calls"] == []


def test_ended_runs_are_deleted(cli):
    ids = [cli.json("run", "assistant", text)["run_id"] for text in ("one", "two", "three")]
    assert cli.ok("runs", "delete", *ids[:2]) == "".join(f"Deleted run {run_id}.\n" for run_id in ids[:2])
    assert [run["run_id"] for run in cli.json("runs", "list")["runs"]] == ids[2:]
    assert "not found" in cli.fails("runs", "delete", ids[0])


def test_a_run_that_has_not_ended_is_not_deleted(cli, slow):
    run_id, _ = slow
    assert "only an ended run can be deleted; cancel it" in cli.fails("runs", "delete", run_id)
    assert cli.json("runs", "show", run_id)["status"] == "running"
