"""The fold of a run's events into messages."""

from typing import Literal

from agentos.domain.checkpoint import Checkpoint
from agentos.domain.event import AgentEvent, Reasoning, Step, Token, ToolCallEvent
from agentos.domain.message import Message, ToolCall
from agentos.domain.usage import Usage
from agentos.runtime.transcript import Transcript


def _folded(*events: AgentEvent) -> Transcript:
    transcript = Transcript()
    for event in events:
        transcript.apply(event)
    return transcript


def _started(id: str, arguments: object = None) -> ToolCallEvent:
    return ToolCallEvent(id, "add", arguments if arguments is not None else {"a": 1}, "started")


def _completed(id: str, result: str) -> ToolCallEvent:
    return ToolCallEvent(id, "add", {"a": 1}, "completed", result=result)


def test_tokens_join_to_the_byte() -> None:
    transcript = _folded(Token(" Hel"), Token("lo\n"), Token("\u2028 world "))
    assert transcript.output == " Hello\n\u2028 world "
    assert transcript.messages() == [Message("assistant", " Hello\n\u2028 world ")]


def test_the_output_is_the_text_of_the_last_turn() -> None:
    transcript = _folded(Token("Let me see."), _started("1"), _completed("1", "3"), Token("It is 3."))
    assert transcript.output == "It is 3."
    assert transcript.turns == 2
    assert transcript.messages() == [
        Message("assistant", "Let me see.", tool_calls=(ToolCall("1", "add", '{"a":1}'),)),
        Message("tool", "3", tool_call_id="1"),
        Message("assistant", "It is 3."),
    ]


def test_results_stand_in_the_order_of_their_calls_not_of_their_ends() -> None:
    transcript = _folded(_started("1"), _started("2"), _completed("2", "b"), _completed("1", "a"))
    assert [message.tool_call_id for message in transcript.messages() if message.role == "tool"] == ["1", "2"]


def test_a_call_without_a_result_is_left_out() -> None:
    assert _folded(Token("Hm"), _started("1")).messages() == [Message("assistant", "Hm")]


def test_a_failed_call_answers_with_its_error() -> None:
    failed = ToolCallEvent("1", "add", "{broken", "failed", error="arguments are no JSON")
    messages = _folded(_started("1", "{broken"), failed).messages()
    assert messages[1].content == "arguments are no JSON"


def test_broken_arguments_are_not_shown_to_the_model_again() -> None:
    failed = ToolCallEvent("1", "add", "{broken", "failed", error="no JSON")
    assert _folded(_started("1", "{broken"), failed).messages()[0].tool_calls[0].arguments == "{}"


def test_the_same_call_id_in_two_turns_makes_two_calls() -> None:
    transcript = _folded(_started("1"), _completed("1", "a"), _started("1"), _completed("1", "b"))
    assert [message.content for message in transcript.messages() if message.role == "tool"] == ["a", "b"]


def test_a_step_gives_its_turn_what_the_provider_wants_to_see_again() -> None:
    step = Step(model="p:m", finish_reason="tool_calls", provider_details={"r": "hm"}, call_details={"1": {"s": "x"}})
    later = Step(model="p:m", finish_reason="stop")
    transcript = _folded(Token("Hm"), step, _started("1"), _completed("1", "3"), Token("It is 3."), later)
    assert transcript.messages() == [
        Message(
            "assistant",
            "Hm",
            tool_calls=(ToolCall("1", "add", '{"a":1}', {"s": "x"}),),
            provider="p",
            provider_details={"r": "hm"},
        ),
        Message("tool", "3", tool_call_id="1"),
        Message("assistant", "It is 3."),
    ]
    assert (transcript.model, transcript.finish_reason) == ("p:m", "stop")


def test_an_empty_last_answer_is_a_turn_of_its_own() -> None:
    transcript = _folded(
        Token("Let me see."), _started("1"), _completed("1", "3"), Step(model="p:m", finish_reason="stop")
    )
    assert (transcript.output, transcript.turns) == ("", 2)


def test_usage_adds_up_and_reasoning_is_kept_apart() -> None:
    transcript = _folded(Reasoning("why"), Usage(1, 2, 1), Reasoning(" not"), Usage(10, 20))
    assert transcript.usage == Usage(11, 22, 1)
    assert transcript.reasoning == "why not"
    assert transcript.output == ""


# --- what is saved, and restored --------------------------------------------------------------------------------------

ADD, SUBTRACT = ToolCall("1", "add", '{"a":1}'), ToolCall("2", "subtract", '{"a":2}')
STEP = Step(model="p:m", finish_reason="tool_calls", calls=(ADD, SUBTRACT))


