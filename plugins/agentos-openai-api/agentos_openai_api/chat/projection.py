"""A run's events as the stream of a chat completion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from agentos.web import (
    SSE_HEARTBEAT,
    SSE_MEDIA_TYPE,
    AnswerCalls,
    AnswerEnded,
    AnswerFailed,
    AnswerPart,
    AnswerReader,
    AnswerStartedOver,
    AnswerText,
    AnswerThought,
    Frame,
    Projection,
    one_line,
    run_error_status,
    sse_json,
    token_json,
)
from agentos_openai_api.chat.forms import DONE, calls_json, usage_json
from agentos_openai_api.errors import error_json
from agentos_openai_api.ids import chat_id

STARTED_OVER: Mapping[str, Any] = {
    "error": {
        "message": "the run began again at another worker, and what was sent of this answer does not count;"
        " GET /v1/responses/{id} has the answer when the run has ended",
        "type": "server_error",
        "param": None,
        "code": "run_started_over",
    }
}


class ChatProjection(Projection):
    """Renders each piece of the answer as a chunk; what is the same in all of them is encoded once."""

    media_type = SSE_MEDIA_TYPE

    def __init__(self, model: str, reader: AnswerReader, *, include_usage: bool = False) -> None:
        self._model = model
        self._reader = reader
        self._usage = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._include_usage = include_usage
        self._head = b""
        self._tail = b'},"logprobs":null,"finish_reason":null}]' + self._usage
        self._text = b""
        self._sent = False

    @property
    def over(self) -> bool:
        """Whether the answer has ended, which may be before the run: it starts over, and text cannot be taken back."""
        return self._reader.over

    def render(self, frames: Sequence[Frame]) -> bytes:
        """Return the chunks of frames."""
        if len(frames) == 1 and frames[0].type == "token" and self._reader.speaks:  # nearly always: a quicker way
            block = self._text + token_json(frames[0]) + self._tail
        else:
            pieces: list[bytes] = []
            for frame in frames:
                if self._reader.speaks and frame.type == "token":
                    pieces += (self._text, token_json(frame), self._tail)
                else:
                    pieces += map(self._rendered, self._parts(frame))
            block = b"".join(pieces)
        return block if block.isascii() else one_line(block)

    def heartbeat(self) -> bytes:
        """Return a comment line."""
        return SSE_HEARTBEAT

    def _parts(self, frame: Frame) -> Sequence[AnswerPart | None]:
        parts = self._reader.read(frame)
        if self._head or not self._reader.created:
            return parts
        self._begin()
        return (None, *parts)

    def _begin(self) -> None:
        start = {
            "id": chat_id(self._reader.run_id),
            "object": "chat.completion.chunk",
            "created": int(datetime.fromisoformat(self._reader.created).timestamp()),
            "model": self._model,
        }
        self._head = b"data: %b," % orjson.dumps(start)[:-1]
        self._text = self._head + b'"choices":[{"index":0,"delta":{"content":'

    def _rendered(self, part: AnswerPart | None) -> bytes:
        match part:
            case None:
                return self._chunk({"role": "assistant", "content": ""})
            case AnswerText(json):
                self._sent = True
                return b"%b%b%b" % (self._text, json, self._tail)
            case AnswerThought(text):
                self._sent = True
                return self._chunk({"reasoning_content": text})
            case AnswerCalls(calls):
                return self._chunk(
                    {"tool_calls": [{"index": number, **call} for number, call in enumerate(calls_json(calls))]}
                )
            case AnswerStartedOver():
                if not self._sent:
                    self._reader.forget()
                    return b""
                self._reader.end()
                return sse_json(STARTED_OVER)
            case AnswerEnded(reason, usage):
                return self._chunk({}, reason) + self._usage_chunk(usage) + DONE
            case AnswerFailed(error):
                code, details = error["code"], error.get("details", {})
                return sse_json({"error": error_json(run_error_status(code, details), code, error["message"], details)})

    def _chunk(self, delta: Mapping[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return b'%b"choices":[%b]%b' % (self._head, orjson.dumps(choice), self._usage)

    def _usage_chunk(self, usage: Mapping[str, int]) -> bytes:
        if not self._include_usage:
            return b""
        return b'%b"choices":[],"usage":%b}\n\n' % (self._head, orjson.dumps(usage_json(usage)))
