"""What ``register`` accepts in each ``register_…`` hook of :mod:`agentos.hookspecs`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import click
    from flask import Blueprint

    from agentos.api.kit.routes import Routes
    from agentos.auth.authenticator import Authenticator
    from agentos.auth.shared_limits import RateLimitStore
    from agentos.config import Config
    from agentos.domain.agent import AnyAgent
    from agentos.execution.executor import Executor
    from agentos.execution.signals import Signals
    from agentos.models.provider import ModelProvider
    from agentos.services.server import Server
    from agentos.setting_kinds import Kind
    from agentos.storage.interface import Storage
    from agentos.storage.records import Record
    from agentos.tools.source import ToolSource
    from agentos.tools.tool import Tool, Toolkit


class RegisterAgent(Protocol):
    """Register an agent; ``id`` is needed for objects that are no :class:`~agentos.Agent`."""

    def __call__(self, agent: AnyAgent, *, id: str | None = None) -> None: ...


class RegisterModelProvider(Protocol):
    """Register what makes the provider of one prefix (``openai`` in ``openai:gpt-5-mini``).

    ``factory`` is called with the configuration when a worker first needs the provider.
    """

    def __call__(self, prefix: str, factory: Callable[[Config], ModelProvider]) -> None: ...


class RegisterTool(Protocol):
    """Register a typed function, a ``@tool`` function, a Tool or a Toolkit, under its own name."""

    def __call__(self, tool: Tool | Toolkit | Callable[..., Any]) -> None: ...


class RegisterToolSource(Protocol):
    """Register a :class:`~agentos.ToolSource` by a name of 1 to 32 letters, digits, ``_`` and ``-``.

    Agents name its tools as ``name/tool``, or all of them as ``name/*``.
    """

    def __call__(self, name: str, source: ToolSource) -> None: ...


class RegisterGuestAdapter(Protocol):
    """Register the adapter of a framework: its name, and the file or package that a guest process loads.

    ``framework`` is a module that every agent of the framework has imported, as in ``pydantic_ai``. ``environment`` has
    variables for guests, as one that switches the framework's telemetry off.
    """

    def __call__(
        self, name: str, path: Path, *, framework: str, environment: Mapping[str, str] | None = None
    ) -> None: ...


class RegisterStorageBackend(Protocol):
    """Register what opens the storage of a URL scheme (``sqlite`` in ``sqlite:///agentos.db``).

    ``factory`` is called with the URL and the configuration, and returns a storage with all its stores. It must not
    create or change anything yet.
    """

    def __call__(self, scheme: str, factory: Callable[[str, Config], Storage]) -> None: ...


class RegisterExecutor(Protocol):
    """Register what executes background runs, by the name that ``AGENTOS_EXECUTOR`` chooses it by.

    ``factory`` is called with the configuration, once in each worker.
    """

    def __call__(self, name: str, factory: Callable[[Config], Executor]) -> None: ...


class RegisterSignals(Protocol):
    """Register what makes the signals of a URL scheme (``redis`` in ``redis://host``).

    ``factory`` is called with the URL of ``AGENTOS_SIGNALS`` and the configuration, once in each worker.
    """

    def __call__(self, scheme: str, factory: Callable[[str, Config], Signals]) -> None: ...


class RegisterRateLimitStore(Protocol):
    """Register what makes the store of rate limits of a URL scheme (``redis`` in ``redis://host``).

    ``factory`` is called with the URL of ``AGENTOS_RATE_LIMIT_STORE`` and the configuration, once in each worker.
    """

    def __call__(self, scheme: str, factory: Callable[[str, Config], RateLimitStore]) -> None: ...


class RegisterJob(Protocol):
    """Register the one handler of a collection of records; begin the collection's name with the plugin's.

    ``handler`` is called with a record that is due and the :class:`~agentos.Server`. It returns ``None`` when it is
    done, or the time, with a time zone, at which it is to be called again.
    """

    def __call__(self, collection: str, handler: Callable[[Record, Server], datetime | None]) -> None: ...


class RegisterAuthenticator(Protocol):
    """Register what recognises callers, by the name that ``AGENTOS_AUTH`` chooses it by.

    ``factory`` is called with the configuration and the storage, once in each worker.
    """

    def __call__(self, name: str, factory: Callable[[Config, Storage], Authenticator]) -> None: ...


class RegisterSetting(Protocol):
    """Register a setting: ``name`` in the file and in code, ``AGENTOS_NAME`` or ``variable`` in the environment.

    ``kind`` is ``str``, ``int``, ``float``, ``bool``, one of ``agentos.kinds``, or an :class:`~agentos.Kind`.
    ``default`` is written as a user would write it. ``None`` means that the setting need not be set. A ``secret`` is a
    text that no log or command shows; the variable with ``_FILE`` behind its name may name a file that holds it.

    Begin the names with the name of the plugin: then a variable is known to be its own also where it is not loaded.
    """

    def __call__(
        self,
        name: str,
        kind: Kind | type,
        default: Any,
        help: str,
        *,
        variable: str | None = None,
        secret: bool = False,
    ) -> None: ...


class RegisterRoutes(Protocol):
    """Register a :class:`~agentos.web.Routes`, or a Flask blueprint with its ``public`` endpoints or paths named.

    What a blueprint does not name needs a credential. Each route of a ``Routes`` says itself who may call it.
    """

    def __call__(self, routes: Routes | Blueprint, *, public: Collection[str] = ()) -> None: ...


class RegisterCommand(Protocol):
    """Register a click command, or group of commands, below ``flask agentos``."""

    def __call__(self, command: click.Command) -> None: ...
