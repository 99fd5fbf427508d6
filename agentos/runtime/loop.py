"""The loop that makes an :class:`~agentos.Agent` act: ask the model, call the tools, ask again."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from agentos.domain.agent import Agent
from agentos.domain.event import AgentEvent, Yielded
from agentos.domain.media import Media
from agentos.domain.message import Message, ToolCall
from agentos.domain.pending import PauseRequested
from agentos.errors import TurnLimit
from agentos.models.deltas import CUT
from agentos.models.provider import ModelProvider
from agentos.models.request import ModelRequest
from agentos.runtime.context import RunContext
from agentos.runtime.conversation import Conversation
from agentos.runtime.model_response import ModelResponse
from agentos.runtime.output import OutputSchema, correction, violated
from agentos.tools.call_step import CallStep
from agentos.tools.context import ToolContext
from agentos.tools.executor import NO_REFUSALS, ToolExecutor
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
    approve: Set[str] = frozenset()
    """Names of tools, as the model knows them, that a person has to approve."""
    before_model_call: Callable[[ModelRequest, RunContext], ModelRequest] | None = None
    """May change the request of a step, or raise what ends the run."""
    version: int | None = None
    """Which version of a stored agent it is; ``None`` for an agent in code."""

    def stream(self, context: RunContext) -> Iterator[Yielded]:
        """Yield what the model says, in one list what arrived together, and what the tools do.

        Begins where the run's last checkpoint ends: with the calls that are open there, then with the next turn.

        A call is executed only if the answer that holds it ended well; after a cut the model reads why it was not, and
        is asked again. Raises the provider's error, :class:`~agentos.errors.ProviderError` for a final answer that does
        not follow the agent's schema, :class:`~agentos.errors.TurnLimit` when the last allowed turn still wants tools,
        :class:`~agentos.domain.pending.PauseRequested` when calls have to wait, and the cause of a cancellation.
        """
        conversation = Conversation(context, self)
        response = ModelResponse(self.max_output)
        begun = 0
        if context.checkpoints:
            begun = conversation.said.turns
            yield from self._continue(conversation)
        for turn in range(begun + 1, self.max_turns + 1):
            response = yield from self._turn(conversation)
            calls, refusals = response.calls, response.refusals()
            if not calls:
                return
            if turn < self.max_turns:
                step = CallStep(conversation.said.turns, self.approve)
                yield from self._execute(conversation, calls, step, refusals)
        cut = "; its last answer was cut before its calls were complete, so raise its output limit"
        raise TurnLimit(
            f"agent {self.agent.id!r} still wanted to call tools after {self.max_turns} turns; raise its max_turns or"
            f" AGENTOS_MAX_TURNS if it needs more{cut if response.reason in CUT else ''}"
        )

    def _continue(self, conversation: Conversation) -> Iterator[Yielded]:
        """Execute the calls that had to wait; those that had ended are not made again."""
        calls = conversation.said.open_calls
        if calls:
            step = CallStep(conversation.said.turns, self.approve, conversation.context.actions)
            yield from self._execute(conversation, calls, step)

    def _execute(
        self,
        conversation: Conversation,
        calls: Sequence[ToolCall],
        step: CallStep,
        refusals: Mapping[str, str] = NO_REFUSALS,
    ) -> Iterator[Yielded]:
        context = _tool_context(conversation.context)
        for event in self.executor.execute(calls, self.tools, context, refusals=refusals, step=step):
            conversation.said.apply(event)
            yield event
        if step.pending:
            raise PauseRequested(step.pending)

    def check_media(self, media: Media) -> None:
        """Raise :class:`~agentos.errors.InvalidMedia` for an attachment that the model does not take."""
        self.provider.check_media(media)

    def _turn(self, conversation: Conversation) -> Generator[Yielded, None, ModelResponse]:
        """Ask once, stream the response as it comes, and check it where it is the final one."""
        if self.output is not None and self.agent.output_retries:
            return (yield from self._held_turn(conversation, self.output))
        response = ModelResponse(self.max_output)
        yield from conversation.ask(response)
        yield conversation.add_response(response)
        if self.output is not None and not response.calls:
            problem = self.output.problem(response.text, response.reason)
            if problem is not None:
                raise violated(self.agent.id, problem)
        return response

    def _held_turn(self, conversation: Conversation, output: OutputSchema) -> Generator[Yielded, None, ModelResponse]:
        """Ask until the response calls tools or follows the schema; only then is its text let go."""
        extra: Sequence[Message] = ()
        problem: str | None = None
        for _ in range(self.agent.output_retries + 1):
            response = ModelResponse(self.max_output, held=True)
            yield from conversation.ask(response, *extra)
            problem = None if response.calls else output.problem(response.text, response.reason)
            if problem is None:
                if response.pieces:
                    yield list[AgentEvent | str](response.pieces)
                yield conversation.add_response(response)
                return response
            yield response.step(conversation.model)
            extra = correction(response.text, problem)
        raise violated(self.agent.id, problem or "")

    @cached_property
    def output(self) -> OutputSchema | None:
        """What a final answer has to follow."""
        schema = self.agent.output_schema
        return None if schema is None else OutputSchema(schema)

    @cached_property
    def instructions(self) -> list[Message]:
        """The message with the agent's instructions, if it has any."""
        return [Message("system", self.agent.instructions)] if self.agent.instructions else []

    @cached_property
    def specs(self) -> tuple[Any, ...]:
        """The specifications of the tools, as the model gets them."""
        return tuple(tool.spec for tool in self.tools.values())

    @cached_property
    def later_parameters(self) -> Mapping[str, Any]:
        """A forced tool choice is for the first call alone: it would force a call at every turn, without an end."""
        parameters = dict(self.agent.parameters)
        if parameters.get("tool_choice") != "none":
            parameters.pop("tool_choice", None)
        return parameters


def _tool_context(context: RunContext) -> ToolContext:
    """Return the part of a run's context that its tools may know; the fields have the same names in both."""
    return ToolContext(**{name: getattr(context, name) for name in _SHARED})


_SHARED = {one.name for one in fields(ToolContext)} & {one.name for one in fields(RunContext)}
