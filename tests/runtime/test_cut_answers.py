"""A tool call is executed only if the answer that holds it ended well."""

import pytest

from agentos.errors import ContentFiltered, ProviderError, ProviderUnavailable, TurnLimit
from agentos.models.deltas import Finish, ToolCallDelta
from agentos.models.scripted import Cut, Fail, call
from parts.scene import Scene

WHOLE = call("clean_up", '{"path": "/tmp"}')
EMPTY = ToolCallDelta(0, id="call_1", name="clean_up")
HALF = call("clean_up", '{"path": "/tm')


@pytest.mark.parametrize("piece", [WHOLE, EMPTY, HALF], ids=["whole", "empty", "half"])
@pytest.mark.parametrize(
    ("reason", "words"), [("length", "the output limit cut the answer"), ("content_filter", "content filter cut")]
)
def test_a_call_in_a_cut_answer_is_not_executed_and_the_model_reads_why(
    piece: ToolCallDelta, reason: str, words: str
) -> None:
    scene = Scene(["Let me ", piece, Finish(reason)], "I did nothing.").run()  # type: ignore[arg-type]
    assert scene.called == []
    assert [event.status for event in scene.calls] == ["started", "failed"]
    assert words in (scene.calls[-1].error or "")
    assert scene.asked()[-1] == ("tool", scene.calls[-1].error)
    assert scene.context.transcript.output == "I did nothing."
    assert [step.finish_reason for step in scene.steps] == [reason, "stop"]


def test_all_calls_of_a_cut_answer_are_left_whole_ones_too() -> None:
    second = ToolCallDelta(1, id="call_2", name="clean_up", arguments='{"pa')
    scene = Scene([WHOLE, second, Finish("length")], "Sorry.").run()
    assert scene.called == []
    assert [(event.tool_call_id, event.status) for event in scene.calls] == [
        ("call_1", "started"),
        ("call_2", "started"),
        ("call_1", "failed"),
        ("call_2", "failed"),
    ]


@pytest.mark.parametrize("end", [Cut(), Fail(ProviderError("broken")), Fail(ProviderUnavailable("reset"))])
@pytest.mark.parametrize("piece", [WHOLE, EMPTY, HALF], ids=["whole", "empty", "half"])
def test_a_call_whose_answer_has_no_end_fails_the_run(piece: ToolCallDelta, end: Cut | Fail) -> None:
    scene = Scene([piece, end]).run()
    assert scene.called == []
    assert scene.error is not None
    assert scene.calls == []


@pytest.mark.parametrize(
    ("piece", "reason", "called"),
    [
        (WHOLE, "tool_calls", ["/tmp"]),
        (WHOLE, "stop", ["/tmp"]),
        (EMPTY, "tool_calls", ["/"]),
        (EMPTY, "stop", ["/"]),
        (call("clean_up", " "), "stop", ["/"]),
        (HALF, "stop", []),
        (WHOLE, "other", ["/tmp"]),
        (EMPTY, "other", []),
        (HALF, "other", []),
        (call("clean_up", "[]"), "other", []),
        (WHOLE, "a word of a plugin's provider", ["/tmp"]),
        (EMPTY, "a word of a plugin's provider", []),
    ],
)
def test_empty_arguments_count_as_none_only_after_a_good_end(
    piece: ToolCallDelta, reason: str, called: list[str]
) -> None:
    scene = Scene([piece, Finish(reason)], "Done.").run()  # type: ignore[arg-type]
    assert scene.called == called
    assert scene.calls[-1].status == ("completed" if called else "failed")


def test_the_same_cut_again_and_again_ends_by_the_turn_limit_which_says_so() -> None:
    scene = Scene([HALF, Finish("length")], max_turns=3).run()
    assert isinstance(scene.error, TurnLimit)
    assert "raise its output limit" in scene.error.message
    assert len(scene.provider.requests) == 3
    assert scene.called == []


def test_a_refused_prompt_is_not_tried_again() -> None:
    scene = Scene([Fail(ContentFiltered("no"))]).run()
    assert isinstance(scene.error, ContentFiltered)
    assert len(scene.provider.requests) == 1


def test_a_cut_text_without_calls_completes_the_run_visibly() -> None:
    scene = Scene(["Half an ans", Finish("length")]).run()
    assert scene.error is None
    assert (scene.context.transcript.output, scene.context.transcript.finish_reason) == ("Half an ans", "length")
