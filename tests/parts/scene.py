"""Runs of the agent loop with a scripted model, without a server."""

import time
from collections.abc import Sequence
from typing import Any

from agentos.domain.agent import Agent
from agentos.domain.event import AgentEvent, Step, Token, ToolCallEvent
from agentos.errors import AgentOSError
from agentos.models.scripted import ScriptedProvider
from agentos.models.scripted import Step as Scripted
from agentos.runtime.context import RunContext
from agentos.runtime.loop import ModelAgent
from agentos.tools.executor import ToolExecutor
from agentos.tools.tool import as_tools


class Scene:
    """One agent, its scripted provider, and a tool ``clean_up`` that notes its calls."""

    def __init__(self, *turns: str | Sequence[Scripted], **fields: Any) -> None:
        self.called: list[str] = []

        def clean_up(path: str = "/") -> str:
            """Delete everything below a path."""
            self.called.append(path)
            return f"deleted {path}"

        self.provider = ScriptedProvider(turns)
        agent = Agent(id="test", model="scripted:test", **fields)
        tools = {tool.name: tool for tool in as_tools(clean_up)}
        self.agent = ModelAgent(
            agent, self.provider, "test", tools, ToolExecutor(5.0), agent.max_turns or 10, retries=0
        )
        self.error: AgentOSError | None = None
        self.events: list[AgentEvent] = []
        self.context: RunContext

    def run(self, **fields: Any) -> "Scene":
        """Run it to its end; an error of ours is kept in ``error``."""
        given = {"run_id": "r", "agent_id": "test", "input": "Hi", "deadline": time.monotonic() + 10, **fields}
        self.context = RunContext(**given)
        try:
            for yielded in self.agent.stream(self.context):
                for one in yielded if isinstance(yielded, list) else [yielded]:
                    self.events.append(Token(one) if isinstance(one, str) else one)
                    self.context.transcript.apply(self.events[-1])
        except AgentOSError as error:
            self.error = error
        return self

    @property
    def tokens(self) -> list[str]:
        return [event.token for event in self.events if isinstance(event, Token)]

    @property
    def steps(self) -> list[Step]:
        return [event for event in self.events if isinstance(event, Step)]

    @property
    def calls(self) -> list[ToolCallEvent]:
        return [event for event in self.events if isinstance(event, ToolCallEvent)]

    def asked(self, number: int = -1) -> list[tuple[str, str]]:
        """Return role and content of the messages of one request."""
        return [(message.role, message.content) for message in self.provider.requests[number].messages]
