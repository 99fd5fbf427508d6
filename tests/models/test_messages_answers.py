"""How an answer of the Messages API is read, however it is cut, packed or oversized."""

from __future__ import annotations

import gzip
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentos.domain.message import Message
from agentos.errors import ExecutionError, ProviderError, ProviderUnavailable
from agentos.models.anthropic_messages import AnthropicMessages
from agentos.models.anthropic_messages.blocks import MAX_KEPT, Blocks
from agentos.models.anthropic_messages.event_decoder import EventDecoder
from agentos.models.deltas import Delta, Finish, MessageDetails, each
from agentos.models.request import ModelRequest
from agentos.models.retry import stream_with_retry
from agentos.models.wire.failures import failure_for_status
from agentos.models.wire.sse import EventParser
from parts.deltas import calls_of, text_of, thoughts_of
from parts.message_behaviours import TEXT, event, start, stop, text, thought, tool, words, written
from parts.model_server import ModelServer
from parts.replay_server import ReplayServer, error, reply
from parts.socket_server import SocketServer

ANSWER = written(
    [start(), *thought("Hm", "m"), *text(*words(TEXT), index=1), *tool("f", '{"a"', ":1}", index=2), *stop()]
)


def ask(**fields: Any) -> ModelRequest:
    return ModelRequest(model="m", messages=[Message("user", "Hi")], deadline=time.monotonic() + 20, **fields)


def decoded(*pieces: bytes) -> list[Delta]:
    """Return what an answer that arrives in these pieces says."""
    parser, answer, said = EventParser(), EventDecoder(), list[Delta]()
    for piece in pieces:
        for payload in parser.feed(piece):
            answer.read(payload, said)
    for payload in parser.finish():
        answer.read(payload, said)
    return [*said, *answer.end()]


PACKINGS = {
    "whole": [ANSWER.encode()],
    "byte by byte": [bytes([byte]) for byte in ANSWER.encode()],
    "crlf": [ANSWER.encode().replace(b"\n", b"\r\n")],
    "without empty lines": [ANSWER.encode().replace(b"\n\n", b"\n")],
    "with ids and comments": [b": hello\n\n" + ANSWER.encode().replace(b"event:", b"id: 1\nretry: 5\nevent:")],
    "without names": [b"".join(line + b"\n" for line in ANSWER.encode().split(b"\n") if not line.startswith(b"event"))],
}


@pytest.mark.parametrize("name", PACKINGS)
def test_an_answer_is_the_same_however_it_is_packed(name: str) -> None:
    deltas = decoded(*PACKINGS[name])
    assert (text_of(deltas), thoughts_of(deltas)) == (TEXT, "Hmm")
    assert calls_of(deltas) == [("toolu_1", "f", '{"a":1}')]
    assert deltas[-1] == Finish("tool_calls")


def test_a_compressed_answer_is_read() -> None:
    class Zipping(SocketServer):
        def serve(self, sock: Any) -> None:
            sock.recv(65536)
            head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
            sock.sendall(head + gzip.compress(ANSWER.encode()))

    with Zipping() as server:
        client = AnthropicMessages(f"http://{server.authority}", token_timeout=20)
        assert text_of(each(client.stream(ask()))) == TEXT
        client.close()


def test_characters_that_were_cut_in_two_are_joined() -> None:
    delta = '{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "HALF"}}'
    halves = [f"data: {delta}\n\n".replace("HALF", half) for half in ("Goo \\ud83c", "\\udf89", " day")]
    assert text_of(decoded(written([start(), *halves, *stop()]).encode())) == "Goo 🎉 day"


def test_what_is_too_large_to_keep_is_left_out_but_shown() -> None:
    pieces = ["x" * 65536] * (MAX_KEPT // 65536 + 1)
    deltas = decoded(written([start(), *thought(*pieces), *text("Done.", index=1), *stop()]).encode())
    assert thoughts_of(deltas) == "".join(pieces)
    assert not [delta for delta in deltas if isinstance(delta, MessageDetails)]


def test_what_is_too_large_to_keep_is_not_held() -> None:
    blocks = Blocks()
    for number in range(9):
        blocks.begin(number, {"type": "redacted_thinking", "data": "x" * MAX_KEPT})
    assert not blocks.fits
    assert all("data" not in block for block in blocks.sent_back())


@pytest.mark.parametrize(
    "events",
    [
        [tool("f", "{}", index=number)[0] for number in range(2000)],
        [*tool("f", *["x" * 65536] * 300)],
    ],
    ids=["many", "long"],
)
def test_calls_without_an_end_are_an_error(events: list[dict[str, Any]]) -> None:
    with pytest.raises(ProviderError, match="more than"):
        decoded(written([start(), *events, *stop()]).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"[1, 2]",
        b'"x"',
        b'{"type": "content_block_delta", "index": 0}',
        b'{"type": "content_block_start"}',
        b"{nonsense",
    ],
    ids=str,
)
def test_what_is_no_event_is_an_error(data: bytes) -> None:
    with pytest.raises(ProviderError, match="not of a message of the Messages API"):
        EventDecoder().read(data, [])


