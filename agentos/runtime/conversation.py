"""The calls to the model of one run: each with the whole prompt, or with what of it the model takes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from agentos.domain.event import AgentEvent, Reasoning, Yielded
from agentos.domain.message import Message
from agentos.domain.usage import Usage
from agentos.errors import ContextTooLong, ProviderError
from agentos.models.deltas import Finish, MessageDetails, ReasoningDelta, TextDelta, ToolCallDelta
from agentos.models.request import ModelRequest
from agentos.models.retry import stream_with_retry
from agentos.observability.call_log import Origin, log_failed_model_call, words_of
from agentos.runtime.answer import Answer
from agentos.runtime.context import RunContext
from agentos.runtime.prompt import Prompt

if TYPE_CHECKING:
    from agentos.runtime.loop import ModelAgent

logger = logging.getLogger(__name__)


class Conversation:
    """Calls an agent's model for one run."""

    def __init__(self, runnable: ModelAgent, context: RunContext) -> None:
        self._runnable = runnable
        self._context = context
        self._model = runnable.agent.model
        self._prompt = Prompt(runnable.instructions, context, runnable.provider, prefix=self._model.partition(":")[0])
        self._first = True

    def ask(self, answer: Answer, *extra: Message) -> Iterator[Yielded]:
        """Call the model and collect its answer; ``extra`` ends the messages of this call alone.

        While the conversation is too long for the model, the older half of the session's turns is left out, for the
        rest of the run. Raises the provider's error, :class:`~agentos.errors.ContextTooLong` when nothing is left to
        leave out, and :class:`~agentos.errors.ProviderError` for an answer without an end.
        """
        while True:
            request = self._request(extra)
            try:
                yield from self._call(request, answer)
                if answer.reason is None:
                    raise ProviderError(f"model {self._model!r} stopped in the middle of its answer")
            except BaseException as error:  # however a call ends, the log has a line of it
                self._log_end(answer, request, error)
                if not isinstance(error, ContextTooLong) or answer.began is not None:
                    raise
                self._shorten(error)
            else:
                break
        self._first = False

    def _call(self, request: ModelRequest, answer: Answer) -> Iterator[Yielded]:
        held = answer.held
        for arrived in stream_with_retry(
            self._runnable.provider,
            request,
            retries=self._runnable.retries,
            asking=answer.ask,
            retrying=lambda error: self._log_end(answer, request, error),
        ):
            if answer.began is None:
                answer.begin()
            said: list[AgentEvent | str] = []
            called: list[ToolCallDelta] = []
            for delta in arrived if isinstance(arrived, list) else (arrived,):
                match delta:
                    case TextDelta():
                        if held is None:
                            said.append(delta.text)
                        else:
                            held.append(delta.text)
                    case ReasoningDelta():
                        said.append(Reasoning(delta.text, redacted_content=delta.redacted))
                    case ToolCallDelta():
                        called.append(delta)
                    case Usage():
                        answer.usage = delta
                        said.append(delta)
                    case MessageDetails():
                        answer.keep(delta)
                    case Finish():
                        answer.finish(delta.reason)
            if said:
                yield said
            for piece in called:  # last: one piece too many must not take along what was said before it
                answer.add(piece)
            if held is not None:
                answer.check_held()
        request.cancellation.check()

    def _log_end(self, answer: Answer, request: ModelRequest, error: BaseException) -> None:
        """Write the line of a call that did not end well; a step tells of the others."""
        context, transcript = self._context, self._context.transcript
        log_failed_model_call(
            Origin(context.run_id, context.agent_id, context.session_id, context.request_id),
            model=self._model,
            attempt=answer.attempt,
            duration=answer.age,
            first_piece=answer.began,
            error=error,
            said=lambda: [*words_of(request.messages), *answer.words(), transcript.output, transcript.reasoning],
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
        runnable = self._runnable
        return ModelRequest(
            model=runnable.model,
            messages=[*self._prompt.messages(), *extra],
            tools=runnable.specs,
            parameters=runnable.agent.parameters if self._first else runnable.later_parameters,
            output_schema=runnable.agent.output_schema,
            deadline=self._context.deadline,
            cancellation=self._context.cancellation,
        )
