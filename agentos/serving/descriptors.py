"""File descriptors: how many a process may have open, and how many connections that is enough for. Needs no gevent."""

from __future__ import annotations

import resource
from contextlib import suppress

RESERVED = 128
"""Descriptors that are no connections: of the database (SQLite has three files a connection), log, event loop, modules
that are imported late."""

OF_A_CONNECTION = 2  # the client's, and one to the model server: a request may run an agent


def raise_limit() -> int:
    """Raise the soft limit of this process and its children to the hard one; return the limit.

    Systems start processes with a soft limit of 1024, for programs that use ``select``. Nothing here does.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # the system allows less than the hard limit says (macOS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return limit()


def limit(*, raised: bool = False) -> int:
    """Return how many descriptors a process may have open: now, or once the limit is ``raised``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    number = hard if raised else soft
    return 2**31 if number == resource.RLIM_INFINITY else number


def connections(wanted: int, limit: int) -> int:
    """Return how many connections a worker may serve at once: ``wanted``, or what the descriptors are enough for."""
    reserved = min(RESERVED, limit // 2)
    return max(1, min(wanted, (limit - reserved) // OF_A_CONNECTION))
