"""Agents in a guest process against the same agents in the worker: what the hop costs the worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks import processes
from benchmarks.load import Load
from benchmarks.measure import Spread
from benchmarks.rows.common import INPUT, Bench, Row, cost, in_turns
from benchmarks.rows.ratios import seen_details

PACED_MORE = 15.0
"""Microseconds that a paced token may cost more."""


def guests(bench: Bench) -> list[Row]:
    """Measure runs, paced and burst streams."""
    run = Load(address="", paths=["/run"], bodies=[INPUT], connections=16, rounds=60)
    paced = Load(address="", paths=["/run/stream"], bodies=[INPUT], connections=100, stagger=0.0202, tokens=100)
    paced = replace(paced, expect="run", rounds=2)
    burst = replace(paced, stagger=0, tokens=1000)
    with processes.server(bench.stub.url, bench.home / "guests", app="benchmarks.guest_app:app") as served:

        def both(kind: str, load: Load) -> list[list[dict[str, Any]]]:
            load = replace(load, address=served.url, watch=served.pids)
            loads = [replace(load, paths=[f"/api/v1/agents/{place}-{kind}{load.paths[0]}"]) for place in _PLACES]
            return in_turns(loads, bench.repetitions)

        return [
            _burst(*both("burst", burst)),
            _paced(*both("paced", paced)),
            _run(*both("short", run)),
        ]


_PLACES = ("guest", "local")
Seen = Sequence[dict[str, Any]]


def _burst(guest: Seen, local: Seen) -> Row:
    ratio = Spread.ratio(cost(guest, "tokens"), cost(local, "tokens"))
    text = f"{ratio.text()} ×; {_text(guest, local, 'tokens')}"
    return _row("burst", "1000 tokens as fast as they come", "≤ 1.0 ×", text, ratio.median <= 1, guest, local, "tokens")


def _paced(guest: Seen, local: Seen) -> Row:
    more = _more(guest, local, "tokens")
    text = f"{more.text(1)} µs more; {_text(guest, local, 'tokens')}"
    target, met = f"≤ {PACED_MORE:g} µs more", more.median <= PACED_MORE
    return _row("paced", "tokens 20 ms apart, 100 at once", target, text, met, guest, local, "tokens")


def _run(guest: Seen, local: Seen) -> Row:
    more = _more(guest, local, "requests")
    text = f"{more.text(0)} µs more; {_text(guest, local, 'requests', 0)}"
    return _row("run", "`/run` of ten tokens", "", text, None, guest, local, "requests")


def _more(guest: Seen, local: Seen, units: str) -> Spread:
    return Spread.of(one - two for one, two in zip(cost(guest, units), cost(local, units), strict=True))


def _text(guest: Seen, local: Seen, units: str, digits: int = 1) -> str:
    ours, theirs = (Spread.of(cost(seen, units)).median for seen in (guest, local))
    return f"{ours:.{digits}f} µs to {theirs:.{digits}f} µs"


def _row(
    key: str, work: str, target: str, measured: str, met: bool | None, guest: Seen, local: Seen, units: str
) -> Row:
    details = {"guest": seen_details(list(guest), units), "local": seen_details(list(local), units)}
    target = target and f"the worker's CPU {target}"
    return Row(
        f"guest-{key}", f"an agent in a guest process against one in the worker: {work}", target, measured, met, details
    )
