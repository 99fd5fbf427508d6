"""The life of the process: it listens, works while workers use it, and ends itself when none does."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import logging
import math
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from agentos_guest.adapters import Adapters, read_registrations
from agentos_guest.control import TICK, memory
from agentos_guest.directory import BACKLOG, Directory
from agentos_guest.loop import Loop
from agentos_guest.output import OF_PROCESS, Tail, capture, log_of_loop
from agentos_guest.server import STOPPING, Server, exit_now
from agentos_guest.wait_for import install as install_wait_for

LOOK, QUICK_LOOK = 0.05, 0.01
"""Seconds between looks at the output of the process, and those after one that found much."""
MOST_OUTPUT = 256 * 1024**2
"""Bytes that may come between two looks. A disk has an end, and a process that does more is worth less than that."""

logger = logging.getLogger(__name__)

MEMORY_HARD = 1.5
"""Times the memory limit at which the process ends at once, with its runs."""


def main(arguments: Sequence[str]) -> None:
    """Serve until no worker uses the process, then end it. The starter's child ends as soon as the socket listens."""
    options = _options(arguments)
    sys.path[:0] = options.path
    install_wait_for()
    adapters = Adapters(read_registrations(options.adapters))
    directory = Directory(options.directory)
    listener = directory.listen()
    listens, says = os.pipe()
    if os.fork():  # the starter waits for its own child alone: the guest has no parent and leaves no zombie
        os.close(says)
        os.read(listens, 1)
        os._exit(0)
    # Again, since workers read from the socket which process listens, and would kill that one.
    listener.listen(BACKLOG)
    directory.publish(os.getpid())
    os.close(says)
    os.close(listens)
    directory.keep_lock()
    faulthandler.enable(file=2)
    capture()
    try:
        _run(_Process(options, directory, adapters).serve(listener))
    except BaseException:  # noqa: BLE001  # a bug: the orderly end of Python would wait for the threads of agents
        traceback.print_exc(file=sys.__stderr__)
    exit_now(1)


def _run(process: Coroutine[Any, Any, None]) -> None:
    """Run the process. What ends programs, raised in a task or callback that an agent made, does not end this one."""
    loop = Loop()
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(log_of_loop)
    serving = loop.create_task(process)
    while not serving.done():
        try:
            loop.run_until_complete(serving)
        except (SystemExit, KeyboardInterrupt) as error:
            # asyncio gave it to what waits for the task, which fails its run, and left its loop. The loop can continue.
            if not serving.done():
                logger.error("a task or a callback raised %s: the process continues", type(error).__name__)
    serving.result()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="agentos_guest", description="Run agents for the workers of one deployment.")
    parser.add_argument("--directory", type=Path, required=True, help="where locks, state and socket are")
    parser.add_argument("--number", type=int, default=0, help="which of the guest's processes this is")
    parser.add_argument("--adapters", default="[]", help="JSON: a list of name, path and framework")
    parser.add_argument("--path", action="append", default=[], help="a folder to import from; may be repeated")
    parser.add_argument("--grace", type=float, default=5.0, help="seconds to stay without a user")
    parser.add_argument("--stop-grace", type=float, default=20.0, help="seconds that runs may take after SIGTERM")
    parser.add_argument("--most-runs", type=int, help="runs at once")
    parser.add_argument("--memory-limit", type=int, help="bytes")
    return parser.parse_args(arguments)


