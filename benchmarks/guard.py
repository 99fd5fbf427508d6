"""The quick form: ratios to the floor, compared with those that were recorded when they were last looked at.

A ratio's noise is what the quick form itself showed when it was recorded: it was run several times over, and the worst
of those runs, with a margin, is the most that a later one may have. A machine's speed cancels out in a ratio, its
noise does not: record again where the guard is to watch on another machine.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import machine
from benchmarks.rows.common import Row

RECORDED = Path(__file__).parent / "recorded.json"
ROWS = ["plain", "paced", "burst"]

MARGIN = 1.5
"""How many times as far as the farthest recorded run a later one may be from their median."""

LEAST = 0.05
"""The share of the median that is always allowed: few runs may by chance be very alike."""


def noise_of(ratios: Sequence[float]) -> float:
    """Return how far above their median a ratio may be without being called worse."""
    median = statistics.median(ratios)
    return max(MARGIN * max(abs(one - median) for one in ratios), LEAST * median)


def record(runs: Sequence[Sequence[Row]]) -> int:
    """Write down the ratios of several runs of the quick form, with their noise."""
    ratios: dict[str, list[float]] = {}
    for rows in runs:
        for key, ratio in _ratios(rows).items():
            ratios.setdefault(key, []).append(ratio)
    recorded = {
        key: {"ratio": round(statistics.median(ones), 3), "noise": round(noise_of(ones), 3), "runs": sorted(ones)}
        for key, ones in ratios.items()
    }
    RECORDED.write_text(json.dumps({"machine": machine(), "ratios": recorded}, indent=2) + "\n", "utf-8")
    return 0


def compare(rows: Sequence[Row]) -> int:
    """Print how the ratios stand to the recorded ones; return 1 if one is worse by more than its noise."""
    recorded = json.loads(RECORDED.read_text("utf-8"))["ratios"]
    verdicts = [verdict(key, ratio, **_limits(recorded[key])) for key, ratio in _ratios(rows).items()]
    print("\n".join(text for _, text in verdicts))
    return int(any(worse for worse, _ in verdicts))


def verdict(key: str, ratio: float, *, before: float, noise: float) -> tuple[bool, str]:
    """Tell whether a ratio is worse than the recorded one by more than its noise, and say so."""
    worse = ratio > before + noise
    said = "WORSE" if worse else "better; record it" if ratio < before - noise else "as before"
    return worse, f"{key}: {ratio:.2f} × the floor, recorded {before:.2f} ± {noise:.2f}: {said}"


def _limits(one: dict[str, float]) -> dict[str, float]:
    return {"before": one["ratio"], "noise": one["noise"]}


def _ratios(rows: Sequence[Row]) -> dict[str, float]:
    return {row.key: round(row.details["ratio"]["median"], 4) for row in rows if "ratio" in row.details}
