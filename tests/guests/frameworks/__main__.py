"""Runs the suite for frameworks: ``python -m guests.frameworks [FRAMEWORK …]``; see ``--help``."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from conformance.results import Result, counted, summary
from guests.frameworks.catalogue import CATALOGUE, FRAMEWORKS, LIMIT_SECONDS, THIS_PYTHON, Framework
from guests.frameworks.environments import interpreter
from parts.virtual_environments import Unavailable, index_is_reachable

ROOT = Path(__file__).parents[3]
PROCESS = ROOT / "agentos" / "guests" / "process"
BESIDE = 2
"""Frameworks that run at once: the tests wait more than they compute."""


def main() -> int:
    """Run what is asked for, print a summary, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m guests.frameworks", description="Are agents hosted as they are?")
    parser.add_argument("frameworks", nargs="*", metavar="FRAMEWORK", help=f"of {', '.join(CATALOGUE)} (all)")
    parser.add_argument("--beside", type=int, default=BESIDE, help="how many run at once (2)")
    given = parser.parse_args()
    if unknown := set(given.frameworks) - set(CATALOGUE):
        parser.error(f"no such framework: {', '.join(sorted(unknown))}; there are {', '.join(CATALOGUE)}")
    wanted = [CATALOGUE[name] for name in given.frameworks or CATALOGUE]
    with ThreadPoolExecutor(given.beside) as threads:
        parts = list(threads.map(_run, [(one, version) for one in wanted for version in one.pythons]))
    results = [result for part in parts for result in part]
    print(f"\n{summary(results)}")
    return int(any(result.is_failure for result in results))


def _run(what: tuple[Framework, str]) -> list[Result]:
    framework, version = what
    name = framework.name if version == THIS_PYTHON else f"{framework.name} on {version}"
    try:
        python = interpreter(framework, version)
    except Unavailable as why:
        # In CI a lock that names what is not there must not look like a machine without a network.
        failed = bool(os.environ.get("CI")) and version == THIS_PYTHON and index_is_reachable()
        return [Result(name=name, reason=str(why), is_failure=failed)]
    return [_tests(label, command, framework, python) for label, command in _commands(name, framework, python)]


def _commands(name: str, framework: Framework, python: Path) -> Iterator[tuple[str, list[str]]]:
    yield name, [sys.executable, "-m", "pytest", str(FRAMEWORKS / "suite")]
    if framework.has_own_tests:
        # Those with a configuration of their own run in the framework's environment, which has pytest then.
        own = (framework.folder / "pytest.ini").exists()
        config = ["-c", str(framework.folder / "pytest.ini")] if own else []
        yield f"{name} alone", [str(python) if own else sys.executable, "-m", "pytest", *config, str(framework.folder)]


def _tests(name: str, command: Sequence[str], framework: Framework, python: Path) -> Result:
    """Run tests within their time, and once more those that failed: a neighbour's load can make a deadline pass."""
    limit = time.monotonic() + LIMIT_SECONDS
    with tempfile.TemporaryDirectory(prefix="agentos-guests-") as folder:
        again = ["-o", f"cache_dir={folder}/cache"]
        first = _once(name, [*command, *again], framework, python, limit)
        if not first.failed:
            return first
        again += ["--last-failed", "--last-failed-no-failures", "none"]
        second = _once(f"{name}: once more, what failed", [*command, *again], framework, python, limit)
    passed, seconds = first.passed + second.passed, first.seconds + second.seconds
    return replace(second, name=name, passed=passed, skipped=first.skipped, seconds=seconds)


def _once(name: str, command: Sequence[str], framework: Framework, python: Path, limit: float) -> Result:
    """Run tests, end them at a time of ``time.monotonic()``, and print what they print when they have ended."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="agentos-guests-") as folder:
        results = Path(folder) / "results.xml"
        path = [PROCESS, FRAMEWORKS] if command[0] == str(python) else [ROOT / "tests", PROCESS]
        tests = subprocess.Popen(
            [*command, "--quiet", f"--junitxml={results}"],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(map(str, path)),
                "PYTHONDONTWRITEBYTECODE": "1",
                "AGENTOS_GUESTS_FRAMEWORK": framework.name,
                "AGENTOS_GUESTS_PYTHON": str(python),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            said, _ = tests.communicate(timeout=limit - began)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(tests.pid, signal.SIGKILL)
            said, _ = tests.communicate()
            print(f"\n== {name}\n{said}", flush=True)
            seconds = time.monotonic() - began
            return Result(name=name, seconds=seconds, reason=f"took more than {LIMIT_SECONDS:g} s", is_failure=True)
        print(f"\n== {name}\n{said}", flush=True)
        return counted(name, results, exit_code=tests.returncode, seconds=time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
