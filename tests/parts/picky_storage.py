"""A storage that does not take the ends of some runs."""

from __future__ import annotations

from agentos.domain.run import Run
from agentos.errors import StorageError
from agentos.storage.admission import Ended
from agentos.storage.memory import MemoryStorage
from agentos.storage.memory.runs import MemoryRunStore


class PickyRuns(MemoryRunStore):
    """Cannot save the ends of ``refused`` runs; with ``refuses_messages``, none that has messages."""

    refused: frozenset[str] = frozenset()
    refuses_messages = False
    error: Exception = StorageError("the database did not take the data")

    def finish(self, run: Run, **options: object) -> Ended | None:  # type: ignore[override]
        if run.id in self.refused or (self.refuses_messages and options.get("messages")):
            raise self.error
        return super().finish(run, **options)  # type: ignore[arg-type]


class PickyStorage(MemoryStorage):
    """A storage in which everything else works."""

    runs: PickyRuns

    def __init__(self) -> None:
        super().__init__()
        self.runs = PickyRuns(self.rows)
