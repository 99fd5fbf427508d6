"""Starts a guest process. Run by its path, with the Python of the guest: ``python -P agentos_guest/__main__.py``."""

from __future__ import annotations

import sys
from pathlib import Path


def _find_package() -> None:
    """Make this package importable, and nothing else of its folder: ``-P`` is not there before Python 3.11."""
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != here]
    sys.path.append(str(here.parent))


# Not in processes that agents start with multiprocessing: those import this module under another name.
if __name__ == "__main__":
    if sys.version_info < (3, 10):  # noqa: UP036  # the operator may name any interpreter
        sys.exit(f"a guest needs Python 3.10 or later, and {sys.executable} is {sys.version.split()[0]}")
    _find_package()
    from agentos_guest.process import main

    main(sys.argv[1:])
