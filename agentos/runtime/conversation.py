"""The steps of one run: calls to the model, each with all that was said before, or as much as the model takes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentos.domain.agent import Agent
from agentos.domain.event import AgentEvent, Reasoning, Step, Token, ToolCallEvent, Yielded
from agentos.domain.message import Message
from agentos.domain.text import clean
from agentos.domain.usage import Usage
from agentos.errors import ContextTooLong, ProviderError
from agentos.models.deltas import Finish, MessageDetails, ReasoningDelta, TextDelta, ToolCallDelta
from agentos.models.provider import ModelProvider
from agentos.models.request import ModelRequest
from agentos.models.retry import stream_with_retry
from agentos.observability.call_log import Origin, log_failed_model_call, words_of
from agentos.runtime.context import RunContext
from agentos.runtime.model_response import ModelResponse
from agentos.runtime.prompt import Prompt
from agentos.runtime.transcript import Transcript

logger = logging.getLogger(__name__)


class Conversation:
    """Calls an agent's model for one run, and keeps what the model and the tools said.

    ``model`` is the model's name without the provider's prefix. The first call has the agent's parameters, the others
    have ``later_parameters``.
    """

    def __init__(
        self,
        context: RunContext,
        agent: Agent,
        *,
        provider: ModelProvider,
        model: str,
        instructions: Sequence[Message],
        tools: tuple[Any, ...],
        later_parameters: Mapping[str, Any],
        retries: int,
    ) -> None:
        self._context = context
        self._agent = agent
        self._provider = provider
        self._name = model
        self._tools = tools
        self._parameters = agent.parameters
        self._later_parameters = later_parameters
        self._retries = retries
        self._model = agent.model
        self._prompt = Prompt(instructions, context, provider, prefix=self._model.partition(":")[0])
        self._said = Transcript()

    def add_response(self, response: ModelResponse) -> Step:
        """Keep a response of the model for the calls that follow; return the step that it was."""
        if response.pieces:
            self._said.apply(Token(clean(response.text)))
        if response.thoughts:
            self._said.apply(Reasoning("".join(response.thoughts)))
        step = response.step(self._model)
        self._said.apply(step)
        return step

    def add_tool_call(self, event: ToolCallEvent) -> None:
        """Keep what a tool call came to."""
        self._said.apply(event)

    def ask(self, response: ModelResponse, *extra: Message) -> Iterator[Yielded]:
        """Call the model and collect its response; ``extra`` ends the messages of this call alone.

        While the conversation is too long for the model, the older half of the session's turns is left out, for the
        rest of the run. Raises the provider's error, :class:`~agentos.errors.ContextTooLong` when nothing is left to
        leave out, and :class:`~agentos.errors.ProviderError` for a response without an end.
        """
        while True:
            request = self._request(extra)
            try:
                yield from self._call(request, response)
                if response.reason is None:
                    raise ProviderError(f"model {self._model!r} stopped in the middle of its answer")
            except BaseException as error:  # however a call ends, the log has a line of it
                self._log_end(response, request, error)
                if not isinstance(error, ContextTooLong) or response.began is not None:
                    raise
                self._shorten(error)
            else:
                break
        self._parameters = self._later_parameters

    def _call(self, request: ModelRequest, response: ModelResponse) -> Iterator[Yielded]:
        held, pieces = response.held, response.pieces
        for arrived in stream_with_retry(
            self._provider,
            request,
            retries=self._retries,
            asking=response.ask,
            retrying=lambda error: self._log_end(response, request, error),
        ):
            if response.began is None:
                response.begin()
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
                response.add(piece)
            if held:
                response.check_size()
        request.cancellation.check()

    def _log_end(self, response: ModelResponse, request: ModelRequest, error: BaseException) -> None:
        """Write the line of a call that did not end well; a step tells of the others."""
        context = self._context
        log_failed_model_call(
            Origin(context.run_id, context.agent_id, context.session_id, context.request_id),
            model=self._model,
            attempt=response.attempt,
            duration=response.age,
            first_piece=response.began,
            error=error,
            said=lambda: [*words_of(request.messages), *response.words(), self._said.reasoning],
        )

    def _shorten(self, error: ContextTooLong) -> None:
        left_out = self._prompt.halve()
        if not left_out:
            raise ContextTooLong(
                f"this run alone is longer than model {self._model!r} takes, even without the earlier turns of its"
                " session; shorten the input, the instructions or what the tools return, or use a model with a larger"
                f" context: {error.message}",
                details=error.details,
            ) from error
        logger.warning(
            "the conversation is too long for model %r: %d earlier turns are left out",
            self._model,
            left_out,
            extra={"run_id": self._context.run_id, "session_id": self._context.session_id},
        )
        self._context.cancellation.check()

    def _request(self, extra: Sequence[Message]) -> ModelRequest:
        return ModelRequest(
            model=self._name,
            messages=[*self._prompt.messages(), *self._said.messages(), *extra],
            tools=self._tools,
            parameters=self._parameters,
            output_schema=self._agent.output_schema,
            deadline=self._context.deadline,
            cancellation=self._context.cancellation,
        )
