"""The directory that the workers of this deployment share. Serving sets it before the application is built."""

from __future__ import annotations

from pathlib import Path

_shared: Path | None = None


def share(directory: Path | None) -> None:
    """Name the directory of this process's deployment."""
    global _shared
    _shared = directory


def shared_directory() -> Path | None:
    """Return the directory; ``None`` where the process is no worker of a deployment, or it could not be made."""
    return _shared
