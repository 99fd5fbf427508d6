"""Whether the server can do its work now."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from agentos.auth.shared_limits import SharedLimits
from agentos.config import Config
from agentos.domain.times import utc_now
from agentos.errors import AgentOSError
from agentos.execution.worker import Worker
from agentos.services.guests import GuestService
from agentos.services.provider_checks import CachedProviderChecks
from agentos.storage.interface import Storage

CLOCK_TOLERANCE = 5.0
"""Seconds that this machine's clock and the database's may differ."""

MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check, in a line. With a ``warning`` the server is ready all the same."""

    name: str
    ok: bool
    detail: str
    warning: bool = False

    @property
    def status(self) -> Literal["ok", "warning", "failed"]:
        """The outcome in a word."""
        return "failed" if not self.ok else "warning" if self.warning else "ok"


class HealthService:
    """Checks what a request needs: the database, its schema, its disk, and that the server is not about to stop.

    Everybody may ask, so no detail says where something is. With ``providers``, these are shown too; with ``limits``,
    whether all workers count requests together.
    """

    def __init__(
        self,
        storage: Storage,
        worker: Worker,
        config: Config,
        guests: GuestService,
        *,
        providers: CachedProviderChecks | None = None,
        limits: SharedLimits | None = None,
    ) -> None:
        self._storage = storage
        self._worker = worker
        self._config = config
        self._guests = guests
        self._providers = providers
        self._limits = limits

    def ready(self) -> list[Check]:
        """Return one outcome a check; the server is ready when all are ok."""
        own = [*self._draining(), *self._rate_limits(), *self._guest_processes()]
        return [*self._database(), *self._disk(), *own, *self._model_providers()]

    def _database(self) -> Iterator[Check]:
        more: list[Check] = []
        try:
            self._storage.check()
            more = [self._clock(), *self._durability()]
            yield Check("storage", True, "the database answers")
        except AgentOSError as error:
            yield Check("storage", False, error.message)
        try:
            schema = self._storage.schema()
            yield Check("migrations", schema.ready, schema.description)
        except AgentOSError as error:
            yield Check("migrations", False, error.message)
        yield from more

    def _clock(self) -> Check:
        """Compare the clocks; the way to the database and back is not counted as a difference."""
        before = utc_now()
        theirs = self._storage.now()
        after = utc_now()
        apart = max((before - theirs).total_seconds(), (theirs - after).total_seconds(), 0.0)
        if apart <= CLOCK_TOLERANCE:
            return Check("clock", True, "this machine's clock and the database's agree")
        return Check("clock", True, f"this machine's clock and the database's are {apart:.0f} s apart", warning=True)

    def _durability(self) -> Iterator[Check]:
        """Yield a check where the promises depend on the settings of the database."""
        found = self._storage.durability()
        if found is None:
            return
        words = "; ".join(found) or "the settings of the database let every promise hold"
        yield Check("durability", True, words, warning=bool(found))

    def _disk(self) -> Iterator[Check]:
        directory = self._storage.directory
        if directory is None:
            return
        least = self._config.least_free_disk
        try:
            free = shutil.disk_usage(directory).free
        except OSError as error:
            yield Check("disk", False, f"the disk of the database cannot be asked: {error.strerror}")
            return
        have = f"{free / MIB:,.0f} MiB are free where the database is"
        if free < least:
            yield Check("disk", False, f"{have}, less than {least / MIB:,.0f} MiB (AGENTOS_LEAST_FREE_DISK)")
        else:
            yield Check("disk", True, have)

    def _draining(self) -> Iterator[Check]:
        draining = self._worker.draining
        words = "the server is about to stop" if draining else "new runs are taken"
        yield Check("draining", not draining, words)

    def _guest_processes(self) -> Iterator[Check]:
        """Yield a check of the processes that this worker has used: a warning at most, for other agents can run."""
        used = [one for one in self._guests.processes() if one.state != "idle"]
        if not used:
            return
        late = [one for one in used if one.state != "ready"]
        if not late:
            yield Check("guests", True, f"guest processes take runs: {len(used)}")
            return
        lag = max(one.lag for one in late)
        words = f"{len(late)} of {len(used)} guest processes take no new runs now; an event loop is {lag:.1f} s late"
        yield Check("guests", True, words, warning=True)

    def _rate_limits(self) -> Iterator[Check]:
        if self._limits is not None:
            away = self._limits.is_away()
            words = "their store is away; each worker counts for itself" if away else "all workers count together"
            yield Check("rate limits", True, words, warning=away)

    def _model_providers(self) -> Iterator[Check]:
        """Yield a check a provider: a warning at most, for agents of other providers can run."""
        if self._providers is None:
            return
        known = self._providers.known()
        if known is None:
            yield Check("providers", True, "the model providers are being asked")
        for one in known or ():
            words = "it can be used" if one.ok else f"it cannot be used now: {one.cause}"
            yield Check(f"provider {one.prefix}", True, words, warning=not one.ok)
