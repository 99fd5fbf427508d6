"""How many runs may be unfinished at once: counted exactly, also when several are admitted at the same time."""

from __future__ import annotations

from zlib import crc32

from sqlalchemy import bindparam, func, select

from agentos.storage.admission import Quota
from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.dialects import lock_until_commit
from agentos.storage.sqlalchemy.run_rows import UNFINISHED
from agentos.storage.sqlalchemy.tables import runs

# By status rather than by `ended_at`, which say the same: the indexes that lists by status need answer it, so that no
# further one has to be written at the beginning and at the end of every run.
_OF_ALL = select(func.count()).select_from(runs).where(runs.c.status.in_(UNFINISHED))
_OF_OWNER = _OF_ALL.where(runs.c.owner == bindparam("of_owner"))

_SPACE = 0x72756E73
"""Our part of the advisory locks that have two numbers: "runs" in ASCII."""


def check_quota(connection: Connection, quota: Quota, owner: str) -> None:
    """Raise :class:`~agentos.errors.RateLimited` unless there is room for one more run of an owner.

    The caller adds the run in the same transaction.
    """
    if not quota.limited:
        return
    # Admissions that would count the same runs come one after the other. Taken after the lock of the session's row, and
    # nowhere else, so that no holder waits for such a row. Two owners that share a number wait for each other.
    lock_until_commit(connection, _SPACE, 0 if quota.of_all is not None else crc32(owner.encode()) - 2**31)
    of_owner = of_all = 0
    # After the lock, as statements of their own: each sees what was committed before it began.
    if quota.of_owner is not None:
        of_owner = connection.execute(_OF_OWNER, {"of_owner": owner}).scalar()
    if quota.of_all is not None:
        of_all = connection.execute(_OF_ALL).scalar()
    quota.check(of_owner=of_owner, of_all=of_all)
