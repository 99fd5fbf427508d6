"""Whether the server can do its work now."""

from __future__ import annotations

from dataclasses import dataclass

from agentos.errors import AgentOSError
from agentos.execution.worker import Worker
from agentos.storage.interface import Storage


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check, in a line."""

    name: str
    ok: bool
    detail: str


class HealthService:
    """Checks what a request needs: the database, its schema, and that the server is not about to stop."""

    def __init__(self, storage: Storage, worker: Worker) -> None:
        self._storage = storage
        self._worker = worker

    def ready(self) -> list[Check]:
        """Return one outcome a check; the server is ready when all are ok."""
        try:
            self._storage.check()
            storage = Check("storage", True, "the database answers")
        except AgentOSError as error:
            storage = Check("storage", False, error.message)
        try:
            schema = self._storage.schema()
            migrations = Check("migrations", schema.ready, schema.description)
        except AgentOSError as error:
            migrations = Check("migrations", False, error.message)
        draining = self._worker.draining
        words = "the server is about to stop" if draining else "new runs are taken"
        return [storage, migrations, Check("draining", not draining, words)]
