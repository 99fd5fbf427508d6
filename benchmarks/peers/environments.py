"""A virtual environment for each peer: what it needs shall not decide which versions another one has."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

VERSIONS = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"


class Unavailable(Exception):
    """A peer that cannot be installed or served on this machine; the message is for the report."""


def default_directory() -> Path:
    """Return where environments are kept between runs."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "agentos-benchmark-peers"


def installed(requirements: Path, directory: Path) -> Path:
    """Return the directory of a peer's programs, once what its requirements name is installed.

    An environment has the file's hash in its name, so that one of other versions is never taken for it.
    """
    name = requirements.stem
    place = directory / f"{name}-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]}"
    programs = place / "bin"
    if not (place / "complete").exists():
        print(f"installing {name} into {place}", file=sys.stderr, flush=True)
        _run([sys.executable, "-m", "venv", "--clear", str(place)])
        _run(
            [
                str(programs / "python"),
                "-m",
                "pip",
                "--disable-pip-version-check",
                "install",
                "--quiet",
                "--requirement",
                str(requirements),
            ]
        )
        (place / "complete").touch()
    return programs


def versions(programs: Path, packages: Iterable[str]) -> dict[str, str]:
    """Return the installed versions of packages."""
    return dict(json.loads(_run([str(programs / "python"), "-c", VERSIONS, *packages])))


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise Unavailable(f"could not be installed: {last}")
    return done.stdout
