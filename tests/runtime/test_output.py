"""Answers that have to follow a schema."""

import json
from typing import Any

import pytest

from agentos.domain.event import Reasoning
from agentos.domain.message import Message
from agentos.domain.usage import Usage
from agentos.errors import ContextTooLong, ProviderError
from agentos.models.deltas import Finish, ReasoningDelta
from agentos.models.scripted import Fail, call
from parts.scene import Scene

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "array", "items": {"type": "integer", "minimum": 1}}},
    "required": ["city"],
    "additionalProperties": False,
}
GOOD = '{"city": "Rome", "days": [1, 2]}'
BAD = '{"city": "Rome", "days": [1, 0]}'


def scene(*turns: Any, retries: int = 0, **fields: Any) -> Scene:
    """Return a run of an agent whose answers follow the schema."""
    return Scene(*turns, output_schema=SCHEMA, output_retries=retries, **fields).run()


@pytest.mark.parametrize("answer", [GOOD, f" {GOOD}\n", '{"city": ""}'])
@pytest.mark.parametrize("retries", [0, 1])
def test_a_valid_answer_is_streamed_to_the_byte(answer: str, retries: int) -> None:
    pieces = [answer[:5], answer[5:9], answer[9:]]
    run = scene(pieces, retries=retries)
    assert (run.error, run.tokens) == (None, pieces)


VIOLATIONS = [
    (BAD, "at '/days/1': it is 0, accepted is integer (at least 1)"),
    ('{"days": []}', "at '': \"city\" is missing"),
    ('{"city": "Rome", "x": 1}', "at '': \"x\" is not known"),
    ('{"city": 5}', "at '/city': it is 5, accepted is string"),
    ("[]", "at '': it is [], accepted is {"),
    ("Rome!", "it is no JSON"),
    (f"Here it is: {GOOD}", "it is no JSON"),
    (f"{GOOD} {GOOD}", "it is no JSON"),
    (f"```json\n{GOOD}\n```", "Markdown fence"),
    ('{"city": "Ro', "it is no JSON"),
    ('{"city": NaN}', "it is no JSON"),
    ('{"city": "\ud800"}', "it is no JSON"),
    ("", "it is empty"),
    (" \n", "it is empty"),
    ('{"city": ' + "[" * 2000 + "]" * 2000 + "}", "it is no JSON"),
    (json.dumps({"city": ["x" * 1000] * 100}), "at '/city': it is an array with 100 items, accepted is string"),
    ("x" * (1024**2 + 1), "at most 1048576"),
]


@pytest.mark.parametrize(("answer", "words"), VIOLATIONS, ids=[words for _, words in VIOLATIONS])
def test_without_retries_a_violation_streams_and_then_fails_the_run(answer: str, words: str) -> None:
    run = scene([answer] if answer else [ReasoningDelta("hm")])
    assert isinstance(run.error, ProviderError)
    assert run.error.message.startswith("the answer does not follow the output_schema of agent 'test': ")
    assert words in run.error.message
    assert len(run.error.message) < 1000
    assert "".join(run.tokens) == answer
    assert run.context.transcript.output == answer


@pytest.mark.parametrize(("answer", "words"), VIOLATIONS, ids=[words for _, words in VIOLATIONS])
def test_with_a_retry_only_the_valid_answer_is_seen(answer: str, words: str) -> None:
    run = scene(
        [answer, Usage(5, 2)] if answer else [ReasoningDelta("hm"), Usage(5, 2)], [GOOD, Usage(9, 3)], retries=1
    )
    assert run.error is None
    assert run.tokens == [GOOD]
    assert [message.content for message in run.context.transcript.messages()] == [GOOD]
    assert run.context.transcript.usage == Usage(14, 5)
    assert run.context.transcript.turns == 1
    asked = run.asked()
    assert asked[0] == ("user", "Hi")
    assert [role for role, _ in asked] == ["user", "assistant", "user"]
    assert asked[1][1].strip()
    assert words in asked[2][1]


def test_an_answer_that_stays_invalid_fails_without_a_token_of_it() -> None:
    run = scene(BAD, [ReasoningDelta("again"), "Rome"], f"```\n{GOOD}\n```", retries=2)
    assert isinstance(run.error, ProviderError)
    assert "Markdown fence" in run.error.message
    assert (run.tokens, run.context.transcript.output) == ([], "")
    assert len(run.provider.requests) == 3
    assert [event.content for event in run.events if isinstance(event, Reasoning)] == ["again"]
    assert len(run.steps) == 3


def test_a_correction_is_in_its_own_request_only() -> None:
    run = scene("one", "two", GOOD, retries=3)
    assert run.error is None
    assert [len(request.messages) for request in run.provider.requests] == [1, 3, 3]
    assert run.asked()[1] == ("assistant", "two")


def test_text_beside_tool_calls_is_let_go_and_not_checked() -> None:
    run = scene(["Let me ", "see.", call("clean_up", '{"path": "/a"}')], BAD, GOOD, retries=1)
    assert run.error is None
    assert run.called == ["/a"]
    assert run.tokens == ["Let me ", "see.", GOOD]
    kinds = [type(event).__name__ for event in run.events]
    assert kinds.index("Token") < kinds.index("ToolCallEvent")


def test_a_repair_may_call_tools() -> None:
    run = scene(BAD, ["Wait.", call("clean_up", '{"path": "/b"}')], BAD, GOOD, retries=1)
    assert run.error is None
    assert (run.called, run.tokens) == (["/b"], ["Wait.", GOOD])
    assert BAD not in [content for _, content in run.asked(2)]


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_cut_answer_says_so(reason: str) -> None:
    run = scene(['{"city": "Ro', Finish(reason)])  # type: ignore[arg-type]
    assert run.error is not None
    assert "cut it" in run.error.message


def test_a_cut_answer_that_is_valid_all_the_same_is_taken() -> None:
    assert scene([GOOD, Finish("length")]).error is None


def test_what_is_held_back_is_bounded() -> None:
    run = Scene([["x" * 1000] * 5000], output_schema=SCHEMA, output_retries=1).run()
    assert isinstance(run.error, ProviderError)
    assert "AGENTOS_MAX_OUTPUT_SIZE" in run.error.message


def test_a_retry_that_is_too_long_for_the_model_is_tried_with_less_history() -> None:
    past = [Message("user", "q"), Message("assistant", "a")]
    run = Scene(BAD, [Fail(ContextTooLong("8 tokens"))], GOOD, output_schema=SCHEMA, output_retries=1)
    run.run(history=past)
    assert (run.error, run.tokens) == (None, [GOOD])
    assert [role for role, _ in run.asked()] == ["user", "assistant", "user"]


def test_an_empty_schema_asks_for_json() -> None:
    assert Scene("5", output_schema={}).run().error is None
    assert Scene("five", output_schema={}).run().error is not None


def test_without_a_schema_nothing_is_held_back() -> None:
    run = Scene(["not ", "JSON"], output_retries=3).run()
    assert (run.error, run.tokens) == (None, ["not ", "JSON"])
