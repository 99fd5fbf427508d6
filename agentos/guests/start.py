"""Starts guest processes: with which arguments, and with what of this process's environment."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentos.domain.guest import Guest, GuestAdapter
from agentos.guests.directory import GuestDirectory
from agentos.guests.files import sweep
from agentos.guests.output_file import OutputFile

SCRIPT = Path(__file__).parent / "process" / "agentos_guest" / "__main__.py"

ALWAYS = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
"""What each guest is given of the environment. Everything else may be a secret, and is given if its name is listed."""

logger = logging.getLogger(__name__)


class StartFailed(Exception):
    """The process could not be started; the text is for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long guest processes are waited for, in seconds."""

    start: float = 30.0
    """Until a process that was started listens."""
    grace: float = 5.0
    """That a process stays without a worker that uses it."""
    unused: float = 600.0
    """That processes are kept without a run, unless a guest of theirs is to be kept: one that is not stored."""
    silence: float = 15.0
    """Without a heartbeat, after which a process is dead. They come every 5 s, from a thread of the guest."""
    kill_after: float = 5.0
    """That a task has to end after it was cancelled. Then its process is killed, with all its runs."""
    kill_exclusive_after: float = 0.5
    """The same where the process has no other run."""


@dataclass(frozen=True)
class Start:
    """How the processes of a guest are started. Guests that are started alike share them."""

    guest: Guest
    adapters: Sequence[GuestAdapter] = ()
    times: Times = Times()

    @property
    def key(self) -> str:
        """What tells these processes from others, values of the environment included."""
        guest = self.guest
        parts = [
            *(guest.python, guest.processes, guest.exclusive, guest.path, guest.directory, guest.memory_limit),
            *(sorted(self.environment().items()), self._adapters(), str(SCRIPT)),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]

    def environment(self, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
        """Return the variables of a process."""
        given = {name: environ[name] for name in (*ALWAYS, *self.guest.environment) if name in environ}
        for adapter in self.adapters:
            given |= adapter.environment
        return given

    def command(self, directory: GuestDirectory, number: int) -> list[str]:
        """Return the arguments of a process."""
        guest = self.guest
        memory = [] if guest.memory_limit is None else ["--memory-limit", str(guest.memory_limit)]
        return [
            *(guest.python, str(SCRIPT), "--directory", str(directory.path), "--number", str(number)),
            *("--grace", str(self.times.grace), "--adapters", json.dumps(self._adapters()), *memory),
            *(["--most-runs", "1"] if guest.exclusive else []),
            *(argument for folder in guest.path for argument in ("--path", folder)),
        ]

    def run(self, directory: GuestDirectory, number: int, lock: int, output: OutputFile) -> None:
        """Start a process that inherits the lock; from here on it is held as long as that process lives.

        Closes the descriptor. Raises :class:`StartFailed`.
        """
        command = self.command(directory, number)
        try:
            directory.clear()
            sweep()
            log = output.open()
            # The process leaves a child behind and ends: the guest has no parent, and leaves no zombie.
            ended = subprocess.run(  # noqa: S603  # no shell, and the operator chose the interpreter
                command,
                env=self.environment(),
                cwd=self.guest.directory or "/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,
                timeout=self.times.start,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise StartFailed(f"{self.guest.python} cannot be run: {error}") from error
        finally:
            os.close(lock)
        if ended.returncode:
            raise StartFailed(
                f"{self.guest.python} ended with status {ended.returncode}: {output.tail() or 'it said nothing'}"
            )

    def _adapters(self) -> list[dict[str, str]]:
        return [{"name": one.name, "path": str(one.path), "framework": one.framework} for one in self.adapters]
