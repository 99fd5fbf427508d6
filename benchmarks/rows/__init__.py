"""What is measured: each module has a row of the table of targets, or a few that need the same preparation."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.rows import doors, guests, many, process, providers, ratios, shared, stored, traces, watched
from benchmarks.rows.common import Bench, Row

ROWS: dict[str, Callable[[Bench], list[Row]]] = {
    "plain": ratios.plain,
    "paced": ratios.paced,
    "burst": ratios.burst,
    "doors": doors.doors,
    "providers": providers.providers,
    "thousand": many.thousand,
    "depth": stored.depth,
    "lists": stored.lists,
    "databases": shared.databases,
    "signals": shared.signals,
    "resume": many.resume,
    "wire": process.wire,
    "workers": process.workers,
    "start": process.start,
    "metrics": watched.metrics,
    "log": watched.log,
    "traces": traces.traces,
    "guests": guests.guests,
    "stub": process.model,
}
"""By the name that ``--only`` takes, in the order of the report."""
