"""A Python environment that has all that ours has, and into which packages can be installed without a network."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

PROGRAMS = {
    "agentos": "agentos",
    "flask": "flask",
    "gunicorn": "gunicorn",
    "pytest": "pytest -q -p no:cacheprovider",
}


def make_environment(venv: Path) -> Path:
    """Make it and return where its programs are; `pip install` in it takes nothing from an index."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True, timeout=60)
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "ours.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    programs = venv / "bin"
    python = programs / "python"
    for name, module in PROGRAMS.items():
        _program(programs / name, f'exec {python} -m {module} "$@"')
    _program(
        programs / "pip",
        f'shift; exec {sys.executable} -m pip --python {python} install -q --no-index --no-build-isolation "$@"',
    )
    return programs


def _program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
