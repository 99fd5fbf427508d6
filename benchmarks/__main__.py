"""Runs the benchmark: ``python -m benchmarks``; see ``--help``."""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks import guard, report
from benchmarks.rows import ROWS
from benchmarks.rows.common import Row, opened


def main() -> int:
    """Measure, and write the results down or compare them with those that are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast is the server?")
    parser.add_argument("--only", nargs="+", choices=ROWS, metavar="ROW", help=f"of {', '.join(ROWS)}")
    parser.add_argument("--quick", action="store_true", help="the ratios alone, briefly, against recorded.json")
    parser.add_argument("--record", type=int, metavar="N", help="measure the ratios briefly N times and record them")
    parser.add_argument("--repetitions", type=int, default=5, help="how often server and floor take turns (5)")
    given = parser.parse_args()
    if given.record:
        return guard.record([_measure(guard.ROWS, quick=True, repetitions=3) for _ in range(given.record)])
    if given.quick:
        return guard.compare(_measure(given.only or guard.ROWS, quick=True, repetitions=3))
    rows = _measure(given.only or list(ROWS), quick=False, repetitions=given.repetitions)
    if not given.only:
        report.write(rows)
    return 0


def _measure(names: list[str], *, quick: bool, repetitions: int) -> list[Row]:
    rows = []
    with opened(quick=quick, repetitions=repetitions) as bench:
        for name in names:
            began = time.monotonic()
            for row in ROWS[name](bench):
                rows.append(row)
                print(report.line(row), flush=True)
            print(f"  ({name}: {time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
