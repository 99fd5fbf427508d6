"""Locks on files, between the workers of a deployment. The system releases the locks of a process that dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 1.0
"""Seconds to wait for the folder's lock. It is held for milliseconds; a stopped process must not stop the others."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have the folder alone; after :data:`PATIENCE` seconds, have it all the same."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        deadline = time.monotonic() + PATIENCE
        while not try_lock(descriptor) and time.monotonic() < deadline:
            time.sleep(0.005)  # a blocking lock would hold all greenlets of this worker
        yield
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Lock an open file until it is closed; return False if another process, or another opening, has it locked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
