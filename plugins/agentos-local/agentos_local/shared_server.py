"""One llama.cpp server for all processes of a deployment: found, started where there is none, kept while in use."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from agentos import Cancellation, ProviderUnavailable
from agentos_local import server
from agentos_local.directory import RuntimeDirectory, ServerState
from agentos_local.weights import Weights

logger = logging.getLogger(__name__)

START_TIMEOUT = 30.0
CONTEXT = 4096
"""Tokens of one conversation. The model takes 8192, but reads only about 125 of them a second at that length."""
SLOTS = 4
GRACE = 5.0
_POLL = 0.05
# The server needs to find its libraries and nothing else: no keys and no database addresses of this process.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH")


class SharedServer:
    """The server of one model file, as one process sees it. Safe to use from many threads.

    The first :meth:`connect` registers this process as a user; the server ends ``grace`` seconds after its last user
    has closed, or died.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        context: int = CONTEXT,
        grace: float = GRACE,
        directory: RuntimeDirectory | None = None,
    ) -> None:
        self.weights = weights
        self._context = context
        self._grace = grace
        # The host's name tells containers that share a /tmp apart: they do not share their loopback.
        identity = (sys.prefix, str(weights.path), str(context), socket.gethostname())
        digest = hashlib.sha256("\0".join(identity).encode()).hexdigest()[:16]
        self.directory = directory or RuntimeDirectory.named(digest)
        self._user: int | None = None
        self._lock = threading.Lock()

    def connect(self, *, deadline: float, cancellation: Cancellation) -> ServerState:
        """Return a server that is there, after starting one where there is none.

        Costs a few system calls where it runs, about two seconds where it has to start. Raises
        :class:`~agentos.errors.ProviderUnavailable` when it does not start in time, the cause of ``cancellation`` when
        that comes first.
        """
        self.directory.make()
        deadline = min(deadline, time.monotonic() + START_TIMEOUT)
        started = False
        while True:
            cancellation.check()
            if self._register():
                lock = self.directory.try_server_lock()
                if lock is None:
                    state = self.directory.read_state()
                    if state is not None:
                        return state
                elif started:
                    os.close(lock)
                    logger.error("the local model's server ended while it started: %s", self._log_tail())
                    raise ProviderUnavailable("the local model's server could not be started; the log says why")
                else:
                    started = True
                    self._start(lock)
            if time.monotonic() > deadline:
                raise ProviderUnavailable("the local model's server did not start in time")
            cancellation.wait(_POLL)

    def replace_if_broken(self, state: ServerState) -> None:
        """Have the server end if it refuses connections or its own key; the next :meth:`connect` starts another.

        One that is merely slow is left alone: it may be busy with others' requests.
        """
        address = urlsplit(state.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=2)
        try:
            connection.request("GET", "/props", headers={"Authorization": f"Bearer {state.key}"})
            broken = connection.getresponse().status in (401, 403)
        except (ConnectionError, http.client.HTTPException):
            broken = True
        except OSError:
            broken = False
        finally:
            connection.close()
        if broken and self.directory.read_state() == state:
            logger.warning("the local model's server (process %d) does not answer and is replaced", state.pid)
            self.directory.remove_state()

    def state(self) -> ServerState | None:
        """Return the running server, without starting one."""
        if not self.directory.path.exists():
            return None
        self.directory.make()
        lock = self.directory.try_server_lock()
        if lock is None:
            return self.directory.read_state()
        os.close(lock)
        return None

    def stop(self, *, timeout: float = 5.0) -> ServerState | None:
        """End the server, even if it is in use, and return what it was; ``None`` when there is none."""
        state = self.state()
        if state is None:
            return None
        self.directory.remove_state()
        if not self._wait_for_end(timeout):
            # It still holds its lock, so that this still is its process id.
            with contextlib.suppress(ProcessLookupError):
                os.kill(state.pid, signal.SIGKILL)
            if not self._wait_for_end(timeout):
                raise ProviderUnavailable(f"the local model's server, process {state.pid}, does not end")
        return state

    def close(self) -> None:
        """Stop using the server."""
        with self._lock:
            if self._user is not None:
                os.close(self._user)
                self._user = None

    def _wait_for_end(self, timeout: float) -> bool:
        give_up = time.monotonic() + timeout
        while time.monotonic() < give_up:
            lock = self.directory.try_server_lock()
            if lock is not None:
                os.close(lock)
                return True
            time.sleep(_POLL)
        return False

    def _register(self) -> bool:
        with self._lock:
            if self._user is not None and not self.directory.is_users_lock(self._user):
                os.close(self._user)
                self._user = None
            if self._user is None:
                self._user = self.directory.try_users_lock()
            return self._user is not None

    def _start(self, lock: int) -> None:
        """Start a server that inherits the lock; from here on it is held as long as that server lives."""
        script = Path(server.__file__)
        log = os.open(
            self.directory.path / server.LOG_FILE,
            os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW,
            0o600,
        )
        try:
            self.directory.remove_state()
            logger.info("starting a server for the local model %s: %s", self.weights.name, self.weights.description)
            subprocess.run(  # noqa: S603  # no shell, and every argument is ours
                [
                    # -P: the folder of the script is no place to import from. Run as a script and not as a module of
                    # this package, because that would import all of AgentOS into the server.
                    *(sys.executable, "-P", str(script)),
                    *("--directory", str(self.directory.path)),
                    *("--model", str(self.weights.path), "--name", self.weights.name),
                    *("--context", str(self._context), "--slots", str(SLOTS), "--grace", str(self._grace)),
                ],
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                cwd="/",
                start_new_session=True,
                timeout=START_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise ProviderUnavailable("the local model's server could not be started") from error
        finally:
            os.close(log)
            os.close(lock)

    def _log_tail(self) -> str:
        try:
            return (self.directory.path / server.LOG_FILE).read_text("utf-8", "replace")[-2000:].strip()
        except OSError:
            return "(no log)"
