"""Whether the server can do its work now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agentos.errors import AgentOSError, ShuttingDown, StorageError
from agentos.execution.runner import Runner
from agentos.storage.interface import Storage


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check, in a line."""

    name: str
    ok: bool
    detail: str


class HealthService:
    """Checks what a request needs: the database, its schema, and that the server is not about to stop."""

    def __init__(self, storage: Storage, runner: Runner) -> None:
        self._storage = storage
        self._runner = runner

    def ready(self) -> list[Check]:
        """Return one outcome a check; the server is ready when all are ok."""
        return [
            _checked("storage", self._check_storage),
            _checked("migrations", self._check_migrations),
            _checked("draining", self._check_draining),
        ]

    def _check_storage(self) -> str:
        self._storage.check()
        return "the database answers"

    def _check_migrations(self) -> str:
        schema = self._storage.schema()
        if not schema.ready:
            raise StorageError(schema.description)
        return schema.description

    def _check_draining(self) -> str:
        if self._runner.draining:
            raise ShuttingDown("the server is about to stop")
        return "new runs are taken"


def _checked(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, check())
    except AgentOSError as error:
        return Check(name, False, error.message)
