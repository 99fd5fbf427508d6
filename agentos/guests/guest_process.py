"""One guest process as this worker sees it: started where there is none, watched, and killed where it must be."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

from agentos.cancellation import Cancellation
from agentos.domain.ids import new_id
from agentos.errors import AgentFailed, GuestLost
from agentos.guests.directory import DirectoryRefused, GuestDirectory
from agentos.guests.heartbeat import Heartbeat, heartbeat_of
from agentos.guests.output import GuestOutput
from agentos.guests.output_file import OutputFile
from agentos.guests.start import Start, StartFailed
from agentos.guests.wire import VERSION, FrameReader, ProtocolError, encode, peer_of

BUSY_LAG = 1.0
"""Seconds that the guest's loop is late, from which on new runs go to another process."""

AGAIN = 1.0
"""Seconds for which a process that could not be started is not started again: many runs may wait for it."""

_POLL = 0.02

logger = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Link:
    """The control connection of one life of the process. While it is open, the process lives."""

    connection: socket.socket
    pid: int
    heartbeat: Heartbeat = Heartbeat()  # noqa: RUF009 - frozen
    killed: bool = False


class GuestProcess:
    """The process of one number. Safe to use from many threads.

    The first :meth:`connect` registers this worker as a user; the process ends some seconds after its last user has
    closed, or died.
    """

    def __init__(self, start: Start, directory: GuestDirectory, number: int) -> None:
        self.directory = directory
        self.number = number
        self.runs = 0
        """Runs of this worker."""
        self.restarts = 0
        """Times that the process ended while this worker used it."""
        self._start = start
        self._output = GuestOutput(start.guest.target, number)
        self._lock = threading.Lock()
        self._user: int | None = None
        self._link: _Link | None = None
        """To the process that takes runs."""
        self._links: dict[int, _Link] = {}
        """All that are open, by process id: a process that takes no more runs ends when those that it has do."""
        self._failed: tuple[float, AgentFailed] | None = None
        self._closed = False

    # --- what it is like ---------------------------------------------------------------------------------------------

    @property
    def heartbeat(self) -> Heartbeat | None:
        """What it said last; ``None`` where this worker has no connection to it."""
        return link.heartbeat if (link := self._link) is not None else None

    @property
    def pid(self) -> int | None:
        """Its process id, as long as this worker is connected to it."""
        return link.pid if (link := self._link) is not None else None

    @property
    def takes_runs(self) -> bool:
        """Whether a new run is better off here than at another process."""
        heartbeat = self.heartbeat
        return heartbeat is None or (heartbeat.lag < BUSY_LAG and heartbeat.state == "ready")

    # --- connections -------------------------------------------------------------------------------------------------

    def connect(self, cancellation: Cancellation) -> tuple[socket.socket, int]:
        """Return a new connection and the id of the process at its other end. Starts one where there is none.

        Raises :class:`~agentos.errors.AgentFailed` if it cannot be started, :class:`~agentos.errors.GuestLost` if that
        takes too long or it cannot be reached, and the cause of ``cancellation``.
        """
        give_up = time.monotonic() + self._start.times.start
        with OutputFile() as output:
            while True:
                cancellation.check()
                link = self._link
                try:
                    if link is not None:
                        connection, pid = self._dial(cancellation)
                        if pid in self._links:
                            return connection, pid
                        connection.close()  # another worker has started the next one
                        self._leave(link)
                        continue
                    self._open(output, cancellation)
                    if self._link is not None:
                        continue
                except (ConnectionError, FileNotFoundError):  # it takes no more runs, has ended, or listens in a moment
                    if link is not None:
                        self._leave(link)
                except OSError as error:
                    raise self._failure(error) from error
                if time.monotonic() > give_up:
                    logger.error("a guest process did not start in time", extra=self._log_fields())
                    raise GuestLost("the agent's guest process did not start in time")
                cancellation.wait(_POLL)

    def _open(self, output: OutputFile, cancellation: Cancellation) -> None:
        """Take a step towards a process that listens. ``output`` is open if this thread has started one."""
        if self._failed is not None and time.monotonic() - self._failed[0] < AGAIN:
            raise self._failed[1]
        try:
            self.directory.make()
            if not self._register():
                return
            lock = self.directory.try_process_lock()
            if lock is None:
                if self.directory.process_id() is not None:
                    self._watch(*self._dial(cancellation))
                return
            if output.is_open:
                os.close(lock)
                raise StartFailed(f"it ended while it started: {output.tail() or 'it said nothing'}")
            self._start.run(self.directory, self.number, lock, output)
        except (StartFailed, DirectoryRefused) as error:
            raise self._failure(error) from error

    def try_run_lock(self) -> int | None:
        """Return a descriptor that has an exclusive process while it is open; ``None`` while another run has it.

        Raises as :meth:`connect` does.
        """
        try:
            self.directory.make()
            return self.directory.try_run_lock()
        except (DirectoryRefused, OSError) as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> AgentFailed | GuestLost:
        if isinstance(error, OSError):  # as a lack of descriptors, which may be over soon
            logger.error("a guest process cannot be reached", extra={**self._log_fields(), "reason": str(error)})
            return GuestLost("the agent's guest process cannot be reached; the server's log has the reason")
        logger.error("a guest process could not be started", extra={**self._log_fields(), "reason": str(error)})
        failure = AgentFailed("the agent's guest process could not be started; the server's log has the reason")
        self._failed = (time.monotonic(), failure)
        return failure

    def _register(self) -> bool:
        with self._lock:
            if self._user is not None and not self.directory.is_users_lock(self._user):
                os.close(self._user)
                self._user = None
            if self._user is None:
                self._user = self.directory.try_users_lock()
            return self._user is not None

    def _dial(self, cancellation: Cancellation) -> tuple[socket.socket, int]:
        """Return a connection and the process id of the other side."""
        connection = socket.socket(socket.AF_UNIX)
        try:
            while True:
                try:
                    connection.connect(str(self.directory.socket))
                    break
                except BlockingIOError:  # its queue of connections is full
                    cancellation.wait(_POLL)
                    cancellation.check()
            pid, user = peer_of(connection)
            if user != os.getuid():
                logger.error(
                    "a process of another user is at a guest's socket", extra={**self._log_fields(), "user": user}
                )
                raise AgentFailed("the agent's guest process is another user's; the server's log has the reason")
        except BaseException:
            connection.close()
            raise
        return connection, pid

    # --- its life ----------------------------------------------------------------------------------------------------

    def _watch(self, connection: socket.socket, pid: int) -> None:
        link = _Link(connection, pid)
        with self._lock:
            if self._link is not None or self._closed or pid in self._links:
                connection.close()
                self._link = self._link or self._links.get(pid)
                return
            self._link = self._links[pid] = link
        connection.settimeout(self._start.times.silence)
        thread = threading.Thread(target=self._listen, args=(link,), name=f"guest-{pid}", daemon=True)
        thread.start()

    def _listen(self, link: _Link) -> None:
        try:
            link.connection.sendall(encode({"kind": "control", "version": VERSION, "worker": new_id()}))
            for frames in FrameReader(link.connection):
                for frame in frames:
                    self._take(link, frame)
        except TimeoutError:
            self._kill(link, f"it was silent for {self._start.times.silence:g} s")
        except ProtocolError as error:
            self._kill(link, f"it broke the protocol: {error}")
        except OSError:
            pass
        except Exception:
            logger.exception("watching a guest process met a bug", extra=self._log_fields())
        if self._forget(link):
            self._kill_if_alive(link)

    def _kill_if_alive(self, link: _Link) -> None:
        """Kill a process that has closed its control connection and does not end: its runs have no heartbeat."""
        give_up = time.monotonic() + self._start.times.kill_after
        # Another worker may have started the next process by now.
        while not self._closed and self.directory.has_process() and self.directory.process_id() == link.pid:
            if time.monotonic() > give_up:
                self._kill(link, "it closed its control connection")
                return
            time.sleep(_POLL)

    def _take(self, link: _Link, frame: dict[str, Any]) -> None:
        match frame:
            case {"kind": "heartbeat"}:
                link.heartbeat = heartbeat_of(frame)
            case {"kind": "log"}:
                self._output.log(frame, {"guest_pid": link.pid})
            case {"kind": "hello", "version": version}:
                said: dict[str, Any] = {name: frame[name] for name in ("python", "frameworks") if name in frame}
                logger.info("guest process connected", extra={**self._log_fields(), "guest_pid": link.pid, **said})
                if version != VERSION:
                    logger.error(
                        "a guest process speaks another version of the protocol",
                        extra={**self._log_fields(), "version": str(version)[:20], "accepted": VERSION},
                    )

    def _leave(self, link: _Link) -> None:
        """Give no more runs to a process that may still have some: it is watched until it ends."""
        with self._lock:
            if self._link is link:
                self._link = None

    def _forget(self, link: _Link) -> bool:
        """Note that the process, or the connection to it, has ended; return whether it was not this worker's doing."""
        self._leave(link)
        with self._lock:
            lost = self._links.pop(link.pid, None) is not None and not self._closed
            self.restarts += lost
        if lost:
            logger.warning("a guest process has ended", extra={**self._log_fields(), "guest_pid": link.pid})
        with contextlib.suppress(OSError):
            link.connection.shutdown(socket.SHUT_RDWR)
        link.connection.close()
        return lost

    def kill(self, pid: int, reason: str) -> None:
        """Kill the process of a connection, with what it started. The next :meth:`connect` starts another."""
        link = self._links.get(pid)
        if link is not None:  # otherwise it has ended
            self._kill(link, reason)

    def _kill(self, link: _Link, reason: str) -> None:
        with self._lock:
            if link.killed:
                return
            link.killed = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            group = os.getpgid(link.pid)
            fields = {**self._log_fields(), "guest_pid": link.pid, "reason": reason}
            logger.error("a guest process is killed", extra=fields)
            os.kill(link.pid, signal.SIGKILL) if group == os.getpgid(0) else os.killpg(group, signal.SIGKILL)

    def close(self) -> None:
        """Stop using the process."""
        with self._lock:
            self._closed = True
            self._link = None
            links = list(self._links.values())
            if self._user is not None:
                os.close(self._user)
                self._user = None
        for link in links:
            with contextlib.suppress(OSError):
                link.connection.shutdown(socket.SHUT_RDWR)

    def _log_fields(self) -> dict[str, Any]:
        return {"guest": self._start.guest.target, "number": self.number}
