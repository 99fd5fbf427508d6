"""The benchmark's own arithmetic: what it says of processes, values and their spread."""

import subprocess
import sys
import time

import pytest

from benchmarks.guard import noise_of, verdict
from benchmarks.measure import Spread, cpu_seconds, memory_kb, percentile, process_tree

# A child that starts a child, both of which compute for a while, say so, and stay.
BUSY = """
import subprocess, sys, time
if len(sys.argv) > 1:
    child = subprocess.Popen([sys.executable, "-c", open(sys.argv[1]).read()], stdout=subprocess.PIPE)
    child.stdout.readline()
end = time.process_time() + 0.2
while time.process_time() < end: pass
print("done", flush=True)
time.sleep(60)
"""


def test_the_cpu_time_of_a_process_tree_is_that_of_all_who_descend_from_it(tmp_path):
    program = tmp_path / "busy.py"
    program.write_text(BUSY)
    with subprocess.Popen([sys.executable, str(program), str(program)], stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            tree = process_tree(process.pid)
            alone, together = cpu_seconds([process.pid]), cpu_seconds(tree)
            memory = memory_kb(process.pid)
        finally:
            for pid in process_tree(process.pid):
                subprocess.run(["kill", str(pid)], check=True)
    assert len(tree) == 2
    assert 0.2 <= alone < 0.4 <= together < 0.8
    assert 1000 < memory["pss"] <= memory["rss"]


def test_the_cpu_clock_is_that_of_this_process():
    before, mine = cpu_seconds([__import__("os").getpid()]), time.process_time()
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    assert cpu_seconds([__import__("os").getpid()]) - before == pytest.approx(time.process_time() - mine, abs=0.01)


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.95, 95), (0.99, 99), (1, 100), (0, 1)])
def test_a_percentile_is_a_value_that_was_there(share, value):
    assert percentile(list(range(100, 0, -1)), share) == value


def test_a_percentile_of_nothing_is_no_number():
    assert percentile([], 0.5) != percentile([], 0.5)


def test_a_ratio_is_taken_repetition_by_repetition():
    # The machine was half as fast in the second one, for both alike.
    spread = Spread.ratio([2.0, 4.0, 2.2], [1.0, 2.0, 1.0])
    assert spread == Spread(2.0, 2.0, 2.2, 3)
    assert spread.text() == "2.00 (2.00 to 2.20)"


def test_of_many_turns_the_middle_half_is_shown():
    # Another program was busy in the last turn of ours, and in the first one of theirs.
    spread = Spread.of_turns([2.2, 2.0, 2.0, 2.1, 9.0], [4.0, 1.0, 1.0, 1.0, 1.0])
    assert spread == Spread(2.0, 2.0, 2.1, 5)


def test_the_noise_is_what_the_recorded_runs_showed_with_a_margin():
    assert noise_of([1.0, 1.1, 1.2]) == pytest.approx(0.15)
    assert noise_of([2.0, 2.0, 2.0]) == pytest.approx(0.1)  # runs that were alike by chance allow something still


@pytest.mark.parametrize(
    ("ratio", "worse", "said"),
    [(1.31, True, "WORSE"), (1.29, False, "as before"), (1.11, False, "as before"), (1.0, False, "better")],
)
def test_a_ratio_is_worse_when_it_is_beyond_the_noise(ratio, worse, said):
    found, text = verdict("plain", ratio, before=1.2, noise=0.1)
    assert (found, said in text) == (worse, True)
