"""AgentOS: a production HTTP server for AI agents.

What programs and plugins import: with :mod:`agentos.web` and :mod:`agentos.testing` it is the whole public API. The
server itself (``AgentOS``, ``create_app``), storage and HTTP clients are loaded when they are first asked for, so that
a plugin or a tool costs no web framework.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from agentos import kinds
from agentos._version import __version__
from agentos.auth.authenticator import Authenticator, Credentials
from agentos.auth.shared_limits import RateLimitRefusal, RateLimitStore
from agentos.cancellation import Cancellation
from agentos.config import Config
from agentos.domain.activity import Activity, Backlog, GuestProcess, PoolUse
from agentos.domain.agent import Agent, AnyAgent, AsyncAgent, StreamingAgent
from agentos.domain.denied import Denied
from agentos.domain.event import (
    Complete,
    CustomEvent,
    Error,
    Paused,
    Reasoning,
    Resumed,
    RunEvent,
    RunStart,
    StateEvent,
    Step,
    Token,
    ToolCallEvent,
)
from agentos.domain.finished_request import FinishedRequest
from agentos.domain.guest import Guest
from agentos.domain.media import Media
from agentos.domain.message import Message, ToolCall
from agentos.domain.pending import WAITING_TEXT, Answer, Pending, PendingAction, PendingKind
from agentos.domain.principal import Principal
from agentos.domain.run import BusyPolicy, Run, RunError, RunStatus
from agentos.domain.run_request import RunRequest
from agentos.domain.run_step import RunStep
from agentos.domain.session import Session
from agentos.domain.stored_request import ModelOverrides, RunMode
from agentos.domain.tool_spec import ToolSpec
from agentos.domain.trace_context import TraceContext
from agentos.domain.usage import Usage
from agentos.errors import (
    AgentExists,
    AgentFailed,
    AgentNotFound,
    AgentOSError,
    AgentVersionNotFound,
    AlreadyAnswered,
    AuthenticationUnavailable,
    ConfigError,
    ContentFiltered,
    ContextTooLong,
    EventsExpired,
    ExecutionError,
    Forbidden,
    GuestLost,
    IdempotencyConflict,
    IdempotencyMismatch,
    InternalError,
    InvalidMedia,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    PendingExpired,
    PluginError,
    PreconditionFailed,
    ProviderError,
    ProviderRateLimited,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    RequestError,
    RequestTooLarge,
    RunActive,
    RunCancelled,
    RunFinished,
    RunNotFound,
    RunRequired,
    RunTimeout,
    SessionBusy,
    SessionNotFound,
    ShuttingDown,
    StorageError,
    SummaryNotFound,
    TooManyStreams,
    TurnLimit,
    Unauthenticated,
    UnsupportedMediaType,
    WorkerLost,
)
from agentos.hookspecs import hookimpl
from agentos.http.failures import OutboundFailed, OutboundRefused
from agentos.http.policy import OutboundPolicy
from agentos.models.deltas import (
    Arrival,
    Delta,
    Finish,
    FinishReason,
    MessageDetails,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    each,
)
from agentos.models.provider import ModelProvider
from agentos.models.request import ModelRequest
from agentos.models.scripted import ScriptedProvider
from agentos.registrations import (
    RegisterAgent,
    RegisterAuthenticator,
    RegisterCommand,
    RegisterExecutor,
    RegisterGuestAdapter,
    RegisterJob,
    RegisterModelProvider,
    RegisterRateLimitStore,
    RegisterRoutes,
    RegisterSetting,
    RegisterSignals,
    RegisterStorageBackend,
    RegisterTool,
    RegisterToolSource,
)
from agentos.runtime.context import RunContext
from agentos.setting_kinds import Kind, Rate
from agentos.storage.idempotency import IdempotencyKey
from agentos.tools.approval import Approval
from agentos.tools.bounds import Bounds
from agentos.tools.context import ToolContext
from agentos.tools.source import ToolSource
from agentos.tools.tool import Tool, Toolkit, tool

if TYPE_CHECKING:
    from agentos.app import create_app
    from agentos.execution.executor import Executor
    from agentos.execution.run_handle import RunHandle
    from agentos.execution.signals import Signals, Wakeup
    from agentos.http.outbound_client import OutboundAnswer, OutboundClient
    from agentos.models.anthropic_messages import AnthropicMessages, MessagesDialect
    from agentos.models.chat_completions import ChatCompletions, Dialect
    from agentos.observability.redaction import redact
    from agentos.server import AgentOS
    from agentos.services.server import Server
    from agentos.storage.interface import Storage
    from agentos.storage.memory import MemoryStorage
    from agentos.storage.paging import Page, Paging
    from agentos.storage.records import Record
    from agentos.storage.runs import RunFilter
    from agentos.storage.sessions import SessionChanges, SessionFilter

__all__ = [
    "WAITING_TEXT",
    "Activity",
    "Agent",
    "AgentExists",
    "AgentFailed",
    "AgentNotFound",
    "AgentVersionNotFound",
    "AgentOS",
    "AgentOSError",
    "AlreadyAnswered",
    "Answer",
    "AnthropicMessages",
    "Approval",
    "Arrival",
    "AnyAgent",
    "AsyncAgent",
    "AuthenticationUnavailable",
    "Authenticator",
    "Backlog",
    "Bounds",
    "BusyPolicy",
    "Cancellation",
    "ChatCompletions",
    "Complete",
    "Config",
    "ConfigError",
    "ContentFiltered",
    "ContextTooLong",
    "Credentials",
    "CustomEvent",
    "Delta",
    "Denied",
    "Dialect",
    "Error",
    "EventsExpired",
    "ExecutionError",
    "Executor",
    "Finish",
    "FinishReason",
    "Forbidden",
    "Guest",
    "GuestLost",
    "GuestProcess",
    "IdempotencyConflict",
    "FinishedRequest",
    "IdempotencyKey",
    "IdempotencyMismatch",
    "InternalError",
    "InvalidMedia",
    "InvalidRequest",
    "Kind",
    "Media",
    "MemoryStorage",
    "Message",
    "MessageDetails",
    "MessagesDialect",
    "MethodNotAllowed",
    "ModelOverrides",
    "ModelProvider",
    "ModelRequest",
    "NotFound",
    "OutboundAnswer",
    "OutboundClient",
    "OutboundFailed",
    "OutboundPolicy",
    "OutboundRefused",
    "Page",
    "Paging",
    "Paused",
    "Pending",
    "PendingAction",
    "PendingExpired",
    "PendingKind",
    "PluginError",
    "PoolUse",
    "PreconditionFailed",
    "Principal",
    "ProviderError",
    "ProviderRateLimited",
    "ProviderUnavailable",
    "QuotaExhausted",
    "Rate",
    "RateLimitStore",
    "RateLimited",
    "Reasoning",
    "ReasoningDelta",
    "Record",
    "RateLimitRefusal",
    "RegisterAgent",
    "RegisterAuthenticator",
    "RegisterCommand",
    "RegisterExecutor",
    "RegisterGuestAdapter",
    "RegisterJob",
    "RegisterModelProvider",
    "RegisterRateLimitStore",
    "RegisterRoutes",
    "RegisterSetting",
    "RegisterSignals",
    "RegisterStorageBackend",
    "RegisterTool",
    "RegisterToolSource",
    "RequestError",
    "RequestTooLarge",
    "Resumed",
    "Run",
    "RunActive",
    "RunCancelled",
    "RunContext",
    "RunError",
    "RunEvent",
    "RunFilter",
    "RunFinished",
    "RunHandle",
    "RunMode",
    "RunNotFound",
    "RunRequired",
    "RunRequest",
    "RunStart",
    "RunStatus",
    "RunStep",
    "RunTimeout",
    "ScriptedProvider",
    "Server",
    "Session",
    "SessionBusy",
    "SessionChanges",
    "SessionFilter",
    "SessionNotFound",
    "ShuttingDown",
    "Signals",
    "StateEvent",
    "Step",
    "Storage",
    "StorageError",
    "StreamingAgent",
    "SummaryNotFound",
    "TextDelta",
    "Token",
    "TooManyStreams",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolCallEvent",
    "ToolContext",
    "ToolSource",
    "ToolSpec",
    "Toolkit",
    "TraceContext",
    "TurnLimit",
    "Unauthenticated",
    "UnsupportedMediaType",
    "Usage",
    "Wakeup",
    "WorkerLost",
    "__version__",
    "create_app",
    "each",
    "hookimpl",
    "kinds",
    "redact",
    "tool",
]

_PLACES = {
    "agentos.app": ("create_app",),
    "agentos.execution.executor": ("Executor",),
    "agentos.execution.run_handle": ("RunHandle",),
    "agentos.execution.signals": ("Signals", "Wakeup"),
    "agentos.http.outbound_client": ("OutboundAnswer", "OutboundClient"),
    "agentos.models.anthropic_messages": ("AnthropicMessages", "MessagesDialect"),
    "agentos.models.chat_completions": ("ChatCompletions", "Dialect"),
    "agentos.observability.redaction": ("redact",),
    "agentos.server": ("AgentOS",),
    "agentos.services.server": ("Server",),
    "agentos.storage.interface": ("Storage",),
    "agentos.storage.memory": ("MemoryStorage",),
    "agentos.storage.paging": ("Page", "Paging"),
    "agentos.storage.records": ("Record",),
    "agentos.storage.runs": ("RunFilter",),
    "agentos.storage.sessions": ("SessionChanges", "SessionFilter"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'agentos' has no attribute {name!r}")
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
