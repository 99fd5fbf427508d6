"""Lists as programs read them: a row is a line, and many rows take no time to speak of."""

import subprocess
import sys

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
