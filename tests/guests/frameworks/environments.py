"""The environment of a framework, installed into a cache: for a version of Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from guests.frameworks.catalogue import THIS_PYTHON, Framework
from parts.virtual_environments import Unavailable, cache_directory, installed

CACHE = "agentos-guests"
PIP = ("--only-binary", ":all:", "--require-hashes", "--no-deps")
FIND = Path(__file__).parents[3] / ".ci" / "python"


def interpreter(framework: Framework, version: str = THIS_PYTHON) -> Path:
    """Return the Python of a framework's environment. Raises :class:`Unavailable`."""
    python = sys.executable if version == THIS_PYTHON else _find(version)
    name = framework.name if version == THIS_PYTHON else f"{framework.name}-{version}"
    requirements = framework.folder / "requirements.txt"
    return installed(requirements, cache_directory(CACHE), name=name, options=PIP, python=python) / "python"


def _find(version: str) -> str:
    found = subprocess.run([FIND, version], capture_output=True, text=True, check=False)
    if found.returncode:
        raise Unavailable(f"Python {version} is not installed")
    return found.stdout.strip()