class _Process:
    def __init__(self, options: argparse.Namespace, directory: Directory, adapters: Adapters) -> None:
        self._options = options
        self._directory = directory
        self._adapters = adapters
        self._ending = asyncio.Event()
        self._end_at = math.inf
        self._tail = Tail(os.dup(2))  # before an agent may send it elsewhere
        self._waits = False
        """Whether the process would hand over, and another one of its number has not ended yet."""

    async def serve(self, listener: socket.socket) -> None:
        """Serve, and end the process: it never returns, since threads of agents may never end."""
        self._loop = asyncio.get_running_loop()
        self._server = Server(
            self._adapters, most_runs=self._options.most_runs, give_up=self._give_up, hand_over=self._hand_over
        )
        asked = ("the process was asked to stop", self._options.stop_grace)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop, *asked)
        accepting = await self._server.listen(listener)
        threading.Thread(target=self._watch, name="watch", daemon=True).start()
        await self._ending.wait()
        accepting.close()
        self._directory.withdraw()
        while self._server.runs and time.monotonic() < self._end_at:
            await asyncio.sleep(0.05)
        await self._server.cancel_all()
        await self._adapters.close()
        exit_now(0)

    def _stop(self, reason: str, seconds: float) -> None:
        """End when the runs under way have ended, or after so many seconds."""
        if not self._ending.is_set():
            self._end_at = time.monotonic() + seconds
            self._server.take_no_more(f"{reason}; it takes no new runs")
            self._ending.set()

    def _hand_over(self, reason: str) -> None:
        """Let workers start another process now, and end when the runs under way have ended.

        At most one process of a number has handed over and has runs still. Where an agent's imports take more than the
        limit, each would hand over after its first runs, and all of them together would take any amount of memory.
        """
        if self._ending.is_set():
            return
        if self._directory.retire():
            OF_PROCESS.add("warning", "agentos_guest", f"{reason}: it takes no new runs, and another one may start")
            self._directory.withdraw()
            self._directory.release()
            self._stop(reason, math.inf)
        elif not self._waits:
            self._waits = True
            OF_PROCESS.add("warning", "agentos_guest", f"{reason}: it takes runs until the one before it has ended")

    def _give_up(self, reason: str) -> None:
        OF_PROCESS.add("error", "agentos_guest", f"the guest process ends: {reason}")
        self._server.control.send_output(last=True)
        exit_now(1)

    def _watch(self) -> None:
        """Send heartbeats and output, and end when no worker is left. In a thread: the loop may be busy."""
        users = self._directory.open_users()
        grace = self._options.grace
        published = seen = used = time.monotonic()
        while True:
            self._wait_for_tick()
            self._tail.send()
            self._server.control.tick()
            self._check_memory()
            now = time.monotonic()
            if self._ending.is_set() or self._directory.is_published():
                published = now
            else:
                self._stop_soon("the process is not published any more")
            if self._directory.has_users(users):
                seen = used = now
            elif not self._server.runs and now - used > grace:
                # The users' lock is held until the process is gone: no worker begins to use it now.
                self._stop_soon("no worker uses the process")
            else:
                self._directory.welcome_users(users)
                used = now if self._server.runs else used
            if now - published > STOPPING or now - seen > grace + STOPPING:
                # An agent holds up the loop, so that nothing is cancelled: it would do so for as long as it likes.
                self._give_up("no worker can use it, and it does not stop")

    def _wait_for_tick(self) -> None:
        """Wait, and keep the file small that programs write their output to."""
        end = time.monotonic() + TICK
        while (left := end - time.monotonic()) > 0:
            came = self._tail.read()
            if came > MOST_OUTPUT:
                self._give_up(f"{came >> 20} MiB were written to its output at once, and {MOST_OUTPUT >> 20} may be")
            time.sleep(min(left, QUICK_LOOK if came > Tail.LARGEST else LOOK))

    def _stop_soon(self, reason: str) -> None:
        self._loop.call_soon_threadsafe(self._stop, reason, 0.0)

    def _check_memory(self) -> None:
        limit = self._options.memory_limit
        if limit is None or (used := memory()) <= limit:
            return
        reason = f"the process has {used >> 20} MiB of memory, and may have {limit >> 20}"
        if not self._server.ended:
            reason += ", and no run has ended yet (does what its agents import need more than the limit?)"
        if used > limit * MEMORY_HARD:
            self._give_up(reason)
        self._loop.call_soon_threadsafe(self._hand_over, reason)
