"""Tests that every model provider should pass."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, get_args

import pytest

from agentos.cancellation import Cancellation
from agentos.domain.message import Message, ToolCall
from agentos.domain.tool_spec import ToolSpec
from agentos.domain.usage import Usage
from agentos.errors import AgentOSError, ExecutionError, ProviderUnavailable, RunCancelled, RunTimeout
from agentos.models.deltas import (
    Delta,
    Finish,
    FinishReason,
    MessageDetails,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    each,
)
from agentos.models.provider import ModelProvider
from agentos.models.request import ModelRequest

CALCULATOR = ToolSpec(
    "calculator",
    "Calculate.",
    {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]},
)
DELTAS = (TextDelta, ReasoningDelta, ToolCallDelta, MessageDetails, Usage, Finish)


def ask(model: str, text: str = "Say hello.", *, seconds: float = 30.0, **fields: Any) -> ModelRequest:
    """Return a request with one user message and a deadline so many seconds from now."""
    return ModelRequest(model=model, messages=[Message("user", text)], deadline=time.monotonic() + seconds, **fields)


class ProviderContract:
    """Derive a test class from it and give it the fixtures ``provider`` and ``model``.

    ``model`` is a name that answers with text. More fixtures reach further, and their tests skip without them:
    ``silent_model``, a name that makes the server accept the call and then say nothing; ``failing_models``, names
    and the error that each ends in; ``thinking_model``, a name that thinks before its text; ``calling_model``, a name
    that calls the first tool it is offered, and answers with text once it has the results.

        class TestMyProvider(ProviderContract):
            @pytest.fixture
            def provider(self):
                provider = MyProvider(Config(environ={}))
                yield provider
                provider.close()

            @pytest.fixture
            def model(self):
                return "small"
    """

    @pytest.fixture
    def provider(self) -> ModelProvider:
        """Return the provider under test, and close it afterwards."""
        raise NotImplementedError("define the fixture 'provider'")

    @pytest.fixture
    def model(self) -> str:
        """Return the name of a model that answers with text."""
        raise NotImplementedError("define the fixture 'model'")

    @pytest.fixture
    def silent_model(self) -> str:
        """Return the name of a model with a server that never answers."""
        pytest.skip("no fixture 'silent_model'")

    @pytest.fixture
    def failing_models(self) -> Mapping[str, type[ExecutionError]]:
        """Return names of models that fail, each with the error that it must end in."""
        pytest.skip("no fixture 'failing_models'")

    @pytest.fixture
    def thinking_model(self) -> str:
        """Return the name of a model that thinks aloud."""
        pytest.skip("no fixture 'thinking_model'")

    @pytest.fixture
    def calling_model(self) -> str:
        """Return the name of a model that calls tools."""
        pytest.skip("no fixture 'calling_model'")

    def test_an_answer_is_text_and_then_one_finish(self, provider: ModelProvider, model: str) -> None:
        """The deltas are of our types; text comes, a usage at most once, and the finish last."""
        deltas = list(each(provider.stream(ask(model))))
        assert all(isinstance(delta, DELTAS) for delta in deltas)
        assert _text(deltas)
        assert [delta for delta in deltas if isinstance(delta, Finish)] == deltas[-1:]
        assert sum(isinstance(delta, Usage) for delta in deltas) <= 1
        assert all(delta.reason in get_args(FinishReason) for delta in deltas if isinstance(delta, Finish))

    def test_a_second_call_stands_alone(self, provider: ModelProvider, model: str) -> None:
        """A provider keeps nothing of a call."""
        for _ in range(2):
            assert isinstance(list(each(provider.stream(ask(model))))[-1], Finish)

    def test_many_threads_may_call_at_once(self, provider: ModelProvider, model: str) -> None:
        """One instance serves all runs of a worker."""
        with ThreadPoolExecutor(4) as pool:
            for deltas in pool.map(lambda _: list(each(provider.stream(ask(model)))), range(8)):
                assert isinstance(deltas[-1], Finish)

    def test_an_answer_may_be_left(self, provider: ModelProvider, model: str) -> None:
        """A stream that is closed early does no harm to the next one."""
        stream = provider.stream(ask(model))
        next(stream)
        if hasattr(stream, "close"):
            stream.close()
        assert isinstance(list(each(provider.stream(ask(model))))[-1], Finish)

    def test_a_cancelled_run_makes_no_call(self, provider: ModelProvider, model: str) -> None:
        """What was cancelled before the call ends in the cause."""
        cancellation = Cancellation()
        cancellation.cancel()
        with pytest.raises(RunCancelled):
            list(provider.stream(ask(model, cancellation=cancellation)))

    def test_cancelling_cuts_a_silent_call(self, provider: ModelProvider, silent_model: str) -> None:
        """A call that waits ends within a second of the cancellation, with its cause."""
        cancellation = Cancellation()
        timer = threading.Timer(0.5, cancellation.cancel)
        timer.start()
        began = time.monotonic()
        with pytest.raises(RunCancelled):
            list(provider.stream(ask(silent_model, cancellation=cancellation)))
        timer.join()
        assert time.monotonic() - began < 1.5

    def test_the_deadline_ends_a_silent_call(self, provider: ModelProvider, silent_model: str) -> None:
        """A call ends within a second of the run's deadline."""
        began = time.monotonic()
        with pytest.raises((RunTimeout, ProviderUnavailable)):
            list(provider.stream(ask(silent_model, seconds=0.5)))
        assert time.monotonic() - began < 1.5

    def test_failures_end_in_their_errors(
        self, provider: ModelProvider, failing_models: Mapping[str, type[ExecutionError]]
    ) -> None:
        """Each failure is the error of ours that it was said to be, with a message on one line."""
        for model, error in failing_models.items():
            with pytest.raises(AgentOSError) as raised:
                list(provider.stream(ask(model)))
            assert type(raised.value) is error, model
            assert "\n" not in raised.value.message

    def test_thinking_is_reasoning_and_comes_before_the_text(
        self, provider: ModelProvider, thinking_model: str
    ) -> None:
        """What the model thinks is no part of its text."""
        deltas = list(each(provider.stream(ask(thinking_model))))
        kinds = [type(delta) for delta in deltas if isinstance(delta, TextDelta | ReasoningDelta)]
        assert _text(deltas)
        assert kinds[0] is ReasoningDelta
        assert kinds[-1] is TextDelta

    def test_a_conversation_with_calls_goes_on(self, provider: ModelProvider, calling_model: str) -> None:
        """Calls come whole; shown again with their results and with what the provider asked to keep, they are taken."""
        request = ask(calling_model, tools=[CALCULATOR])
        deltas = list(each(provider.stream(request)))
        assert deltas[-1] == Finish("tool_calls")
        calls = _calls(deltas)
        assert calls
        assert len({call.id for call in calls}) == len(calls)
        assert all(call.id and call.name == CALCULATOR.name and call.parsed_arguments for call in calls)
        details = [delta.fields for delta in deltas if isinstance(delta, MessageDetails)]
        said = Message(
            "assistant", _text(deltas), tool_calls=tuple(calls), provider_details=details[0] if details else None
        )
        results = [Message("tool", f"result {number}", tool_call_id=call.id) for number, call in enumerate(calls)]
        history = [*request.messages, said, *results]
        again = list(each(provider.stream(replace(request, messages=history))))
        assert "result 0" in _text(again)
        assert again[-1] == Finish("stop")

    def test_the_names_it_shows_are_names(self, provider: ModelProvider) -> None:
        """Names of models are texts, without the provider's prefix in front."""
        names = provider.model_names()
        assert all(isinstance(name, str) and name for name in names)
        assert len(set(names)) == len(names)


def _calls(deltas: list[Delta]) -> list[ToolCall]:
    """Return the calls as a run puts them together."""
    pieces: dict[int, list[ToolCallDelta]] = {}
    for delta in deltas:
        if isinstance(delta, ToolCallDelta):
            pieces.setdefault(delta.index, []).append(delta)
    return [
        ToolCall(
            id=next((piece.id for piece in call if piece.id), ""),
            name=next((piece.name for piece in call if piece.name), ""),
            arguments="".join(piece.arguments for piece in call),
            provider_details=next((piece.provider_details for piece in call if piece.provider_details), None),
        )
        for call in pieces.values()
    ]


def _text(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
