"""Runs and streams against the floor: CPU per unit, as a ratio, and what the client waits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.load import Load
from benchmarks.measure import Spread
from benchmarks.rows.common import INPUT, Bench, Row, cost, in_turns, milliseconds, own_cost

RUN = "/api/v1/agents/burst-10/run"
PACED = "/api/v1/agents/paced-20ms-100/run/stream"
BURST = "/api/v1/agents/burst-1000/run/stream"

KEPT = "keeps its connections"
DECODED = "looks into each token"
"""What the floors do that are harder, or easier, to come near."""

Seen = list[dict[str, Any]]
"""What the load program saw, repetition by repetition."""


def plain(bench: Bench) -> list[Row]:
    """Measure runs without a session, and with one."""
    rounds = 15 if bench.quick else 60
    run = Load(address="", paths=[RUN], bodies=[INPUT], connections=16, rounds=rounds)
    in_session = replace(run, bodies=bench.session_bodies(16, turns=20))
    floor = bench.load_of(run, floor=True)
    kept = [] if bench.quick else [replace(floor, paths=["/kept" + floor.paths[0]])]
    ours, session, *floors = in_turns([bench.load_of(run), bench.load_of(in_session), floor, *kept], bench.repetitions)
    return [
        _ratio("plain", "`/run` without a session", 1.3, "request", KEPT, ours, *floors),
        _ratio("session", "`/run` in a session, history 20 turns", 1.8, "request", KEPT, session, *floors),
    ]


def paced(bench: Bench) -> list[Row]:
    """Measure streams with tokens 20 ms apart, 100 at once, which began one after the other."""
    # Not 20 ms: then all their tokens would come in the same moment.
    load = Load(address="", paths=[PACED], bodies=[INPUT], connections=100, stagger=0.0202, tokens=100)
    load.rounds = 2 if bench.quick else 4  # they are 100 at once between the first that begins and the first that ends
    work = "`/run/stream`, tokens 20 ms apart, 100 at once"
    ours, theirs, *others = _streams(bench, load)
    rows = [_ratio("paced", work, 1.2, "token", DECODED, ours, theirs, *others)]
    for key, what, name, most in (("gap", "gap", "gap", 10), ("first", "first_token", "time to first token", 20)):
        mine, other = milliseconds(ours, what, "p99"), milliseconds(theirs, what, "p99")
        rows.append(
            Row(
                f"paced-{key}",
                f"the same: {name}, p99",
                f"≤ the floor's + {most} ms",
                f"{mine.text(1)} ms to {other.text(1)} ms",
                mine.median <= other.median + most,
                {"server_ms": mine.as_json(), "floor_ms": other.as_json()},
            )
        )
    return rows


def burst(bench: Bench) -> list[Row]:
    """Measure streams with tokens that come all at once."""
    load = Load(address="", paths=[BURST], bodies=[INPUT], connections=100, tokens=1000)
    load.rounds = 1 if bench.quick else 2
    work = "the same, 1000 tokens as fast as they come"
    return [_ratio("burst", work, 0.8, "token", DECODED, *_streams(bench, load))]


def _streams(bench: Bench, load: Load) -> list[Seen]:
    """Return what the server's streams were like, the floor's, and those of the floor that looks into the tokens."""
    load = replace(load, expect="run")
    floor = bench.load_of(load, floor=True)
    decoded = [] if bench.quick else [replace(floor, paths=["/decoded" + floor.paths[0]])]
    return in_turns([bench.load_of(load), floor, *decoded], bench.repetitions)


def _ratio(key: str, work: str, target: float, unit: str, other: str, ours: Seen, floor: Seen, *others: Seen) -> Row:
    """Return the row of a load; ``other`` says what the second floor is, where it was measured."""
    units = f"{unit}s"
    ratio = Spread.ratio(cost(ours, units), cost(floor, units))
    digits = 0 if unit == "request" else 1
    mine, theirs = Spread.of(cost(ours, units)).median, Spread.of(cost(floor, units)).median
    measured = f"{ratio.text()} ×; {mine:.{digits}f} µs to {theirs:.{digits}f} µs"
    details = {"ratio": ratio.as_json(), "server": seen_details(ours, units), "floor": seen_details(floor, units)}
    for seen in others:
        second = Spread.ratio(cost(ours, units), cost(seen, units))
        measured += f"; to a floor that {other} {second.text()} ×"
        details |= {"ratio_to_second": second.as_json(), "second_floor": seen_details(seen, units)}
    return Row(key, work, f"≤ {target} × the floor's CPU per {unit}", measured, ratio.median <= target, details)


def seen_details(seen: Seen, units: str) -> dict[str, Any]:
    """Return what the results for machines have of a load."""
    kinds = ("latency", "first_token", "gap") if units == "tokens" else ("latency",)
    shares = ("p50", "p95", "p99")
    return {
        "cpu_us": Spread.of(cost(seen, units)).as_json(),
        **{f"{kind}_ms": {one: milliseconds(seen, kind, one).as_json() for one in shares} for kind in kinds},
        "load_program_us": round(own_cost(seen, units), 2),
        "per_second": round(Spread.of(one[units] / one["wall"] for one in seen).median, 1),
    }
