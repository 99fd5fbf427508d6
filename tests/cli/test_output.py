"""Lists as programs read them: a row is a line, and many rows take no time to speak of."""

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from agentos.cli.output import print_list
rows = [(f"id{number}", "日本" if number % 2 else "a\\nb", "") for number in range(20_000)]
print_list("runs", rows, ("ID", "INPUT", "ERROR"), rows, as_json=False)
assert "rich.table" not in sys.modules, "it takes half a millisecond for each row"
"""


def test_a_long_list_that_no_terminal_shows_is_laid_out_without_a_table():
    done = subprocess.run([sys.executable, "-X", "utf8", "-c", PROGRAM], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == ["ID       INPUT  ERROR", "id0      a b", "id1      日本"]
    assert len(lines) == 20_001


def test_what_a_terminal_has_no_characters_for_is_escaped(cli):
    cli.ok("register", "greeter", "--model", "scripted:echo", "--name", "Grüße 😀")
    with cli.process("agents", "--json", env={"PYTHONIOENCODING": "latin-1"}, encoding="latin-1") as listing:
        said, failed = listing.communicate()
    assert (listing.returncode, failed) == (0, "")
    assert "Grüße \\ud83d\\ude00" in said
    assert "Grüße 😀" in [agent["name"] for agent in json.loads(said)["agents"]]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no file here that is always full")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_full_disk_is_one_line(cli, options):
    cli.ok("register", "greeter", "--model", "scripted:echo")
    with open("/dev/full", "w") as full, cli.process("agents", *options, stdout=full) as listing:
        _, failed = listing.communicate()
    assert failed == "Error: the output cannot be written: No space left on device\n"
    assert listing.returncode == 1
