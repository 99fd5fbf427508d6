"""Workers without a server: what a worker process has of ``agentos.execution``, several on one storage."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import orjson

from agentos.domain.event import Frame, Yielded
from agentos.domain.ids import new_id
from agentos.domain.message import ToolCall
from agentos.domain.pending import Answer, PauseRequested, PendingAction, PendingKind
from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.domain.session import Session
from agentos.domain.times import utc_now
from agentos.errors import AgentNotFound, StorageError
from agentos.events.log import EventLog
from agentos.execution.cancels import CancelWatch
from agentos.execution.executor import EmbeddedExecutor
from agentos.execution.followed import Followed
from agentos.execution.leases import LeaseKeeper
from agentos.execution.live import LiveRun
from agentos.execution.observers import RunObservers
from agentos.execution.preparation import Prepared
from agentos.execution.run_handle import RunHandle
from agentos.execution.run_limits import RunLimits
from agentos.execution.signals import Signals
from agentos.execution.submission import Submission
from agentos.execution.sweeper import Sweeper
from agentos.execution.worker import Worker as RunWorker
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


class Asks:
    """An agent that says something, pauses, and says more when it is resumed: a part of ``parts`` each time."""

    def __init__(self, *parts: Iterable[str]) -> None:
        self.parts = parts
        self.actions: list[PendingAction] = []

    def stream(self, context: RunContext) -> Iterator[str]:
        part = len(self.actions)
        for word in self.parts[part]:
            context.cancellation.check()
            yield word
        if part + 1 < len(self.parts):
            call = ToolCall(f"call-{part}", "pay", "{}")
            action = PendingAction(
                id=new_id(), kind=PendingKind.APPROVAL, call=call, arguments_hash="hash", created_at=utc_now()
            )
            self.actions.append(action)
            raise PauseRequested([action])

    def answer(self, storage: Storage, run_id: str) -> None:
        """Approve what it asked for last."""
        answer = Answer(decision="approve", answered_at=utc_now())
        assert storage.runs.answer(run_id, {self.actions[-1].id: answer}, owner=None).resumed


class Worker:
    """Starts runs on a storage; :meth:`die` leaves them as ``kill -9`` would, but for their threads.

    ``agents`` are those of runs that it claims. ``background`` is how many background runs it executes at once.
    """

    def __init__(
        self,
        storage: Storage,
        name: str,
        *,
        lease: float = 30.0,
        agents: Mapping[str, object] | None = None,
        background: int = 2,
        signals: Signals | None = None,
        **settings: Any,
    ) -> None:
        self.storage = storage
        self.name = name
        self.signals = signals or Signals()
        self.signals.begin(name)
        self.log = EventLog(storage, self.signals.notify, Followed(self.signals, name))
        self.agents = dict(agents or {})
        self.finished: list[Run] = []
        mine = Lease(name, lease)
        self.worker = RunWorker(
            storage,
            self.log,
            mine,
            self.signals,
            Submission(EmbeddedExecutor(limit=background), "core"),
            prepare=self.prepare,
            observers=RunObservers(self.finished.append),
            **settings,
        )
        self.leases = LeaseKeeper(storage, self.worker, mine)
        attempts = settings.get("max_attempts", 1)
        self.sweeper = Sweeper(storage, self.worker, mine, self.leases, prepare=self.prepare, max_attempts=attempts)
        self.cancels = CancelWatch(storage, self.worker, name, self.signals)

    def watch_cancels(self, **options: Any) -> None:
        """Begin to look for requests to stop."""
        self.cancels = CancelWatch(self.storage, self.worker, self.name, self.signals, **options)
        self.cancels.start()

    def prepare(self, run: Run) -> Prepared:
        if run.agent_id not in self.agents:
            raise AgentNotFound(run.agent_id)
        return prepared(self.agents[run.agent_id])

    def start(
        self,
        agent: object,
        *,
        session_id: str | None = None,
        input: str = "Hi",
        agent_id: str = "a",
        durable: bool | None = None,
        concurrency: BusyPolicy = BusyPolicy.ENQUEUE,
    ) -> LiveRun:
        run = new_run(agent_id, session_id, input)
        live = self.worker.start(run, prepared(agent, durable=durable), owner=None, concurrency=concurrency)
        assert isinstance(live, LiveRun)
        return live

    def submit(
        self,
        agent: object,
        *,
        session_id: str | None = None,
        input: str = "Hi",
        concurrency: BusyPolicy = BusyPolicy.ENQUEUE,
    ) -> str:
        """Start a run in the background; return its id. Its agent is found again under an id of its own."""
        agent_id = f"agent-{len(self.agents)}"
        self.agents[agent_id] = agent
        run = new_run(agent_id, session_id, input)
        self.worker.start(run, prepared(agent), owner=None, concurrency=concurrency, background=True)
        return run.id

    def handle(self, run_id: str, **options: Any) -> RunHandle:
        end = self.worker.end_unattended
        return RunHandle(self.storage, self.worker, self.signals, run_id, owner=None, end=end, **options)

    def resume(self, run_id: str) -> None:
        """Execute a run whose pause was answered."""
        threading.Thread(target=self.worker.execute, args=(run_id,), daemon=True).start()

    def follow(self, run_id: str, *, after: int = 0, heartbeat: float = 20) -> list[Frame]:
        """Return all frames of a run to its end."""
        return [frame for batch in self.handle(run_id).follow(after, heartbeat=heartbeat) for frame in batch]

    def die(self) -> None:
        """Write no events any more, renew no leases, hear no cancel requests."""
        self.log.close()
        self.sweeper.close()
        self.leases.close()
        self.cancels.close()

    def close(self) -> None:
        self.die()
        self.worker.drain(0)
        self.worker.close()
        self.signals.close()


class AbsentStorage(MemoryStorage):
    """A storage that fails as long as it is ``away``, and waits to write events while it is ``held``."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.free = threading.Event()
        self.free.set()

        for store, names in (
            (self.runs, ("get", "claim", "cancel_requests", "leased", "renew_leases")),
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


def bare_worker(
    storage: Storage, *, name: str = "me", lease: float = 30.0, on_finished: Callable[[Run], object] = lambda _: None
) -> RunWorker:
    """Return what executes runs, without anything that looks after them."""
    signals = Signals()
    return RunWorker(
        storage,
        EventLog(storage, signals.notify),
        Lease(name, lease),
        signals,
        Submission(EmbeddedExecutor(limit=2), "core"),
        prepare=none_here,
        observers=RunObservers(on_finished),
    )


def none_here(run: Run) -> Prepared:
    raise AgentNotFound(run.agent_id)


def prepared(agent: object, *, durable: bool | None = None) -> Prepared:
    if durable is None:
        durable = getattr(agent, "retry_on_crash", False)
    limits = RunLimits(timeout=20, queue_timeout=20, history_turns=10, max_output=1_000_000, durable=durable)
    return Prepared(agent, limits)  # type: ignore[arg-type]


def new_run(agent_id: str, session_id: str | None = None, input: str = "Hi") -> Run:
    return Run(
        id=new_id(),
        agent_id=agent_id,
        session_id=session_id,
        status=RunStatus.RUNNING,
        input=input,
        created_at=utc_now(),
    )


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
