"""Calls and results of a history, as a model server takes them."""

from hypothesis import given
from hypothesis import strategies as st

from agentos.domain.message import Message, ToolCall
from agentos.runtime.pairing import pair_calls

IDS = st.sampled_from("abc")
CALLS = st.lists(IDS, unique=True, max_size=2).map(lambda ids: tuple(ToolCall(id, "add", "{}") for id in ids))
MESSAGES = st.one_of(
    st.just(Message("user", "q")),
    st.builds(Message, st.just("assistant"), st.sampled_from(["", "a"]), CALLS),
    st.builds(lambda id: Message("tool", f"result of {id}", tool_call_id=id), IDS),
)


def is_whole(history):
    """Whether each call has one result, in the messages behind it, and each result has its call."""
    waits = set()
    for message in history:
        if message.role == "tool":
            if message.tool_call_id not in waits:
                return False
            waits.discard(message.tool_call_id)
        else:
            if waits:
                return False
            waits = {call.id for call in message.tool_calls}
    return not waits


@given(st.lists(MESSAGES, max_size=12))
def test_each_call_has_its_result_and_each_result_its_call(history):
    shown = pair_calls(history)
    assert is_whole(shown)
    said = [message.content for message in history if message.role != "tool" and message.content]
    assert [message.content for message in shown if message.role != "tool" and message.content] == said


def test_what_a_run_left_stays_as_it_is():
    calls = (ToolCall("a", "add", "{}"), ToolCall("b", "add", "{}"))
    history = (
        Message("user", "q"),
        Message("assistant", "", calls, provider="p", provider_details={"signature": "x"}),
        Message("tool", "1", tool_call_id="b"),
        Message("tool", "2", tool_call_id="a"),
        Message("assistant", "3"),
    )
    assert pair_calls(history) is history


def test_calls_that_were_added_one_by_one_are_one_answer():
    calls = [Message("assistant", "", (ToolCall(id, "add", "{}"),)) for id in "ab"]
    results = [Message("tool", id, tool_call_id=id) for id in "ba"]
    answer, *rest = pair_calls([Message("assistant", "Well."), *calls, *results])
    assert (answer.content, [call.id for call in answer.tool_calls]) == ("Well.", ["a", "b"])
    assert rest == results[::-1]
