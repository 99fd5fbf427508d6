"""Every way in which a model server was seen to fail ends in its error, and in time."""

from __future__ import annotations

import time

import pytest

from agentos.errors import (
    ExecutionError,
    ProviderError,
    ProviderRateLimited,
    ProviderUnavailable,
    QuotaExhausted,
    RunTimeout,
)
from agentos.models.chat_completions import ChatCompletions
from agentos.models.deltas import Finish, each
from parts.model_server import ModelServer
from parts.replay_server import ReplayServer, chunk, events, reply

FAULTS: list[tuple[str, type[ExecutionError], str]] = [
    ("fault-400", ProviderError, "refused the request \\(status 400\\): It went wrong"),
    ("fault-401", ProviderError, "API key"),
    ("fault-402", QuotaExhausted, "402"),
    ("fault-403", ProviderError, "refused the request \\(status 403\\): It went wrong"),
    ("fault-404", ProviderError, "404"),
    ("no-such-model", ProviderError, "'no-such-model' does not exist"),
    ("fault-408", ProviderUnavailable, "408"),
    ("fault-409", ProviderUnavailable, "409"),
    ("fault-413", ProviderError, "413"),
    ("fault-422", ProviderError, "422"),
    ("fault-425", ProviderUnavailable, "425"),
    ("fault-429", ProviderRateLimited, "429"),
    ("fault-500", ProviderUnavailable, "500"),
    ("fault-503", ProviderUnavailable, "503"),
    ("fault-529", ProviderUnavailable, "529"),
    ("fault-302", ProviderError, "redirect"),
    ("fault-307", ProviderError, "redirect"),
    ("fault-html", ProviderError, "web page"),
    ("fault-html-500", ProviderUnavailable, "500"),
    ("fault-garbage", ProviderError, "not a chat completion"),
    ("fault-plain", ProviderError, "text that is not a chat completion: hello world"),
    ("fault-empty", ProviderUnavailable, "before the first piece"),
    ("fault-no-finish", ProviderError, "without finishing"),
    ("fault-half-close", ProviderError, "without finishing"),
    ("fault-half-close-chunked", ProviderError, "without finishing"),
    ("fault-not-object", ProviderError, "not a chat completion"),
    ("fault-wrong-shape", ProviderError, "not a chat completion"),
    ("fault-wrong-choices", ProviderError, "not a chat completion"),
    ("fault-wrong-calls", ProviderError, "not a chat completion"),
    ("fault-wrong-finish", ProviderError, "not a chat completion"),
    ("fault-deep", ProviderError, "not a chat completion"),
    ("fault-utf8", ProviderError, "not a chat completion"),
    ("fault-document", ProviderError, "not a chat completion"),
    ("fault-document-huge", ProviderError, "document of more than"),
    ("fault-huge-line", ProviderError, "single event of more than"),
    ("fault-huge-event", ProviderError, "single event of more than"),
    ("fault-many-calls", ProviderError, "more than 1024 tool calls"),
    ("fault-error-event", ProviderError, "broke off with an error: bad tool …"),
    ("fault-error-event-429", ProviderRateLimited, "less often"),
    ("fault-error-event-500", ProviderUnavailable, "in the middle"),
    ("fault-reset", ProviderUnavailable, "lost"),
    ("fault-reset-early", ProviderUnavailable, "lost"),
    ("fault-close", ProviderUnavailable, "lost"),
    ("fault-not-http", ProviderError, "not HTTP"),
    ("fault-chunking", ProviderError, "not HTTP"),
    ("fault-headers", ProviderError, "not HTTP"),
    ("fault-silence", ProviderUnavailable, "silent for 0.5 s"),
    ("fault-silence-headers", ProviderUnavailable, "silent for 0.5 s"),
    ("fault-silence-midway", ProviderUnavailable, "silent for 0.5 s"),
]


