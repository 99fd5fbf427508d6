"""The fold of a run's events into messages."""

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
