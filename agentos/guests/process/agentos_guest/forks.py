"""Keeps locks and sockets of the process out of the children that agents fork, as ``multiprocessing`` does.

A child that lives longer than this process would keep them open: workers would not see that the process is gone.
Programs that agents start do not get them anyway: Python's descriptors are not inheritable.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Protocol


class Open(Protocol):
    """A file or a socket; once it is closed, it has no descriptor, so that the number is never taken for its own."""

    def fileno(self) -> int:
        """Return the descriptor; -1 or ``ValueError`` when it is closed."""
        ...


_own: set[Open] = set()


def keep_from_children(file: Open) -> None:
    """Close a file or socket in each child that is forked from now on."""
    _own.add(file)


def forget(file: Open) -> None:
    """Say that a file or socket is closed."""
    _own.discard(file)


def _close() -> None:
    for file in _own:
        with suppress(OSError, ValueError):
            os.close(file.fileno())
    _own.clear()


os.register_at_fork(after_in_child=_close)