@pytest.mark.parametrize(("model", "error", "message"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_fault_ends_in_its_error_and_in_time(
    client: ChatCompletions, ask, model: str, error: type[ExecutionError], message: str
) -> None:
    began = time.monotonic()
    with pytest.raises(error, match=message) as raised:
        list(client.stream(ask(model)))
    assert type(raised.value) is error
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize(
    "model",
    [
        "fault-drip",
        "fault-drip-body",
        "fault-drip-comments",
        "fault-endless",
        "fault-endless-fast",
        "fault-endless-empty",
    ],
)
def test_a_server_that_never_comes_to_an_end_is_cut_at_the_deadline(
    client: ChatCompletions, server: ModelServer, ask, model: str, kept: bool
) -> None:
    if kept:
        list(client.stream(ask("text")))
    began = time.monotonic()
    with pytest.raises(RunTimeout):
        list(client.stream(ask(model, seconds=0.7)))
    assert time.monotonic() - began < 3
    assert server.wait_for_cuts()


def test_the_deadline_is_before_the_longest_silence(server: ModelServer, ask) -> None:
    client = ChatCompletions(server.url, token_timeout=5)
    began = time.monotonic()
    with pytest.raises(RunTimeout):
        list(client.stream(ask("fault-silence", seconds=0.2)))
    assert time.monotonic() - began < 1.5
    assert server.wait_for_cuts()


def test_an_answer_that_is_finished_but_has_no_end_is_not_waited_for(server: ModelServer, ask) -> None:
    client = ChatCompletions(server.url, token_timeout=1)
    began = time.monotonic()
    assert list(each(client.stream(ask("odd-silent-end", seconds=30))))[-1] == Finish("stop")
    assert time.monotonic() - began < 4


def test_the_end_of_a_finished_answer_is_waited_for_ten_seconds_at_most(ask) -> None:
    begin = reply(events(chunk({"content": "Hi"}, "stop"), done=False))
    with ReplayServer(begin + "%%sleep 12%%\n") as server:
        client = ChatCompletions(server.url, token_timeout=60)
        began = time.monotonic()
        assert list(each(client.stream(ask("m", seconds=60))))[-1] == Finish("stop")
        assert 9 < time.monotonic() - began < 11.9


def test_the_body_of_an_error_is_not_waited_for_longer_than_the_run(client: ChatCompletions, ask) -> None:
    began = time.monotonic()
    with pytest.raises(ProviderError, match="400"):
        list(client.stream(ask("fault-drip-status", seconds=0.5)))
    assert time.monotonic() - began < 1.5


def test_a_message_is_short_and_holds_no_secret(client: ChatCompletions, ask) -> None:
    with pytest.raises(ProviderError) as raised:
        list(client.stream(ask("fault-400")))
    assert len(raised.value.message) < 400
    assert "\n" not in raised.value.message
    for secret in ("sk-secret", "hunter22", "key=abc"):
        assert secret not in raised.value.message


def test_the_key_is_not_told_even_where_the_server_quotes_it(ask) -> None:
    with ModelServer(api_key="right") as server:
        for key in ("odd/key+value=12345", "sk-abcdefgh"):
            server.api_key = "right"
            client = ChatCompletions(server.url, {"Authorization": f"Bearer {key}"}, token_timeout=1)
            with pytest.raises(ProviderError, match="check that it is set") as raised:
                list(client.stream(ask("text")))
            assert key not in raised.value.message
            server.api_key = None
            with pytest.raises(ProviderError, match="Who is …") as raised:
                list(client.stream(ask("fault-quote")))
            assert key not in raised.value.message
            client.close()


@pytest.mark.parametrize(
    ("model", "least", "most"),
    [
        ("fault-429-after-3", 3, 3),
        ("fault-503-after-0.5", 0.5, 0.5),
        ("fault-429-after-date", 15, 21),
        ("fault-429-after-999999", 3600, 3600),
    ],
)
def test_retry_after_is_seconds_or_a_date(client: ChatCompletions, ask, model: str, least: float, most: float) -> None:
    with pytest.raises(ExecutionError) as raised:
        list(client.stream(ask(model)))
    assert raised.value.retry_after is not None
    assert least <= raised.value.retry_after <= most


def test_nobody_listening_is_unavailable(ask) -> None:
    with ModelServer() as server:
        url = server.url
    client = ChatCompletions(url, token_timeout=1)
    with pytest.raises(ProviderUnavailable, match="refused"):
        list(client.stream(ask("text")))
