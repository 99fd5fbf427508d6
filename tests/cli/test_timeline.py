"""``runs show`` draws what a run did with its time: a tree of calls with bars, as wide as the terminal."""

import fcntl
import os
import pty
import re
import sqlite3
import struct
import subprocess
import termios
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agentos.cli.opening import opened_for_runs
from agentos.cli.run_tree import RunRecord, tree_of
from agentos.domain.pending import Answer
from agentos.domain.principal import OPERATOR
from agentos.domain.run import Run, RunStatus
from agentos.domain.run_request import RunRequest
from agentos.domain.run_step import RunStep
from agentos.domain.times import utc_now
from cli.conftest import CLI, FLASK
from parts.waiting import until

SCRIPT = """
import time
from agentos.domain.agent import Agent
from agentos.errors import ProviderUnavailable
from agentos.hookspecs import hookimpl
from agentos.models.scripted import Fail, Pause, ScriptedProvider, call
from agentos.tools.tool import tool

def search(word: str) -> str:
    '''Search.'''
    time.sleep(0.3)
    return "found"

def fetch(url: str) -> str:
    '''Fetch.'''
    time.sleep(0.3)
    raise RuntimeError("no \\x1b[31msuch\\u202ehost\\nat all")

@tool(approval=True)
def pay(amount: int) -> str:
    '''Pay.'''
    return "paid"

HOSTILE = "x" * 60

@tool(name=HOSTILE)
def long_name() -> str:
    '''Has a long name.'''
    return "ok"

@hookimpl
def register_tools(register):
    for one in (search, fetch, pay, long_name):
        register(one)

@hookimpl
def register_model_providers(register):
    story = [
        [Fail(ProviderUnavailable("down"))],
        [Pause(0.1), "Hm.", call("search", '{"word": "a"}'), call("fetch", '{"url": "b"}', id="call_2", index=1)],
        [call("pay", '{"amount": 7}')],
        [Pause(0.1), "Done."],
    ]
    register("story", lambda config: ScriptedProvider(story))
    register("down", lambda config: ScriptedProvider([["Half", Fail(ProviderUnavailable("the model is gone"))]]))
    register("hostile", lambda config: ScriptedProvider([[call(HOSTILE, "{}")], ["Done."]]))

@hookimpl
def register_agents(register):
    register(Agent(id="story", model="story:x", tools=["search", "fetch", "pay"]))
    register(Agent(id="down", model="down:x"))
    register(Agent(id="hostile", model="hostile:x", tools=[HOSTILE]))
"""


@pytest.fixture
def story(cli: CLI, install_plugin: Callable[[str, str], None]) -> CLI:
    install_plugin("story", SCRIPT)
    return cli


def run(cli: CLI, agent: str) -> str:
    cli("run", agent, "Go")
    return str(cli.json("runs", "list", "--agent", agent)["runs"][0]["run_id"])


def drawn(text: str) -> list[str]:
    """Return the lines of the timeline."""
    lines = text[text.index("timeline:") :].splitlines()[1:]
    end = next((place for place, line in enumerate(lines) if not re.match(r"[├└│|` ]", line)), len(lines))
    return lines[:end]


@pytest.fixture
def told(story: CLI) -> tuple[CLI, str]:
    """A run with a retry, two tools at once of which one fails, an approval, and an answer."""
    with opened_for_runs() as services:  # one process, as the model has one script
        handle = services.runs.start(RunRequest(agent_id="story", input="Go", caller=OPERATOR))
        assert handle.wait(20) is not None
        [action] = handle.actions()
        services.runs.answer(handle.run_id, {action.id: Answer(decision="approve")}, OPERATOR)
        ended = services.runs.open(handle.run_id, OPERATOR).wait(20)
    assert ended is not None
    assert ended.status is RunStatus.COMPLETED, ended
    return story, handle.run_id


