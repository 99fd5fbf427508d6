"""The directory that the workers of this deployment share. Serving sets it before the application is built."""

from __future__ import annotations

from pathlib import Path

_shared: Path | None = None
_generation = 0


def share(directory: Path | None, generation: int = 0) -> None:
    """Name the directory of this process's deployment, and which of its generations of workers this process is of."""
    global _shared, _generation
    _shared, _generation = directory, generation


def shared_directory() -> Path | None:
    """Return the directory; ``None`` where the process is no worker of a deployment, or it could not be made."""
    return _shared


def generation() -> int:
    """Return the generation of workers: a reload (SIGHUP) begins the next one, which may run other code."""
    return _generation
