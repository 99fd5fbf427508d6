"""How long a piece of code keeps the other greenlets of a worker waiting."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

# In a process of its own, with gevent as in a worker: a greenlet that wants a turn every half millisecond notes the CPU
# time that went by between two of them. CPU time, so that other programs of the machine do not count.
FRAME = """
from gevent import monkey; monkey.patch_all()
import gevent, json, sys, time

given = json.load(sys.stdin)
longest, going = 0.0, True

def tick():
    global longest
    last = time.thread_time()
    while going:
        gevent.sleep(0.0005)
        now = time.thread_time()
        longest, last = max(longest, now - last), now

def measured(work):
    global going
    ticking = gevent.spawn(tick)
    gevent.sleep(0.01)
    work()
    gevent.sleep(0.01)
    going = False
    ticking.join()

{code}
print(json.dumps(longest))
"""


def longest_hold(code: str, given: Any) -> float:
    """Run code, which hands what it measures to ``measured``; return the longest hold in seconds."""
    done = subprocess.run(
        [sys.executable, "-c", FRAME.replace("{code}", code)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout.splitlines()[-1])
