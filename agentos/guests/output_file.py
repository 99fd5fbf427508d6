"""The file that takes what a guest process writes to its standard output and error."""

from __future__ import annotations

import fcntl
import os
import tempfile
from types import TracebackType
from typing import Self

TAIL = 2000
"""Characters of a start that failed which the log has."""


class OutputFile:
    """A file without a name, which is gone with the process. The guest empties it when it is large.

    It is among the temporary files, and not where the processes' sockets are: that may be memory, of which containers
    have little.
    """

    def __init__(self) -> None:
        self._descriptor = -1

    @property
    def is_open(self) -> bool:
        """Whether a process was started with it."""
        return self._descriptor >= 0

    def open(self) -> int:
        """Make the file, and return its descriptor. Raises ``OSError``."""
        self._descriptor, path = tempfile.mkstemp(prefix="agentos-guest-")
        os.unlink(path)
        # All that write add to its end, also after it was emptied.
        fcntl.fcntl(self._descriptor, fcntl.F_SETFL, os.O_APPEND)
        return self._descriptor

    def tail(self) -> str:
        """Return the end of what was written."""
        size = os.fstat(self._descriptor).st_size
        return os.pread(self._descriptor, 4 * TAIL, max(0, size - 4 * TAIL)).decode("utf-8", "replace")[-TAIL:].strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.is_open:
            os.close(self._descriptor)
