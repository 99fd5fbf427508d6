"""The loop that makes an :class:`~agentos.Agent` act: ask the model, call the tools, ask again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from agentos.domain.agent import Agent
from agentos.domain.event import AgentEvent, Reasoning, Step, Token, Yielded
from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.domain.text import clean
from agentos.domain.usage import Usage
from agentos.errors import ContextTooLong, ProviderError, TurnLimit
from agentos.models.deltas import CUT, Finish, MessageDetails, ReasoningDelta, TextDelta, ToolCallDelta
from agentos.models.provider import ModelProvider
from agentos.models.request import ModelRequest
from agentos.models.retry import stream_with_retry
from agentos.observability.call_log import Origin, log_failed_model_call, words_of
from agentos.runtime.context import RunContext
from agentos.runtime.model_response import ModelResponse
from agentos.runtime.output import OutputSchema, correction, violated
from agentos.runtime.prompt import Prompt
from agentos.runtime.transcript import Transcript
from agentos.tools.context import ToolContext
from agentos.tools.executor import ToolExecutor
from agentos.tools.tool import Tool

logger = logging.getLogger(__name__)


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
    before_model_call: Callable[[ModelRequest, RunContext], ModelRequest] | None = None
    """May change the request of a step, or raise what ends the run."""

    def stream(self, context: RunContext) -> Iterator[Yielded]:
        """Yield what the model says, in one list what arrived together, and what the tools do.

        A call is executed only if the answer that holds it ended well; after a cut the model reads why it was not, and
        is asked again. Raises the provider's error, :class:`~agentos.errors.ProviderError` for a final answer that does
        not follow the agent's schema, :class:`~agentos.errors.TurnLimit` when the last allowed turn still wants tools,
        and the cause of a cancellation.
        """
        conversation = Conversation(context, self)
        response = ModelResponse(self.max_output)
        for turn in range(1, self.max_turns + 1):
            response = yield from self._turn(conversation)
            calls, refusals = response.calls, response.refusals()
            if not calls:
                return
            if turn < self.max_turns:
                for event in self.executor.execute(calls, self.tools, _tool_context(context), refusals=refusals):
                    conversation.said.apply(event)
                    yield event
        cut = "; its last answer was cut before its calls were complete, so raise its output limit"
        raise TurnLimit(
            f"agent {self.agent.id!r} still wanted to call tools after {self.max_turns} turns; raise its max_turns or"
            f" AGENTOS_MAX_TURNS if it needs more{cut if response.reason in CUT else ''}"
        )

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
    return ToolContext(**{one.name: getattr(context, one.name) for one in fields(ToolContext)})


class Conversation:
    """Calls an agent's model for one run, and keeps what the model and the tools said."""

    def __init__(self, context: RunContext, agent: ModelAgent) -> None:
        self._context = context
        self._agent = agent
        self._parameters = agent.agent.parameters
        self.model = agent.agent.model
        """``provider:name`` of the model that is asked."""
        self._prefix = self.model.partition(":")[0]
        self._prompt = Prompt(agent.instructions, context, agent.provider, prefix=self._prefix)
        self.said = Transcript()

    def add_response(self, response: ModelResponse) -> Step:
        """Keep a response of the model for the calls that follow; return the step that it was."""
        if response.pieces:
            self.said.apply(Token(clean(response.text)))
        if response.thoughts:
            self.said.apply(Reasoning("".join(response.thoughts)))
        step = response.step(self.model)
        self.said.apply(step)
        return step

    def ask(self, response: ModelResponse, *extra: Message) -> Iterator[Yielded]:
        """Call the model and collect its response; ``extra`` ends the messages of this call alone.

        While the conversation is too long for the model, the older half of the session's turns is left out, for the
        rest of the run. Raises the provider's error, :class:`~agentos.errors.ContextTooLong` when nothing is left to
        leave out, and :class:`~agentos.errors.ProviderError` for a response without an end.
        """
        while True:
            request = self._request(extra)
            if self._agent.before_model_call is not None:
                request = self._agent.before_model_call(request, self._context)
                self.model = f"{self._prefix}:{request.model}"
            try:
                yield from self._call(request, response)
                if response.reason is None:
                    raise ProviderError(f"model {self.model!r} stopped in the middle of its answer")
            except BaseException as error:  # however a call ends, the log has a line of it
                self._end_failed(response, request, error)
                if not isinstance(error, ContextTooLong) or response.began is not None:
                    raise
                self._shorten(error)
            else:
                break
        self._parameters = self._agent.later_parameters

    def _call(self, request: ModelRequest, response: ModelResponse) -> Iterator[Yielded]:
        held, pieces = response.held, response.pieces
        for arrived in stream_with_retry(
            self._agent.provider,
            request,
            retries=self._agent.retries,
            asking=lambda attempt: self._begin(response, attempt),
            retrying=lambda error: self._end_failed(response, request, error),
        ):
            if response.began is None:
                response.began = response.age
            said: list[AgentEvent | str] = []
            called: list[ToolCallDelta] = []
            for delta in arrived if isinstance(arrived, list) else (arrived,):
                match delta:
                    case TextDelta():
                        pieces.append(delta.text)
                        if not held:
                            said.append(delta.text)
                    case ReasoningDelta():
                        response.thoughts.append(delta.text)
                        said.append(Reasoning(delta.text, redacted_content=delta.redacted))
                    case ToolCallDelta():
                        called.append(delta)
                    case Usage():
                        response.usage = delta
                        said.append(delta)
                    case MessageDetails():
                        response.keep(delta)
                    case Finish():
                        response.finish(delta.reason)
            if said:
                yield said
            for piece in called:  # last: one piece too many must not take along what was said before it
                response.assembler.add(piece)
            if held:
                response.check_size()
        request.cancellation.check()

    def _begin(self, response: ModelResponse, attempt: int) -> None:
        response.ask(attempt)
        self._context.writer.step(response.started_step(self.model))

    def _end_failed(self, response: ModelResponse, request: ModelRequest, error: BaseException) -> None:
        """Say that a call did not end well, in the run and in the log. One that did is a step that is yielded."""
        context = self._context
        if not isinstance(error, GeneratorExit):  # then the run knows better why it wants no more
            context.writer.step(response.failed_step(self.model, error))
        log_failed_model_call(
            Origin(context.run_id, context.agent_id, context.session_id, context.request_id),
            model=self.model,
            attempt=response.attempt,
            duration=response.age,
            first_piece=response.began,
            error=error,
            said=lambda: [*words_of(request.messages), *response.words(), self.said.reasoning],
        )

    def _shorten(self, error: ContextTooLong) -> None:
        left_out = self._prompt.halve()
        if not left_out:
            raise ContextTooLong(
                f"this run alone is longer than model {self.model!r} takes, even without the earlier turns of its"
                " session; shorten the input, the instructions or what the tools return, or use a model with a larger"
                f" context: {error.message}",
                details=error.details,
            ) from error
        logger.warning(
            "the conversation is too long for model %r: %d earlier turns are left out",
            self.model,
            left_out,
            extra={"run_id": self._context.run_id, "session_id": self._context.session_id},
        )
        self._context.cancellation.check()

    def _request(self, extra: Sequence[Message]) -> ModelRequest:
        return ModelRequest(
            model=self._agent.model,
            messages=[*self._prompt.messages(), *self.said.messages(), *extra],
            tools=self._agent.specs,
            parameters=self._parameters,
            output_schema=self._agent.agent.output_schema,
            deadline=self._context.deadline,
            cancellation=self._context.cancellation,
        )
