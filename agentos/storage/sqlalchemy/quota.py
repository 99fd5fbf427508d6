"""How many runs may be unfinished at once: counted exactly, whatever is admitted at the same time."""

from __future__ import annotations

from zlib import crc32

from sqlalchemy import bindparam, func, select, text

from agentos.domain.run import RunStatus
from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.tables import runs
from agentos.storage.values import Quota

# By status rather than by `ended_at`, which say the same: the indexes that lists by status need answer it, so that no
# further one has to be written at the beginning and at the end of every run.
_OF_ALL = (
    select(func.count())
    .select_from(runs)
    .where(runs.c.status.in_([status.value for status in RunStatus if not status.finished]))
)
_OF_OWNER = _OF_ALL.where(runs.c.owner == bindparam("of_owner"))

# Held until the transaction ends: admissions that would count the same runs come one after the other. Taken behind the
# lock of the session's row, here alone, so that nobody who has it waits for such a row. A number that two owners share
# makes them wait for each other, and no more.
_LOCK = text("SELECT pg_advisory_xact_lock(:space, :number)")
_SPACE = 0x72756E73
"""Our part of the advisory locks that have two numbers: "runs" in ASCII."""


def check_quota(connection: Connection, quota: Quota, owner: str) -> None:
    """Raise :class:`~agentos.errors.RateLimited` unless there is room for one more run of an owner.

    The caller adds the run in the same transaction.
    """
    if not quota.limited:
        return
    if connection.dialect == "postgresql":  # on SQLite, one transaction at a time writes anyway
        number = 0 if quota.of_all is not None else crc32(owner.encode()) - 2**31
        connection.execute(_LOCK, {"space": _SPACE, "number": number})
    of_owner = of_all = 0
    # After the lock, as statements of their own: each sees what was committed before it began.
    if quota.of_owner is not None:
        of_owner = connection.execute(_OF_OWNER, {"of_owner": owner}).scalar()
    if quota.of_all is not None:
        of_all = connection.execute(_OF_ALL).scalar()
    quota.check(of_owner=of_owner, of_all=of_all)
