"""A run of a scripted agent that pauses and continues, without a server."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agentos.domain.agent import Agent
from agentos.domain.checkpoint import Checkpoint
from agentos.domain.denied import Denied
from agentos.domain.event import AgentEvent, Token, ToolCallEvent
from agentos.domain.message import ToolCall
from agentos.domain.pending import Answer, Asked, PauseRequested, Pending, PendingAction
from agentos.domain.stored_request import ModelOverrides
from agentos.domain.tool_spec import ToolSpec
from agentos.models.scripted import ScriptedProvider, Step
from agentos.runtime.answer_check import check_answer
from agentos.runtime.context import RunContext
from agentos.runtime.loop import ModelAgent
from agentos.runtime.transcript import Transcript
from agentos.services.overrides import overridden
from agentos.tools.context import ToolContext
from agentos.tools.executor import ToolExecutor
from agentos.tools.tool import Tool, as_tools

Hook = Callable[[ToolCall, ToolContext], Denied | Pending | None]


@dataclass
class Scene:
    """One run. :meth:`go` executes it until its end or its next pause; each time it is another execution."""

    turns: Sequence[str | Sequence[Step]]
    tools: Sequence[Callable[..., Any] | Tool] = ()
    approve: Sequence[str] = ()
    before_call: Hook | None = None
    client_tools: Sequence[ToolSpec] = ()
    max_turns: int = 10
    saves_steps: bool = False
    agent_id: str = "clerk"
    session_id: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    actions: list[PendingAction] = field(default_factory=list)
    pending: tuple[PendingAction, ...] = ()

    def __post_init__(self) -> None:
        self.provider = ScriptedProvider(self.turns)
        self.context = self._context()

    def agent(self) -> ModelAgent:
        agent = ModelAgent(
            agent=Agent(id=self.agent_id, model="scripted:test"),
            provider=self.provider,
            model="test",
            tools={tool.name: tool for one in self.tools for tool in as_tools(one)},
            executor=ToolExecutor(5, before_call=self.before_call and self._ask, **self.settings),
            max_turns=self.max_turns,
            approve=frozenset(self.approve),
        )
        made = overridden(agent, ModelOverrides(client_tools=self.client_tools))
        assert isinstance(made, ModelAgent)
        return made

    def _ask(self, call: ToolCall, context: ToolContext) -> Denied | Asked | None:
        assert self.before_call is not None
        said = self.before_call(call, context)
        return Asked(said, "plugin:policy") if isinstance(said, Pending) else said

    def _context(self) -> RunContext:
        return RunContext(
            run_id="r",
            agent_id=self.agent_id,
            input="go",
            session_id=self.session_id,
            deadline=time.monotonic() + 10,
            checkpoints=self.checkpoints,
            actions=self.actions,
        )

    def go(self) -> list[AgentEvent]:
        """Execute the run, save a checkpoint where it pauses, and return the events of this execution."""
        self.context = self._context()
        transcript = self.context.transcript.restored(self.checkpoints)
        events: list[AgentEvent] = []
        self.pending = ()
        try:
            for yielded in self.agent().stream(replace(self.context, transcript=transcript)):
                for one in yielded if isinstance(yielded, list) else [yielded]:
                    events.append(Token(one) if isinstance(one, str) else one)
                    transcript.apply(events[-1])
                    if self.saves_steps and isinstance(events[-1], ToolCallEvent) and transcript.step_ended:
                        self._save(transcript)
        except PauseRequested as pause:
            self.pending = pause.actions
            self.actions += pause.actions
            self._save(transcript)
        return events

    def _save(self, transcript: Transcript) -> None:
        said = transcript.take()
        self.checkpoints.append(
            Checkpoint(
                number=len(self.checkpoints) + 1,
                messages=said.messages,
                reasoning=said.reasoning,
                usage=transcript.usage,
                tokens=transcript.tokens,
                turns=transcript.turns,
                size=transcript.size,
            )
        )

    def answer(self, *answers: Answer) -> None:
        """Answer what is pending, in its order."""
        assert len(answers) == len(self.pending)
        for action, answer in zip(self.pending, answers, strict=True):
            checked = check_answer(action, answer, self.agent(), agent_id=self.agent_id)
            self.actions[self.actions.index(action)] = replace(action, answer=checked)

    def read(self, request: int = -1) -> list[tuple[str, str]]:
        """Return what the model read in a request: roles and texts, without the first question."""
        return [(message.role, message.content) for message in self.provider.requests[request].messages[1:]]


def calls_of(events: Sequence[AgentEvent]) -> list[tuple[str, str, str | None]]:
    """Return the tool call events as id, status and what the model reads."""
    return [(one.tool_call_id, one.status, one.result or one.error) for one in events if isinstance(one, ToolCallEvent)]


APPROVE, REJECT = Answer(decision="approve"), Answer(decision="reject")
