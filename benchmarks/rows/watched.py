"""What it costs to watch the server: metrics with the watchdog, and the log, each on against off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmarks import processes
from benchmarks.load import Load
from benchmarks.measure import Spread
from benchmarks.rows.common import INPUT, Bench, Row, cost, in_short_turns, in_turns, register
from benchmarks.rows.ratios import PACED, RUN, seen_details

MOST = 1.05

WITHOUT_METRICS = {"AGENTOS_PLUGINS": "-metrics", "AGENTOS_HOLD_WARNING": "0"}
WITHOUT_LOG = {"AGENTOS_LOG_LEVEL": "error"}


def metrics(bench: Bench) -> list[Row]:
    """Measure runs and streams with metrics and the watchdog, and without."""
    work = "metrics and the watchdog on against off"
    run, paced = _loads()
    return [
        _measured(bench, "metrics", f"{work}, `/run` without a session", run, WITHOUT_METRICS),
        _measured(bench, "metrics-paced", f"{work}, tokens 20 ms apart", paced, WITHOUT_METRICS),
    ]


def log(bench: Bench) -> list[Row]:
    """Measure runs with the default log, and with errors alone."""
    return [_measured(bench, "log", "the log on against errors alone, `/run`", _loads()[0], WITHOUT_LOG)]


def _loads() -> tuple[Load, Load]:
    run = Load(address="", paths=[RUN], bodies=[INPUT], connections=16, rounds=12)
    paced = Load(address="", paths=[PACED], bodies=[INPUT], connections=100, stagger=0.0202, tokens=100, rounds=2)
    return run, replace(paced, expect="run")


def _measured(bench: Bench, key: str, work: str, load: Load, off: Mapping[str, str]) -> Row:
    """Measure with new servers each time: two equal processes differ by some per cent for their whole life."""
    pairs = [_pair(bench, f"{key}-{number}", load, off) for number in range(bench.repetitions)]
    on, without = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    unit = "token" if load.tokens else "request"
    ratio = Spread.ratio(cost(on, f"{unit}s"), cost(without, f"{unit}s"))
    ours, theirs = (Spread.of(cost(seen, f"{unit}s")).median for seen in (on, without))
    digits = 1 if unit == "token" else 0
    measured = f"{ratio.text()} ×; {ours:.{digits}f} µs to {theirs:.{digits}f} µs"
    details = {
        "ratio_of_watching": ratio.as_json(),
        "on": seen_details(on, f"{unit}s"),
        "off": seen_details(without, f"{unit}s"),
    }
    return Row(key, work, f"CPU per {unit} ≤ {MOST} ×", measured, ratio.median <= MOST, details)


def _pair(bench: Bench, name: str, load: Load, off: Mapping[str, str]) -> Sequence[dict[str, Any]]:
    home = bench.home / name
    with (
        processes.server(bench.stub.url, home / "on") as watched,
        processes.server(bench.stub.url, home / "off", settings=off) as other,
    ):
        loads = []
        for served in (watched, other):
            register(served)
            loads.append(replace(load, address=served.url, watch=served.pids))
        return [repetitions[0] for repetitions in (in_turns if load.tokens else in_short_turns)(loads, 1)]
