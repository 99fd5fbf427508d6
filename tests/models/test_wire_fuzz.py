"""Anything that a server sends is read, or ends in an error of ours."""

from __future__ import annotations

import json
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from agentos.domain.message import Message
from agentos.errors import ExecutionError
from agentos.models.anthropic_messages.event_decoder import EventDecoder
from agentos.models.anthropic_messages.history import encode_history
from agentos.models.chat_completions.chunk_decoder import ChunkDecoder
from agentos.models.deltas import Delta
from agentos.models.wire.arrivals import AnswerDecoder
from agentos.models.wire.failures import failure_for_status

NAMES = st.sampled_from(
    """
    choices delta message content finish_reason error code type index id function name arguments tool_calls usage text
    prompt_tokens total_tokens reasoning_content reasoning_details extra_content google thought detail msg loc param
    thinking refusal function_call base_resp status_code metadata raw errors details retryDelay retry_after summary
    content_block partial_json signature data input stop_reason stop_details explanation input_tokens output_tokens
    """.split()  # noqa: SIM905 - a list would be forty lines
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(),
    st.sampled_from(["", "null", "{}", '{"a": 1}', "stop", "length", "error", "text", "ping", "7", "\ud83d", "\ude00"]),
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=20
)
PIECES = st.dictionaries(NAMES, VALUES, max_size=5)
CHUNKS = st.one_of(
    VALUES,
    st.builds(lambda piece, more: {"choices": [{"delta": piece, **more}]}, PIECES, PIECES),
    st.binary(max_size=30),
)


KINDS = st.sampled_from(
    """
    message_start message_delta message_stop message content_block_start content_block_delta content_block_stop ping
    error text thinking redacted_thinking tool_use server_tool_use text_delta input_json_delta thinking_delta
    signature_delta
    """.split()  # noqa: SIM905
)
BLOCKS = st.builds(lambda kind, fields: {**fields, "type": kind}, KINDS, PIECES)
EVENTS = st.one_of(
    CHUNKS,
    st.builds(
        lambda kind, block, index, fields: {
            **fields,
            "type": kind,
            "index": index,
            "delta": block,
            "content_block": block,
            "message": block,
        },
        KINDS,
        BLOCKS,
        st.integers(0, 2),
        PIECES,
    ),
)


def written(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@given(st.lists(CHUNKS, max_size=5), st.booleans())
def test_any_answer_is_read_or_is_an_error(chunks: list[Any], document: bool) -> None:
    check(ChunkDecoder(tools=["f"]), chunks, document)


@given(st.lists(EVENTS, max_size=6), st.booleans())
def test_any_message_is_read_or_is_an_error(events: list[Any], document: bool) -> None:
    check(EventDecoder(), events, document)


@given(st.lists(BLOCKS, max_size=4), st.text(max_size=9), st.booleans())
def test_any_details_go_back_or_are_left_out(blocks: list[Any], said: str, unsigned: bool) -> None:
    message = Message("assistant", said, provider_details={"blocks": blocks})
    system, turns = encode_history([Message("user", "Hi"), message], unsigned=unsigned)
    assert not system
    assert all(turn["content"] for turn in turns)


def check(answer: AnswerDecoder, chunks: list[Any], document: bool) -> None:
    said: list[Delta] = []
    try:
        for chunk in chunks:
            answer.read_document(written(chunk), said) if document else answer.read(written(chunk), said)
        if answer.finish is not None:
            said += answer.end()
    except ExecutionError:
        pass
    for delta in said:
        for value in (getattr(delta, name) for name in delta.__slots__):
            # What is stored and sent to clients has no half characters.
            orjson.dumps(value)


@given(st.integers(200, 599), CHUNKS, st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), st.text()))
def test_any_refusal_is_an_error(status: int, value: Any, headers: dict[str, str]) -> None:
    error = failure_for_status(status, headers, written(value))
    assert error.retry_after is None or 0 <= error.retry_after <= 3600
    assert "\n" not in error.message
    orjson.dumps(error.message)
