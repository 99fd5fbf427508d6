"""Isolated tools: each call in a process of its own, which is limited, killed at its end, and told no secret.

What it keeps from the server is a load or a crash. It is no sandbox: the process belongs to the server's user.
"""

from __future__ import annotations

import json
import logging
import math
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentos.domain.text import clean, cut, shorten
from agentos.observability.content import UntrustedText
from agentos.observability.redaction import redact
from agentos.observability.repeated import RepeatedLines
from agentos.tools.results import MAX_ERROR_LENGTH

if TYPE_CHECKING:
    from agentos.tools.context import ToolContext
    from agentos.tools.tool import Tool

logger = logging.getLogger(__name__)

_SCRIPT = Path(__file__).with_name("isolated_main.py")
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
"""What the process sees of the server's environment; everything else may be a secret."""

_NOTE = 100  # more than the note that a result was cut is long, in bytes


class IsolatedCallFailed(Exception):
    """The call did not end with a result; the text, which begins with a verb, is what the model reads of it."""


class Isolation:
    """Calls functions in processes of their own, at most ``max_processes`` of them at once; the others wait.

    ``cpu`` is in seconds, counted in whole ones; ``memory`` in bytes of address space.
    """

    def __init__(self, *, cpu: float = 10.0, memory: int = 512 * 1024**2, max_processes: int = 4) -> None:
        self._cpu = math.ceil(cpu)
        self._memory = memory
        self._failures = RepeatedLines(logger)
        self._places = threading.BoundedSemaphore(max_processes)

    def call(self, tool: Tool, given: Mapping[str, Any], context: ToolContext, *, max_size: int) -> str:
        """Call the tool with what :meth:`~agentos.Tool.bind` gave, and return the text that the model reads.

        The process and what it started are killed when this returns, at ``context.deadline``, and as soon as
        ``context.cancellation`` says so. Raises :class:`IsolatedCallFailed`, ``TimeoutError`` at the deadline, and the
        cause of a cancellation.
        """
        request = {
            "call": _pickled(tool, given, context),
            "cpu": self._cpu,
            "memory": self._memory,
            "size": max_size,
            "parent": os.getpid(),
            "path": sys.path,
        }
        if not self._places.acquire(timeout=_left(context)):
            raise TimeoutError
        try:
            context.cancellation.check()
            with _running() as (process, connection), context.cancellation.cutting(lambda: _kill(process)):
                # JSON may need six bytes for one.
                line = _exchange(connection, pickle.dumps(request), context, limit=6 * max_size + 64 * 1024)
                # A process that does not answer is about to end by itself, and how it ends says why.
                code = None if line.endswith(b"\n") else process.wait(1)
                context.cancellation.check()
        except subprocess.TimeoutExpired:
            raise IsolatedCallFailed("failed: it closed its connection to the server and was stopped") from None
        finally:
            self._places.release()
        # The process has cut its result already, and said so; what is longer was not cut by our code.
        return cut(clean(self._result(tool, line, code)), max_size + _NOTE)

    def _result(self, tool: Tool, line: bytes, code: int | None) -> str:
        if code is not None:
            raise IsolatedCallFailed(self._cause(code))
        match _parsed(line):
            case {"result": str(result)}:
                return result
            case {"lack": "memory"}:
                raise IsolatedCallFailed(f"failed: it needs more memory than {self._memory / 1024**2:g} MiB")
            case {"error": str(error), "traceback": traceback}:
                trace = UntrustedText(shorten(str(traceback), 8000))
                self._failures.warning(
                    "tool %r failed in its process", tool.name, kind=tool.name, extra={"traceback": trace}
                )
                # Its process knows no secrets of ours by their values.
                raise IsolatedCallFailed(f"failed: {shorten(redact(clean(error)), MAX_ERROR_LENGTH)}")
        # Only a tool that writes into the connection by force comes here.
        raise IsolatedCallFailed("failed: its process gave an answer that is none")

    def _cause(self, code: int) -> str:
        if code == -signal.SIGXCPU:
            return f"took more than {self._cpu} s of CPU time and was stopped"
        if code < 0:
            return f"failed: its process was ended by the system: {signal.strsignal(-code)}"
        return f"failed: its process ended with exit code {code} before it answered"


def _pickled(tool: Tool, given: Mapping[str, Any], context: ToolContext) -> bytes:
    here = ("cancellation", "writer", "questions")
    shared = {one.name: getattr(context, one.name) for one in fields(context) if one.name not in here}
    call = {
        "function": tool.function,
        "given": {name: value for name, value in given.items() if name != tool.context_parameter},
        "parameter": tool.context_parameter,
        "context": {**shared, "deadline": _left(context)},
    }
    try:
        return pickle.dumps(call)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise IsolatedCallFailed(f"failed: its arguments cannot be handed to another process: {error}") from error


@contextmanager
def _running() -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """Start a process, and leave nothing of it."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - nothing in it comes from outside
                # -P: the folder of the script must not be searched for modules.
                [sys.executable, "-P", *(["-B"] if sys.dont_write_bytecode else []), str(_SCRIPT)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _KEPT if name in os.environ},
                start_new_session=True,
            )
        try:
            yield process, ours
        finally:
            _kill(process)
            process.wait()


def _exchange(connection: socket.socket, request: bytes, context: ToolContext, *, limit: int) -> bytes:
    """Send the request and return the line that answers it, or what there was of it when the process ended."""
    line = bytearray()
    try:
        connection.settimeout(_left(context))
        connection.sendall(request)
        while not line.endswith(b"\n"):
            if len(line) > limit:
                raise IsolatedCallFailed("failed: the answer of its process is too long")
            connection.settimeout(_left(context))
            piece = connection.recv(64 * 1024)
            if not piece:
                break
            line += piece
    except (BrokenPipeError, ConnectionResetError):
        pass
    return bytes(line)


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _left(context: ToolContext) -> float:
    # Never 0, which would mean not to wait at all.
    return max(0.001, context.deadline - time.monotonic())


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and all that it started, as long as they stayed in its session.

    The number stays theirs as long as one of them lives, even when the process itself has ended.
    """
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
