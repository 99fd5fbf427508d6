"""The events of a response: their order, their numbers, and that each replay is the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from agentos_openai_api.responses.echo import Echo
from agentos_openai_api.responses.projection import ResponseProjection
from agentos_openai_api.responses.reader import ResponseReader

from agentos import Complete, Error, Paused, Reasoning, Resumed, RunStart, Token, ToolCallEvent, Usage
from agentos.testing import ProjectionContract, SSEReader
from agentos.web import Frame

ECHO = Echo({"instructions": "Be short."}, {"a": "b"})
CLIENT_TOOL = {"id": "a1", "kind": "client_tool", "tool_name": "weather", "arguments": {"city": "Oslo"}}
APPROVAL = {"id": "a2", "kind": "approval", "tool_name": "refund", "arguments": {}, "message": "Really?"}
DONE = Complete("Take one.", 1.0, Usage(30, 5, cached_tokens=4), 1, 2, model="test:m", finish_reason="stop")


class TestResponseProjection(ProjectionContract):
    def projection(self) -> ResponseProjection:
        return ResponseProjection(ResponseReader(ECHO))


def frames_of(events: Sequence[Any]) -> list[Frame]:
    same = {"timestamp": "2027-01-31T12:00:00.000Z", "run_id": "run-1", "agent_id": "helper"}
    return [
        Frame(number, event.type, orjson.dumps({"type": event.type, **same, "data": event.data()}))
        for number, event in enumerate(events, 1)
    ]


def events_of(frames: Sequence[Any], *, part: int = 0, after: int = -1) -> list[dict[str, Any]]:
    projection = ResponseProjection(ResponseReader(ECHO, part=part), starting_after=after)
    body = b"".join(projection.render([frame]) for frame in frames)
    events = SSEReader().feed(body)
    assert all(event.type == event.json()["type"] for event in events)
    return [event.json() for event in events]


def test_the_events_of_an_answer_come_in_the_order_of_the_protocol() -> None:
    events = events_of(frames_of([RunStart("Hi"), Token("Hel", 0), Token("lo", 1), DONE]))
    assert [event["type"] for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event["sequence_number"] for event in events] == list(range(10))
    assert events[4] == {
        "type": "response.output_text.delta",
        "item_id": "msg_run1_0",
        "output_index": 0,
        "content_index": 0,
        "logprobs": [],
        "delta": "Hel",
        "sequence_number": 4,
    }
    response = events[-1]["response"]
    assert response["output"][0]["content"][0]["text"] == "Hello"
    assert response["usage"] == {
        "input_tokens": 30,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 35,
    }
    assert (response["instructions"], response["metadata"]) == ("Be short.", {"a": "b"})


def test_thoughts_are_an_item_of_their_own() -> None:
    events = events_of(frames_of([RunStart("Hi"), Reasoning("Hm"), Reasoning("m"), Token("Yes", 0), DONE]))
    thought, said = events[-1]["response"]["output"]
    assert (thought["type"], thought["content"]) == ("reasoning", [{"type": "reasoning_text", "text": "Hmm"}])
    assert said["content"][0]["text"] == "Yes"
    assert [event["delta"] for event in events if event["type"] == "response.reasoning_text.delta"] == ["Hm", "m"]


def test_calls_of_the_servers_tools_are_not_shown() -> None:
    call: dict[str, Any] = {"tool_call_id": "c1", "tool_name": "clock", "arguments": {}}
    log = [
        RunStart("Hi"),
        Token("Let me see.", 0),
        ToolCallEvent(**call, status="started"),
        ToolCallEvent(**call, status="completed", result="noon"),
        Token("Noon.", 1),
        DONE,
    ]
    output = events_of(frames_of(log))[-1]["response"]["output"]
    assert [item["content"][0]["text"] for item in output] == ["Let me see.", "Noon."]


def test_a_call_of_a_client_tool_ends_the_response_and_its_result_begins_the_next() -> None:
    frames = frames_of(
        [
            RunStart("Hi"),
            Paused([CLIENT_TOOL], Usage(10, 2)),
            Resumed([{"id": "a1"}]),
            ToolCallEvent("c1", "weather", {"city": "Oslo"}, "started"),
            ToolCallEvent("c1", "weather", {"city": "Oslo"}, "completed", result="rain"),
            Token("Take one.", 0),
            DONE,
        ]
    )
    first, second = events_of(frames), events_of(frames, part=1)
    (call,) = first[-1]["response"]["output"]
    assert (call["type"], call["name"], call["arguments"]) == ("function_call", "weather", '{"city":"Oslo"}')
    assert (first[-1]["type"], first[-1]["response"]["usage"]["total_tokens"]) == ("response.completed", 12)
    response = second[-1]["response"]
    assert (response["id"], response["previous_response_id"]) == ("resp_run-1_1", "resp_run-1")
    assert [item["content"][0]["text"] for item in response["output"]] == ["Take one."]
    assert (response["usage"]["input_tokens"], response["usage"]["output_tokens"]) == (20, 3)
    for events in (first, second):
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert events[0]["type"] == "response.created"


def test_a_response_that_waits_for_a_person_is_incomplete_and_then_continues() -> None:
    frames = frames_of(
        [RunStart("Hi"), Paused([APPROVAL]), Resumed([{"id": "a2", "decision": "approve"}]), Token("Paid.", 0), DONE]
    )
    waiting = events_of(frames[:2])[-1]
    assert waiting["type"] == "response.incomplete"
    assert waiting["response"]["incomplete_details"] == {"reason": "requires_action"}
    assert "refund" in waiting["response"]["output"][0]["content"][0]["text"]
    events = events_of(frames)
    assert events[-1]["type"] == "response.completed"
    assert [item["content"][0]["text"] for item in events[-1]["response"]["output"]][1:] == ["Paid."]


def test_a_run_that_starts_over_ends_the_stream_with_an_error() -> None:
    frames = frames_of([RunStart("Hi"), Token("Hel", 0), RunStart("Hi", attempt=2), Token("Hello", 0), DONE])
    events = events_of(frames)
    assert (events[-1]["type"], events[-1]["code"]) == ("error", "run_started_over")
    reader = ResponseReader(ECHO, forgets=True)
    for frame in frames:
        reader.read(frame)
    assert reader.response is not None
    assert reader.response["status"] == "completed"
    assert len(reader.response["output"]) == 1


def test_what_was_kept_of_a_run_that_starts_over_ends_no_stream() -> None:
    call: dict[str, Any] = {"tool_call_id": "c1", "tool_name": "clock", "arguments": {}}
    frames = frames_of(
        [
            RunStart("Hi"),
            Token("Let me see.", 0),
            ToolCallEvent(**call, status="started"),
            ToolCallEvent(**call, status="completed", result="noon"),
            RunStart("Hi", attempt=2, kept_turns=1),
            Token("Noon.", 1),
            DONE,
        ]
    )
    assert events_of(frames)[-1]["type"] == "response.completed"


@pytest.mark.parametrize(
    ("code", "details", "status", "error"),
    [
        ("RUN_CANCELLED", {}, "cancelled", None),
        ("EXECUTION_ERROR", {"cause": "AGENT_FAILED"}, "failed", "server_error"),
        ("EXECUTION_ERROR", {"cause": "PROVIDER_RATE_LIMITED"}, "failed", "rate_limit_exceeded"),
    ],
)
def test_a_run_that_fails_has_one_last_event(
    code: str, details: dict[str, Any], status: str, error: str | None
) -> None:
    events = events_of(frames_of([RunStart("Hi"), Token("Hel", 0), Error("failed", "it broke", code, details)]))
    assert events[-1]["type"] == "response.failed"
    response = events[-1]["response"]
    assert (response["status"], (response["error"] or {}).get("code")) == (status, error)
    assert response["output"][0]["status"] == "incomplete"


def test_a_replay_after_any_number_is_the_rest_of_the_first_stream() -> None:
    log = [RunStart("Hi"), Reasoning("Hm"), Token("One.", 0), Paused([APPROVAL]), Resumed([]), Token("é\n", 1), DONE]
    frames = frames_of(log)
    whole = events_of(frames)
    for number in range(len(whole)):
        assert events_of(frames, after=number) == whole[number + 1 :]


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ([Error("failed", "it is gone", "EXECUTION_ERROR", {"cause": "WORKER_LOST"})], "response.failed"),
        ([Error("failed", "not saved", "STORAGE_ERROR", {})], "response.failed"),
        ([RunStart("Hi", attempt=2), Token("Hello", 1), DONE], "error"),
    ],
)
def test_a_client_that_saw_more_than_the_log_has_gets_the_one_failure(end: list[Any], last: str) -> None:
    frames = frames_of([RunStart("Hi"), Token("Hel", 0), *end])
    assert [event["type"] for event in events_of(frames, after=1000)] == [last]


def test_a_client_that_saw_all_events_gets_no_more() -> None:
    for end in (DONE, Error("failed", "it broke", "EXECUTION_ERROR", {"cause": "AGENT_FAILED"})):
        assert events_of(frames_of([RunStart("Hi"), Token("Hel", 0), end]), after=1000) == []
