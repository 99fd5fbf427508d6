"""Where the time goes: samples of the worker's stacks under load, as microseconds of CPU per stage.

``python -m benchmarks.profile session paced`` prints a table of what a run costs and one of what a token does. py-spy
looks at the worker a few hundred times a second from outside; a sample counts for the stage of the innermost frame that
a rule below knows. The shares are then applied to the CPU that a unit cost in the same run, so that the sum of a table
is what was measured.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.load import Load
from benchmarks.processes import Served, put
from benchmarks.rows.common import Bench, opened

RATE = 400
"""Samples a second."""

STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("log: format a line and hand it over", ("/logging/", "pythonjsonlogger", "observability/", "serving/log_writer")),
    ("database: statements, commits", ("sqlalchemy/", "agentos/storage/")),
    ("request: header and body from the socket", ("agentos/serving/parsing", "gunicorn/http/parser", "api/kit/body")),
    (
        "request: schema",
        ("marshmallow/", "api/kit/schemas/", "api/v1/schemas/", "agentos/strict_json"),
    ),
    (
        "model: HTTP request and response",
        ("agentos/http/", "models/wire/", "urllib3/", "http/client", "email/"),
    ),
    ("model: encode the request, decode the answer", ("models/chat_completions/", "json/encoder", "json/decoder")),
    ("agent: the loop over its turns", ("agentos/runtime/", "models/retry", "agentos_openai/")),
    ("event: record, encode, append", ("execution/live", "events/encoder", "EventStream.extend")),
    ("event: group commit", ("events/log",)),
    ("answer: follow the events, make frames", ("events/stream", "execution/following", "api/sse")),
    (
        "answer: write to the socket",
        (
            "agentos/serving/connection",
            "serving/responses",
            "serving/write_coalescer",
            "gunicorn/http/wsgi",
            "gunicorn/util",
        ),
    ),
    ("answer: a client that leaves is noticed", ("kit/disconnects",)),
    (
        "run: admission, thread, lease, deadline, end",
        ("agentos/execution/", "agentos/services/", "agentos/domain/", "agentos/timers"),
    ),
    ("Flask and Werkzeug", ("flask/", "werkzeug/", "agentos/api/", "agentos/app", "benchmarks/floor")),
    ("gunicorn: a request's own cost", ("gunicorn/", "agentos/serving/")),
    ("gevent: the loop, its callbacks and timers", ("gevent/hub.py", "gevent/_abstract", "gevent/greenlet")),
)
"""What a socket or a lock of gevent costs its caller is not named here, so that it counts for the caller's stage."""

OTHER_THREADS = "log: write it, and all else in threads of the system"

LOADS: dict[str, Load] = {
    "plain": Load(
        address="", paths=["/api/v1/agents/burst-10/run"], bodies=['{"input":"Hello"}'], connections=16, rounds=150
    ),
    "paced": Load(
        address="",
        paths=["/api/v1/agents/paced-20ms-100/run/stream"],
        bodies=['{"input":"Hello"}'],
        connections=100,
        rounds=3,
        stagger=0.0202,
        expect="run",
        tokens=100,
    ),
    "burst": Load(
        address="",
        paths=["/api/v1/agents/burst-1000/run/stream"],
        bodies=['{"input":"Hello"}'],
        connections=50,
        rounds=8,
        expect="run",
        tokens=1000,
    ),
}


def stage_of(stack: list[str]) -> str:
    """Return the stage of a sampled stack, outermost frame first."""
    for frame in reversed(stack):
        for stage, parts in STAGES:
            if any(part in frame for part in parts):
                return stage
    return "other"


def main_thread_seconds(pid: int) -> float:
    """Return the CPU time of a process's first thread."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9


def sampled(served: Served, load: Load) -> dict[str, float]:
    """Put the load on and return the CPU microseconds per unit of each stage.

    Stacks are those of the first thread, where all greenlets run. What other threads use is taken from the kernel:
    py-spy cannot tell whether a thread waits for a lock of its own or for Python's.
    """
    worker = served.pids[1]
    with tempfile.TemporaryDirectory() as home:
        raw = Path(home) / "raw"
        command = [
            str(Path(sys.executable).with_name("py-spy")),
            "record",
            "--pid",
            str(worker),
            "--rate",
            str(RATE),
            "--format",
            "raw",
            "--threads",
        ]
        command += ["--full-filenames", "--output", str(raw), "--duration", "600"]
        sampler = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = main_thread_seconds(worker)
        seen = put(load)
        main = main_thread_seconds(worker) - before
        sampler.send_signal(signal.SIGINT)
        sampler.wait()
        samples: Counter[str] = Counter()
        for line in raw.read_text().splitlines():
            stack, _, count = line.rpartition(" ")
            thread, *frames = stack.split(";")
            if f"({worker})" in thread:  # a process's first thread has its number
                samples[stage_of(frames)] += int(count)
    scale = 1e6 / (seen["tokens"] or seen["requests"])
    stages = {stage: count / samples.total() * main * scale for stage, count in samples.items()}
    return {**stages, OTHER_THREADS: (seen["cpu"] - main) * scale}


def main(names: Sequence[str]) -> None:
    """Print a table of what a run costs, and one of what a token does, with the floor beside the server."""
    kinds = {
        "run": [one for one in names if not _load(one).tokens],
        "token": [one for one in names if _load(one).tokens],
    }
    with opened() as bench:
        for unit, loads in kinds.items():
            columns = {name: sampled(*_prepared(bench, name)) for name in loads}
            if columns:
                print(table(unit, columns), end="\n\n", flush=True)


def table(unit: str, columns: Mapping[str, Mapping[str, float]]) -> str:
    """Return the costs of stages as a table, the dearest of the first column above."""
    first, *_ = columns.values()
    stages = {stage for costs in columns.values() for stage in costs}
    digits = 0 if unit == "run" else 1
    lines = [["µs per " + unit, *columns], ["---", *["--:"] * len(columns)]]
    for stage in sorted(stages, key=lambda one: -first.get(one, 0)):
        lines.append([stage, *(f"{costs.get(stage, 0):.{digits}f}" for costs in columns.values())])
    lines.append(["**all**", *(f"**{sum(costs.values()):.{digits}f}**" for costs in columns.values())])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _load(name: str) -> Load:
    """Return a copy of the load of a name: ``session`` is ``plain`` in sessions, ``floor-…`` is the floor's."""
    return replace(LOADS[name.removeprefix("floor-").replace("session", "plain")])


def _prepared(bench: Bench, name: str) -> tuple[Served, Load]:
    """Return who serves the load and the load itself, after a first round that is not sampled."""
    floor = name.startswith("floor-")
    load = bench.load_of(_load(name), floor=floor)
    if name == "session":
        load.bodies = bench.session_bodies(16, turns=20)
    put(replace(load, rounds=1))
    return bench.floor if floor else bench.server, load


if __name__ == "__main__":
    main(sys.argv[1:] or ["plain", "session", "floor-plain", "paced", "floor-paced", "burst", "floor-burst"])
