from __future__ import annotations

import pytest

from agentos.domain.usage import Usage
from agentos.models.chat_completions import ChatCompletions
from agentos.models.deltas import Delta, Finish, ReasoningDelta, TextDelta, ToolCallDelta, each
from parts.model_behaviours import ODD_STREAMS, TEXT, TOOL_DELTAS
from parts.model_server import ModelServer

USAGE = Usage(prompt_tokens=7, completion_tokens=5, reasoning_tokens=2)
ODD = [f"odd-{name}" for name in ODD_STREAMS]
TWO_CALLS = sorted(set(TOOL_DELTAS) - {"broken-json", "unknown", "empty"})


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def calls_of(deltas: list[Delta]) -> dict[int, list[str | None]]:
    calls: dict[int, list[str | None]] = {}
    for delta in deltas:
        if isinstance(delta, ToolCallDelta):
            call = calls.setdefault(delta.index, [None, None, ""])
            assert None in (call[0], delta.id)
            assert None in (call[1], delta.name)
            calls[delta.index] = [call[0] or delta.id, call[1] or delta.name, f"{call[2]}{delta.arguments}"]
    return calls


@pytest.mark.parametrize(
    "model", ["text", *ODD, "odd-wrong-type", "odd-until-close", "odd-open-end", "odd-silent-end", "fault-500-x0"]
)
def test_text_arrives_to_the_byte_however_it_is_sent(client: ChatCompletions, ask, model: str) -> None:
    deltas = list(each(client.stream(ask(model))))
    assert text_of(deltas) == TEXT
    assert deltas[-1] == Finish("stop")


def test_usage_comes_once_and_before_the_finish(client: ChatCompletions, ask) -> None:
    assert list(each(client.stream(ask("text"))))[-2:] == [USAGE, Finish("stop")]
    assert [delta for delta in each(client.stream(ask("odd-usage-growing"))) if isinstance(delta, Usage)] == [USAGE]
    assert not [delta for delta in each(client.stream(ask("odd-usage-missing"))) if isinstance(delta, Usage)]


@pytest.mark.parametrize("model", ["reasoning", "reasoning-openrouter"])
def test_reasoning_is_told_from_text(client: ChatCompletions, ask, model: str) -> None:
    assert list(each(client.stream(ask(model))))[:3] == [
        ReasoningDelta("Let me "),
        ReasoningDelta("think."),
        TextDelta("Done."),
    ]


def test_a_refusal_is_text(client: ChatCompletions, ask) -> None:
    assert text_of(list(each(client.stream(ask("refusal"))))) == "I will not."


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("eos", "stop"),
    ],
)
def test_the_finish_reason_is_mapped(client: ChatCompletions, ask, said: str, meant: str) -> None:
    assert list(each(client.stream(ask(f"finish-{said}"))))[-1] == Finish(meant)  # type: ignore[arg-type]


@pytest.mark.parametrize("style", TWO_CALLS)
def test_two_tool_calls_stay_two_however_they_are_numbered(client: ChatCompletions, ask, style: str) -> None:
    deltas = list(each(client.stream(ask(f"tools-{style}"))))
    ids = [None, None] if style in ("no-id", "bare") else ["call_a", "call_b"]
    calls = calls_of(deltas)
    assert [call[:2] for call in calls.values()] == [[ids[0], "calculator"], [ids[1], "calculator"]]
    assert [str(call[2]).replace(" ", "") for call in calls.values()] == [
        '{"expression":"1+1"}',
        '{"expression":"2*3"}',
    ]
    assert deltas[-1] == Finish("tool_calls")


def test_tool_calls_end_with_tool_calls_even_if_the_server_says_stop(client: ChatCompletions, ask) -> None:
    assert list(each(client.stream(ask("tools-stop"))))[-1] == Finish("tool_calls")


def test_broken_arguments_are_handed_on_as_they_are(client: ChatCompletions, ask) -> None:
    assert calls_of(list(each(client.stream(ask("tools-broken-json")))))[0][2] == '{"expression": "1+'


def test_a_document_in_place_of_a_stream_is_read(client: ChatCompletions, ask) -> None:
    assert list(each(client.stream(ask("odd-document")))) == [
        TextDelta(TEXT),
        ToolCallDelta(index=0, id="call_a", name="f", arguments="{}"),
        USAGE,
        Finish("tool_calls"),
    ]


def test_tokens_are_given_when_they_arrive(client: ChatCompletions, server: ModelServer, ask) -> None:
    stream = client.stream(ask("slow-3x0.4", seconds=10))
    assert next(stream) == [TextDelta("word0 ")]
    assert server.calls["slow-3x0.4"] == 1
    stream.close()
    assert server.wait_for_cuts()
