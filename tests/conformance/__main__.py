"""Runs suites of clients against the real server: ``python -m conformance [SUITE …]``; see ``--help``."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from agentos_testing.process import KEPT

from conformance.catalogue import SHARED, SUITES, Suite, suites
from conformance.environments import environment, registries_are_reachable
from conformance.results import Result, counted, summary
from conformance.serving import served
from parts.virtual_environments import Unavailable

DOCS = Path(__file__).parents[2] / "docs"
"""The pages: suites run what they show of their clients."""

ALL_SECONDS = 1200.0
"""The limit of all suites together. Within it, each has a limit of its own."""


def main() -> int:
    """Run what is asked for, print a summary, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m conformance", description="Do the clients that people use work?")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help="names of suites (all)")
    parser.add_argument(
        "--suites-folder", type=Path, default=SUITES, help="where suites are (tests/conformance/suites)"
    )
    given = parser.parse_args()
    known = suites(given.suites_folder.resolve())
    if unknown := set(given.suites) - set(known):
        parser.error(f"no such suite: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    deadline = time.monotonic() + ALL_SECONDS
    results = []
    for suite in (known[name] for name in known if name in (given.suites or known)):
        print(f"\n== {suite.name}", flush=True)
        results.append(conform(suite, deadline))
    print(f"\n{summary(results)}")
    return int(any(result.is_failure for result in results))


def conform(suite: Suite, deadline: float) -> Result:
    """Run a suite. What it needs and this machine cannot have makes it skipped."""
    if missing := suite.missing():
        return Result(name=suite.name, reason=f"the server has no {', '.join(missing)}")
    try:
        make_command = environment(suite)
    except Unavailable as why:
        # In CI a lock that names what is not there must not look like a machine without a network.
        failed = bool(os.environ.get("CI")) and registries_are_reachable(suite)
        return Result(name=suite.name, reason=str(why), is_failure=failed)
    began = time.monotonic()
    if (limit := min(suite.limit, deadline - began)) <= 0:
        return Result(name=suite.name, reason=f"all suites took more than {ALL_SECONDS:g} s", is_failure=True)
    with tempfile.TemporaryDirectory(prefix="agentos-conformance-") as name:
        folder = Path(name)
        results = folder / "results.xml"
        try:
            with served(suite, folder) as variables:
                command = make_command(folder, results)
                exit_code = run_tests(command, variables, folder, limit)
        except AssertionError as why:  # The server did not start or did not end, which is told with its log.
            print(why, flush=True)
            return Result(name=suite.name, reason=str(why).partition("\n")[0], is_failure=True)
        seconds = time.monotonic() - began
        if exit_code is None:
            return Result(name=suite.name, seconds=seconds, reason=f"took more than {limit:.0f} s", is_failure=True)
        return counted(suite.name, results, exit_code=exit_code, seconds=seconds)


def run_tests(command: list[str], variables: Mapping[str, str], folder: Path, limit: float) -> int | None:
    """Run the tests and return their exit code, or ``None`` where they did not end in time and were killed."""
    env = {name: os.environ[name] for name in (*KEPT, "CI") if name in os.environ}
    # Clients find settings in their user's home, and would keep theirs there.
    env |= {"HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(SHARED), **variables}
    env["AGENTOS_CONFORMANCE_DOCS"] = str(DOCS)
    tests = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        return tests.wait(limit)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if tests.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(tests.pid, signal.SIGKILL)
            tests.wait(10)


if __name__ == "__main__":
    sys.exit(main())
