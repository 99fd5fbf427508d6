"""What the specification Open Responses requires of a response, besides what OpenAI's own clients read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from agentos_openai_api.responses.echo import Echo
from agentos_openai_api.responses.projection import ResponseProjection
from agentos_openai_api.responses.reader import ResponseReader

from agentos import Complete, RunStart, ScriptedProvider, Token, Usage
from agentos.testing import Pause, SSEReader
from agentos.web import Frame
from parts.openai_door import Door
from parts.openai_responses import WEATHER

NUMBERS = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "top_logprobs", "created_at")
TEXTS = ("id", "object", "status", "model", "tool_choice", "truncation", "service_tier")
FLAGS = ("parallel_tool_calls", "store", "background")
OBJECTS = ("text", "metadata")
LISTS = ("output", "tools")
NULLABLE = (
    "completed_at",
    "error",
    "incomplete_details",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "usage",
)


def post(door: Door, **fields: Any) -> Any:
    return door.http.post("/v1/responses", json={"model": "shop", "input": "Hi", **fields})


def events_of(answer: Any) -> list[dict[str, Any]]:
    return [event.json() for event in SSEReader().feed(answer.get_data())]


def forms_of_a_response(door: Door) -> Iterator[dict[str, Any]]:
    """Yield a response in each of its forms."""
    made = post(door).json
    yield made
    yield door.http.get(f"/v1/responses/{made['id']}").json
    yield post(door, background=True).json
    yield from (event["response"] for event in events_of(post(door, stream=True)) if "response" in event)


def test_a_response_has_all_fields_in_each_of_its_forms(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("One.", "Two.", "Three.")
    for response in forms_of_a_response(door):
        types = {name: type(response[name]) for name in (*NUMBERS, *TEXTS, *FLAGS, *OBJECTS, *LISTS)}
        assert {types[name] for name in NUMBERS} <= {int, float}
        assert {types[name] for name in TEXTS} == {str}
        assert {types[name] for name in FLAGS} == {bool}
        assert {types[name] for name in OBJECTS} == {dict}
        assert {types[name] for name in LISTS} == {list}
        assert set(NULLABLE) <= set(response)


def test_what_a_request_says_in_part_a_response_says_whole(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say('{"city": "Oslo"}')
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    format = {"type": "json_schema", "name": "place", "schema": schema}
    tool = {name: value for name, value in WEATHER.items() if name != "description"}
    response = post(
        door, text={"format": format}, tools=[tool], reasoning={"effort": "low"}, safety_identifier="a", top_p=0.5
    ).json
    assert response["text"]["format"] == {**format, "description": None, "strict": False}
    assert response["tools"] == [{**tool, "description": None, "strict": None}]
    assert response["reasoning"] == {"effort": "low", "summary": None}
    assert (response["safety_identifier"], response["top_p"], response["temperature"]) == ("a", 0.5, 1)


def test_the_verbosity_of_a_text_leaves_its_form_as_it_is(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("One.")
    assert post(door, text={"verbosity": "low"}).json["text"] == {"verbosity": "low", "format": {"type": "text"}}


@pytest.mark.parametrize("model", ["shop", "closed"])
@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("prompt_cache_key", 5, None),
        ("safety_identifier", {"a": 1}, None),
        ("service_tier", 5, "default"),
        ("top_p", True, 1),
        ("parallel_tool_calls", 1, True),
        ("max_output_tokens", "x", None),
        ("tool_choice", 5, "auto"),
        ("reasoning", {"effort": 5}, {"effort": None, "summary": None}),
        ("text", {"verbosity": 5}, {"format": {"type": "text"}}),
    ],
)
def test_a_value_of_a_wrong_type_that_is_ignored_is_not_shown_again(
    door: Door, scripted: ScriptedProvider, model: str, name: str, value: Any, shown: Any
) -> None:
    scripted.say("One.")
    response = post(door, model=model, **{name: value}).json
    assert response[name] == shown


def test_each_answer_has_the_same_time_of_completion(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["One", Pause(1.1), "."])
    events = [event for event in events_of(post(door, stream=True)) if "response" in event]
    times = [event["response"]["completed_at"] for event in events]
    assert times[:-1] == [None] * (len(times) - 1)
    done = events[-1]["response"]
    assert done["created_at"] < done["completed_at"] <= time.time()
    again = door.http.get(f"/v1/responses/{done['id']}").json
    replayed = events_of(door.http.get(f"/v1/responses/{done['id']}?stream=true"))[-1]["response"]
    assert {again["completed_at"], replayed["completed_at"]} == {done["completed_at"]}


def test_a_response_that_fails_was_never_completed(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(RuntimeError("out of order"))
    failed = events_of(post(door, stream=True))[-1]["response"]
    assert (failed["status"], failed["completed_at"]) == ("failed", None)


def rendered(*events: Any) -> list[dict[str, Any]]:
    """Return the events of a response of a run with these, at noon."""
    envelope = {"timestamp": "2027-01-31T12:00:00.000Z", "run_id": "run-1", "agent_id": "shop"}
    frames = [
        Frame(number, event.type, orjson.dumps({"type": event.type, **envelope, "data": event.data()}))
        for number, event in enumerate(events, 1)
    ]
    return [event.json() for event in SSEReader().feed(ResponseProjection(ResponseReader(Echo())).render(frames))]


def test_the_time_of_completion_is_that_of_the_log_however_late_it_is_read() -> None:
    done = Complete("Hello.", 1.0, Usage(3, 2), 1, 0, model="test:m", finish_reason="stop")
    last = rendered(RunStart("Hi"), Token("Hello.", 0), done)[-1]
    assert last["response"]["completed_at"] == datetime(2027, 1, 31, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("place", [(), ("error",)])
def test_an_error_event_has_its_fields_where_either_kind_of_client_looks(place: tuple[str, ...]) -> None:
    error = rendered(RunStart("Hi"), Token("Hel", 0), RunStart("Hi", attempt=2))[-1]
    for name in place:
        error = error[name]
    assert {"code": "run_started_over", "param": None}.items() <= error.items()
    assert "began again" in error["message"]
