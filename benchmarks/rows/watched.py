"""What it costs to watch the server: metrics with the watchdog, and the log, each on against off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from benchmarks.load import Load
from benchmarks.measure import Spread
from benchmarks.rows.common import INPUT, Bench, Row, cost, in_pairs
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
    on, without = in_pairs(bench, key, load, {}, off)
    unit = "token" if load.tokens else "request"
    ratio = Spread.of_turns(cost(on, f"{unit}s"), cost(without, f"{unit}s"))
    ours, theirs = (Spread.of(cost(seen, f"{unit}s")).median for seen in (on, without))
    digits = 1 if unit == "token" else 0
    measured = f"{ratio.text()} ×; {ours:.{digits}f} µs to {theirs:.{digits}f} µs"
    details = {
        "ratio_of_watching": ratio.as_json(),
        "on": seen_details(on, f"{unit}s"),
        "off": seen_details(without, f"{unit}s"),
    }
    return Row(key, work, f"CPU per {unit} ≤ {MOST} ×", measured, ratio.median <= MOST, details)
