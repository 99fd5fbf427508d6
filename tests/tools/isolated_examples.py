"""Tools for isolated processes, which import them from here: what computes for ever, takes all memory, crashes."""

import ctypes
import dataclasses
import os
import resource
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from agentos import ToolContext, tool


@dataclasses.dataclass
class Point:
    x: int


@tool(isolated=True)
def describe(day: date, point: Point, times: int = 1) -> dict[str, Any]:
    """Tell what arrived."""
    return {"day": day.year, "point": type(point).__name__, "x": point.x * times}


@tool(isolated=True)
def emit(context: ToolContext) -> str:
    """Emit."""
    context.emit("a", 1)
    return "unreached"


@tool(isolated=True)
def set_state(context: ToolContext) -> str:
    """Change the state."""
    context.set_state([{"op": "add", "path": "/a", "value": 1}])
    return "unreached"


@tool(isolated=True)
def state(context: ToolContext) -> str:
    """Read the state."""
    return str(context.state)


@tool(isolated=True)
def ask(context: ToolContext) -> str:
    """Ask."""
    return str(context.ask("Which?"))


@tool(isolated=True)
def family() -> list[int]:
    """Tell the process and its parent."""
    return [os.getpid(), os.getppid(), os.getsid(0)]


@tool(isolated=True)
def whoami(context: ToolContext) -> dict[str, Any]:
    """Tell what is known of the run."""
    return {
        "run_id": context.run_id,
        "agent_id": context.agent_id,
        "owner": context.owner,
        "session_id": context.session_id,
        "user_id": context.user_id,
        "request_id": context.request_id,
        "left": round(context.deadline - time.monotonic()),
    }


@tool(isolated=True)
def fail(kind: str) -> None:
    """Raise something."""
    if kind == "exit":
        sys.exit(3)
    if kind == "unprintable":
        raise Unprintable
    raise ValueError("no such city\0")


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@tool(isolated=True)
def end(how: str) -> None:
    """End the process without an answer."""
    if how == "exit":
        os._exit(3)
    ctypes.string_at(0)


@tool(isolated=True)
def compute() -> None:
    """Compute for ever."""
    while True:
        pass


@tool(isolated=True)
def compute_in_one_call() -> int:
    """Compute for ever without ever coming back to Python."""
    return 3**3**20 % 7


@tool(isolated=True)
def hoard() -> None:
    """Take all memory."""
    hoarded = []
    while True:
        hoarded.append(bytearray(2**20))


@tool(isolated=True)
def wait(note: str) -> None:
    """Start another process, note both, and wait for ever."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Path(note).write_text(f"{os.getpid()} {other.pid}")
    time.sleep(60)


@tool(isolated=True)
def leave_behind() -> int:
    """Start a process, and a thread that does not end, and return."""
    threading.Thread(target=time.sleep, args=(60,)).start()
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid


@tool(isolated=True)
def nap(seconds: float) -> float:
    """Sleep."""
    time.sleep(seconds)
    return seconds


@tool(isolated=True)
def environment() -> list[str]:
    """Tell the names in the environment."""
    return sorted(os.environ)


@tool(isolated=True)
def chatter() -> str:
    """Print much, read what there is."""
    print("x" * 10**6)
    print("y" * 10**6, file=sys.stderr)
    os.write(1, b'{"result": "forged"}\n')
    return f"read {sys.stdin.read()!r}"


@tool(isolated=True)
def limits() -> dict[str, Any]:
    """Tell the limits."""
    found = {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")}
    return {**found, "nice": os.nice(0), "status": Path("/proc/self/status").read_text()}


@tool(isolated=True)
def write(path: str, size: int) -> None:
    """Write a file."""
    Path(path).write_bytes(bytes(size))


@tool(isolated=True)
def repeat(text: str, times: int) -> str:
    """Repeat a text."""
    return text * times


@tool(isolated=True)
def forge(line: str, times: int) -> None:
    """Write into every file that is open, which the answer's way is one of."""
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, line.encode() * times)
        except OSError:
            continue
    time.sleep(60)


@tool(isolated=True)
def hang_up() -> None:
    """Close every file, and go on."""
    os.closerange(3, 20)
    time.sleep(60)


@tool(isolated=True)
def imported() -> list[str]:
    """Tell which heavy modules are imported."""
    heavy = ("flask", "gevent", "jsonschema", "marshmallow", "requests", "sqlalchemy", "urllib3")
    return [name for name in heavy if name in sys.modules]


@tool(isolated=True)
def documented(number: Annotated[int, "A number."]) -> int:
    """Give a number back."""
    return number
