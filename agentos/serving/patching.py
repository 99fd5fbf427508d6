"""Run a program with gevent's patches in place before its first import, and check that they are.

What is imported before the patches keeps the blocking originals: psycopg then stops a whole worker for every query, and
``ssl`` ends in a RecursionError. So a program that was started without them is started over, not patched late.
"""

from __future__ import annotations

import os
import runpy
import sys
from multiprocessing.util import _args_from_interpreter_flags  # type: ignore[attr-defined]  # typeshed leaves it out
from pathlib import Path
from typing import NoReturn

from gevent import monkey

from agentos.errors import ConfigError


def is_patched() -> bool:
    """Return whether what a worker waits on gives way to its other requests."""
    return all(monkey.is_module_patched(module) for module in ("socket", "ssl", "select", "threading", "time"))


def check_patched() -> None:
    """Raise :class:`~agentos.errors.ConfigError` unless waiting is cooperative in this process, psycopg's included."""
    if not is_patched():
        raise ConfigError(
            "gevent's patches are missing in this worker: `from gevent import monkey; monkey.patch_all()` must be the"
            " first lines of gunicorn's configuration file, as in AgentOS's gunicorn.conf.py"
        )
    waiting = sys.modules.get("psycopg.waiting")
    if waiting is not None and waiting.wait is getattr(waiting, "wait_c", None):
        raise ConfigError(
            "psycopg was imported before gevent's patches, so every query would stop the whole worker: patch in the"
            " first lines of gunicorn's configuration file, and do not use --preload"
        )


def start_over() -> NoReturn:
    """Replace this process by the same program, run with the patches; the process id stays.

    Raises :class:`~agentos.errors.ConfigError` where there is no program to run again (an interactive session).
    """
    command = [sys.executable, *_args_from_interpreter_flags(), "-c", _start(), *_program(), *sys.argv[1:]]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, command)  # noqa: S606  # no shell is wanted


def _start() -> str:
    # Not `python -m` of this module: that would import the package, and all that it imports, before the patches.
    root = Path(__file__).parents[2]
    return (
        "from gevent import monkey; monkey.patch_all(); import sys;"
        f" sys.path.append({str(root)!r}); from agentos.serving.patching import main; main(sys.argv[1:])"
    )


def _program() -> list[str]:
    main = sys.modules["__main__"]
    if main.__spec__ is not None:
        return ["-m", main.__spec__.name.removesuffix(".__main__")]
    file = getattr(main, "__file__", None)
    if file is not None and Path(file).exists():
        return [str(file)]
    if "-c" in sys.orig_argv:
        return ["-c", sys.orig_argv[sys.orig_argv.index("-c") + 1]]
    raise ConfigError(
        "AgentOS.start() was called from an interactive session; call it from a program (python server.py), or serve"
        " `AgentOS.app` with a WSGI server"
    )


def main(arguments: list[str]) -> None:
    """Do what ``python`` does with ``SCRIPT …``, ``-m MODULE …`` or ``-c CODE …``, but patched."""
    kind, program = arguments[0], arguments[1:]
    if kind == "-m":
        sys.argv[:] = program
        _search_first(os.getcwd())
        runpy.run_module(program[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv[:] = ["-c", *program[1:]]
        exec(compile(program[0], "<string>", "exec"), sys.modules["__main__"].__dict__)  # noqa: S102  # as python -c
    else:
        sys.argv[:] = arguments
        _search_first(os.path.dirname(os.path.realpath(kind)))
        runpy.run_path(kind, run_name="__main__")


def _search_first(folder: str) -> None:
    # `python -c` put the working directory where the others put the program's; with `-P` and `-I` there is no entry.
    if not sys.flags.safe_path:
        sys.path[0] = folder
