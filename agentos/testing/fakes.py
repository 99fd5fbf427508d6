"""Small stand-ins: a scripted agent, callers that are known by a token, signals between servers, and a picture."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from agentos.auth.authenticator import Credentials
from agentos.domain.event import Yielded
from agentos.domain.media import Media
from agentos.domain.principal import Principal
from agentos.errors import Unauthenticated
from agentos.execution.signals import Signals
from agentos.hookspecs import hookimpl
from agentos.models.scripted import Fail, Pause
from agentos.registrations import RegisterAuthenticator

if TYPE_CHECKING:
    from agentos.runtime.context import RunContext

PIXEL = Media(
    "image",
    data="iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    content_type="image/png",
    name="pixel.png",
)
"""A picture of one pixel, as an attachment of a run."""


class ScriptedAgent:
    """An agent that is no :class:`~agentos.Agent`: yields what it was given, at each run, and keeps its ``contexts``.

    A :class:`~agentos.testing.Pause` waits, a :class:`~agentos.testing.Fail` or an exception is raised; all other steps
    are what ``stream(context)`` may yield: texts, events, lists of them.

    >>> agent = ScriptedAgent("Hello", Pause(0.1), " there", ValueError("a bug"))
    """

    def __init__(self, *steps: Yielded | Pause | Fail | BaseException, id: str = "scripted-agent") -> None:
        self.id = id
        self.contexts: list[RunContext] = []
        self._steps = steps
        self._lock = threading.Lock()

    def stream(self, context: RunContext) -> Iterator[Yielded]:
        """Play the steps; a cancelled run does not wait."""
        with self._lock:
            self.contexts.append(context)
        for step in self._steps:
            context.cancellation.check()
            match step:
                case Pause(seconds):
                    context.cancellation.wait(seconds)
                    context.cancellation.check()
                case Fail(error):
                    raise error
                case BaseException():
                    raise step
                case _:
                    yield step


class KnownCallers:
    """An authenticator, and the plugin that registers it as ``known``: a bearer token is the name of a caller.

    Any other token is refused, and a request without one is left to other authenticators. Use it with the settings
    ``plugins={"callers": KnownCallers({"alice-token": alice})}`` and ``auth=["known"]``.

    >>> alice = Principal(id="alice", owner="alice", scopes=["agents:run"])
    >>> callers = KnownCallers({"alice-token": alice})
    """

    def __init__(self, callers: Mapping[str, Principal]) -> None:
        self._callers = dict(callers)

    @hookimpl
    def register_authenticators(self, register: RegisterAuthenticator) -> None:
        """Register it under the name ``known``."""
        register("known", lambda _config, _storage: self)

    def authenticate(self, credentials: Credentials) -> Principal | None:
        """Return the caller of the request's token."""
        if credentials.bearer is None:
            return None
        caller = self._callers.get(credentials.bearer)
        if caller is None:
            raise Unauthenticated("the token is not known")
        return caller


class SharedSignals:
    """Signals between several servers of one process, and the plugin that registers them for ``shared://``.

    What one server notifies wakes at once what waits for it at the others, as a message broker would do it between
    workers. Give all servers the same object, with the settings ``plugins={"signals": shared}`` and
    ``signals="shared://"``. While ``silent`` is true, nothing is published, as if the broker were away.

    >>> shared = SharedSignals()
    >>> here, there = shared.connect(), shared.connect()
    >>> with there.listen("run:1") as wakeup:
    ...     here.notify("run:1")
    ...     wakeup.wait(1)
    True
    """

    def __init__(self) -> None:
        self.silent = False
        self._connected: list[Signals] = []

    @hookimpl
    def register_signals(self, register: Callable[..., None]) -> None:
        """Register them for the scheme ``shared``."""
        register("shared", lambda _url, _config: self.connect())

    def connect(self) -> Signals:
        """Return the signals of one more server."""
        connected = _ConnectedSignals(self._publish, self._leave)
        self._connected.append(connected)
        return connected

    def _publish(self, sender: Signals, topics: tuple[str, ...]) -> None:
        if not self.silent:
            for connected in tuple(self._connected):
                if connected is not sender:
                    connected.wake(*topics)

    def _leave(self, connected: Signals) -> None:
        if connected in self._connected:
            self._connected.remove(connected)


class _ConnectedSignals(Signals):
    def __init__(self, publish: Callable[[Signals, tuple[str, ...]], None], leave: Callable[[Signals], None]) -> None:
        super().__init__()
        self._publish = publish
        self._leave = leave

    def notify(self, *topics: str) -> None:
        super().notify(*topics)
        self._publish(self, topics)

    def close(self) -> None:
        self._leave(self)
        super().close()
