"""Serves in a process of its own and starts it anew when a file of the project changes: for development."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

LOOK_EVERY = 0.5
"""Seconds between two looks at the files."""

END_WITHIN = 60.0
"""Seconds after which a server that does not end is killed; its own drain is much shorter unless a setting says so."""

SETTINGS = (".env", "agentos.toml")
LEFT_OUT = {"__pycache__", "node_modules", "site-packages", "build", "dist"}

Seen = Mapping[str, tuple[int, int]]


def serve_and_reload(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> int:
    """Run ``agentos serve`` with these arguments until it ends by itself; return its exit code.

    ``environ`` is its environment, without what comes from ``.env``: the server reads that file. A server that failed
    to start is started again at the next change.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    command = [sys.executable, "-m", "agentos", "serve", *arguments]
    while True:
        seen = look(folder)
        server = subprocess.Popen(command, env=environ)  # noqa: S603  # our own program
        try:
            _wait_for_change(folder, seen, server)
            if server.poll() == 0:
                return 0
        except (KeyboardInterrupt, SystemExit):
            _stop(server)
            return server.returncode or 0
        _stop(server)
        click.echo("Files changed: starting again.", err=True)


def look(folder: Path) -> Seen:
    """Return time and size of each file that belongs to the project: its Python files and its settings."""
    seen: dict[str, tuple[int, int]] = {}
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in LEFT_OUT]
        # An environment may have any name; this file marks it.
        folders[:] = [name for name in folders if not os.path.exists(os.path.join(place, name, "pyvenv.cfg"))]
        for name in files:
            if name.endswith(".py") or (name in SETTINGS and Path(place) == folder):
                path = os.path.join(place, name)
                try:
                    stat = os.stat(path)
                except OSError:  # deleted since it was listed
                    continue
                seen[path] = (stat.st_mtime_ns, stat.st_size)
    return seen


def _wait_for_change(folder: Path, seen: Seen, server: subprocess.Popen[bytes]) -> None:
    """Return when a file changed, or when the server ended in order; one that failed is waited for no longer."""
    said = False
    while server.poll() != 0 and look(folder) == seen:
        if server.poll() is not None and not said:
            said = True
            click.echo("The server ended; it starts again when a file changes.", err=True)
        time.sleep(LOOK_EVERY)


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.terminate()
    try:
        server.wait(END_WITHIN)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
