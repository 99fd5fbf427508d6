"""What came of a suite, and the summary of all of them."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Result:
    """Counts of a suite. With a ``reason`` it did not run to its end; ``is_failure`` says whether that is a failure."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    reason: str = ""
    is_failure: bool = False


def counted(name: str, file: Path, *, exit_code: int, seconds: float) -> Result:
    """Return what JUnit's XML says, as pytest and Node.js write it."""
    passed = failed = skipped = 0
    if file.exists() and file.stat().st_size:
        for case in ElementTree.parse(file).iter("testcase"):
            kinds = {child.tag for child in case}
            if kinds & {"failure", "error"}:
                failed += 1
            elif "skipped" in kinds:
                skipped += 1
            else:
                passed += 1
    reason = ""
    if exit_code and not failed:
        reason = f"ended with exit code {exit_code}"
    elif not (passed or failed or skipped):
        reason = "has no tests"
    return Result(
        name=name,
        passed=passed,
        failed=failed,
        skipped=skipped,
        seconds=seconds,
        reason=reason,
        is_failure=bool(failed or reason),
    )


def summary(results: Iterable[Result]) -> str:
    """Return a line for each suite, and the sum as the last line."""
    results = list(results)
    width = max([len(result.name) for result in results] + [5])
    lines = [f"{'suite':{width}}  passed  failed  skipped  seconds"]
    for result in results:
        line = f"{result.name:{width}}  {result.passed:6}  {result.failed:6}  {result.skipped:7}  {result.seconds:7.1f}"
        if result.reason:
            line += f"  {'FAILED' if result.is_failure else 'skipped'}: {result.reason}"
        lines.append(line)
    # A suite that failed as a whole counts as one that failed.
    failed = sum(result.failed or int(result.is_failure) for result in results)
    passed, skipped = sum(result.passed for result in results), sum(result.skipped for result in results)
    return "\n".join([*lines, f"{passed} passed, {failed} failed, {skipped} skipped"])
