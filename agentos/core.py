"""The core's own plugin: what AgentOS brings registers through the same hooks that everybody uses."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime

from agentos.auth.authenticator import Authenticator
from agentos.auth.keys import ApiKeyAuthenticator
from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.domain.times import utc_now
from agentos.errors import SessionNotFound
from agentos.execution.executor import EmbeddedExecutor
from agentos.execution.signals import Signals
from agentos.hookspecs import hookimpl
from agentos.models.scripted import ScriptedProvider
from agentos.registrations import (
    RegisterAgent,
    RegisterAuthenticator,
    RegisterExecutor,
    RegisterJob,
    RegisterModelProvider,
    RegisterSignals,
    RegisterStorageBackend,
)
from agentos.services.approval_rules import COLLECTION as RULES_COLLECTION
from agentos.services.approval_rules import LOOK_AGAIN
from agentos.services.server import Server
from agentos.storage.interface import Storage
from agentos.storage.memory import open_memory
from agentos.storage.pauses import EXPIRY_COLLECTION
from agentos.storage.records import Record
from agentos.storage.sqlalchemy import open_sql
from agentos.storage.sqlalchemy.address import POSTGRESQL, SQLITE

LOCAL = "local"
"""The value of ``AGENTOS_SIGNALS`` that needs no server of signals."""

INSTRUCTIONS = "You are a helpful assistant. Answer briefly and honestly; say so when you do not know."


class CorePlugin:
    """Brings storage, executor, signals, expiries, authenticators, the scripted provider, and the ``assistant``.

    ``providers`` and ``tools`` are the names that are registered by the time the agents' turn comes.
    """

    def __init__(self, providers: Container[str], tools: Container[str]) -> None:
        self._providers = providers
        self._tools = tools

    @hookimpl
    def register_storage_backends(self, register: RegisterStorageBackend) -> None:
        """Register memory, SQLite and PostgreSQL."""
        register("memory", open_memory)
        for scheme in (*SQLITE, *POSTGRESQL):
            register(scheme, open_sql)

    @hookimpl
    def register_executors(self, register: RegisterExecutor) -> None:
        """Register the executor of background runs that every worker has."""
        register("embedded", lambda config: EmbeddedExecutor(limit=config.background_limit))

    @hookimpl
    def register_signals(self, register: RegisterSignals) -> None:
        """Register the signals that stay within one worker; the others are found by polling."""
        register(LOCAL, lambda _url, _config: Signals())

    @hookimpl
    def register_jobs(self, register: RegisterJob) -> None:
        """Register what happens to runs that waited for too long, and to remembered decisions of deleted sessions."""
        register(EXPIRY_COLLECTION, expire_run)
        register(RULES_COLLECTION, forget_rule)

    @hookimpl
    def register_authenticators(self, register: RegisterAuthenticator) -> None:
        """Register API keys and JWTs."""
        register("api_key", lambda _, storage: ApiKeyAuthenticator(storage))
        register("jwt", _open_jwt)

    @hookimpl
    def register_model_providers(self, register: RegisterModelProvider) -> None:
        """Register the provider that needs no model."""
        register("scripted", lambda _: ScriptedProvider())

    @hookimpl
    def register_agents(self, register: RegisterAgent, config: Config) -> None:
        """Register the assistant, unless it is switched off."""
        if config.assistant:
            register(
                Agent(
                    id="assistant",
                    name="Assistant",
                    description="Answers questions; calculates where it has to.",
                    model=self._model(config),
                    instructions=INSTRUCTIONS,
                    tools=["calculator"] if "calculator" in self._tools else [],
                )
            )

    def _model(self, config: Config) -> str:
        if config.model is not None:
            return config.model
        if config.openai_api_key is not None and "openai" in self._providers:
            return "openai:gpt-5-mini"
        if config.anthropic_api_key is not None and "anthropic" in self._providers:
            return "anthropic:claude-haiku-5-5"
        return "local:smollm2" if "local" in self._providers else "scripted:echo"


def expire_run(record: Record, server: Server) -> datetime | None:
    """Reject what the run that the record is named after waits for, or end it; return when to look again."""
    return server.runs.expire(record.id)


def forget_rule(record: Record, server: Server) -> datetime | None:
    """Forget a remembered decision of a session that was deleted; else return when to look again."""
    try:
        server.sessions.get(str(record.document.get("session_id")), server.principal("core"))
    except SessionNotFound:
        return None
    return utc_now() + LOOK_AGAIN


def _open_jwt(config: Config, _: Storage) -> Authenticator:
    # The library and its cryptography are megabytes that only those who use tokens need in their workers.
    from agentos.auth.jwt import JwtAuthenticator

    return JwtAuthenticator(config)
