"""The process of one isolated tool call, started as a script by :mod:`agentos.tools.isolation`.

It reads the call from its standard input, limits itself, calls the function, answers with one line of JSON, and ends.
Everything that is not the standard library is imported within the limits.
"""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import resource
import signal
import sys
import time
import traceback
from typing import Any

OPEN_FILES = 256
FILE_SIZE = 64 * 1024**2

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def main() -> None:
    """Serve the one call of this process."""
    # What comes in here is the server's, which pickles the function and its arguments by their names.
    request: dict[str, Any] = pickle.load(sys.stdin.buffer)  # noqa: S301
    channel = _take_channel()
    # The room in which to say that there is no memory left.
    reserve = bytearray(1024**2)
    _limit(request)
    answer = _answer(request)
    del reserve
    with open(channel, "wb") as file:
        file.write(json.dumps(answer).encode() + b"\n")


def _take_channel() -> int:
    """Keep the way back to the server, where neither the tool nor what it starts writes by accident."""
    channel = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return channel


def _limit(request: dict[str, Any]) -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # No program that it starts gains rights by set-user-id.
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != request["parent"]:
        sys.exit("the server ended before its death could be listened for")
    # What computes here must not slow down the streams of the server.
    os.nice(10)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    _lower(resource.RLIMIT_FSIZE, FILE_SIZE)
    _lower(resource.RLIMIT_AS, request["memory"])
    # SIGXCPU ends it and says why; one that catches it is killed a second later.
    _lower(resource.RLIMIT_CPU, request["cpu"], request["cpu"] + 1)


def _lower(limit: int, soft: int, hard: int | None = None) -> None:
    most = resource.getrlimit(limit)[1]
    wanted = (soft, soft if hard is None else hard)
    resource.setrlimit(
        limit, wanted if most == resource.RLIM_INFINITY else (min(wanted[0], most), min(wanted[1], most))
    )


def _answer(request: dict[str, Any]) -> dict[str, str]:
    try:
        sys.path[:] = request["path"]
        return {"result": _call(**pickle.loads(request["call"]), size=request["size"])}  # noqa: S301 - as above
    except MemoryError:
        return {"lack": "memory"}
    except BaseException as error:  # noqa: BLE001 - other people's code; SystemExit is reported as well
        from agentos.tools.results import error_text

        return {"error": error_text(error), "traceback": traceback.format_exc(limit=-20)[-8000:]}


def _call(function: Any, given: dict[str, Any], parameter: str | None, context: dict[str, Any], size: int) -> str:
    import asyncio
    import inspect

    from agentos.domain.text import cut
    from agentos.tools.results import result_text

    if parameter is not None:
        from agentos.tools.context import ToolContext
        from agentos.tools.questions import NO_QUESTIONS_OF_ISOLATED
        from agentos.tools.run_writer import IsolatedWriter

        context["deadline"] += time.monotonic()
        given[parameter] = ToolContext(**context, writer=IsolatedWriter(), questions=NO_QUESTIONS_OF_ISOLATED)
    value = function(**given)
    if inspect.iscoroutine(value):
        value = asyncio.run(value)
    return cut(result_text(value), size)


if __name__ == "__main__":
    main()
