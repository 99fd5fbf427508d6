"""What the real model is asked and says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from agentos_local.provider import LocalProvider

from agentos import (
    Cancellation,
    ContextTooLong,
    Delta,
    Finish,
    Message,
    ModelRequest,
    ProviderError,
    RunCancelled,
    TextDelta,
    ToolCallDelta,
    ToolSpec,
    Usage,
    each,
)

NAME = {
    "type": "object",
    "properties": {"user_name": {"type": "string", "pattern": "^[A-Z][a-z]{2,9}$"}},
    "required": ["user_name"],
    "additionalProperties": False,
}
CALCULATE = ToolSpec(
    "calculate",
    "Evaluate an arithmetic expression.",
    {
        "type": "object",
        "properties": {"expression": {"type": "string", "pattern": "^[0-9]{1,3} [+*-] [0-9]{1,3}$"}},
        "required": ["expression"],
        "additionalProperties": False,
    },
)


def ask(said: str | Sequence[Message], **options: Any) -> ModelRequest:
    messages = [Message("user", said)] if isinstance(said, str) else said
    return ModelRequest(
        model=options.pop("model", "smollm2"), messages=messages, deadline=time.monotonic() + 60, **options
    )


def text(deltas: Sequence[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def prompt_tokens(model: LocalProvider, request: ModelRequest) -> list[int]:
    return [delta.prompt_tokens for delta in each(model.stream(request)) if isinstance(delta, Usage)]


def test_an_answer_streams_in_pieces_and_ends_with_its_usage(model: LocalProvider) -> None:
    deltas = list(each(model.stream(ask("Say hello.", parameters={"max_tokens": 20}))))
    pieces = [delta for delta in deltas if isinstance(delta, TextDelta)]
    (usage,) = [delta for delta in deltas if isinstance(delta, Usage)]
    assert len(pieces) > 3
    assert usage.prompt_tokens > 5
    assert 3 < usage.completion_tokens <= 20
    assert isinstance(deltas[-1], Finish)


def test_an_answer_without_a_limit_of_its_own_is_bounded(model: LocalProvider) -> None:
    # The schema leaves the model no way to end early.
    schema = {"type": "string", "pattern": "^(ab){2000}$"}
    deltas = list(each(model.stream(ask("ab", output_schema=schema))))
    (usage,) = [delta for delta in deltas if isinstance(delta, Usage)]
    assert usage.completion_tokens == 256
    assert deltas[-1] == Finish("length")


@pytest.mark.parametrize("name", ["Ottilie", "Marcus", "Bianca"])
def test_history_reaches_the_model(model: LocalProvider, name: str) -> None:
    # Wording and a closed schema matter at this size.
    history = [
        Message("system", "Answer with the user's name as JSON."),
        Message("user", f"My name is {name}."),
        Message("assistant", f"Nice to meet you, {name}!"),
        Message("user", "What is my name? Answer as JSON with user_name."),
    ]
    deltas = list(each(model.stream(ask(history, output_schema=NAME, parameters={"temperature": 0, "max_tokens": 60}))))
    assert json.loads(text(deltas)) == {"user_name": name}


def test_a_required_tool_is_called_with_arguments_that_follow_its_schema(model: LocalProvider) -> None:
    request = ask("What is 12 * 7?", tools=[CALCULATE], parameters={"tool_choice": "required"}, output_schema=NAME)
    deltas = list(each(model.stream(request)))
    calls = [delta for delta in deltas if isinstance(delta, ToolCallDelta)]
    assert [call.name for call in calls if call.name] == ["calculate"]
    assert json.loads("".join(call.arguments for call in calls)).keys() == {"expression"}
    assert deltas[-1] == Finish("tool_calls")


@pytest.mark.parametrize("parameters", [{}, {"tool_choice": "none"}])
def test_tools_are_kept_from_an_agent_that_asks_for_no_tool_choice(
    model: LocalProvider, parameters: dict[str, Any]
) -> None:
    with_tools = ask("What is 12 * 7?", tools=[CALCULATE], parameters={**parameters, "max_tokens": 5})
    without = ask("What is 12 * 7?", parameters={"max_tokens": 5})
    # What the model was given to read is the same, so that it was told of no tool.
    assert prompt_tokens(model, with_tools) == prompt_tokens(model, without)


def test_a_conversation_that_does_not_fit_is_refused_with_its_size(model: LocalProvider) -> None:
    with pytest.raises(ContextTooLong, match=r"has 6\d\d\d tokens, and local:smollm2 takes 4096: start a new session"):
        list(model.stream(ask("word " * 6000)))


def test_another_model_name_is_refused(model: LocalProvider) -> None:
    with pytest.raises(ProviderError, match="'large' does not exist; 'local:smollm2'"):
        list(model.stream(ask("Hello", model="large")))


def test_cancelling_cuts_the_answer_and_frees_the_server(model: LocalProvider) -> None:
    endless = {"type": "string", "pattern": "^(ab){9000}$"}
    for _ in range(4):  # as many as the server answers at once: one that went on would hold its place for a minute
        cancellation = Cancellation()
        stream = model.stream(
            ask("ab", output_schema=endless, parameters={"max_tokens": 3000}, cancellation=cancellation)
        )
        next(delta for delta in each(stream) if isinstance(delta, TextDelta))
        threading.Timer(0.1, cancellation.cancel).start()
        begun = time.monotonic()
        with pytest.raises(RunCancelled):
            list(stream)
        assert time.monotonic() - begun < 2
    begun = time.monotonic()
    list(model.stream(ask("Say hello.", parameters={"max_tokens": 5})))
    assert time.monotonic() - begun < 10


def test_the_check_says_that_the_model_is_a_toy(model: LocalProvider) -> None:
    assert "toy-sized" in model.check()


def test_the_installed_model_is_named(model: LocalProvider) -> None:
    assert model.model_names() == ["smollm2"]
