"""Environments that are kept between runs: of peers of the benchmark, and of clients of the conformance tests.

Each is of one file of requirements: what one needs shall not decide which versions another one has.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

VERSIONS = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"

INSTALL_SECONDS = 600.0


class Unavailable(Exception):
    """What cannot be installed or served on this machine; the message is for a report."""


def cache_directory(name: str) -> Path:
    """Return where environments are kept between runs, by the name of what they are for."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache).resolve() / name


def installed(
    requirements: Path,
    directory: Path,
    *,
    name: str | None = None,
    options: Sequence[str] = (),
    python: str = sys.executable,
) -> Path:
    """Return the directory of an environment's programs, once what the file of requirements names is installed.

    ``options`` are pip's, ``python`` is the interpreter that it is made with.
    Raises :class:`Unavailable` with the last line of pip where that fails.
    """
    name = name or requirements.stem

    def fill(place: Path) -> None:
        run([python, "-m", "venv", "--clear", str(place)])
        pip = [str(place / "bin/python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *options]
        run([*pip, "--requirement", str(requirements)])

    return kept(directory, name, [requirements], fill) / "bin"


def kept(directory: Path, name: str, files: Iterable[Path], fill: Callable[[Path], None]) -> Path:
    """Return a directory that ``fill`` has filled, now or in an earlier run.

    It has the hash of the files in its name, so that one of other versions is never taken for it.
    """
    digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]
    place = directory / f"{name}-{digest}"
    directory.mkdir(parents=True, exist_ok=True)
    with _alone(directory / f"{place.name}.lock"):
        if not (place / "complete").exists():
            print(f"installing {name} into {place}", file=sys.stderr, flush=True)
            fill(place)
            (place / "complete").touch()
    return place


def versions(programs: Path, packages: Iterable[str]) -> dict[str, str]:
    """Return the installed versions of packages."""
    return dict(json.loads(run([str(programs / "python"), "-c", VERSIONS, *packages])))


def index_is_reachable() -> bool:
    """Say whether a small package can be fetched: then something else is wrong with what could not be installed."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-cache-dir"]
    with TemporaryDirectory() as folder:
        try:
            run([*pip, "--no-deps", "--dest", folder, "iniconfig"])
        except Unavailable:
            return False
    return True


def run(command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Return what a program prints; ``env`` is added to the environment, which is that of no Python.

    Raises :class:`Unavailable` with the last line that it said where it fails or takes longer than ten minutes.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
            env={**environment, **(env or {})},
            timeout=INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"could not be installed within {INSTALL_SECONDS:g} s") from None
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise Unavailable(f"could not be installed: {last}")
    return done.stdout


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep other processes out: two that fill one environment would leave a broken one."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
