"""Responses, with OpenAI's own client."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import openai
import pytest
from agentos_openai_api.responses.items import read_input
from pydantic import BaseModel

from agentos import (
    Finish,
    MemoryStorage,
    ProviderError,
    ProviderUnavailable,
    ScriptedProvider,
    StorageError,
    Usage,
    hookimpl,
)
from agentos.testing import Fail, Pause
from parts.growth import growth
from parts.openai_door import Door, MakeDoor
from parts.openai_responses import CALL, WEATHER, without_logs


def test_a_response_is_made_and_found_again(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["Hello!", Usage(10, 3, cached_tokens=4)])
    client = door.client()
    made = client.responses.create(model="shop", input="Hi", metadata={"a": "b"}, instructions="In English.")
    assert (made.status, made.output_text, made.model) == ("completed", "Hello!", "shop")
    assert made.usage is not None
    assert (made.usage.input_tokens, made.usage.output_tokens, made.usage.total_tokens) == (10, 3, 13)
    assert made.usage.input_tokens_details.cached_tokens == 4
    assert (made.metadata, made.instructions) == ({"a": "b"}, "In English.")
    assert client.responses.retrieve(made.id) == made
    assert scripted.requests[-1].messages[0].content == "Be short.\n\nIn English."


def test_a_stream_has_the_same_response_as_its_retrieval(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["Hel", "lo", "!"])
    client = door.client()
    with client.responses.stream(model="shop", input="Hi") as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert final.output_text == "Hello!"
    *_, last = client.responses.retrieve(final.id, stream=True)
    assert last.type == "response.completed"
    assert client.responses.retrieve(final.id) == last.response


def test_a_stream_is_retrieved_after_each_of_its_numbers(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["Hel", "lo", "!"])
    client = door.client()
    first = [event.to_dict() for event in client.responses.create(model="shop", input="Hi", stream=True)]
    id = first[0]["response"]["id"]
    assert [event.to_dict() for event in client.responses.retrieve(id, stream=True)] == first
    for number in range(len(first)):
        rest = client.responses.retrieve(id, stream=True, starting_after=number)
        assert [event.to_dict() for event in rest] == first[number + 1 :]


def test_a_run_that_began_elsewhere_is_a_response(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Hello!")
    run = door.http.run("shop", "Hi").json
    client = door.client()
    found = client.responses.retrieve(f"resp_{run['run_id']}")
    assert (found.status, found.output_text) == ("completed", "Hello!")
    events = list(client.responses.retrieve(f"resp_{run['run_id']}", stream=True))
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == "Hello!"


def test_a_response_is_a_run_elsewhere(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Hello!")
    made = door.client().responses.create(model="shop", input="Hi")
    run = door.http.get(f"/api/v1/runs/{made.id.removeprefix('resp_')}").json
    assert (run["status"], run["content"]) == ("completed", "Hello!")
    assert door.http.follow(run["run_id"])[-1].type == "complete"


def test_a_background_response_is_found_until_it_has_ended(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["Hel", Pause(0.3), "lo!"])
    client = door.client()
    made = client.responses.create(model="shop", input="Hi", background=True)
    assert made.status in ("queued", "in_progress")
    assert made.background is True
    events = list(client.responses.retrieve(made.id, stream=True))
    assert events[-1].type == "response.completed"
    found = client.responses.retrieve(made.id)
    assert (found.status, found.output_text) == ("completed", "Hello!")


def test_a_background_response_may_be_streamed_at_once(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Hello!")
    events = list(door.client().responses.create(model="shop", input="Hi", background=True, stream=True))
    assert events[0].type == "response.created"
    assert events[-1].response.output_text == "Hello!"


def test_a_response_is_cancelled_and_that_twice(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["Hel", Pause(30), "lo!"])
    client = door.client()
    made = client.responses.create(model="shop", input="Hi", background=True)
    wait_for_text(client, made.id)
    cancelled = client.responses.cancel(made.id)
    assert (cancelled.status, cancelled.output_text) == ("cancelled", "Hel")
    assert client.responses.cancel(made.id).status == "cancelled"
    assert door.http.get(f"/api/v1/runs/{made.id.removeprefix('resp_')}").json["status"] == "cancelled"


def wait_for_text(client: openai.OpenAI, id: str) -> None:
    for _ in range(200):
        if client.responses.retrieve(id).output_text:
            return
        time.sleep(0.02)
    raise AssertionError("the run says nothing")


def test_what_a_response_under_way_has_said_is_shown(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["Hel", Pause(30), "lo!"])
    client = door.client()
    made = client.responses.create(model="shop", input="Hi", background=True)
    wait_for_text(client, made.id)
    found = client.responses.retrieve(made.id)
    assert (found.status, found.output_text) == ("in_progress", "Hel")
    client.responses.cancel(made.id)


def test_a_deleted_response_is_gone(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Hello!")
    client = door.client()
    made = client.responses.create(model="shop", input="Hi")
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError) as raised:
        client.responses.retrieve(made.id)
    assert raised.value.code == "response_not_found"


def test_a_response_that_is_not_stored_is_not_found(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Hello!")
    client = door.client()
    made = client.responses.create(model="shop", input="Hi", store=False)
    assert made.store is False
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError) as raised:
        client.responses.create(model="shop", input="Hi", previous_response_id=made.id)
    assert raised.value.code == "previous_response_not_found"


def test_a_call_of_a_client_tool_is_an_item_and_its_output_continues_the_run(
    door: Door, scripted: ScriptedProvider
) -> None:
    scripted.say(CALL, ["Take one.", Usage(20, 3)])
    client = door.client()
    first = client.responses.create(model="shop", input="Umbrella?", tools=[WEATHER])
    assert first.status == "completed"
    (item,) = first.output
    assert (item.type, item.name, item.arguments) == ("function_call", "weather", '{"city":"Oslo"}')
    output = {"type": "function_call_output", "call_id": item.call_id, "output": "It rains."}
    second = client.responses.create(model="shop", input=[output], previous_response_id=first.id, tools=[WEATHER])
    assert (second.output_text, second.id) == ("Take one.", f"{first.id}_1")
    assert second.previous_response_id == first.id
    assert second.usage is not None
    assert (second.usage.input_tokens, second.usage.output_tokens) == (20, 3)
    assert client.responses.retrieve(first.id) == first
    assert client.responses.retrieve(second.id) == second
    (run,) = door.http.get("/api/v1/runs").json["runs"]
    assert (run["status"], run["content"]) == ("completed", "Take one.")


def test_an_output_continues_the_run_without_a_chain_too(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(CALL, "Take one.")
    client = door.client()
    input: list[Any] = [{"role": "user", "content": "Umbrella?"}]
    with client.responses.stream(model="shop", input=input, tools=[WEATHER], store=False) as stream:
        first = stream.get_final_response()
    input += first.output
    input.append({"type": "function_call_output", "call_id": first.output[0].call_id, "output": "It rains."})
    with client.responses.stream(model="shop", input=input, tools=[WEATHER], store=False) as stream:
        events = list(stream)
        second = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert second.output_text == "Take one."
    assert len(door.http.get("/api/v1/runs").json["runs"]) == 1


def test_the_same_output_again_is_the_same_response(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(CALL, "Take one.", "Other.")
    client = door.client()
    first = client.responses.create(model="shop", input="Umbrella?", tools=[WEATHER])
    output = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "It rains."}
    fields: dict[str, Any] = {"model": "shop", "previous_response_id": first.id, "tools": [WEATHER]}
    second = client.responses.create(input=[output], **fields)
    assert client.responses.create(input=[output], **fields) == second
    other = client.responses.create(input=[output | {"output": "It snows."}], **fields)
    assert other.output_text == "Other."
    assert other.id != second.id
    roles = [message.role for message in scripted.requests[-1].messages]
    assert roles == ["system", "user", "assistant", "tool"]


def test_an_output_for_another_agent_of_the_client_is_a_new_response(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(CALL, "Hola.")
    client = door.client()
    first = client.responses.create(model="shop", input="Umbrella?", instructions="You are Rosa.", tools=[WEATHER])
    output = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "Over to Lucia."}
    second = client.responses.create(
        model="shop", input=[output], previous_response_id=first.id, instructions="You are Lucia.", tools=[WEATHER]
    )
    assert second.output_text == "Hola."
    assert not second.id.startswith(first.id)
    said = [(message.role, message.content) for message in scripted.requests[1].messages]
    assert said == [
        ("system", "Be short.\n\nYou are Lucia."),
        ("user", "Umbrella?"),
        ("assistant", ""),
        ("tool", "Over to Lucia."),
    ]
    assert door.http.get(f"/api/v1/runs/{first.id.removeprefix('resp_')}").json["status"] == "cancelled"


def test_a_new_message_after_a_call_is_a_new_run(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(CALL, "Never mind.")
    client = door.client()
    first = client.responses.create(model="shop", input="Umbrella?", tools=[WEATHER])
    second = client.responses.create(model="shop", input="Forget it.", previous_response_id=first.id)
    assert second.output_text == "Never mind."
    assert [message.content for message in scripted.requests[-1].messages][1:] == ["Umbrella?", "Forget it."]
    assert door.http.get(f"/api/v1/runs/{first.id.removeprefix('resp_')}").json["status"] == "cancelled"


def test_a_side_request_leaves_a_run_alone_that_waits_for_a_later_output(
    door: Door, scripted: ScriptedProvider
) -> None:
    scripted.say(CALL, CALL, "Umbrellas", "Take one.")
    client = door.client()
    first = client.responses.create(model="shop", input="Umbrella?", tools=[WEATHER])
    output: Any = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "It rains."}
    second = client.responses.create(model="shop", previous_response_id=first.id, input=[output], tools=[WEATHER])
    earlier: list[Any] = [{"role": "user", "content": "Umbrella?"}, first.output[0], output]
    title = client.responses.create(model="shop", input=[*earlier, {"role": "user", "content": "Suggest a title."}])
    assert title.output_text == "Umbrellas"
    output = {"type": "function_call_output", "call_id": second.output[0].call_id, "output": "It rains."}
    last = client.responses.create(model="shop", previous_response_id=second.id, input=[output], tools=[WEATHER])
    assert (last.id, last.output_text) == (f"{first.id}_2", "Take one.")


def test_an_answer_has_the_form_of_a_schema(door: Door, scripted: ScriptedProvider) -> None:
    class Forecast(BaseModel):
        city: str
        degrees: int

    scripted.say('{"city": "Oslo", "degrees": 3}')
    parsed = door.client().responses.parse(model="shop", input="Weather?", text_format=Forecast)
    assert parsed.output_parsed == Forecast(city="Oslo", degrees=3)


def test_the_input_of_a_response_is_listed(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("One.", "Two.")
    client = door.client()
    first = client.responses.create(model="shop", input="1")
    second = client.responses.create(model="shop", input="2", previous_response_id=first.id)
    items = list(client.responses.input_items.list(second.id, order="asc", limit=2))
    assert [(item.role, item.content[0].text) for item in items] == [
        ("user", "1"),
        ("assistant", "One."),
        ("user", "2"),
    ]
    assert [item.id for item in client.responses.input_items.list(second.id)] == [item.id for item in items][::-1]


def test_a_run_that_fails_is_the_error_that_clients_raise(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["Hel", Fail(ProviderError("it broke"))])
    client = door.client()
    with pytest.raises(openai.InternalServerError) as raised:
        client.responses.create(model="shop", input="Hi")
    id = f"resp_{raised.value.response.headers['X-Run-ID']}"
    found = client.responses.retrieve(id)
    assert (found.status, found.error and found.error.code) == ("failed", "server_error")
    events = list(client.responses.retrieve(id, stream=True))
    assert [event.type for event in events if "failed" in event.type] == ["response.failed"]
    assert events[-1].type == "response.failed"


def test_an_answer_that_was_cut_is_incomplete(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["Hel", Finish("length")])
    made = door.client().responses.create(model="shop", input="Hi")
    assert made.status == "incomplete"
    assert made.incomplete_details is not None
    assert made.incomplete_details.reason == "max_output_tokens"


def test_a_response_outlives_its_events(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["Hello!", Usage(10, 3)], "Again.")
    client = door.client()
    made = client.responses.create(model="shop", input="Hi", metadata={"a": "b"})
    without_logs(door)
    found = client.responses.retrieve(made.id)
    assert (found.status, found.output_text, found.usage, found.metadata) == (
        "completed",
        "Hello!",
        made.usage,
        {"a": "b"},
    )
    with pytest.raises(openai.APIStatusError) as raised:
        client.responses.retrieve(made.id, stream=True)
    assert (raised.value.status_code, raised.value.code) == (410, "events_expired")
    client.responses.create(model="shop", input="And?", previous_response_id=made.id)
    said = [(message.role, message.content) for message in scripted.requests[-1].messages][1:]
    assert said == [("user", "Hi"), ("assistant", "Hello!"), ("user", "And?")]


@pytest.mark.parametrize("failing", [False, True])
def test_the_end_of_a_response_outlives_its_events(door: Door, scripted: ScriptedProvider, failing: bool) -> None:
    scripted.say(["Hel", Fail(ProviderError("it broke")) if failing else Finish("length")])
    client = door.client()
    made = client.responses.create(model="shop", input="Hi", background=True)
    list(client.responses.retrieve(made.id, stream=True))
    before = client.responses.retrieve(made.id)
    without_logs(door)
    after = client.responses.retrieve(made.id)
    assert (after.status, after.error, after.incomplete_details, after.output_text) == (
        before.status,
        before.error,
        before.incomplete_details,
        "Hel",
    )


def test_a_repeat_with_the_same_key_is_the_same_response(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("One.", "Two.")
    client = door.client()
    key = {"Idempotency-Key": "k1"}
    first = client.responses.create(model="shop", input="Hi", extra_headers=key)
    again = client.responses.with_raw_response.create(model="shop", input="Hi", extra_headers=key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.parse() == first


@pytest.mark.parametrize("chained", [True, False])
def test_an_output_is_given_again_after_its_run_failed(
    make_door: MakeDoor, scripted: ScriptedProvider, chained: bool
) -> None:
    scripted.say(CALL, [Fail(ProviderUnavailable("away"))], "Take one.")
    client = make_door(model_retries=0).client()
    first = client.responses.create(model="shop", input="Umbrella?", tools=[WEATHER])
    items: list[Any] = [{"type": "function_call_output", "call_id": first.output[0].call_id, "output": "It rains."}]
    fields: dict[str, Any] = {"model": "shop", "tools": [WEATHER], "previous_response_id": first.id}
    if not chained:
        items = [{"role": "user", "content": "Umbrella?"}, *first.output, *items]
        del fields["previous_response_id"]
    with pytest.raises(openai.InternalServerError) as caught:
        client.responses.create(input=items, **fields)
    assert caught.value.response.headers["x-should-retry"] == "true"
    assert client.responses.create(input=items, **fields).output_text == "Take one."
    assert [one.role for one in scripted.requests[2].messages] == ["system", "user", "assistant", "tool"]


def test_in_a_conversation_an_output_whose_run_failed_is_not_sent_again(
    make_door: MakeDoor, scripted: ScriptedProvider
) -> None:
    scripted.say(CALL, [Fail(ProviderUnavailable("away"))], "Never said.")
    client = make_door(model_retries=0).client()
    fields: dict[str, Any] = {"model": "shop", "tools": [WEATHER], "conversation": client.conversations.create().id}
    first = client.responses.create(input="Umbrella?", **fields)
    output: Any = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "It rains."}
    for _ in range(2):
        with pytest.raises(openai.InternalServerError) as caught:
            client.responses.create(input=[output], **fields)
        assert caught.value.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("path", ["responses", "chat/completions"])
def test_an_error_that_a_key_keeps_is_not_to_be_sent_again(
    make_door: MakeDoor, scripted: ScriptedProvider, path: str
) -> None:
    scripted.say([Fail(ProviderUnavailable("away"))], "Never said.")
    door = make_door(model_retries=0)
    asked = {"input": "Hi"} if path == "responses" else {"messages": [{"role": "user", "content": "Hi"}]}
    errors = []
    for replayed in (None, "true"):
        answer = door.http.post(f"/v1/{path}", json={"model": "shop", **asked}, headers={"Idempotency-Key": "k1"})
        assert (answer.status_code, answer.headers["x-should-retry"]) == (503, "false")
        assert answer.headers.get("Idempotency-Replayed") == replayed
        errors.append(answer.json)
    assert errors[0] == errors[1]


def test_coroutines_stream_and_resume(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["Hel", "lo!"])

    async def ask() -> tuple[list[Any], list[Any]]:
        async with door.async_client() as client:
            first = [event async for event in await client.responses.create(model="shop", input="Hi", stream=True)]
            id = first[0].response.id
            return first, [event async for event in await client.responses.retrieve(id, stream=True, starting_after=3)]

    first, rest = asyncio.run(ask())
    assert rest == first[4:]


def test_an_item_may_be_named_by_its_id(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["Let me see.", *CALL], "Take one.", "You are welcome.")
    client = door.client()
    input: list[Any] = [{"role": "user", "content": "Umbrella?"}]
    first = client.responses.create(model="shop", input=input, tools=[WEATHER])
    input += [{"type": "item_reference", "id": item.id} for item in first.output]
    input.append({"type": "function_call_output", "call_id": first.output[1].call_id, "output": "It rains."})
    second = client.responses.create(model="shop", input=input, tools=[WEATHER])
    assert (second.output_text, second.id) == ("Take one.", f"{first.id}_1")
    input += [{"type": "item_reference", "id": second.output[0].id}, {"role": "user", "content": "Thanks."}]
    client.responses.create(model="shop", input=input, tools=[WEATHER])
    said = [(message.role, message.content, len(message.tool_calls)) for message in scripted.requests[-1].messages]
    assert said[1:] == [
        ("user", "Umbrella?", 0),
        ("assistant", "Let me see.", 1),
        ("tool", "It rains.", 0),
        ("assistant", "Take one.", 0),
        ("user", "Thanks.", 0),
    ]


def test_outputs_may_be_given_in_the_background(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(CALL, [Pause(0.3), "Take one."])
    client = door.client()
    first = client.responses.create(model="shop", input="Umbrella?", tools=[WEATHER], background=True)
    first = list(client.responses.retrieve(first.id, stream=True))[-1].response
    output = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "It rains."}
    fields: dict[str, Any] = {"model": "shop", "previous_response_id": first.id, "tools": [WEATHER]}
    second = client.responses.create(input=[output], background=True, **fields)
    assert second.status in ("queued", "in_progress")
    assert second.id == f"{first.id}_1"
    events = list(client.responses.retrieve(second.id, stream=True))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    assert client.responses.retrieve(second.id).output_text == "Take one."


def test_a_response_under_way_cannot_be_continued_and_the_error_says_so(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["Hel", Pause(30), "lo!"])
    client = door.client()
    made = client.responses.create(model="shop", input="Hi", background=True)
    wait_for_text(client, made.id)
    with pytest.raises(openai.ConflictError, match="only the response of an ended run can be continued") as raised:
        client.responses.create(model="shop", input="And?", previous_response_id=made.id)
    assert raised.value.code == "run_active"
    client.responses.cancel(made.id)


def test_a_key_in_another_session_is_another_request(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("One.", "Two.")
    places = [door.http.post("/api/v1/sessions", json={"agent_id": "shop"}).json["session_id"] for _ in range(2)]
    body = {"model": "shop", "input": "Hi"}
    headers = [{"Idempotency-Key": "k", "X-AgentOS-Session-Id": place} for place in places]
    assert door.http.post("/v1/responses", json=body, headers=headers[0]).status_code == 200
    other = door.http.post("/v1/responses", json=body, headers=headers[1])
    assert (other.status_code, other.json["error"]["code"]) == (422, "idempotency_mismatch")


class Blinking(MemoryStorage):
    """A storage whose log cannot be read for a moment, each time that a run has paused."""

    def __init__(self) -> None:
        super().__init__()
        read, pause = self.events.read, self.runs.pause
        self.away_until = 0.0

        def paused(*arguments: Any, **options: Any) -> Any:
            self.away_until = time.monotonic() + 0.2
            return pause(*arguments, **options)

        def reads(*arguments: Any, **options: Any) -> Any:
            if time.monotonic() < self.away_until:
                raise StorageError("the database is away")
            return read(*arguments, **options)

        self.events.read, self.runs.pause = reads, paused  # type: ignore[method-assign]

    @hookimpl
    def register_storage_backends(self, register: Any) -> None:
        register("blinking", lambda *_: self)


def test_a_call_is_answered_though_the_log_is_away_for_a_moment(
    make_door: MakeDoor, scripted: ScriptedProvider
) -> None:
    door = make_door(plugins={"blinking": Blinking()}, database_url="blinking://")
    scripted.say([CALL])
    answer = door.http.post("/v1/responses", json={"model": "shop", "input": "Rain?", "tools": [WEATHER]})
    assert [item["type"] for item in answer.json["output"]] == ["function_call"]


def test_calls_keep_their_order_and_take_time_in_proportion_to_their_number() -> None:
    call = {"type": "function_call", "name": "weather", "arguments": "{}"}
    text = {"role": "assistant", "content": "I look."}
    outputs = [{"type": "function_call_output", "call_id": id, "output": "Yes."} for id in "ab"]
    items = [text, {**call, "call_id": "a"}, {**call, "call_id": "b"}, *outputs, {**call, "call_id": "c"}, text]
    said = read_input(items, lambda id, _: {"id": id}).messages
    assert [(one.role, one.content, [call.id for call in one.tool_calls]) for one in said] == [
        ("assistant", "I look.", ["a", "b"]),
        ("tool", "Yes.", []),
        ("tool", "Yes.", []),
        ("assistant", "", ["c"]),
        ("assistant", "I look.", []),
    ]
    assert growth(lambda count: read_input([{**call, "call_id": "a"}] * count, lambda id, _: {"id": id})) < 24
