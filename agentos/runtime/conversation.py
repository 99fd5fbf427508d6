"""What is said between an agent's model and one run: the calls to the model, and what came of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from agentos.domain.agent import Agent
from agentos.domain.event import AgentEvent, Reasoning, Step, Token, Yielded
from agentos.domain.message import Message
from agentos.domain.text import clean
from agentos.domain.tool_spec import ToolSpec
from agentos.domain.usage import Usage
from agentos.errors import ContextTooLong, ProviderError
from agentos.models.deltas import Finish, MessageDetails, ReasoningDelta, TextDelta, ToolCallDelta
from agentos.models.provider import ModelProvider
from agentos.models.request import ModelRequest
from agentos.models.retry import stream_with_retry
from agentos.observability.call_log import Origin, log_failed_model_call, words_of
from agentos.observability.tracing import current_trace, set_trace
from agentos.runtime.context import RunContext
from agentos.runtime.model_response import ModelResponse
from agentos.runtime.prompt import Prompt
from agentos.runtime.transcript import Transcript

logger = logging.getLogger(__name__)


class AgentWithModel(Protocol):
    """What of an agent a conversation needs: :class:`~agentos.runtime.loop.ModelAgent` has it."""

    @property
    def agent(self) -> Agent:
        """Its definition."""

    @property
    def provider(self) -> ModelProvider:
        """What calls the model."""

    @property
    def model(self) -> str:
        """The model's name without the provider's prefix."""

    @property
    def retries(self) -> int:
        """How often a call is tried again."""

    @property
    def before_model_call(self) -> Callable[[ModelRequest, RunContext], ModelRequest] | None:
        """May change a request, or raise what ends the run."""

    @property
    def instructions(self) -> Sequence[Message]:
        """The message that begins each request, if there is one."""

    @property
    def specs(self) -> Sequence[ToolSpec]:
        """The specifications of its tools."""

    @property
    def later_parameters(self) -> Mapping[str, Any]:
        """The parameters of all calls after the first."""


class Conversation:
    """Calls an agent's model for one run, and keeps what the model and the tools said."""

    def __init__(self, context: RunContext, agent: AgentWithModel) -> None:
        self.context = context
        self._agent = agent
        self._parameters = agent.later_parameters if context.checkpoints else agent.agent.parameters
        self.model = agent.agent.model
        """``provider:name`` of the model that is asked."""
        self._prefix = self.model.partition(":")[0]
        self._prompt = Prompt(agent.instructions, context, agent.provider, prefix=self._prefix)
        self.said = Transcript.restored(context.checkpoints) if context.checkpoints else Transcript()

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
                request = self._agent.before_model_call(request, self.context)
                self.model = f"{self._prefix}:{request.model}"
            trace = current_trace()
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
            finally:
                set_trace(trace)
        self._parameters = self._agent.later_parameters

    def _call(self, request: ModelRequest, response: ModelResponse) -> Iterator[Yielded]:
        held, pieces, trace = response.held, response.pieces, current_trace()

        def asking(attempt: int) -> None:
            self._begin(response, attempt)
            if trace is not None:  # the provider's requests are in the span of the call
                set_trace(trace.model_call(response.started_at, attempt))

        for arrived in stream_with_retry(
            self._agent.provider,
            request,
            retries=self._agent.retries,
            asking=asking,
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
        self.context.writer.step(response.started_step(self.model))

    def _end_failed(self, response: ModelResponse, request: ModelRequest, error: BaseException) -> None:
        """Say that a call did not end well, in the run and in the log. One that did is a step that is yielded."""
        context = self.context
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
            extra={"run_id": self.context.run_id, "session_id": self.context.session_id},
        )
        self.context.cancellation.check()

    def _request(self, extra: Sequence[Message]) -> ModelRequest:
        return ModelRequest(
            model=self._agent.model,
            messages=[*self._prompt.messages(), *self.said.messages(), *extra],
            tools=self._agent.specs,
            parameters=self._parameters,
            output_schema=self._agent.agent.output_schema,
            deadline=self.context.deadline,
            cancellation=self.context.cancellation,
        )