def on_a_terminal(*arguments: str, columns: int, **env: str) -> str:
    """Return what a command writes to a terminal so wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **env}
    written = bytearray()
    with subprocess.Popen([FLASK, "agentos", *arguments], env=environment, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        with suppress(OSError):  # how Linux says that the other end is closed
            while piece := os.read(ours, 65536):
                written += piece
        assert process.wait(30) == 0, written
    os.close(ours)
    return written.decode().replace("\r\n", "\n")


def test_a_run_is_a_tree_of_calls_with_bars(told: tuple[CLI, str]) -> None:
    cli, run_id = told
    lines = drawn(cli.ok("runs", "show", run_id))
    names = [re.split(r" [·█▒░]", line)[0].rstrip() for line in lines if re.search("[·█▒░]", line)]
    assert names == [
        *("├─ 1. story:x", "├─ 2. story:x", "│  ├─ 3. search", "│  └─ 4. fetch", "├─ 5. story:x", "├─ paused"),
        *("│  └─ 6. pay", "└─ 7. story:x"),
    ]
    text = "\n".join(lines)
    assert "failed, PROVIDER_UNAVAILABLE" in lines[0]
    assert "attempt 2, first token 0.1" in text
    assert "failed, tool 'fetch' failed" in " ".join(text.split())
    assert re.search(r"paused .* pay: approved by operator after \d\.\d{3} s", text)
    assert {len(line) <= 100 for line in lines} == {True}


def test_calls_at_the_same_time_have_bars_at_the_same_place(told: tuple[CLI, str]) -> None:
    cli, run_id = told
    lines = drawn(cli.ok("runs", "show", run_id))
    bars = [re.search("[·█▒░]{10,}", line) for line in lines]
    places = [(bar[0].index("█"), bar[0].count("█")) for bar in bars if bar and "█" in bar[0]]
    model, search, fetch = places[1:4]
    assert search[0] < fetch[0] + fetch[1]
    assert fetch[0] < search[0] + search[1]
    assert search[0] + 1 >= model[0] + model[1]


@pytest.mark.parametrize("columns", [40, 60, 80, 160])
def test_no_line_is_wider_than_the_terminal(told: tuple[CLI, str], columns: int) -> None:
    _, run_id = told
    lines = drawn(on_a_terminal("runs", "show", run_id, columns=columns, NO_COLOR="1"))
    assert max(map(len, lines)) <= columns
    assert any("█" in line for line in lines) is (columns >= 50)
    assert "7. story:x" in "".join(lines)


def test_colour_is_for_terminals_of_those_who_want_it(told: tuple[CLI, str]) -> None:
    cli, run_id = told
    assert "\x1b[" in on_a_terminal("runs", "show", run_id, columns=100)
    assert "\x1b" not in on_a_terminal("runs", "show", run_id, columns=100, NO_COLOR="1")
    assert "\x1b" not in cli.ok("runs", "show", run_id)


def test_a_terminal_without_utf_8_gets_ascii(told: tuple[CLI, str]) -> None:
    _, run_id = told
    text = on_a_terminal("runs", "show", run_id, columns=100, NO_COLOR="1", PYTHONIOENCODING="ascii")
    assert text.isascii()
    assert "|- 2. story:x" in text
    assert "`- 4. fetch" in text
    assert "##" in text


def test_what_a_tool_says_cannot_move_the_cursor_or_turn_the_text(told: tuple[CLI, str]) -> None:
    cli, run_id = told
    shown = cli.ok("runs", "show", run_id)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\\x1b[31msuch\\u202ehost at all" in " ".join(shown.split())


def test_a_long_name_is_cut(story: CLI) -> None:
    lines = drawn(story.ok("runs", "show", run(story, "hostile")))
    [line] = [line for line in lines if "└─ 2. xxxxxxxxxx" in line]
    assert "… " in line
    assert {len(line) <= 100 for line in lines} == {True}


def test_a_failed_run_says_where_and_why(story: CLI) -> None:
    line, *words = drawn(story.ok("runs", "show", run(story, "down")))
    assert line.startswith("└─ 1. down:x ")
    assert re.fullmatch(r" +failed, first token \d\.\d{3} s, PROVIDER_UNAVAILABLE", *words)


def test_a_paused_run_shows_its_calls_so_far_and_what_it_waits_for(story: CLI) -> None:
    run_id = run(story, "story")
    lines = drawn(story.ok("runs", "show", run_id))
    assert lines[-1].startswith("└─ paused ")
    assert re.search(r"s\+  pay: no answer yet$", lines[-1])
    assert sum(" story:x " in line for line in lines) == 3
    [action] = story.json("approvals", "list")["approvals"]
    story.ok("approvals", "reject", action["id"])
    queued = drawn(story.ok("runs", "show", run_id))
    assert "pay: rejected by operator after" in queued[-1]
    assert sum(" story:x " in line for line in queued) == 3


def test_a_run_under_way_shows_what_it_did_so_far(cli: CLI) -> None:
    cli.ok("register", "slow", "--model", "scripted:slow-1000x0.05")
    with cli.process("run", "slow", "Go") as process:
        assert process.stdout is not None
        assert process.stdout.read(6) == "word0 "
        [found] = cli.json("runs", "list", "--status", "running")["runs"]
        until(lambda: "timeline:" in cli.ok("runs", "show", found["run_id"]), 20)  # events are saved in groups
        [line] = drawn(cli.ok("runs", "show", found["run_id"]))
        process.kill()
    assert re.match(r"└─ 1\. model .* \d\.\d{3} s\+  under way", line)


def test_a_run_of_an_earlier_version_has_no_steps(told: tuple[CLI, str], tmp_path: Path) -> None:
    cli, run_id = told
    with closing(sqlite3.connect(tmp_path / "agentos.db")) as database, database:
        database.execute("UPDATE runs SET steps = NULL")
        database.execute("DELETE FROM pending_actions")
    shown = cli.ok("runs", "show", run_id)
    assert "timeline:" not in shown
    assert "status:        completed" in shown
    assert cli.json("runs", "show", run_id)["timeline"] == []


def test_json_has_all_of_it(told: tuple[CLI, str]) -> None:
    cli, run_id = told
    shown = cli.json("runs", "show", run_id)
    kinds = [span["kind"] for span in shown["timeline"]]
    assert kinds == [*("model_call",) * 2, *("tool_call",) * 2, "model_call", "pause", "tool_call", "model_call"]
    assert shown["timing"]["retries"] == 1
    assert (shown["timing"]["model_calls"], shown["timing"]["tool_calls"]) == (4, 3)
    assert shown["timing"]["failed_tool_calls"] == 1
    assert 0 < shown["timing"]["paused"] < shown["duration"]
    assert 0.1 <= shown["timing"]["time_to_first_token"] < shown["duration"]
    assert len(shown["steps"]) == 7


def test_runs_that_a_run_made_are_nested_with_their_calls(told: tuple[CLI, str], tmp_path: Path) -> None:
    cli, run_id = told
    made = cli.json("run", "assistant", "Hi")["run_id"]
    with closing(sqlite3.connect(tmp_path / "agentos.db")) as database, database:
        database.execute("UPDATE runs SET parent_run_id = ? WHERE id = ?", (run_id, made))
    lines = drawn(cli.ok("runs", "show", run_id))
    place = next(place for place, line in enumerate(lines) if line.startswith("└─ run of assistant "))
    assert made in " ".join(lines[place:])
    assert any(line.startswith("   └─ 1. scripted:echo ") for line in lines[place:])
    [child] = cli.json("runs", "show", run_id)["children"]
    assert (child["run_id"], child["agent_id"], child["status"]) == (made, "assistant", "completed")
    assert child["start"] > 0


def test_a_run_that_a_tool_made_is_below_its_call() -> None:
    begin = utc_now()
    at = [begin + timedelta(seconds=second) for second in range(10)]
    tool = RunStep(number=2, type="tool_call", status="completed", started_at=at[2], duration=3, tool_name="ask")
    model = RunStep(number=1, type="model_call", status="completed", started_at=at[1], duration=1, model="m:x")
    begun: dict[str, Any] = {"created_at": at[0], "started_at": at[0]}
    parent = Run(id="p", agent_id="a", status=RunStatus.COMPLETED, ended_at=at[6], steps=(model, tool), **begun)
    begun = {"created_at": at[3], "started_at": at[3]}
    child = Run(id="c", agent_id="b", status=RunStatus.FAILED, ended_at=at[4], **begun)
    [top] = tree_of(RunRecord(run=parent, children=[RunRecord(run=child)]))
    [call] = top.below
    [below] = call.below
    assert (call.name, below.name, below.start, below.duration, below.failed) == ("2. ask", "run of b", 3.0, 1.0, True)
