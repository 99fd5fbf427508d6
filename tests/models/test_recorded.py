"""Replies that real model servers sent, as they were reported in public."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agentos.domain.message import Message, ToolCall
from agentos.errors import ProviderUnavailable, QuotaExhausted
from agentos.models.deltas import Delta, Finish, MessageDetails, ToolCallDelta, each
from agentos.models.retry import stream_with_retry
from parts.deltas import calls_of, text_of, thoughts_of
from parts.replay_server import stream

CASES = Path(__file__).parent / "cases"
Said = Callable[..., list[Delta]]


def recorded(name: str) -> str:
    return (CASES / f"{name}.http").read_text("utf-8")


def sent_back(play, ask, deltas: list[Delta]) -> dict:
    """Return the assistant's message of the next request."""
    client, server = play(stream([{"content": "ok"}]))
    calls = [delta for delta in deltas if isinstance(delta, ToolCallDelta)]
    fields = [delta.fields for delta in deltas if isinstance(delta, MessageDetails)]
    said = Message(
        "assistant",
        text_of(deltas),
        tool_calls=tuple(ToolCall(one.id or "x", one.name or "", one.arguments, one.provider_details) for one in calls),
        provider_details=fields[0] if fields else None,
    )
    history = [Message("user", "Hi"), said, Message("tool", "rain", tool_call_id=calls[0].id if calls else "x")]
    list(client.stream(ask("m", messages=history)))
    message: dict = server.requests[0]["messages"][1]
    return message


def test_geminis_signature_goes_back_with_its_call(said: Said, play, ask) -> None:
    message = sent_back(play, ask, said(recorded("gemini-thought-signature")))
    assert message["tool_calls"] == [
        {
            "extra_content": {"google": {"thought_signature": "c2lnbmVk"}},
            "id": "fc-9",
            "type": "function",
            "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'},
        }
    ]


def test_deepseeks_reasoning_goes_back_with_its_calls(said: Said, play, ask) -> None:
    message = sent_back(play, ask, said(recorded("deepseek-reasoning-with-calls")))
    assert message["reasoning_content"] == "Weather is needed."
    assert message["content"] is None


def test_mistrals_parts_are_text_and_thinking(said: Said) -> None:
    deltas = said(recorded("mistral-content-parts"))
    assert (text_of(deltas), thoughts_of(deltas)) == ("Good day", "So")


def test_a_finish_in_every_chunk_is_no_end(said: Said) -> None:
    deltas = said(recorded("stop-in-every-chunk"))
    assert (text_of(deltas), thoughts_of(deltas), deltas[-1]) == ("all of it", "well", Finish("stop"))


def test_a_cut_answer_says_so(said: Said) -> None:
    assert said(recorded("cut-by-the-limit"))[-1] == Finish("length")


def test_a_failed_finish_is_a_failure_behind_what_was_said(play, ask) -> None:
    client, _ = play(recorded("finish-error"))
    found: list[Delta] = []
    with pytest.raises(ProviderUnavailable, match="The upstream went away"):
        found.extend(each(client.stream(ask("m"))))
    assert text_of(found) == "Half of "


def test_arguments_of_a_cut_call_stay_as_they_are(said: Said) -> None:
    deltas = said(recorded("cut-in-a-call"))
    assert (calls_of(deltas), deltas[-1]) == ([("c1", "clean_up", "")], Finish("length"))


def test_a_refused_stream_options_is_left_out_and_remembered(play, ask, caplog) -> None:
    client, server = play(recorded("stream-options-refused"), stream([{"content": "ok"}]))
    for _ in range(2):
        assert text_of(each(client.stream(ask("m")))) == "ok"
    assert ["stream_options" in body for body in server.requests] == [True, False, False]
    assert "no such field here" in caplog.text


def test_an_id_that_is_the_text_null_is_none(said: Said) -> None:
    assert calls_of(said(recorded("mistral-null-ids"))) == [
        ("zZ1yY2xX3", "get_weather", '{"city":"Oslo"}'),
        ("wW4vV5uU6", "get_weather", '{"city":"Bergen"}'),
    ]


@pytest.mark.parametrize("name", ["keep-alive-as-data", "status-201"])
def test_the_answer_is_read_all_the_same(said: Said, name: str) -> None:
    assert text_of(said(recorded(name))) == "Good day"


class Over:
    def __init__(self, client) -> None:
        self.stream = client.stream


def test_an_end_before_the_first_piece_is_tried_again(play, ask) -> None:
    client, server = play(recorded("end-before-the-first-piece"), stream([{"content": "ok"}]))
    assert text_of(each(stream_with_retry(Over(client), ask("m"), retries=1, first_delay=0.01))) == "ok"
    assert len(server.requests) == 2


def test_a_used_up_quota_is_not_tried_again(play, ask) -> None:
    client, server = play(recorded("quota-used-up"))
    with pytest.raises(QuotaExhausted, match="nothing is left"):
        list(stream_with_retry(Over(client), ask("m"), retries=2, first_delay=0.01))
    assert len(server.requests) == 1


def test_an_answer_without_text_is_no_empty_message_in_the_history(said: Said, play, ask) -> None:
    deltas = said(recorded("no-text-at-all"))
    assert (text_of(deltas), deltas[-1]) == ("", Finish("stop"))
    assert sent_back(play, ask, deltas) == {"role": "assistant", "content": "(no text)"}
