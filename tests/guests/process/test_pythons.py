"""A guest process runs under each Python from 3.10 on: it is the guest's, not the server's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from guests.process.conftest import ADAPTERS, HOSTED
from parts.guest_client import PROGRAM, GuestProcess

FIND = Path(__file__).parents[3] / ".ci" / "python"


def python(version: str) -> str:
    """Return an installed Python, or skip the test."""
    found = subprocess.run([FIND, version], capture_output=True, text=True)
    if found.returncode:
        pytest.skip(f"Python {version} is not installed")
    return found.stdout.strip()


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_agents_run_print_pause_fail_and_are_cancelled(version: str, tmp_path: Path) -> None:
    with GuestProcess(python=python(version), path=[HOSTED], adapters=ADAPTERS) as guest:
        control = guest.open({"kind": "control"})
        hello = control.receive()
        assert hello is not None
        assert hello["python"].startswith(f"{version}.")
        assert guest.run("plain:words", "say 3 a").text == "a-0 a-1 a-2 "
        assert guest.run("plain:words_of_a_thread", "say 3 a").text == "a-0 a-1 a-2 "
        assert guest.run("plain:prints").logs[3]["text"] == "from a thread"
        assert guest.run("plain:asks").kind == "paused"
        assert guest.run("plain:secret").last["error"] == "RuntimeError"
        assert guest.run("plain:exits").last["error"] == "SystemExit"
        assert guest.run("plain:exits_in_a_task").last["error"] == "SystemExit"
        assert guest.run("odd:emits_between_words").last["error"] == "LookupError"
        assert guest.run("odd:lock").text == "one two"
        assert {line["logger"] for line in guest.run("plain:logs_errors").logs} == {"mine", "python", "asyncio"}
        assert guest.run("toy_agents:agent", "hi").text == "TOY HI"
        assert guest.call("plain:tools.add", arguments={"a": 2, "b": 3}).last["value"] == {"sum": 5}
        assert guest.run("plain:limits").text == "too late too late no number"
        run = guest.begin("plain:waits_with_a_limit")
        assert run.receive() is not None
        run.cancel()
        assert run.outcome().kind == "cancelled"
        run = guest.begin("plain:waits", metadata={"marks": str(tmp_path / "marks")})
        assert run.receive() is not None
        run.cancel()
        assert run.outcome().kind == "cancelled"
        assert (tmp_path / "marks").exists()


@pytest.mark.parametrize("version", ["3.9", "3.8"])
def test_an_older_python_says_that_it_is_too_old(version: str, tmp_path: Path) -> None:
    done = subprocess.run([python(version), PROGRAM, "--directory", tmp_path], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("a guest needs Python 3.10 or later, and ")