def _checkpoint(number: int, transcript: Transcript) -> Checkpoint:
    said = transcript.take()
    return Checkpoint(
        number=number,
        messages=said.messages,
        reasoning=said.reasoning,
        usage=transcript.usage,
        tokens=transcript.tokens,
        turns=transcript.turns,
        size=transcript.size,
        model=transcript.model,
        finish_reason=transcript.finish_reason,
    )


def _subtract(status: Literal["started", "completed"], result: str | None = None) -> ToolCallEvent:
    return ToolCallEvent("2", "subtract", {"a": 2}, status, result=result)


def test_calls_without_a_result_are_open_in_the_order_of_the_model() -> None:
    transcript = _folded(Token("Hm"), STEP, _subtract("started"), _subtract("completed", "b"))
    assert transcript.open_calls == [ADD]
    assert not transcript.step_ended


def test_a_step_has_ended_when_each_call_that_it_names_has_its_result() -> None:
    events = (STEP, _started("1"), _subtract("started"), _completed("1", "a"))
    assert not _folded(*events).step_ended
    assert _folded(*events, _subtract("completed", "b")).step_ended


def test_calls_of_an_agent_that_names_none_are_no_step() -> None:
    assert not _folded(Step(model="p:m"), _started("1"), _completed("1", "a")).step_ended


def test_what_is_saved_has_all_calls_and_the_results_that_there_are() -> None:
    transcript = _folded(Token("Hm"), STEP, _subtract("started"), _subtract("completed", "b"))
    assert transcript.take().messages == [
        Message("assistant", "Hm", tool_calls=(ADD, SUBTRACT)),
        Message("tool", "b", tool_call_id="2"),
    ]


def test_a_restored_transcript_is_the_one_that_was_saved() -> None:
    whole = Transcript()
    saved = []
    details = Step(model="p:m", provider_details={"r": "x"}, call_details={"1": {"s": 1}}, calls=(ADD, SUBTRACT))
    parts: list[list[AgentEvent]] = [
        [Reasoning("why "), Token("Hm"), Usage(1, 2), details, _started("1"), _subtract("started")],
        [_completed("1", "a"), _subtract("completed", "b")],
        [Reasoning("not"), Token("And"), Usage(3, 4), STEP, _subtract("started"), _subtract("completed", "c")],
        [_started("1"), _completed("1", "d")],
    ]
    for number, events in enumerate(parts, 1):
        for event in events:
            whole.apply(event)
        saved.append(_checkpoint(number, whole))
        restored = Transcript.restored(saved)
        for one in ("open_calls", "output", "reasoning", "usage", "tokens", "turns", "size", "model", "step_ended"):
            assert getattr(restored, one) == getattr(whole, one), (number, one)
        assert restored.messages() == whole.messages()
        assert restored.take() == ([], "") or restored.open_calls


def test_a_whole_turn_is_saved_once() -> None:
    transcript = _folded(STEP, _started("1"), _subtract("started"), _completed("1", "a"), _subtract("completed", "b"))
    assert len(transcript.take().messages) == 3
    assert transcript.take() == ([], "")
    transcript.add_text("It is 3.")
    assert transcript.take().messages == [Message("assistant", "It is 3.")]


def test_a_call_that_starts_after_a_pause_is_of_the_same_turn_and_in_its_place() -> None:
    before = _folded(Token("Hm"), STEP, _subtract("started"), _subtract("completed", "b"))
    after = Transcript.restored([_checkpoint(1, before)])
    after.apply(ToolCallEvent("1", "add", {"a": 5}, "started"))
    assert after.open_calls == [ToolCall("1", "add", '{"a":5}')]  # as an approver changed it
    after.apply(_completed("1", "a"))
    after.add_text("Done.")
    assert after.turns == 2
    assert after.messages() == [
        Message("assistant", "Hm", tool_calls=(ToolCall("1", "add", '{"a":5}'), SUBTRACT)),
        Message("tool", "a", tool_call_id="1"),
        Message("tool", "b", tool_call_id="2"),
        Message("assistant", "Done."),
    ]


def test_a_call_that_asked_needs_no_second_start() -> None:
    before = _folded(STEP, _started("1"), _subtract("started"), _subtract("completed", "b"))
    after = Transcript.restored([_checkpoint(1, before)])
    after.apply(_completed("1", "a"))
    assert after.step_ended
    after.add_text("Done.")
    assert (after.output, after.turns) == ("Done.", 2)


def test_a_turn_of_text_alone_is_continued_after_a_pause() -> None:
    before = _folded(Token("Which "))
    saved = [_checkpoint(1, before)]
    after = Transcript.restored(saved)
    after.add_text("one?")
    assert after.messages() == [Message("assistant", "Which one?")]
    saved.append(_checkpoint(2, after))
    assert Transcript.restored(saved).messages() == [Message("assistant", "Which one?")]
