"""A model server of a small and known cost: all that it says is made before it is asked.

It speaks Chat Completions and the Messages API.

``python -m benchmarks.stub PORT``. The name of the model says what it does: ``burst-100`` says 100 tokens at once,
``paced-20ms-100`` says one each 20 ms. Both answer in one document where no stream is asked for.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import orjson

MODEL = re.compile(rb'"model": ?"(?:burst|paced-(\d+)ms)-(\d+)"')
STREAM = re.compile(rb'"stream": ?true')
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
TEXT = " word"
MODELS = ("burst-100", "paced-20ms-100")

SLOT = 0.001
"""Seconds between two looks at the wheel; no token is later than that by the stub's own doing."""

STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
ACCEPTED = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
"""What a collector answers to traces and metrics: the stub is one too."""

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def _chunk(event: bytes, name: str | None = None) -> bytes:
    """Return an event as a chunk of its own, as model servers send it, also when many leave together."""
    line = b"" if name is None else b"event: %b\n" % name.encode()
    data = b"%bdata: %b\n\n" % (line, event)
    return b"%x\r\n%b\r\n" % (len(data), data)


def _piece(delta: dict[str, str], finish: str | None = None, **more: object) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    same = {"id": "chatcmpl-stub", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "stub"}
    return _chunk(orjson.dumps({**same, "choices": choices, **more}))


def _event(kind: str, **fields: object) -> bytes:
    return _chunk(orjson.dumps({"type": kind, **fields}), kind)


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": 10 + tokens}


@dataclass(frozen=True)
class Form:
    """How a stream is written: its first events, each token, and its end, which has the number of tokens."""

    first: bytes
    token: bytes
    last: Callable[[int], bytes]


def _chat_last(tokens: int) -> bytes:
    return _piece({}, "stop", usage=_usage(tokens)) + _chunk(b"[DONE]") + b"0\r\n\r\n"


def _message_last(tokens: int) -> bytes:
    stop = _event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": tokens})
    return _event("content_block_stop", index=0) + stop + _event("message_stop") + b"0\r\n\r\n"


_MESSAGE = {"id": "msg_stub", "type": "message", "role": "assistant", "model": "stub", "content": []}
CHAT = Form(_piece({"role": "assistant", "content": ""}), _piece({"content": TEXT}), lru_cache(_chat_last))
MESSAGES = Form(
    _event("message_start", message={**_MESSAGE, "usage": {"input_tokens": 10, "output_tokens": 1}})
    + _event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    _event("content_block_delta", index=0, delta={"type": "text_delta", "text": TEXT}),
    lru_cache(_message_last),
)
FORMS = {b"POST /v1/chat/completions": CHAT, b"POST /v1/messages": MESSAGES}


@lru_cache
def burst(form: Form, tokens: int) -> bytes:
    """Return a whole stream."""
    return STREAM_HEAD + form.first + form.token * tokens + form.last(tokens)


@lru_cache
def document(tokens: int) -> bytes:
    """Return the answer to who asked for no stream."""
    message = {"role": "assistant", "content": TEXT * tokens}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return _json({"id": "chatcmpl-stub", "object": "chat.completion", "choices": choices, "usage": _usage(tokens)})


def _json(value: object) -> bytes:
    body = orjson.dumps(value)
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


CATALOGUE = _json({"object": "list", "data": [{"id": name, "object": "model"} for name in MODELS]})


class Wheel:
    """One timer for all paced streams: each waits in the slot of the millisecond in which its next token is due."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: defaultdict[int, list[PacedStream]] = defaultdict(list)
        self._next = 0

    def add(self, stream: PacedStream) -> None:
        """Wake the stream when it is due."""
        if not self._slots:
            self._next = int(self._loop.time() / SLOT)
            self._loop.call_later(SLOT, self._turn)
        self._slots[max(int(stream.due / SLOT), self._next)].append(stream)

    def _turn(self) -> None:
        now = int(self._loop.time() / SLOT)
        for slot in range(self._next, now):
            self._next = slot + 1
            for stream in self._slots.pop(slot, ()):
                if stream.speak():
                    self._slots[max(int(stream.due / SLOT), self._next)].append(stream)
        if self._slots:
            self._loop.call_later(SLOT, self._turn)


class PacedStream:
    """One answer, token by token. The times are counted from its beginning, so that lateness does not add up."""

    def __init__(self, form: Form, transport: asyncio.WriteTransport, now: float, interval: float, tokens: int) -> None:
        self._form = form
        self._transport = transport
        self._interval = interval
        self._left = self._tokens = tokens
        self.due = now + interval

    def speak(self) -> bool:
        """Send the next token; tell whether there is more to say."""
        self._left -= 1
        self.due += self._interval
        self._transport.write(self._form.token if self._left else self._form.token + self._form.last(self._tokens))
        return self._left > 0 and not self._transport.is_closing()


class Stub(asyncio.Protocol):
    """A connection, kept for one request after the other."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wheel: Wheel) -> None:
        self._loop = loop
        self._wheel = wheel
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def data_received(self, data: bytes) -> None:
        """Answer once a request is whole."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        length = LENGTH.search(head)
        if length is None or len(body) >= int(length[1]):
            self._received = b""
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        asked = MODEL.search(body)
        if head.startswith(b"GET /v1/models"):
            self._transport.write(CATALOGUE)
        elif head.startswith((b"POST /v1/traces", b"POST /v1/metrics")):
            self._transport.write(ACCEPTED)
        elif (form := FORMS.get(head.partition(b" HTTP")[0])) is None or asked is None:
            self._transport.write(NOT_FOUND)
        else:
            self._speak(form, int(asked[1] or 0) / 1000, int(asked[2]), stream=STREAM.search(body) is not None)

    def _speak(self, form: Form, interval: float, tokens: int, *, stream: bool) -> None:
        if not stream:
            self._loop.call_later(interval * tokens, self._transport.write, document(tokens))
        elif not interval:
            self._transport.write(burst(form, tokens))
        else:
            self._transport.write(STREAM_HEAD + form.first)
            self._wheel.add(PacedStream(form, self._transport, self._loop.time(), interval, tokens))


async def serve(port: int) -> None:
    """Serve on a loopback port until the process is ended."""
    loop = asyncio.get_running_loop()
    wheel = Wheel(loop)
    server = await loop.create_server(lambda: Stub(loop, wheel), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop  # of the extra `bench`, which nothing else here needs

    uvloop.run(serve(int(sys.argv[1])))
