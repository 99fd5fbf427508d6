"""SQLite databases with the present schema. They are copies: a migration takes longer than most tests."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from parts.storages import open_storage


@cache
def _original() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="agentos-migrated-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "empty.db"
    storage = open_storage(f"sqlite:///{path}")
    storage.upgrade()
    storage.close()
    return path


def migrated_sqlite(path: Path) -> str:
    """Make an empty database at a path, unless there is one, and return its URL."""
    if not path.exists():
        shutil.copy(_original(), path)
    return f"sqlite:///{path}"
