"""AgentOS: a production HTTP server for AI agents.

What programs and plugins import. The server itself (``AgentOS``, ``create_app``) and the HTTP client are loaded when
they are first asked for, so that a plugin or a tool costs no web framework.
"""

from typing import TYPE_CHECKING, Any

from agentos import kinds
from agentos._version import __version__
from agentos.auth.authenticator import Authenticator, Credentials
from agentos.cancellation import Cancellation
from agentos.config import Config
from agentos.domain.agent import Agent, StreamingAgent
from agentos.domain.denied import Denied
from agentos.domain.event import (
    Complete,
    CustomEvent,
    Error,
    Reasoning,
    RunStart,
    StateEvent,
    Step,
    Token,
    ToolCallEvent,
)
from agentos.domain.finished_request import FinishedRequest
from agentos.domain.media import Media
from agentos.domain.message import Message, ToolCall
from agentos.domain.principal import Principal
from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.domain.run_request import RunRequest
from agentos.domain.run_step import RunStep
from agentos.domain.session import Session
from agentos.domain.stored_request import ModelOverrides, RunMode
from agentos.domain.tool_spec import ToolSpec
from agentos.domain.usage import Usage
from agentos.errors import Unauthenticated
from agentos.hookspecs import hookimpl
from agentos.http.failures import OutboundFailed, OutboundRefused
from agentos.http.policy import OutboundPolicy
from agentos.models.deltas import Arrival, Delta, Finish, MessageDetails, ReasoningDelta, TextDelta, ToolCallDelta
from agentos.models.provider import ModelProvider
from agentos.models.request import ModelRequest
from agentos.models.scripted import ScriptedProvider
from agentos.runtime.context import RunContext
from agentos.setting_kinds import Kind
from agentos.storage.idempotency import IdempotencyKey
from agentos.tools.bounds import Bounds
from agentos.tools.context import ToolContext
from agentos.tools.source import ToolSource
from agentos.tools.tool import Tool, Toolkit, tool

if TYPE_CHECKING:
    from agentos.app import create_app
    from agentos.execution.executor import Executor, Slot
    from agentos.http.outbound_client import OutboundAnswer, OutboundClient
    from agentos.server import AgentOS
    from agentos.services.server import Server

__all__ = [
    "Agent",
    "AgentOS",
    "Arrival",
    "Authenticator",
    "Bounds",
    "BusyPolicy",
    "Cancellation",
    "Complete",
    "Config",
    "Credentials",
    "CustomEvent",
    "Delta",
    "Denied",
    "Error",
    "Executor",
    "Finish",
    "FinishedRequest",
    "IdempotencyKey",
    "Kind",
    "Media",
    "Message",
    "MessageDetails",
    "ModelOverrides",
    "ModelProvider",
    "ModelRequest",
    "OutboundAnswer",
    "OutboundClient",
    "OutboundFailed",
    "OutboundPolicy",
    "OutboundRefused",
    "Principal",
    "Reasoning",
    "ReasoningDelta",
    "Run",
    "RunContext",
    "RunStart",
    "RunMode",
    "RunRequest",
    "RunStatus",
    "RunStep",
    "ScriptedProvider",
    "Server",
    "Session",
    "Slot",
    "StateEvent",
    "Step",
    "StreamingAgent",
    "TextDelta",
    "Token",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolCallEvent",
    "ToolContext",
    "ToolSource",
    "ToolSpec",
    "Toolkit",
    "Unauthenticated",
    "Usage",
    "__version__",
    "create_app",
    "hookimpl",
    "kinds",
    "tool",
]


def __getattr__(name: str) -> Any:
    if name == "AgentOS":
        from agentos.server import AgentOS

        return AgentOS
    if name == "create_app":
        from agentos.app import create_app

        return create_app
    if name in ("OutboundAnswer", "OutboundClient"):
        from agentos.http import outbound_client

        return getattr(outbound_client, name)
    if name == "Server":
        from agentos.services.server import Server

        return Server
    if name in ("Executor", "Slot"):
        from agentos.execution import executor

        return getattr(executor, name)
    raise AttributeError(f"module 'agentos' has no attribute {name!r}")
