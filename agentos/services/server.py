"""What a plugin is given of the server that it is part of."""

from __future__ import annotations

from dataclasses import dataclass

from agentos.config import Config
from agentos.services.agents import AgentService
from agentos.services.runs import RunService
from agentos.services.sessions import SessionService


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One worker's server, for the hooks ``register_routes``, ``server_start`` and ``server_stop``."""

    config: Config
    agents: AgentService
    sessions: SessionService
    runs: RunService
