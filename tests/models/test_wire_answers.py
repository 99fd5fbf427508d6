"""Finish reasons, content, usage and streams in the shapes that servers give them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentos.domain.usage import Usage
from agentos.errors import ContentFiltered, ContextTooLong, ExecutionError, ProviderError, ProviderUnavailable
from agentos.models.deltas import Delta, Finish, MessageDetails, each
from parts.deltas import calls_of, text_of, thoughts_of, usage_of
from parts.replay_server import chunk, events, reply, stream

HI = {"content": "Hi"}
CALL = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "ping", "arguments": "{}"}}]}

# --- finish reasons ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "meant"),
    [
        *((reason, "stop") for reason in ("stop", "STOP", "end_turn", "eos", "eos_token", "stop_sequence", "COMPLETE")),
        *((reason, "stop") for reason in ("FinishReason.STOP", "FINISH_REASON_STOP", "pause_turn", "completed")),
        *((reason, "length") for reason in ("length", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens")),
        *((reason, "length") for reason in ("model_context_window_exceeded", "FINISH_REASON_MAX_TOKENS", "truncated")),
        *((reason, "content_filter") for reason in ("content_filter", "SAFETY", "RECITATION", "refusal", "sensitive")),
        *((reason, "content_filter") for reason in ("guardrail_intervened", "content_filter: PROHIBITED_CONTENT")),
        *((reason, "tool_calls") for reason in ("tool_calls", "tool_use", "function_call", "TOOL_CALL")),
        *((reason, "other") for reason in ("something_new", "LANGUAGE", "FINISH_REASON_UNSPECIFIED")),
    ],
)
def test_a_reason_is_known_in_all_its_words(said, reason: str, meant: str) -> None:
    assert said(stream([HI], reason))[-1] == Finish(meant)  # type: ignore[arg-type]


@pytest.mark.parametrize("reason", ["stop", "end_turn", "something_new"])
def test_calls_before_an_ordinary_reason_are_tool_calls(said, reason: str) -> None:
    assert said(stream([CALL], reason))[-1] == Finish("tool_calls")


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_calls_of_a_cut_answer_have_its_reason(said, reason: str) -> None:
    found = said(stream([CALL], reason))
    assert (calls_of(found), found[-1]) == ([("a", "ping", "{}")], Finish(reason))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("error", ProviderUnavailable),
        ("ERROR", ProviderUnavailable),
        ("network_error", ProviderUnavailable),
        ("abort", ProviderUnavailable),
        ("aborted", ProviderUnavailable),
        ("timeout", ProviderUnavailable),
        ("insufficient_system_resource", ProviderUnavailable),
        ("MALFORMED_FUNCTION_CALL", ProviderError),
        ("function_call_filter: MALFORMED_FUNCTION_CALL", ProviderError),
        ("unexpected_tool_call", ProviderError),
    ],
)
def test_a_reason_that_means_failure_fails(play, ask, reason: str, error: type[ExecutionError]) -> None:
    client, _ = play(stream([HI], reason))
    found: list[Delta] = []
    with pytest.raises(error) as raised:
        found.extend(each(client.stream(ask("m"))))
    assert (type(raised.value), text_of(found)) == (error, "Hi")
    assert raised.value.message


@pytest.mark.parametrize("reason", [None, "stop", "something_new", "error"])
@pytest.mark.parametrize("place", ["choice", "chunk"])
def test_an_error_beside_any_reason_fails(play, ask, reason: str | None, place: str) -> None:
    error = {"code": 503, "message": "no GPU is free"}
    piece = chunk({"content": "!"}, reason, **({"error": error} if place == "choice" else {}))
    if place == "choice" and reason is None:
        piece = chunk({}, reason, error=error)
    client, _ = play(reply(events(chunk(HI), piece if place == "choice" else {**piece, "error": error})))
    found: list[Delta] = []
    with pytest.raises(ProviderUnavailable, match="no GPU is free"):
        found.extend(each(client.stream(ask("m"))))
    assert text_of(found).startswith("Hi")


def test_an_error_behind_the_finish_fails_too(said) -> None:
    with pytest.raises(ProviderUnavailable, match="gone"):
        said(reply(events(chunk(HI, "stop"), {"error": {"message": "gone", "code": 502}})))


@pytest.mark.parametrize(
    ("reasons", "meant"),
    [
        (["stop", "stop", "length"], "length"),
        (["stop", "tool_calls"], "tool_calls"),
        (["length", "stop"], "length"),
        (["content_filter", "stop"], "content_filter"),
        (["stop", "null"], "stop"),
        (["stop", ""], "stop"),
    ],
)
def test_the_last_reason_counts_but_an_empty_stop_hides_no_cut(said, reasons: list[str], meant: str) -> None:
    last = [chunk({"role": "assistant", "content": ""}, reason) for reason in reasons]
    assert said(reply(events(chunk(HI), *last)))[-1] == Finish(meant)  # type: ignore[arg-type]


def test_a_cut_with_text_behind_it_was_none(said) -> None:
    found = said(reply(events(chunk(HI, "length"), chunk({"content": " you"}, "stop"))))
    assert (text_of(found), found[-1]) == ("Hi you", Finish("stop"))


def test_what_comes_while_pieces_keep_coming_is_waited_for(play, ask) -> None:
    pieces = [f"{events(chunk({'content': str(number)}, 'stop'), done=False)}%%sleep 0.5%%\n" for number in range(4)]
    usage = events({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}})
    client, _ = play(reply("".join(pieces) + usage), token_timeout=0.9)
    found = list(each(client.stream(ask("m"))))
    assert (text_of(found), usage_of(found)) == ("0123", Usage(3, 4))


@pytest.mark.parametrize(("reason", "error"), [("content_filter", ContentFiltered), ("SAFETY", ContentFiltered)])
def test_a_filter_that_leaves_nothing_refused_the_prompt(said, reason: str, error: type[ExecutionError]) -> None:
    with pytest.raises(error):
        said(stream([{"role": "assistant", "content": ""}], reason))


def test_a_refused_prompt_is_counted(play, ask) -> None:
    body = events(chunk({"content": ""}, "content_filter"), {"choices": [], "usage": {"prompt_tokens": 7}})
    client, _ = play(reply(body))
    found: list[Any] = []
    with pytest.raises(ContentFiltered):
        found.extend(each(client.stream(ask("m"))))
    assert found == [Usage(7)]


def test_a_window_that_is_full_before_the_first_word_is_too_long(said) -> None:
    with pytest.raises(ContextTooLong):
        said(stream([], "model_context_window_exceeded"))


# --- content ----------------------------------------------------------------------------------------------------------

SMILE = {"content": "a \ud83d"}, {"content": "\ude00 b"}

CONTENT: dict[str, tuple[list[Any], str, str]] = {
    "parts": ([{"content": [{"type": "text", "text": "H"}, {"type": "output_text", "text": "i"}]}], "Hi", ""),
    "a part that is no list": ([{"content": {"type": "text", "text": "Hi"}}], "Hi", ""),
    "texts in a list": ([{"content": ["H", "i"]}], "Hi", ""),
    "thinking as text": ([{"content": [{"type": "thinking", "thinking": "hm"}]}, HI], "Hi", "hm"),
    "reasoning parts": ([{"content": [{"type": "reasoning", "text": "hm"}]}, HI], "Hi", "hm"),
    "a refusal part": ([{"content": [{"type": "refusal", "refusal": "No."}]}], "No.", ""),
    "unknown parts": (
        [{"content": [{"type": "image_url", "image_url": {"url": "x"}}, {"type": "hologram"}]}, HI],
        "Hi",
        "",
    ),
    "empty things": ([{"content": None}, {"content": ""}, {"content": []}, HI], "Hi", ""),
    "reasoning and text together": ([{"content": "Hi", "reasoning_content": "hm"}], "Hi", "hm"),
    "reasoning twice": ([{"reasoning": "hm", "reasoning_content": "hm"}, HI], "Hi", "hm"),
    "reasoning as parts": ([{"reasoning_content": [{"type": "text", "text": "hm"}]}, HI], "Hi", "hm"),
    "reasoning_text": ([{"reasoning_text": "hm"}, HI], "Hi", "hm"),
    "only details": ([{"reasoning_details": [{"type": "reasoning.text", "text": "hm", "index": 0}]}, HI], "Hi", "hm"),
    "Gemini's marked thoughts": (
        [{"content": "<thought>hm", "extra_content": {"google": {"thought": True}}}, HI],
        "Hi",
        "hm",
    ),
    "half characters": ([*SMILE], "a 😀 b", ""),
    "half characters far apart": ([SMILE[0], {"role": "assistant"}, {"content": ""}, SMILE[1]], "a 😀 b", ""),
    "a first half alone": ([SMILE[0], {"content": "x"}], "a �x", ""),
    "a second half alone": ([SMILE[1]], "� b", ""),
    "a first half at the end": ([SMILE[0]], "a �", ""),
    "half characters in thoughts": (
        [{"reasoning": SMILE[0]["content"]}, {"reasoning": SMILE[1]["content"]}],
        "",
        "a 😀 b",
    ),
    "half characters in parts": (
        [{"content": [{"type": "text", "text": one["content"]}]} for one in SMILE],
        "a 😀 b",
        "",
    ),
}


@pytest.mark.parametrize(("deltas", "text", "thoughts"), CONTENT.values(), ids=CONTENT)
def test_content_is_read_in_every_shape(said, deltas: list[Any], text: str, thoughts: str) -> None:
    found = said(stream(deltas))
    assert (text_of(found), thoughts_of(found), found[-1]) == (text, thoughts, Finish("stop"))


def message(text: str = "Hi", **more: Any) -> dict[str, Any]:
    return {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text, **more}, "finish_reason": "stop"}]
    }


CHUNKS: dict[str, tuple[list[Any], str, str]] = {
    "a whole message alone": ([message("Hi", reasoning_content="hm")], "Hi", "hm"),
    "a whole message behind its pieces": (
        [chunk({"reasoning_content": "hm"}), chunk(HI), message("Hi", reasoning_content="hm")],
        "Hi",
        "hm",
    ),
    "a message beside the last delta": (
        [chunk(HI), chunk({"content": ""}, "stop", message={"content": "Hi"})],
        "Hi",
        "",
    ),
    "text only in the message": ([chunk({"reasoning": "hm"}), message("Hi", reasoning="hm")], "Hi", "hm"),
    "messages that grow": ([message("H"), message("Hi"), message("Hi")], "Hi", ""),
    "text of the older completions": (
        [{"choices": [{"text": "H"}]}, {"choices": [{"text": "i", "finish_reason": "stop"}]}],
        "Hi",
        "",
    ),
    "index as text": ([{"choices": [{"index": "0", "delta": HI, "finish_reason": "stop"}]}], "Hi", ""),
    "logprobs of any kind": ([chunk(HI, logprobs={"content": "?"}), chunk({}, "stop", logprobs=[1])], "Hi", ""),
    "NaN in what is not read": (
        ['{"choices":[{"delta":{"content":"Hi"},"logprobs":NaN,"finish_reason":"stop"}]}'],
        "Hi",
        "",
    ),
    "usage of any kind": ([{**chunk(HI), "usage": "none"}, {**chunk({}, "stop"), "usage": [1]}], "Hi", ""),
    "an error that says nothing": ([{**chunk(HI, "stop"), "error": {"code": 0, "message": ""}}], "Hi", ""),
    "unknown fields of the wrong type": ([{**chunk(HI, "stop"), "id": 7, "created": "x", "system": {}}], "Hi", ""),
}


@pytest.mark.parametrize(("chunks", "text", "thoughts"), CHUNKS.values(), ids=CHUNKS)
def test_chunks_are_read_in_every_shape(said, chunks: list[Any], text: str, thoughts: str) -> None:
    found = said(reply(events(*chunks)))
    assert (text_of(found), thoughts_of(found), found[-1]) == (text, thoughts, Finish("stop"))


# --- usage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usages", "meant"),
    [
        ([{"prompt_tokens": 7, "completion_tokens": 5}], Usage(7, 5)),
        ([{"prompt_tokens": 7.0, "completion_tokens": "5", "total_tokens": "12.0"}], Usage(7, 5)),
        ([{"prompt_tokens": -7, "completion_tokens": True}], Usage(0, 0)),
        ([{"input_tokens": 7, "output_tokens": 5}], Usage(7, 5)),
        ([{"prompt_tokens": 7, "completion_tokens": n} for n in range(6)], Usage(7, 5)),
        ([{"prompt_tokens": 7, "completion_tokens": 0}, {"prompt_tokens": 0, "completion_tokens": 5}], Usage(7, 5)),
        ([{"prompt_tokens": 7, "completion_tokens": 5}, None, {}], Usage(7, 5)),
        (
            [{"prompt_tokens": 7, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 2}}],
            Usage(7, 5, 2),
        ),
        ([{"prompt_tokens": 7, "completion_tokens": 5, "completion_tokens_details": "x"}], Usage(7, 5)),
        ([{"prompt_tokens": 7, "completion_tokens": 5, "reasoning_tokens": 2, "total_tokens": 12}], Usage(7, 5, 2)),
        (
            [
                {
                    "prompt_tokens": 7,
                    "completion_tokens": 5,
                    "total_tokens": 112,
                    "completion_tokens_details": {"reasoning_tokens": 100},
                }
            ],
            Usage(7, 105, 100),
        ),
        ([{"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 20}], Usage(7, 13, 8)),
        (
            [{"prompt_tokens": 7, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}],
            Usage(7, 5, 0, 4),
        ),
        ([{"prompt_tokens": 7, "completion_tokens": 5, "prompt_cache_hit_tokens": 0}], Usage(7, 5, 0, 0)),
        ([{"prompt_tokens": 7, "completion_tokens": 5, "cached_tokens": 3}], Usage(7, 5, 0, 3)),
        ([{"prompt_tokens": 7, "completion_tokens": 5, "cache_read_input_tokens": 3}], Usage(7, 5, 0, 3)),
    ],
)
def test_tokens_are_counted_in_every_shape(said, usages: list[Any], meant: Usage) -> None:
    body = events(chunk(HI), *({**chunk({}), "usage": one} for one in usages), chunk({}, "stop"))
    assert usage_of(said(reply(body))) == meant


def test_usage_beside_a_choice_counts(said) -> None:
    body = events(chunk(HI, "stop", usage={"prompt_tokens": 7, "completion_tokens": 5}))
    assert usage_of(said(reply(body))) == Usage(7, 5)


# --- fields to return -------------------------------------------------------------------------------------------------


def details(found: list[Delta]) -> Any:
    return next((one.fields for one in found if isinstance(one, MessageDetails)), None)


def test_pieces_of_reasoning_details_become_whole_blocks(said) -> None:
    pieces = [
        {"type": "reasoning.text", "text": "Let", "index": 0, "format": "f"},
        {"type": "reasoning.text", "text": " me", "index": 0, "format": "f", "signature": None},
        {"type": "reasoning.encrypted", "data": "abc", "index": 0, "id": "r1"},
        {"type": "reasoning.text", "signature": "sig", "index": 0},
        {"type": "reasoning.summary", "summary": "So", "index": 1},
        {"type": "reasoning.summary", "summary": " so", "index": 1},
    ]
    found = said(stream([*({"reasoning_details": [piece]} for piece in pieces), CALL], "tool_calls"))
    assert details(found) == {
        "reasoning_details": [
            {"type": "reasoning.text", "text": "Let me", "index": 0, "format": "f", "signature": "sig"},
            {"type": "reasoning.encrypted", "data": "abc", "index": 0, "id": "r1"},
            {"type": "reasoning.summary", "summary": "So so", "index": 1},
        ]
    }
    assert thoughts_of(found) == "Let meSo so"


def test_details_come_before_the_finish(said) -> None:
    found = said(stream([{"reasoning_content": "hm"}, CALL], "tool_calls"))
    assert [type(one) for one in found[-2:]] == [MessageDetails, Finish]


def test_reasoning_is_returned_with_calls_only(said) -> None:
    assert details(said(stream([{"reasoning_content": "hm"}, HI]))) is None


def test_a_signature_of_the_message_is_returned_and_a_flag_is_not(said) -> None:
    signature = {"google": {"thought_signature": "s"}}
    assert details(said(stream([{"content": "Hi", "extra_content": signature}]))) == {"extra_content": signature}
    flag = {"google": {"thought": True}}
    assert details(said(stream([{"content": "hm", "extra_content": flag}, HI]))) is None


def test_fields_beyond_the_limit_are_left_out(said, caplog) -> None:
    found = said(stream([{"reasoning_content": "x" * 600_000}, {"reasoning_content": "y" * 600_000}, CALL], "stop"))
    assert details(found) is None
    assert len(thoughts_of(found)) == 1_200_000
    assert "left out" in caplog.text


# --- streams ----------------------------------------------------------------------------------------------------------

GOOD = json.dumps(chunk(HI)), json.dumps(chunk({}, "stop"))
STREAMS = {
    "a comment as data": f"data: : keepalive\n\ndata: {GOOD[0]}\n\ndata: {GOOD[1]}\n\n",
    "words as data": f"data: ping\n\ndata: {GOOD[0]}\n\ndata: keep-alive\n\ndata: OPENROUTER PROCESSING\n\n"
    f"data: {GOOD[1]}\n\n",
    "empty data": f"data:\n\ndata: \n\ndata: {GOOD[0]}\n\ndata: {GOOD[1]}\n\n",
    "JSON that says nothing": f'data: {{"type":"ping"}}\n\ndata: null\n\ndata: {{}}\n\ndata: "ping"\n\n'
    f"data: 1700000000\n\ndata: {GOOD[0]}\n\ndata: {GOOD[1]}\n\n",
    "pings by name": f"event: ping\ndata: {{broken\n\nevent: heartbeat\ndata: x\n\n"
    f"data: {GOOD[0]}\n\ndata: {GOOD[1]}\n\n",
    "comments": f": x\n\n: OPENROUTER PROCESSING\n\ndata: {GOOD[0]}\n\n:\n\ndata: {GOOD[1]}\n\n",
    "no blank lines": f"data: {GOOD[0]}\ndata: {GOOD[1]}\ndata: [DONE]\n",
    "no blank lines, with a ping": f"data: ping\ndata: {GOOD[0]}\ndata: {GOOD[1]}\ndata: [DONE]\n",
    "the prefix twice": f"data: data: {GOOD[0]}\n\ndata: data: {GOOD[1]}\n\n",
    "one document on two lines": f"data: {GOOD[0][:12]}\ndata: {GOOD[0][12:]}\n\ndata: {GOOD[1]}\n\n",
    "CR LF and a BOM": f"\ufeffdata: {GOOD[0]}\r\n\r\ndata: {GOOD[1]}\r\n\r\ndata: [DONE]\r\n\r\n",
    "a done of its own kind": f"data: {GOOD[0]}\n\ndata: {GOOD[1]}\n\ndata: [done]\n\n",
    "no done": f"data: {GOOD[0]}\n\ndata: {GOOD[1]}\n\n",
    "lines of JSON": f"{GOOD[0]}\n{GOOD[1]}\n",
    "a document": json.dumps(message()),
    "a document without a reason": json.dumps({"choices": [{"message": {"content": "Hi"}}]}),
    "a document of the older kind": json.dumps({"choices": [{"text": "Hi", "finish_reason": "stop"}]}),
    "a document in a list": json.dumps([message()]),
}


@pytest.mark.parametrize("body", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("status", ["200 OK", "206 Partial Content"])
@pytest.mark.parametrize("content_type", ["text/event-stream", "text/plain"])
def test_a_stream_is_read_in_every_shape(said, body: str, status: str, content_type: str) -> None:
    found = said(reply(body, status=status, content_type=content_type))
    assert (text_of(found), found[-1]) == ("Hi", Finish("stop"))


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        ("data: <html><body>Bad gateway</body></html>\n\n", ProviderError, "not a chat completion"),
        (f"data: {GOOD[0]}\n\ndata: {GOOD[1][:-9]}", ProviderError, "not a chat completion"),
        (f"data: {GOOD[0]}\n\ndata: {GOOD[1]}\n\ndata: {GOOD[0][:-3]}", ProviderError, "not a chat completion"),
        ("data: Internal Server Error\n\n", ProviderUnavailable, "Internal Server Error"),
        ("data: no such model is here\n\n", ProviderError, "no such model is here"),
        ("event: error\ndata: the queue is overloaded\n\n", ProviderUnavailable, "queue is overloaded"),
        ('event: error\ndata: {"message": "no such tool"}\n\n', ProviderError, "no such tool"),
        ('event: error\ndata: {"error": {"message": "no such tool"}}\n\n', ProviderError, "no such tool"),
        ("event: error\ndata:\n\n", ProviderError, "broke off with an error"),
        ("Internal Server Error", ProviderError, "Internal Server Error"),
        ('{"object": "list", "data": []}', ProviderError, "document that is not a chat completion"),
        ('{"choices": [{"message": {"content": "Hi"', ProviderError, "not a chat completion"),
        ("", ProviderUnavailable, "before the first piece"),
        ("data: [DONE]\n\n", ProviderUnavailable, "before the first piece"),
        (events(chunk({"role": "assistant", "content": ""})), ProviderUnavailable, "before the first piece"),
        (events(chunk(HI)), ProviderError, "without finishing"),
    ],
)
def test_what_is_no_answer_fails_clearly(said, body: str, error: type[ExecutionError], words: str) -> None:
    with pytest.raises(error, match=words) as raised:
        said(reply(body))
    assert type(raised.value) is error
