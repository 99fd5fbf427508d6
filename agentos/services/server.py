"""What a plugin is given of the server that it is part of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agentos.config import Config
from agentos.deployment_directory import shared_directory
from agentos.domain.principal import ADMIN, ANONYMOUS, SCOPES_OF_ONE_OWNER, Principal
from agentos.execution.signals import Signals
from agentos.services.activity import ActivityService
from agentos.services.agents import AgentService
from agentos.services.records import RecordService
from agentos.services.runs import RunService
from agentos.services.sessions import SessionService


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One worker's server, for the hooks ``register_routes``, ``server_start`` and ``server_stop``, and for jobs.

    ``agents`` lists, finds, stores and deletes agents: ``list(paging)``, ``get(id)``, ``register(document)``,
    ``replace(id, document)``, ``delete(id)``.

    ``sessions`` are those of an owner: ``create(agent_id, caller=…)``, ``get(id, caller)``,
    ``list(SessionFilter(…), paging, caller)``, ``update``, ``delete``, ``history``; ``append(id, messages, caller)``
    and ``remove_message(id, sequence, caller)`` for what is said without a run.

    ``runs`` are started with ``start(RunRequest(…))`` and found with ``open(id, caller)``; both return a handle with
    ``get()``, ``actions()``, ``follow(heartbeat=…)``, ``wait(seconds)`` and ``cancel()``. ``list`` and ``delete`` are
    as for sessions.
    Everything that a client may be refused is refused here too, with the same errors (:mod:`agentos.errors`), and
    ``before_run`` is asked.

    ``records`` are small documents with a due time, in collections of the plugin's own: ``put``, ``get``, ``list``,
    ``delete``, and ``add`` for counters. They have an owner each, and no ``caller`` is asked for: a route that shows
    them to clients takes the owner of its caller. ``signals`` wake the workers of this deployment.

    ``activity`` has numbers for monitoring: ``now()`` of this worker (:class:`~agentos.Activity`),
    which costs nothing, and ``backlog()`` of the whole deployment, which asks the database.

    Nearly all methods want a ``caller``, and what is not the caller's is not there. In a route it is the request's,
    ``agentos.web.caller()``. For what a plugin does by itself, :meth:`principal` makes one.

    Use it from any thread, until ``server_stop`` returns.
    """

    config: Config
    agents: AgentService
    sessions: SessionService
    runs: RunService
    records: RecordService
    signals: Signals
    activity: ActivityService

    @property
    def directory(self) -> Path | None:
        """A directory that all workers of this deployment share, with mode 0700, for small files of plugins.

        It is new when the deployment starts, stays when a worker is replaced, and is removed at the end. It is memory
        where the system has such a place, so keep little in it, and in a folder with the plugin's name. ``None`` in
        commands, under other WSGI servers, and where it could not be made.
        """
        return shared_directory()

    def principal(self, plugin: str, *, owner: str | None = None) -> Principal:
        """Return the caller for what a plugin does by itself; its ``id`` is ``plugin:NAME``.

        With ``owner``, a user or tenant, it sees and makes what is that owner's, and may do everything but administer
        the server and decide for other owners. Without, it sees everything (``admin``), and what it makes belongs to
        ``anonymous``, the owner of a server without authentication.

        >>> request = RunRequest(caller=server.principal("digest", owner="acme"), agent_id="a")  # doctest: +SKIP

        Raises ``ValueError`` for an owner that cannot be one.
        """
        scopes = [ADMIN] if owner is None else SCOPES_OF_ONE_OWNER
        return Principal(id=f"plugin:{plugin}", owner=ANONYMOUS if owner is None else owner, scopes=scopes)
