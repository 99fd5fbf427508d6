"""What is chat completions' own in an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentos import Run
from agentos.web import AnswerReader, WholeAnswer
from agentos_openai_api.chat.forms import completion_json, stream_of
from agentos_openai_api.chat.projection import ChatProjection
from agentos_openai_api.ids import TOOL_CALLS
from agentos_openai_api.waiting import waiting_template


class ChatCompletions:
    """Writes the answer to one request; ``body`` is the request as read."""

    calls = TOOL_CALLS
    instructions_field = "messages"
    form_field = "response_format"

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._model: str = body["model"]
        self._include_usage = bool((body.get("stream_options") or {}).get("include_usage"))

    @property
    def waiting(self) -> str | None:
        """The text for a run that waits for a person."""
        return waiting_template()

    def projection(self, reader: AnswerReader) -> ChatProjection:
        """Return what renders the answer as chunks."""
        return ChatProjection(self._model, reader, include_usage=self._include_usage)

    def whole(self, run: Run, answer: WholeAnswer) -> Mapping[str, Any]:
        """Return the chat completion."""
        return completion_json(run, answer)

    def stream_of(self, run: Run, answer: WholeAnswer) -> bytes:
        """Return the completion as chunks."""
        return stream_of(completion_json(run, answer), include_usage=self._include_usage)
