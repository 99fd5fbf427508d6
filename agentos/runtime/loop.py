"""The loop that makes an :class:`~agentos.Agent` act: ask the model, call the tools, ask again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from agentos.domain.agent import Agent
from agentos.domain.event import AgentEvent, Reasoning, Yielded
from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.domain.usage import Usage
from agentos.errors import InvalidMedia, ProviderError, TurnLimit
from agentos.models.deltas import Finish, ReasoningDelta, TextDelta, ToolCallDelta
from agentos.models.provider import ModelProvider
from agentos.models.request import ModelRequest
from agentos.models.retry import stream_with_retry
from agentos.runtime.calls import CallAssembler
from agentos.runtime.context import RunContext
from agentos.tools.context import ToolContext
from agentos.tools.executor import ToolExecutor
from agentos.tools.tool import Tool


@dataclass(frozen=True)
class ModelAgent:
    """An agent with everything that it needs to run, made once and shared by all its runs."""

    agent: Agent
    provider: ModelProvider
    model: str
    """The model's name without the provider's prefix."""
    tools: Mapping[str, Tool] = field(default_factory=dict)
    executor: ToolExecutor = field(default_factory=ToolExecutor)
    max_turns: int = 10
    retries: int = 2
    max_output: int = 4 * 1024**2

    def stream(self, context: RunContext) -> Iterator[Yielded]:
        """Yield what the model says, in one list what arrived together, and what the tools do.

        Raises the provider's error, :class:`~agentos.errors.TurnLimit` when the last allowed turn still wants tools,
        and the cause of a cancellation.
        """
        tool_context = ToolContext(
            run_id=context.run_id,
            agent_id=context.agent_id,
            owner=context.owner,
            session_id=context.session_id,
            user_id=context.user_id,
            deadline=context.deadline,
            cancellation=context.cancellation,
        )
        for turn in range(1, self.max_turns + 1):
            assembler = CallAssembler(self.max_output)
            yield from self._ask(self._request(context, first=turn == 1), assembler)
            calls = assembler.calls()
            if not calls:
                return
            if turn < self.max_turns:
                yield from self.executor.execute(calls, self.tools, tool_context)
        raise TurnLimit(
            f"agent {self.agent.id!r} still wanted to call tools after {self.max_turns} turns; raise its max_turns or"
            " AGENTOS_MAX_TURNS if it needs more"
        )

    def check_media(self, media: Media) -> None:
        """Raise :class:`~agentos.errors.InvalidMedia` for an attachment that the model does not take."""
        self.provider.check_media(media)

    def _ask(self, request: ModelRequest, assembler: CallAssembler) -> Iterator[Yielded]:
        finished = False
        for arrived in stream_with_retry(self.provider, request, retries=self.retries):
            said: list[AgentEvent | str] = []
            called: list[ToolCallDelta] = []
            for delta in arrived if isinstance(arrived, list) else (arrived,):
                match delta:
                    case TextDelta():
                        said.append(delta.text)
                    case ReasoningDelta():
                        said.append(Reasoning(delta.text, redacted_content=delta.redacted))
                    case ToolCallDelta():
                        called.append(delta)
                    case Usage():
                        said.append(delta)
                    case Finish():
                        finished = True
            if said:
                yield said
            for piece in called:  # last: one piece too many must not take along what was said before it
                assembler.add(piece)
        request.cancellation.check()
        if not finished:
            raise ProviderError(f"model {self.agent.model!r} stopped in the middle of its answer")

    def _request(self, context: RunContext, *, first: bool) -> ModelRequest:
        return ModelRequest(
            model=self.model,
            messages=[
                *self._instructions,
                *map(self._presentable, context.history),
                context.question(),
                *context.transcript.messages(),
            ],
            tools=self._specs,
            parameters=self.agent.parameters if first else self._later_parameters,
            output_schema=self.agent.output_schema,
            deadline=context.deadline,
            cancellation=context.cancellation,
        )

    def _presentable(self, message: Message) -> Message:
        """Return a message of the history as this model can be shown it.

        An earlier run of the session may have been another agent's, whose model took what this one does not.
        """
        if not message.media:
            return message
        kept: list[Media] = []
        content = message.content
        for media in message.media:
            try:
                self.provider.check_media(media)
                kept.append(media)
            except InvalidMedia:
                content += f"\n(attachment left out: {media.type} {media.name or ''})"
        return dataclasses.replace(message, content=content, media=tuple(kept))

    @cached_property
    def _instructions(self) -> list[Message]:
        return [Message("system", self.agent.instructions)] if self.agent.instructions else []

    @cached_property
    def _specs(self) -> tuple[Any, ...]:
        return tuple(tool.spec for tool in self.tools.values())

    @cached_property
    def _later_parameters(self) -> Mapping[str, Any]:
        """A forced tool choice is for the first turn alone: it would force a call at every turn, without an end."""
        parameters = dict(self.agent.parameters)
        if parameters.get("tool_choice") != "none":
            parameters.pop("tool_choice", None)
        return parameters
