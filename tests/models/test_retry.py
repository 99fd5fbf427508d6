from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from agentos.cancellation import Cancellation
from agentos.errors import (
    AgentOSError,
    ExecutionError,
    ProviderError,
    ProviderRateLimited,
    ProviderUnavailable,
    RunCancelled,
)
from agentos.models.chat_completions import ChatCompletions
from agentos.models.deltas import Delta, Finish, TextDelta, each
from agentos.models.provider import ModelProvider
from agentos.models.request import ModelRequest
from agentos.models.retry import stream_with_retry
from agentos.models.scripted import Fail, ScriptedProvider, Step
from parts.model_behaviours import TEXT
from parts.model_server import ModelServer

DOWN = [Fail(ProviderUnavailable("down"))]


def text(provider: ModelProvider, request, retries: int) -> str:
    stream = stream_with_retry(provider, request, retries=retries, first_delay=0.05)
    return "".join(delta.text for delta in each(stream) if isinstance(delta, TextDelta))


@pytest.mark.parametrize("error", [ProviderUnavailable("down"), ProviderRateLimited("slow", retry_after=0.01)])
def test_a_call_that_failed_before_its_first_piece_is_tried_again(ask, error: ExecutionError) -> None:
    provider = ScriptedProvider([[Fail(error)], [Fail(error)], "Hello"])
    assert text(provider, ask("m"), 2) == "Hello"


def test_retries_come_to_an_end(ask) -> None:
    provider = ScriptedProvider([DOWN])
    with pytest.raises(ProviderUnavailable, match="down"):
        text(provider, ask("m"), 2)
    assert len(provider.requests) == 3


@pytest.mark.parametrize(
    "turn",
    [
        [Fail(ProviderError("refused"))],
        ["He", Fail(ProviderUnavailable("down"))],
        [Fail(ProviderRateLimited("slow", retry_after=60))],
    ],
    ids=["refused", "after the first piece", "waits longer than the run"],
)
def test_some_failures_are_final(ask, turn: Sequence[Step]) -> None:
    provider = ScriptedProvider([turn])
    began = time.monotonic()
    with pytest.raises(AgentOSError):
        text(provider, ask("m"), 3)
    assert len(provider.requests) == 1
    assert time.monotonic() - began < 1


def test_the_wait_that_the_server_names_is_kept(ask) -> None:
    provider = ScriptedProvider([[Fail(ProviderRateLimited("slow", retry_after=0.4))], "Hello"])
    began = time.monotonic()
    text(provider, ask("m"), 1)
    assert 0.4 <= time.monotonic() - began < 1.5


def test_the_waits_double(ask) -> None:
    began = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        text(ScriptedProvider([DOWN]), ask("m"), 4)
    # Between a half and the whole of 0.05 + 0.1 + 0.2 + 0.4.
    assert 0.37 < time.monotonic() - began < 1.2


def test_a_cancelled_run_does_not_wait(ask) -> None:
    cancellation = Cancellation()
    provider = ScriptedProvider([[Fail(ProviderRateLimited("slow", retry_after=3))]])
    timer = threading.Timer(0.2, cancellation.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(RunCancelled):
        text(provider, ask("m", cancellation=cancellation), 1)
    assert time.monotonic() - began < 1
    timer.join()


class OverHttp(ModelProvider):
    def __init__(self, client: ChatCompletions) -> None:
        self.stream = client.stream  # type: ignore[method-assign]

    def stream(self, request):
        raise NotImplementedError


def test_a_server_that_comes_back_is_asked_again(client: ChatCompletions, server: ModelServer, ask) -> None:
    assert text(OverHttp(client), ask("fault-503-x2"), 2) == TEXT
    assert server.calls["fault-503-x2"] == 3


def test_a_consumer_that_leaves_takes_the_call_with_it(client: ChatCompletions, server: ModelServer, ask) -> None:
    stream = stream_with_retry(OverHttp(client), ask("fault-endless"), retries=1)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert server.wait_for_cuts()


class Left(Iterator[Delta]):
    """A stream that is no generator: nothing closes it but the one who reads it."""

    closed = False

    def __next__(self) -> Delta:
        return TextDelta("x")

    def close(self) -> None:
        self.closed = True


def test_a_stream_that_is_no_generator_is_closed_too(ask) -> None:
    class Provider(ModelProvider):
        left = Left()

        def stream(self, request: ModelRequest) -> Iterator[Delta]:
            return self.left

    stream = stream_with_retry(Provider(), ask("m"), retries=0)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert Provider.left.closed


def test_the_finish_is_handed_on(ask) -> None:
    assert list(stream_with_retry(ScriptedProvider(["Hi"]), ask("m"), retries=0))[-1] == Finish("stop")
