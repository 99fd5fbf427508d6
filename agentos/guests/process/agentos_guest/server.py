"""Accepts the workers' connections and does their work, many at once in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

from agentos_guest.adapters import Adapters
from agentos_guest.connection import Connection
from agentos_guest.control import Control, memory
from agentos_guest.errors import Failed
from agentos_guest.forks import keep_from_children
from agentos_guest.frames import failed, refused
from agentos_guest.loop import MOST_STUCK, Loop
from agentos_guest.outbox import Outbox
from agentos_guest.output import OF_PROCESS, Output, output_of_run
from agentos_guest.targets import Refused
from agentos_guest.wire import VERSION, Frame, ProtocolError, TooLarge
from agentos_guest.work import Work

logger = logging.getLogger(__name__)

STOPPING = 5.0
"""Seconds that cancelled work may take to end; then the process ends, and all that it does."""
OUTPUT = 0.2
"""Seconds until what a run prints is sent."""
AGAIN = 1.0
"""Seconds until a process that should hand over tries again: another one may be handing over."""


class Server:
    """The process's work. ``give_up`` ends the process at once, ``hand_over`` after its runs; both for a reason."""

    def __init__(
        self,
        adapters: Adapters,
        *,
        most_runs: int | None,
        give_up: Callable[[str], None],
        hand_over: Callable[[str], None],
    ) -> None:
        self._adapters = adapters
        self._most_runs = most_runs
        self._give_up = give_up
        self._hand_over = hand_over
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Loop)
        self._loop = loop
        loop.on_stuck = self._check_threads
        self._next_check: asyncio.TimerHandle | None = None
        self._working: set[asyncio.Task[Frame]] = set()
        self._answering: set[asyncio.Task[Any]] = set()
        self._full: str | None = None
        self.ended = 0
        """Runs and calls that have ended."""
        self.control = Control(self._loop, self.status)

    async def listen(self, listener: socket.socket) -> asyncio.AbstractServer:
        """Accept connections from now on."""
        keep_from_children(listener)
        return await asyncio.start_unix_server(self._accept, sock=listener)

    def status(self) -> Mapping[str, Any]:
        """Return what heartbeats say of the process. From any thread."""
        state = "ready" if self._full is None else "stopping"
        return {"runs": len(self._working), "memory": memory(), "state": state, "stuck_threads": self._loop.stuck}

    @property
    def runs(self) -> int:
        """Runs and calls under way."""
        return len(self._working)

    def take_no_more(self, reason: str) -> None:
        """Refuse new work from now on; what is under way continues."""
        self._full = self._full or reason
        self.control.beat()

    def _check_threads(self) -> None:
        if self._next_check is not None:
            self._next_check.cancel()
            self._next_check = None
        if self._loop.stuck >= MOST_STUCK and self._full is None:
            self._hand_over(f"{self._loop.stuck} threads have calls that were cancelled and do not return")
            self._next_check = self._loop.call_later(AGAIN, self._check_threads)

    async def cancel_all(self) -> None:
        """Cancel what is under way and wait for its end, and for what is still to be sent."""
        for task in self._working:
            task.cancel()
        if self._answering:
            await asyncio.wait(self._answering, timeout=STOPPING)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        try:
            if connection.is_ours():
                await self._serve(connection)
            else:
                logger.warning("a connection of another user was refused")
        except (ProtocolError, OSError) as error:
            logger.warning("a connection was closed: %s", error)
        finally:
            await connection.close()

    async def _serve(self, connection: Connection) -> None:
        # Without a limit of time: after an agent that computes for long, a worker's frame would seem to be late.
        first = await connection.receive()
        if first is None:
            return
        if first["kind"] == "control" and first.get("version") == VERSION:
            await self._serve_control(connection)
            return
        try:
            self._check_room(first)
        except Refused as error:
            connection.send(refused(error))
            return
        task = asyncio.current_task()
        assert task is not None
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
        await self._serve_work(connection, first)

    async def _serve_control(self, connection: Connection) -> None:
        listener = self.control.add(connection.socket, self._adapters.versions())
        try:
            while await connection.receive() is not None:
                pass
        finally:
            self.control.remove(listener)

    def _check_room(self, first: Frame) -> None:
        if self._full is not None:
            raise Refused("busy", self._full)
        if self._most_runs is not None and first["kind"] == "run" and len(self._working) >= self._most_runs:
            raise Refused("busy", f"the process has {len(self._working)} runs, and may have {self._most_runs}")

    async def _serve_work(self, connection: Connection, first: Frame) -> None:
        output = self._output_to(connection)
        work = asyncio.create_task(self._do(first, Outbox(connection, self._loop), output))
        self._working.add(work)
        unwanted = asyncio.create_task(_wait_for_cancel(connection))
        try:
            await asyncio.wait({work, unwanted}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                await self._wait_for_end(work, first)
            if (said := output.take(last=True)) is not None:
                connection.send(said)
            _send_last(connection, _last(work, was_cancelled=unwanted.done()))
        finally:
            self._working.discard(work)
            self.ended += 1
            unwanted.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await unwanted

    async def _do(self, first: Frame, outbox: Outbox, output: Output) -> Frame:
        output_of_run.set(output)
        return await Work(self._adapters, outbox).do(first)

    def _output_to(self, connection: Connection) -> Output:
        def notify() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
                self._loop.call_soon_threadsafe(self._loop.call_later, OUTPUT, send)

        def send() -> None:
            if (said := output.take()) is not None:
                connection.send(said)

        output = Output(notify, rest=OF_PROCESS)
        return output

    async def _wait_for_end(self, work: asyncio.Task[Frame], first: Frame) -> None:
        await asyncio.wait({work}, timeout=STOPPING)
        if not work.done():
            # It would continue although no worker wants it, and cannot be stopped otherwise.
            self._give_up(f"{first.get('target')!r:.200} did not end within {STOPPING:g} s of being cancelled")


async def _wait_for_cancel(connection: Connection) -> None:
    """Return when the worker does not want the work any more: it says so, or it is gone."""
    with contextlib.suppress(ProtocolError, OSError):  # a killed worker resets its connections
        while (frame := await connection.receive()) is not None:
            if frame["kind"] == "cancel":
                return


def _send_last(connection: Connection, last: Frame) -> None:
    try:
        connection.send(last)
    except TooLarge as error:  # the value of a call, or the state of a pause
        connection.send(failed(Failed(f"what the agent or tool ended with is too large: {error}")))
    except Exception as error:  # noqa: BLE001  # the code of a value that is made text
        connection.send(failed(error))


def _last(work: asyncio.Task[Frame], *, was_cancelled: bool) -> Frame:
    if not work.cancelled():
        return work.result()
    if was_cancelled:
        return {"kind": "cancelled"}
    # The agent's own code cancelled its task, or the process is stopping.
    return {
        "kind": "failed",
        "message": None,
        "cause": "AGENT_FAILED",
        "public": False,
        "error": "CancelledError",
        "traceback": "the task of the run was cancelled, and not by the server",
    }


def exit_now(code: int) -> None:
    """End the process without waiting for the threads of agents."""
    os._exit(code)
