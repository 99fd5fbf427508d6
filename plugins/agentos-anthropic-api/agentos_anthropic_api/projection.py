"""A run's events as the stream of a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from agentos.web import (
    SSE_MEDIA_TYPE,
    AnswerCalls,
    AnswerEnded,
    AnswerFailed,
    AnswerPart,
    AnswerReader,
    AnswerStartedOver,
    AnswerText,
    AnswerThought,
    ClientCall,
    Frame,
    Projection,
    one_line,
    token_json,
)
from agentos_anthropic_api.errors import failed_run_json
from agentos_anthropic_api.ids import message_id, signature
from agentos_anthropic_api.message import STOP_REASONS, call_block, call_input, event, message_json, usage_json

PING = event("ping")

STARTED_OVER: Mapping[str, Any] = {
    "type": "api_error",
    "message": "the run began again at another worker, and what was sent of this answer does not count;"
    " GET /api/v1/runs/{run_id} has the answer when the run has ended (header X-Run-ID)",
    "details": {"error_code": "run_started_over"},
}


class MessageProjection(Projection):
    """Renders each piece of the answer as a delta of a block; what is the same in all of a block is encoded once.

    ``thinking`` says what is shown of thoughts: `all`, `omitted` (a block without its text), or `none`.
    """

    media_type = SSE_MEDIA_TYPE

    def __init__(self, model: str, reader: AnswerReader, *, thinking: str = "none") -> None:
        self._model = model
        self._reader = reader
        self._thinking = thinking
        self._id = ""
        self._index = -1
        self._open: str | None = None
        """The type of the block that is open: `text`, `thinking`, or none."""
        self._head = b""
        self._sent = False

    @property
    def over(self) -> bool:
        """Whether the answer has ended, which may be before the run: it starts over, and text cannot be taken back."""
        return self._reader.over

    def render(self, frames: Sequence[Frame]) -> bytes:
        """Return the events of frames."""
        reader = self._reader
        if len(frames) == 1 and frames[0].type == "token" and reader.speaks and self._open == "text":
            block = b"%b%b}}\n\n" % (self._head, token_json(frames[0]))  # nearly always: a quicker way
        else:
            pieces: list[bytes] = []
            for frame in frames:
                if frame.type == "token" and reader.speaks and self._open == "text":
                    pieces += (self._head, token_json(frame), b"}}\n\n")
                else:
                    pieces += map(self._rendered, self._parts(frame))
            block = b"".join(pieces)
        return block if block.isascii() else one_line(block)

    def heartbeat(self) -> bytes:
        """Return a ping."""
        return PING

    def _parts(self, frame: Frame) -> Sequence[AnswerPart | None]:
        parts = self._reader.read(frame)
        if self._id or not self._reader.created:
            return parts
        self._id = message_id(self._reader.run_id, self._reader.first_action)
        return (None, *parts)

    def _rendered(self, part: AnswerPart | None) -> bytes:
        match part:
            case None:
                return event("message_start", message=message_json(self._id, self._model, [], None, {}))
            case AnswerText(json):
                return b"%b%b%b}}\n\n" % (self._in_block("text"), self._head, json)
            case AnswerThought(text):
                return self._thought(text)
            case AnswerCalls(calls):
                return b"".join((self._closed(), *map(self._call, calls)))
            case AnswerStartedOver():
                if not self._sent:
                    self._reader.forget()
                    return b""
                self._reader.end()
                return event("error", error=STARTED_OVER)
            case AnswerEnded(reason, usage):
                delta = {"stop_reason": STOP_REASONS[reason], "stop_sequence": None}
                end = event("message_delta", delta=delta, usage=usage_json(usage))
                return b"%b%b%b" % (self._closed(), end, event("message_stop"))
            case AnswerFailed(error):
                return event("error", error=failed_run_json(error))

    def _thought(self, text: str) -> bytes:
        if self._thinking == "none":
            return b""
        start = self._in_block("thinking")
        if self._thinking == "omitted":
            return start
        return b"%b%b%b}}\n\n" % (start, self._head, orjson.dumps(text))

    def _call(self, call: ClientCall) -> bytes:
        start = self._started(call_block(call))
        delta = {"type": "input_json_delta", "partial_json": orjson.dumps(call_input(call)).decode()}
        return b"%b%b%b" % (start, self._delta(delta), event("content_block_stop", index=self._index))

    def _in_block(self, type: str) -> bytes:
        """Return what closes another block and opens one of this type, and make it the open one."""
        if self._open == type:
            return b""
        block = {"type": "text", "text": ""} if type == "text" else {"type": type, "thinking": "", "signature": ""}
        opened = self._closed() + self._started(block)
        self._open = type
        name = b"text" if type == "text" else b"thinking"
        self._head = (
            b"event: content_block_delta\n"
            b'data: {"type":"content_block_delta","index":%d,"delta":{"type":"%b_delta","%b":'
        ) % (self._index, name, name)
        return opened

    def _started(self, block: Mapping[str, Any]) -> bytes:
        self._sent = True
        self._index += 1
        return event("content_block_start", index=self._index, content_block=block)

    def _closed(self) -> bytes:
        """Return what closes the open block, if one is open."""
        if self._open is None:
            return b""
        signed = b""
        if self._open == "thinking":
            signed = self._delta({"type": "signature_delta", "signature": signature(self._id, self._index)})
        self._open = None
        return signed + event("content_block_stop", index=self._index)

    def _delta(self, delta: Mapping[str, Any]) -> bytes:
        return event("content_block_delta", index=self._index, delta=delta)
