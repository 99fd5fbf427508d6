"""What of a conversation a model is given, and what it is given when that is too long."""

import logging

import pytest

from agentos.domain.event import Step
from agentos.domain.message import Message, ToolCall
from agentos.errors import ContextTooLong, ProviderUnavailable
from agentos.models.deltas import MessageDetails, ToolCallDelta
from agentos.models.scripted import Fail, call
from agentos.runtime.prompt import NO_ANSWER
from parts.scene import Scene

TOO_LONG = [Fail(ContextTooLong("maximum context length is 8 tokens", details={"limit": 8}))]


def turn(number: int) -> list[Message]:
    """Return a turn that calls a tool."""
    return [
        Message("user", f"q{number}"),
        Message("assistant", "", tool_calls=(ToolCall("c", "clean_up", "{}"),)),
        Message("tool", "ok", tool_call_id="c"),
        Message("assistant", f"a{number}"),
    ]


def history(count: int) -> list[Message]:
    """Return so many turns."""
    return [message for number in range(count) for message in turn(number)]


@pytest.mark.parametrize(
    ("turns", "refusals", "left"), [(4, 1, 2), (4, 2, 1), (4, 3, 0), (5, 1, 2), (1, 1, 0), (10, 2, 2), (100, 7, 0)]
)
def test_the_window_is_halved_by_whole_turns_until_it_fits(
    turns: int, refusals: int, left: int, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(*[TOO_LONG] * refusals, "ok").run(history=history(turns))
    assert scene.error is None
    kept = [message for number in range(turns - left, turns) for message in turn(number)]
    assert scene.provider.requests[-1].messages == [*kept, Message("user", "Hi")]
    assert len(scene.provider.requests) == refusals + 1
    assert caplog.text.count("earlier turns are left out") == refusals


def test_what_was_learned_holds_for_the_rest_of_the_run() -> None:
    scene = Scene(TOO_LONG, [call("clean_up", '{"path": "/a"}')], "ok").run(history=history(4))
    assert [len(request.messages) for request in scene.provider.requests] == [17, 9, 11]
    assert scene.asked()[0] == ("user", "q2")


def test_a_conversation_that_grows_too_long_within_the_run_is_shortened_then() -> None:
    scene = Scene([call("clean_up", '{"path": "/a"}')], TOO_LONG, "ok").run(history=history(2))
    assert scene.called == ["/a"]
    assert scene.asked() == [
        *[(one.role, one.content) for one in turn(1)],
        ("user", "Hi"),
        ("assistant", ""),
        ("tool", "deleted /a"),
    ]


def test_a_run_that_is_too_long_by_itself_fails_and_says_what_to_do() -> None:
    scene = Scene(TOO_LONG).run(history=history(3))
    assert isinstance(scene.error, ContextTooLong)
    assert "shorten the input" in scene.error.message
    assert "maximum context length is 8 tokens" in scene.error.message
    assert scene.error.details["limit"] == 8
    assert len(scene.provider.requests) == 3


def test_after_the_first_piece_nothing_is_tried_again() -> None:
    scene = Scene(["Well, ", *TOO_LONG], "ok").run(history=history(3))
    assert isinstance(scene.error, ContextTooLong)
    assert (len(scene.provider.requests), scene.tokens) == (1, ["Well, "])


def test_other_errors_shorten_nothing() -> None:
    scene = Scene([Fail(ProviderUnavailable("down"))], "ok").run(history=history(3))
    assert isinstance(scene.error, ProviderUnavailable)


def test_a_history_that_begins_in_the_middle_of_a_turn_is_shortened_too() -> None:
    scene = Scene(TOO_LONG, "ok").run(history=turn(1)[1:])
    assert scene.provider.requests[-1].messages == [Message("user", "Hi")]


@pytest.mark.parametrize("empty", ["", " ", "\n\t "])
def test_no_empty_answer_reaches_a_model(empty: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    past = [Message("user", "q"), Message("assistant", empty), Message("user", "q2"), *turn(3)[1:]]
    scene = Scene("ok").run(history=past)
    assert scene.asked() == [
        ("user", "q"),
        ("assistant", NO_ANSWER),
        ("user", "q2"),
        ("assistant", ""),  # it calls a tool
        ("tool", "ok"),
        ("assistant", "a3"),
        ("user", "Hi"),
    ]
    assert past[1].content == empty


def test_what_a_provider_wants_to_see_again_comes_back_within_the_run() -> None:
    first = [
        ToolCallDelta(0, "call_1", "clean_up", '{"path": "/a"}', {"extra_content": {"signature": "s"}}),
        MessageDetails({"reasoning_content": "hm"}),
        MessageDetails({"more": 1}),
    ]
    scene = Scene(first, "ok").run()
    said = scene.provider.requests[1].messages[1]
    assert (said.provider, said.provider_details) == ("scripted", {"reasoning_content": "hm", "more": 1})
    assert said.tool_calls[0].provider_details == {"extra_content": {"signature": "s"}}
    assert scene.steps[0] == Step(
        model="scripted:test",
        finish_reason="tool_calls",
        duration=scene.steps[0].duration,
        started_at=scene.steps[0].started_at,
        time_to_first_token=scene.steps[0].time_to_first_token,
        usage=scene.steps[0].usage,
        provider_details=said.provider_details,
        call_details={"call_1": {"extra_content": {"signature": "s"}}},
        calls=(ToolCall("call_1", "clean_up", '{"path": "/a"}'),),
    )


def test_what_another_provider_wants_to_see_again_is_left_out() -> None:
    def said(provider: str | None, details: dict[str, object] | None) -> list[Message]:
        calls = (ToolCall("c", "clean_up", "{}", details),)
        message = Message("assistant", "", tool_calls=calls, provider=provider, provider_details=details)
        return [Message("user", "q"), message, Message("tool", "ok", tool_call_id="c"), Message("assistant", "a")]

    scene = Scene("ok").run(history=[*said("other", {"secret": 1}), *said("scripted", {"mine": 1})])
    assert scene.provider.requests[0].messages == [
        *said(None, None),
        *said("scripted", {"mine": 1}),
        Message("user", "Hi"),
    ]
