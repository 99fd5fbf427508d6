"""The public test kit: runs agents in a test, fakes what they need, and has the promises of plugins as tests.

Each name is loaded when it is first asked for: a test of a tool costs no web framework, and only the contract suites
need pytest. The pytest fixtures are a distribution of their own, ``agentos-server-testing``.

    from agentos import Agent
    from agentos.testing import run_agent

    def test_the_shop_answers():
        run = run_agent(Agent(id="shop", model="openai:gpt-5-mini"), "When do you open?", turns=["At nine."])
        assert (run.status, run.content) == ("completed", "At nine.")
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentos.models.scripted import AtMost, Cut, Fail, Pause, ScriptedProvider, call
    from agentos.testing.agents import ServedAgents, serve_agents
    from agentos.testing.authenticators import AuthenticatorContract
    from agentos.testing.client import AgentClient
    from agentos.testing.executors import ExecutorContract
    from agentos.testing.fakes import PIXEL, KnownCallers, ScriptedAgent, SharedSignals
    from agentos.testing.models import ProviderContract
    from agentos.testing.projections import ProjectionContract
    from agentos.testing.running import run_agent
    from agentos.testing.runs import Event, FinishedRun, FinishedToolCall
    from agentos.testing.signals import SignalsContract
    from agentos.testing.sse import ServerSentEvent, SSEReader, read_events
    from agentos.testing.storage import StorageContract
    from agentos.testing.streaming_agents import StreamingAgentContract
    from agentos.testing.tools import ToolCallFailed, ToolContract, call_tool

__all__ = [
    "AgentClient",
    "AtMost",
    "AuthenticatorContract",
    "Cut",
    "Event",
    "ExecutorContract",
    "Fail",
    "FinishedRun",
    "FinishedToolCall",
    "KnownCallers",
    "PIXEL",
    "Pause",
    "ProjectionContract",
    "ProviderContract",
    "SSEReader",
    "ScriptedAgent",
    "ScriptedProvider",
    "ServedAgents",
    "ServerSentEvent",
    "SharedSignals",
    "SignalsContract",
    "StorageContract",
    "StreamingAgentContract",
    "ToolCallFailed",
    "ToolContract",
    "call",
    "call_tool",
    "read_events",
    "run_agent",
    "serve_agents",
]

_PLACES = {
    "agentos.models.scripted": ("AtMost", "Cut", "Fail", "Pause", "ScriptedProvider", "call"),
    "agentos.testing.agents": ("ServedAgents", "serve_agents"),
    "agentos.testing.authenticators": ("AuthenticatorContract",),
    "agentos.testing.client": ("AgentClient",),
    "agentos.testing.executors": ("ExecutorContract",),
    "agentos.testing.fakes": ("PIXEL", "KnownCallers", "ScriptedAgent", "SharedSignals"),
    "agentos.testing.models": ("ProviderContract",),
    "agentos.testing.projections": ("ProjectionContract",),
    "agentos.testing.runs": ("Event", "FinishedRun", "FinishedToolCall"),
    "agentos.testing.running": ("run_agent",),
    "agentos.testing.signals": ("SignalsContract",),
    "agentos.testing.sse": ("SSEReader", "ServerSentEvent", "read_events"),
    "agentos.testing.storage": ("StorageContract",),
    "agentos.testing.streaming_agents": ("StreamingAgentContract",),
    "agentos.testing.tools": ("ToolCallFailed", "ToolContract", "call_tool"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}
_CONTRACTS = ("authenticators", "executors", "models", "projections", "signals", "streaming_agents")


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'agentos.testing' has no attribute {name!r}; it has {', '.join(__all__)}")
    if module.rpartition(".")[2] in _CONTRACTS and module not in sys.modules:
        # So that a failure in a contract shows the values. It has to come before the import.
        import pytest

        pytest.register_assert_rewrite(module)
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
