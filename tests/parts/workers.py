"""Workers without a server: what a worker process has of ``agentos.execution``, several on one storage."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import orjson

from agentos.domain.event import Frame, Yielded
from agentos.domain.ids import new_id
from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.domain.session import Session
from agentos.domain.times import utc_now
from agentos.errors import StorageError
from agentos.events.log import EventLog
from agentos.execution.cancels import CancelWatch
from agentos.execution.executor import Slot
from agentos.execution.leases import LeaseKeeper
from agentos.execution.live import LiveRun
from agentos.execution.run_handle import RunHandle
from agentos.execution.runner import RunLimits, Runner
from agentos.runtime.context import RunContext
from agentos.storage.admission import Lease
from agentos.storage.interface import Storage
from agentos.storage.memory import MemoryStorage


class Speaker:
    """An agent that does what a function says; ``settings`` are what it says of itself."""

    def __init__(self, stream: Callable[[RunContext], Iterator[Yielded]], **settings: Any) -> None:
        self.stream = stream
        vars(self).update(settings)


def says(*words: Yielded) -> Speaker:
    return Speaker(lambda context: iter(words))


class Gate:
    """An agent that says ``before``, waits until it may go on or has to stop, and says ``after``.

    With ``deaf`` it does not notice that it has to stop.
    """

    def __init__(self, before: Iterable[str] = (), after: Iterable[str] = (), *, deaf: bool = False) -> None:
        self.before, self.after, self.deaf = before, after, deaf
        self.waiting = threading.Event()
        self.go_on = threading.Event()
        self.histories: list[list[str]] = []

    def stream(self, context: RunContext) -> Iterator[str]:
        self.histories.append([message.content for message in context.history])
        yield from self.before
        self.waiting.set()
        if self.deaf:
            self.go_on.wait(30)
        else:
            with context.cancellation.cutting(self.go_on.set):
                self.go_on.wait(30)
            context.cancellation.check()
        yield from self.after


class Worker:
    """Starts runs on a storage; :meth:`die` leaves them as ``kill -9`` would, but for their threads."""

    def __init__(
        self, storage: Storage, name: str, *, lease: float = 30.0, resume: Callable[[Run], bool] = lambda _: False
    ) -> None:
        self.storage = storage
        self.log = EventLog(storage)
        mine = Lease(name, lease)
        self.runner = Runner(storage, self.log, mine, on_finished=lambda run: None)
        self.leases = LeaseKeeper(storage, self.runner, mine, resume=resume)
        self.cancels = CancelWatch(storage, self.runner, name)

    def start(
        self,
        agent: object,
        *,
        session_id: str | None = None,
        input: str = "Hi",
        durable: bool = False,
        concurrency: BusyPolicy = BusyPolicy.ENQUEUE,
        slot: Slot | None = None,
    ) -> LiveRun:
        run = Run(
            id=new_id(),
            agent_id="a",
            session_id=session_id,
            status=RunStatus.RUNNING,
            input=input,
            created_at=utc_now(),
        )
        limits = RunLimits(timeout=20, queue_timeout=20, history_turns=10, max_output=1_000_000, durable=durable)
        live = self.runner.start(run, agent, limits, owner=None, concurrency=concurrency, slot=slot)  # type: ignore[arg-type]
        assert isinstance(live, LiveRun)
        return live

    def handle(self, run_id: str) -> RunHandle:
        return RunHandle(self.storage, self.runner, run_id, owner=None)

    def follow(self, run_id: str, *, after: int = 0, heartbeat: float = 20) -> list[Frame]:
        """Return all frames of a run to its end."""
        return [frame for batch in self.handle(run_id).follow(after, heartbeat=heartbeat) for frame in batch]

    def die(self) -> None:
        """Write no events any more, renew no leases, hear no cancel requests."""
        self.log.close()
        self.leases.close()
        self.cancels.close()

    def close(self) -> None:
        self.die()
        self.runner.drain(0)
        self.runner.close()


class AbsentStorage(MemoryStorage):
    """A storage that fails as long as it is ``away``, and waits to write events while it is ``held``."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.free = threading.Event()
        self.free.set()

        for store, names in (
            (self.runs, ("get", "start", "cancel_requests", "leased", "renew_leases")),
            (self.events, ("read", "append")),
        ):
            for name in names:
                setattr(store, name, self._unless_away(getattr(store, name)))

    def _unless_away(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if method.__name__ == "append":
                self.free.wait(20)
            if self.away:
                raise StorageError("the database is away")
            return method(*arguments, **options)

        return call


def new_session(storage: Storage) -> str:
    now = utc_now()
    made = Session(id=new_id(), agent_id="a", created_at=now, updated_at=now)
    storage.sessions.create(made)
    return made.id


def ended(live: LiveRun) -> Run:
    assert live.stream.wait(10) is not None, "the run did not end"
    return live.run


def event(frame: Frame) -> SimpleNamespace:
    """Return a frame as what it says."""
    return SimpleNamespace(number=frame.number, type=frame.type, **orjson.loads(frame.data)["data"])


def numbers(frames: Sequence[Frame]) -> list[int]:
    return [frame.number for frame in frames]
