"""The agent of a guest process as an agent like any other: it streams what the guest says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentos.domain.event import Yielded
from agentos.domain.guest import Guest
from agentos.errors import AgentFailed
from agentos.guests.events import events_of
from agentos.guests.exchange import Exchange
from agentos.guests.failures import BUSY, broken, failure_of, lost, refusal_of
from agentos.guests.files import RunFiles
from agentos.guests.output import GuestOutput
from agentos.guests.pausing import pause_of
from agentos.guests.pools import GuestPools
from agentos.guests.run_document import run_document
from agentos.guests.wire import VERSION, ProtocolError, encode
from agentos.runtime.context import RunContext

BUSY_PAUSE = 0.1
"""Seconds before a run that a process had no place for asks again."""


class GuestAgent:
    """Runs the agent of a guest, in one of its processes. One object serves all runs of a worker.

    What it is given crosses: text, history, attachments, state, overrides, answers. What does not: ``cancellation`` and
    ``ask`` are the guest's own, and the transcript stays here.
    """

    def __init__(self, guest: Guest, pools: GuestPools, *, version: int | None = None) -> None:
        self.guest = guest
        self.version = version
        """Of a stored guest: which version of it this is."""
        self._pools = pools
        self.name, self.description, self.model = guest.name, guest.description, guest.model
        self.allow_overrides = guest.allow_overrides

    def stream(self, context: RunContext) -> Iterator[Yielded]:
        """Yield what the guest says; what arrived together, as one list.

        Raises :class:`~agentos.errors.GuestLost` where the guest ends before the run does, other errors as the guest
        says, :class:`~agentos.domain.pending.PauseRequested`, and the cause of a cancellation.
        """
        pool = self._pools.pool(self.guest)
        files = RunFiles()
        try:
            while True:
                with pool.process(context.session_id, context.cancellation) as process:
                    run = _Run(self.guest.target, process.number, context)
                    try:
                        with pool.exchange(process, context.cancellation) as exchange:
                            exchange.start(run.first_frame(files))
                            yield from run.events(exchange)
                            return
                    except _Busy:
                        pass
                    except ProtocolError as error:
                        raise broken(run.name, run.about, str(error)) from None
                    except OSError as error:
                        context.cancellation.check()
                        raise lost(run.name) from error
                context.cancellation.wait(BUSY_PAUSE)
        finally:
            files.remove()


class _Busy(Exception):
    """The process takes no run now."""


class _Run:
    """One run at one process."""

    def __init__(self, target: str, number: int, context: RunContext) -> None:
        self.name = f"agent {context.agent_id!r}"
        self.about = {"guest": target, "run_id": context.run_id, "agent_id": context.agent_id}
        self._target = target
        self._context = context
        self._output = GuestOutput(target, number)

    def first_frame(self, files: RunFiles) -> bytes:
        """Return the frame that starts the run. Writes its attachments, unless they are there."""
        files.rewind()
        try:
            run = run_document(self._context, files)
            return encode({"kind": "run", "version": VERSION, "target": self._target, "run": run})
        except ValueError as error:
            raise AgentFailed(f"an attachment cannot be given to {self.name}: it is no base64") from error
        except ProtocolError as error:
            raise AgentFailed(f"the run cannot be given to {self.name}: {error}") from error
        except OSError as error:
            raise AgentFailed(f"an attachment cannot be given to {self.name}: it cannot be written") from error

    def events(self, exchange: Exchange) -> Iterator[Yielded]:
        """Yield what the guest says until it says how the run ended."""
        for frames in exchange:
            texts: list[Any] = []
            for frame in frames:
                if frame["kind"] == "events":
                    items = frame.get("events")
                    if items.__class__ is list and all(item.__class__ is str for item in items):
                        texts += items  # nearly always: what a burst has must cost next to nothing here
                        continue
                # What came before it is said first: it may end the run.
                if texts:
                    yield texts
                    texts = []
                if frame["kind"] == "events":
                    yield from self._events(items)
                elif self._ends(frame, exchange):
                    return
            if texts:
                yield texts
        self._context.cancellation.check()
        raise lost(self.name)

    def _events(self, items: Any) -> Iterator[Yielded]:
        if not isinstance(items, list):
            raise ProtocolError("the events of a frame are no list")
        yield from events_of(items, self._context)

    def _ends(self, frame: Mapping[str, Any], exchange: Exchange) -> bool:
        """Take in a frame that has no events; return True for one that completes the run, raise for other ends."""
        kind = frame["kind"]
        if kind == "log":
            self._output.log(frame, self.about)
            return False
        if kind not in ("end", "failed", "paused", "cancelled", "refused"):
            return False  # of a later version
        exchange.finish()
        self._context.cancellation.check()
        match kind:
            case "failed":
                raise failure_of(frame, self.name, self.about)
            case "paused":
                raise pause_of(frame, self._context)
            case "cancelled":
                raise AgentFailed(f"{self.name} was cancelled in its guest process, and not by this server")
            case "refused" if frame.get("code") == BUSY:
                raise _Busy
            case "refused":
                raise refusal_of(frame, self.name, self.about)
        return True
