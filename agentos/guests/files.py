"""The attachments of a run on their way into its guest process: files, since frames of megabytes hold up both sides."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from agentos.domain.media_data import decoded

PREFIX = "agentos-run-"

LEFT_OVER = 24 * 3600.0
"""Seconds after which the files of a run are of a worker that was killed."""


class RunFiles:
    """The files of one run, in a folder of this user alone.

    It is among the temporary files, and not where the processes' sockets are: that may be memory, of which containers
    have little.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._written: list[str] = []
        self._next = 0

    def rewind(self) -> None:
        """Begin again with the first attachment. Those that were written are not written again."""
        self._next = 0

    def add(self, data: str) -> str:
        """Write the next attachment's bytes, and return its path. Raises ``ValueError`` for what is no base64."""
        if self._next == len(self._written):
            self._written.append(self._write(data))
        self._next += 1
        return self._written[self._next - 1]

    def _write(self, data: str) -> str:
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        path = self.folder / str(self._next)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for piece in decoded(data):
                file.write(piece)
        return str(path)

    def remove(self) -> None:
        """Remove the files."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def sweep(now: float | None = None) -> None:
    """Remove the files that killed workers left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # just removed
            status = folder.lstat()
            if status.st_uid == os.getuid() and (now or time.time()) - status.st_mtime > LEFT_OVER:
                shutil.rmtree(folder, ignore_errors=True)