@pytest.mark.parametrize("data", [b"ping", b": keep-alive", b"", b'{"type": "ping"}', b'{"type": "new_kind", "x": 1}'])
def test_what_says_nothing_is_skipped(data: bytes) -> None:
    said: list[Delta] = []
    EventDecoder().read(data, said)
    assert not said


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ('{"type": "message", "content": "Hi", "stop_reason": "end_turn"}', None),
        (json.dumps([start(), *text("Hi"), *stop()]), None),
        ("\n".join(json.dumps(one) for one in [start(), *text("Hi"), *stop()]), None),
        ('{"object": "list", "data": []}', "document that is not a message"),
        ('{"choices": [{"message": {"content": "Hi"}}]}', "speaks OpenAI's API"),
        ('{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}', "Overloaded"),
        ("It works!", "text that is not a message of the Messages API: It works!"),
    ],
    ids=["message", "list", "lines", "other", "chat", "error", "text"],
)
def test_an_answer_that_is_no_stream(document: str, words: str | None) -> None:
    with ReplayServer(reply(document, content_type="application/json")) as server:
        client = AnthropicMessages(server.url, token_timeout=20)
        if words is None:
            assert text_of(each(client.stream(ask()))) == "Hi"
        else:
            with pytest.raises(ExecutionError, match=words):
                list(client.stream(ask()))
        client.close()


def test_a_connection_serves_call_after_call() -> None:
    with ModelServer() as server:
        client = AnthropicMessages(server.url, token_timeout=20)
        for model in ("text", "tools", "text"):
            request = ModelRequest(
                model=model,
                messages=[Message("user", "Hi")],
                deadline=time.monotonic() + 20,
                parameters={"tools": [{"name": "f"}]},
            )
            list(client.stream(request))
        client.close()
        assert server.connections == 1


def test_an_answer_without_an_end_of_its_body_ends_with_the_message() -> None:
    with ReplayServer(reply(ANSWER + "%%sleep 15%%\n")) as server:
        client = AnthropicMessages(server.url, token_timeout=60)
        began = time.monotonic()
        assert list(each(client.stream(ask())))[-1] == Finish("tool_calls")
        assert time.monotonic() - began < 10
        client.close()


# --- rate limits ------------------------------------------------------------------------------------------------------


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"retry-after": "7", "anthropic-ratelimit-tokens-remaining": "0"}, 7, 7),
        (
            {"anthropic-ratelimit-input-tokens-remaining": "0", "anthropic-ratelimit-input-tokens-reset": soon(50)},
            20,
            51,
        ),
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": soon(-50),
                "anthropic-ratelimit-tokens-remaining": "9000",
                "anthropic-ratelimit-tokens-reset": soon(500),
            },
            0,
            0,
        ),
        (
            {"anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": soon(99999)},
            3600,
            3600,
        ),
        ({"anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": "soon"}, None, None),
        ({"anthropic-ratelimit-requests-remaining": "0"}, None, None),
    ],
)
def test_the_limit_that_is_used_up_says_how_long_to_wait(
    headers: dict[str, str], least: float | None, most: float | None
) -> None:
    waits = failure_for_status(429, headers, b"{}").retry_after
    assert waits is None if least is None or most is None else waits is not None and least <= waits <= most


def test_an_overloaded_server_is_asked_again() -> None:
    class Over:
        def __init__(self, client: AnthropicMessages) -> None:
            self.stream = client.stream

    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    in_stream = reply(written([start(), event("error", error=overloaded["error"])]))
    with ReplayServer(error("529 Overloaded", overloaded), in_stream, reply(ANSWER)) as server:
        client = AnthropicMessages(server.url, token_timeout=20)
        stream = stream_with_retry(Over(client), ask(), retries=2, first_delay=0.01)  # type: ignore[arg-type]
        assert text_of(each(stream)) == TEXT
        assert len(server.requests) == 3
        with pytest.raises(ProviderUnavailable):
            raise failure_for_status(529, {}, b"")
        client.close()
