"""What the Messages API has of its own in an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentos import Run
from agentos.web import SHOW_TOOLS, AnswerReader, WholeAnswer, server, this_request
from agentos_anthropic_api.ids import TOOL_CALLS
from agentos_anthropic_api.message import event, message_json, whole_message
from agentos_anthropic_api.projection import MessageProjection

_ASKS = ("enabled", "adaptive")


class Messages:
    """Writes the answer to one request; ``body`` is the request as read."""

    calls = TOOL_CALLS
    instructions_field = "system"
    form_field = "output_config.format"

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._model: str = body["model"]
        self._thinking = _shown_thinking(body)

    @property
    def waiting(self) -> str | None:
        """The text for a run that waits for a person."""
        template: str | None = server().config.plugin_settings["anthropic_waiting_text"]
        return template

    def projection(self, reader: AnswerReader) -> MessageProjection:
        """Return what renders the answer as events."""
        return MessageProjection(self._model, reader, thinking=self._thinking)

    def whole(self, run: Run, answer: WholeAnswer) -> Mapping[str, Any]:
        """Return the message."""
        return whole_message(run, answer, thinking=self._thinking)

    def stream_of(self, run: Run, answer: WholeAnswer) -> bytes:
        """Return the message, which has at most one text, as events."""
        whole = whole_message(run, answer, thinking=self._thinking)
        start = message_json(whole["id"], whole["model"], [], None, {})
        events = [event("message_start", message=start)]
        for index, block in enumerate(whole["content"]):
            delta = {"type": "text_delta", "text": block["text"]}
            events += [
                event("content_block_start", index=index, content_block={"type": "text", "text": ""}),
                event("content_block_delta", index=index, delta=delta),
                event("content_block_stop", index=index),
            ]
        delta = {name: whole[name] for name in ("stop_reason", "stop_sequence")}
        events += [event("message_delta", delta=delta, usage=whole["usage"]), event("message_stop")]
        return b"".join(events)


def _shown_thinking(body: Mapping[str, Any]) -> str:
    """Return what of the thoughts is shown. As in the API itself, only what a client asks for."""
    thinking = body.get("thinking") or {}
    asks = thinking.get("type") in _ASKS
    if asks and thinking.get("display") == "omitted":
        return "omitted"
    return "all" if asks or this_request().headers.get(SHOW_TOOLS) == "1" else "none"
