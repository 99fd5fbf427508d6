"""What servers refuse, in their own words: each error has its class, and the words are in it and in the log."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import pytest

from agentos.errors import (
    ContentFiltered,
    ContextTooLong,
    ExecutionError,
    ProviderError,
    ProviderRateLimited,
    ProviderUnavailable,
    QuotaExhausted,
)
from agentos.models.deltas import each
from agentos.models.retry import stream_with_retry
from agentos.models.wire.error_classes import class_of
from agentos.models.wire.server_errors import describe
from parts.deltas import text_of
from parts.replay_server import chunk, error, events, reply, stream

W = "the words of it"

SHAPES: dict[str, Any] = {
    "object": {"error": {"message": W, "type": "t", "code": None}},
    "text": {"error": W},
    "list of one": [{"error": {"code": 400, "message": W, "status": "INVALID_ARGUMENT"}}],
    "object error": {"object": "error", "message": W, "type": "BadRequestError", "code": 400},
    "detail as text": {"detail": W},
    "detail as list": {"detail": [{"loc": ["body", "x"], "msg": W, "type": "t"}]},
    "detail as object": {"detail": {"error": W}},
    "message with detail": {"object": "error", "message": {"detail": [{"msg": W}]}},
    "message as list": {"object": "Error", "message": [{"msg": W}]},
    "errors": {"errors": [{"message": W}]},
    "errors as texts": {"errors": [W]},
    "message alone": {"message": W},
    "msg": {"code": 1234, "msg": W},
    "phrase and message": {"error": "Bad Request", "message": W, "statusCode": 400},
    "error is true": {"error": True, "message": W},
    "base_resp": {"base_resp": {"status_code": 2013, "status_msg": W}},
    "JSON in a message": {"error": {"message": f'{{"error": {{"message": "{W}"}}}}'}},
    "raw of OpenRouter": {
        "error": {"message": "Provider returned error", "metadata": {"raw": f'{{"message": "{W}"}}'}}
    },
    "title": {"title": W, "status": 400},
    "plain text": W,
}


@pytest.mark.parametrize("value", SHAPES.values(), ids=SHAPES)
def test_the_words_are_found_in_every_shape(said, caplog, value: Any) -> None:
    with pytest.raises(ProviderError, match=W):
        said(error("400 Bad Request", value))
    assert W in caplog.text


@pytest.mark.parametrize("value", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("how", ["document", "first event", "later event", "event named error"])
def test_an_error_in_a_200_is_an_error(said, caplog, value: Any, how: str) -> None:
    if how == "document":
        refused = error("200 OK", value)
    elif how == "event named error":
        refused = reply("event: error\n" + events(value))
    else:
        value = {"error": value} if isinstance(value, list) or set(value) <= {"title", "status", "message"} else value
        refused = reply(events(*([chunk({"content": "Hi"})] if how == "later event" else []), value))
    with pytest.raises(ExecutionError, match=W):
        said(refused)
    assert W in caplog.text


def test_a_web_page_has_no_words(said) -> None:
    with pytest.raises(ProviderUnavailable) as raised:
        said(reply("<html><body>nginx</body></html>", status="502 Bad Gateway", content_type="text/html"))
    assert raised.value.message == "the model server cannot serve now (status 502)"


def of(message: str = "", code: Any = None, kind: Any = None, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "code": code, "type": kind, **more}}


KINDS: list[tuple[int, dict[str, Any], type[ExecutionError]]] = [
    # rate limits
    (429, of("slow down"), ProviderRateLimited),
    (429, of("Rate limit reached for requests", "rate_limit_exceeded", "requests"), ProviderRateLimited),
    (429, of("You exceeded your current quota", 429, status="RESOURCE_EXHAUSTED"), ProviderRateLimited),
    (429, of("busy", kind="rate_limit_reached_error"), ProviderRateLimited),
    (429, of("", "1302"), ProviderRateLimited),
    (400, of("Too many tokens, please wait before trying again.", kind="ThrottlingException"), ProviderRateLimited),
    (429, of("Too many tokens, please wait before trying again."), ProviderRateLimited),
    (503, of("", "rate_limit_exceeded"), ProviderRateLimited),
    (403, of("", "rate_limit_exceeded"), ProviderRateLimited),
    (
        429,
        of("Number of input tokens has exceeded your per-minute rate limit", kind="rate_limit_error"),
        ProviderRateLimited,
    ),
    (429, of("This would exceed your limit of 40,000 input tokens per minute"), ProviderRateLimited),
    (429, {"code": "Throttling.RateQuota", "message": "Requests rate limit exceeded"}, ProviderRateLimited),
    # not now
    (503, of("model is overloaded"), ProviderUnavailable),
    (529, of("Overloaded", kind="overloaded_error"), ProviderUnavailable),
    (429, of("The engine is overloaded", kind="engine_overloaded_error"), ProviderUnavailable),
    (498, of("", "capacity_exceeded"), ProviderUnavailable),
    (500, of("invalid_request"), ProviderUnavailable),
    (408, of(""), ProviderUnavailable),
    # used-up quota
    (429, of("You exceeded your current quota", "insufficient_quota", "insufficient_quota"), QuotaExhausted),
    (429, of("Your account is out of funds", kind="exceeded_current_quota_error"), QuotaExhausted),
    (402, of("Insufficient Balance", "invalid_request_error"), QuotaExhausted),
    (402, of("This request requires more credits", 402), QuotaExhausted),
    (400, of("Your credit balance is too low to access the API"), QuotaExhausted),
    (403, of("Your team has used all available credits or reached its monthly spending limit"), QuotaExhausted),
    (429, of("余额不足或无可用资源包", "1113"), QuotaExhausted),
    (
        400,
        {"code": "Arrearage", "message": "Access denied, make sure your account is in good standing."},
        QuotaExhausted,
    ),
    (429, of("billing hard limit has been reached", "billing_hard_limit_reached"), QuotaExhausted),
    (412, of("Account is suspended, possibly due to reaching the monthly spending limit"), QuotaExhausted),
    # refused prompts
    (400, of("filtered", "content_filter", innererror={"code": "ResponsibleAIPolicyViolation"}), ContentFiltered),
    (400, of("", innererror={"code": "ResponsibleAIPolicyViolation"}), ContentFiltered),
    (400, of("", "data_inspection_failed"), ContentFiltered),
    (
        400,
        {"code": "DataInspectionFailed", "message": "Input data may contain inappropriate content."},
        ContentFiltered,
    ),
    (400, of("Content Exists Risk", "invalid_request_error"), ContentFiltered),
    (400, of("", "1301"), ContentFiltered),
    (403, of("Your chosen model requires moderation and your input was flagged for violence"), ContentFiltered),
    (400, of("The request was rejected because it was considered high risk", kind="content_filter"), ContentFiltered),
    (403, of("Content violates usage guidelines."), ContentFiltered),
    # refused requests
    (400, of("no such parameter", "invalid_request_error"), ProviderError),
    (404, of("The model does not exist", "model_not_found"), ProviderError),
    (403, of("This model is not available in your region", "unsupported_country_region_territory"), ProviderError),
    (401, of("insufficient_quota"), ProviderError),
    (400, of("Invalid 'messages[2].tool_calls[0].id': string too long.", "string_above_max_length"), ProviderError),
]


@pytest.mark.parametrize(("status", "value", "kind"), KINDS)
def test_the_class_follows_status_and_code(
    said, status: int, value: dict[str, Any], kind: type[ExecutionError]
) -> None:
    with pytest.raises(kind) as raised:
        said(error(f"{status} X", value))
    assert type(raised.value) is kind
    retried = kind in (ProviderRateLimited, ProviderUnavailable)
    assert raised.value.details["retryable"] is retried


TOO_LONG = [
    "This model's maximum context length is 4097 tokens. However, your messages resulted in 4294 tokens.",
    "This model's maximum context length is 4097 tokens. However, you requested 4294 tokens (2294 in the messages,"
    " 2000 in the completion).",
    "prompt is too long: 210000 tokens > 200000 maximum",
    "Prompt too long: 5152 tokens exceeds max_seq_len 2048",
    "request (9000 tokens) exceeds the available context size (4096 tokens), try increasing it",
    "the request exceeds the available context size. try increasing the context size or enable context shift",
    "input length and `max_tokens` exceed context limit: 170636 + 34048 > 200000, decrease input length",
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "Input length 131393 exceeds the maximum allowed input length of 131040 tokens.",
    "Input length (265330) exceeds model's maximum context length (262144).",
    "Requested token count exceeds the model's maximum context length of 202752 tokens.",
    "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 20 `max_new_tokens`",
    "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192",
    "Your request exceeded model token limit: 131072",
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    "Range of input length should be [1, 30720]",
    "Input is too long for requested model.",
    "Prompt contains 65673 tokens, too large for model with 32768 maximum context length",
    "Prompt tokens (5000) exceeds context size (4096)",
    "max_tokens must be at least 1, got -1275",
    "Trying to keep the first 6000 tokens when context the overflows. However, the model is loaded with context"
    " length of only 4096 tokens, which is not enough.",
    "The number of tokens to keep from the initial prompt is greater than the context length",
]


@pytest.mark.parametrize("words", TOO_LONG)
@pytest.mark.parametrize("status", ["400 Bad Request", "500 Internal Server Error"])
def test_a_conversation_that_is_too_long_is_known_by_its_words(said, words: str, status: str) -> None:
    with pytest.raises(ContextTooLong):
        said(error(status, of(words, "invalid_request_error")))


@pytest.mark.parametrize(
    ("status", "value"),
    [
        (400, of("too much", "context_length_exceeded")),
        (400, of("Invalid 'input': string too long.", "string_above_max_length")),
        (400, of("", kind="exceed_context_size_error")),
        (413, of("Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000, please reduce"
        " your message size and try again.", "rate_limit_exceeded", "tokens")),
        (429, of("Request too large for gpt-4 on tokens per min (TPM): Limit 1, Requested 2.", "rate_limit_exceeded")),
        (413, of("", kind="request_too_large")),
    ],
)  # fmt: skip
def test_a_conversation_that_is_too_long_is_known_by_its_code(said, status: int, value: dict[str, Any]) -> None:
    with pytest.raises(ContextTooLong):
        said(error(f"{status} X", value))


@pytest.mark.parametrize(
    "words",
    [
        "max_tokens is too large: 100000. This model supports at most 16384 completion tokens",
        "'max_tokens' or 'max_completion_tokens' is too large: 2000. This model's maximum context length is 4096 tokens"
        " and your request has 2104 input tokens (2000 > 4096 - 2104).",
        "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens for this model",
        "max_tokens must be less than or equal to 8192",
        "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
    ],
)
def test_an_output_limit_that_is_too_large_is_no_long_conversation(said, words: str) -> None:
    with pytest.raises(ProviderError, match="max"):
        said(error("400 Bad Request", of(words, param="max_tokens")), parameters={"max_tokens": 100_000})


def test_a_conversation_is_too_long_only_before_the_first_piece(said) -> None:
    with pytest.raises(ContextTooLong):
        said(reply(events(of("too much", "context_length_exceeded"))))
    with pytest.raises(ProviderError):
        said(reply(events(chunk({"content": "Hi"}), of("too much", "context_length_exceeded"))))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (of("slow", 429), ProviderRateLimited),
        (of("slow", "rate_limit_exceeded"), ProviderRateLimited),
        (of("gone", 502), ProviderUnavailable),
        (of("gone", "internal_error"), ProviderUnavailable),
        (of("The server is overloaded"), ProviderUnavailable),
        (of("empty", 402), QuotaExhausted),
        (of("no", "content_filter"), ContentFiltered),
        (of("no such tool", 400), ProviderError),
        ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, QuotaExhausted),
    ],
)
def test_the_class_of_an_error_in_a_stream_follows_its_code(said, value: Any, kind: type[ExecutionError]) -> None:
    with pytest.raises(kind) as raised:
        said(reply(events(value)))
    assert type(raised.value) is kind


@pytest.mark.parametrize(
    ("status", "words", "shown"),
    [
        (401, "Incorrect API key provided: abc", False),
        (401, "anything", False),
        (403, "Invalid API key: abc", False),
        (403, "", False),
        (403, "This model is not available in your region", True),
        (403, "Project does not have access to model `x`", True),
    ],
)
def test_words_about_the_key_are_not_shown(said, status: int, words: str, shown: bool) -> None:
    with pytest.raises(ProviderError) as raised:
        said(error(f"{status} X", of(words)))
    assert (words in raised.value.message and bool(words)) is shown
    assert ("check that it is set" in raised.value.message) is not shown


@pytest.mark.parametrize("secret", ["gsk_abcdefgh12345", "AIzaSyA1234567890abc", "xai-abcdefghijk", "hf_abcdefghijk"])
def test_keys_of_all_servers_are_redacted(said, caplog, secret: str) -> None:
    with pytest.raises(ProviderError) as raised:
        said(error("400 X", of(f"what is {secret} for?")))
    assert secret not in raised.value.message + caplog.text


@pytest.mark.parametrize(
    ("status", "head", "retryable", "least", "most"),
    [
        ("429 X", "retry-after-ms: 1500\nRetry-After: 9\n", True, 1.5, 1.5),
        ("429 X", "x-ms-retry-after-ms: 250\n", True, 0.25, 0.25),
        ("429 X", "Retry-After: 7\n", True, 7, 7),
        ("503 X", "Retry-After: 0.25\n", True, 0.25, 0.25),
        ("429 X", "Retry-After: DATE\n", True, 60, 101),
        ("429 X", "Retry-After: 86400\n", True, 3600, 3600),
        ("429 X", "x-should-retry: false\nRetry-After: 5\n", False, 5, 5),
        ("500 X", "X-Should-Retry: false\n", False, None, None),
        ("400 X", "x-should-retry: true\n", True, None, None),
    ],
)
def test_the_server_says_whether_and_when(
    said, status: str, head: str, retryable: bool, least: float | None, most: float | None
) -> None:
    date = formatdate(time.time() + 100, usegmt=True)
    with pytest.raises(ExecutionError) as raised:
        said(error(status, of("no"), head.replace("DATE", date)))
    assert raised.value.details["retryable"] is retryable
    waits = raised.value.retry_after
    assert waits is None if least is None or most is None else waits is not None and least <= waits <= most


def test_geminis_delay_counts_as_a_retry_after(said) -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "43.5s"}]
    with pytest.raises(ProviderRateLimited) as raised:
        said(error("429 X", [of("slow", 429, status="RESOURCE_EXHAUSTED", details=details)]))
    assert raised.value.retry_after == 43.5


def test_a_delay_in_the_body_counts_as_a_retry_after(said) -> None:
    with pytest.raises(ProviderRateLimited) as raised:
        said(error("429 X", of("slow", retry_after=12)))
    assert raised.value.retry_after == 12


def test_words_about_the_key_in_a_stream_are_not_shown(said) -> None:
    with pytest.raises(ProviderError, match="check that it is set") as raised:
        said(reply(events(of("Incorrect API key provided: abc", 401))))
    assert "abc" not in raised.value.message


class Over:
    def __init__(self, client) -> None:
        self.stream = client.stream


@pytest.mark.parametrize(
    ("status", "head", "calls"),
    [
        ("503 X", "", 3),
        ("503 X", "x-should-retry: false\n", 1),
        ("400 X", "", 1),
        ("400 X", "x-should-retry: true\n", 3),
        ("429 X", "Retry-After: 3000\n", 1),
    ],
)
def test_only_what_may_pass_is_tried_again(play, ask, status: str, head: str, calls: int) -> None:
    client, server = play(error(status, of("no"), head))
    with pytest.raises(ExecutionError, match="no"):
        list(stream_with_retry(Over(client), ask("m"), retries=2, first_delay=0.01))
    assert len(server.requests) == calls


def test_a_tool_call_that_its_server_cannot_read_is_tried_again(play, ask) -> None:
    client, server = play(stream([], "MALFORMED_FUNCTION_CALL"), stream([{"content": "Hi"}]))
    assert text_of(each(stream_with_retry(Over(client), ask("m"), retries=1, first_delay=0.01))) == "Hi"
    assert len(server.requests) == 2


def test_words_of_any_length_are_classed_in_no_time() -> None:
    for words in ("max_tokens " * 20_000, "input length " * 20_000, "exceeded the " * 20_000, "a" * 500_000):
        began = time.monotonic()
        class_of(describe({"error": {"message": words}}), 400)
        assert time.monotonic() - began < 0.2
