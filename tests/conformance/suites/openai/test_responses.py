"""Responses: whole, streamed, in the background, chained, and found again."""

from __future__ import annotations

import time
from typing import Any

import openai
import pytest
from attachments import PDF, PIXEL
from pydantic import BaseModel
from waiting import wait_for


def test_a_response_is_made_and_found_again(client: openai.OpenAI) -> None:
    made = client.responses.create(
        model="helper", input="Hi", metadata={"a": "b"}, instructions="Be short.", max_output_tokens=100
    )
    assert (made.object, made.status, made.model, made.output_text) == (
        "response",
        "completed",
        "helper",
        "1 before: Hi",
    )
    assert (made.metadata, made.instructions, made.max_output_tokens) == ({"a": "b"}, "Be short.", 100)
    assert made.usage is not None
    assert (made.usage.input_tokens, made.usage.output_tokens, made.usage.total_tokens) == (20, 5, 25)
    assert made.usage.input_tokens_details.cached_tokens == 3
    assert made.usage.output_tokens_details.reasoning_tokens == 2
    assert client.responses.retrieve(made.id) == made


def test_the_streaming_helper_gathers_the_response(client: openai.OpenAI) -> None:
    with client.responses.stream(model="helper", input="one two three") as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == final.output_text == "0 before: one two three"
    assert client.responses.retrieve(final.id).output_text == final.output_text


class Person(BaseModel):
    name: str
    age: int


def test_a_response_is_parsed_into_a_model(client: openai.OpenAI) -> None:
    parsed = client.responses.parse(model="helper", input="Who?", text_format=Person)
    assert parsed.output_parsed == Person(name="text", age=7)
    with client.responses.stream(model="helper", input="Who?", text_format=Person) as stream:
        assert stream.get_final_response().output_parsed == Person(name="text", age=7)


def test_responses_work_in_a_loop(in_loop) -> None:
    async def ask(client: openai.AsyncOpenAI) -> list[str]:
        made = await client.responses.create(model="helper", input="Hi")
        stream = await client.responses.create(model="helper", input="Hi", stream=True)
        text = "".join([event.delta async for event in stream if event.type == "response.output_text.delta"])
        async with client.responses.stream(model="helper", input="Hi") as helper:
            final = await helper.get_final_response()
        parsed = await client.responses.parse(model="helper", input="Who?", text_format=Person)
        assert parsed.output_parsed == Person(name="text", age=7)
        again = await client.responses.retrieve(made.id)
        rest = await client.responses.retrieve(made.id, stream=True, starting_after=3)
        numbers = [event.sequence_number async for event in rest]
        assert numbers == list(range(4, 4 + len(numbers)))
        return [made.output_text, text, final.output_text, again.output_text]

    assert in_loop(ask) == ["0 before: Hi"] * 4


PROMPTS = ["one two three", "think", "cut", 'call weather {"city": "Oslo"}']
TOOLS: list[Any] = [{"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_stream_is_retrieved_after_each_of_its_numbers(client: openai.OpenAI, prompt: str) -> None:
    made = client.responses.create(model="helper", input=prompt, tools=TOOLS, stream=True)
    first = [event.to_dict() for event in made]
    id = first[0]["response"]["id"]
    assert [event.to_dict() for event in client.responses.retrieve(id, stream=True)] == first
    for number in range(len(first)):
        rest = client.responses.retrieve(id, stream=True, starting_after=number)
        assert [event.to_dict() for event in rest] == first[number + 1 :]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_stream_is_the_same_bytes_again(client: openai.OpenAI, prompt: str) -> None:
    make, retrieve = client.responses.with_streaming_response.create, client.responses.with_streaming_response.retrieve
    with make(model="helper", input=prompt, tools=TOOLS, stream=True) as answer:
        first = b"".join(answer.iter_bytes())
        run_id = answer.headers["X-Run-ID"]
    with retrieve(f"resp_{run_id}", stream=True) as answer:
        assert b"".join(answer.iter_bytes()) == first
    # Each event ends with an empty line.
    events = first.split(b"\n\n")
    for number in range(len(events) - 1):
        with retrieve(f"resp_{run_id}", stream=True, starting_after=number) as answer:
            assert b"".join(answer.iter_bytes()) == b"\n\n".join(events[number + 1 :])


def test_the_streaming_helper_goes_on_where_another_stopped(client: openai.OpenAI) -> None:
    with client.responses.stream(model="helper", input="slow 20", background=True) as stream:
        for event in stream:
            if event.type == "response.created":
                id = event.response.id
            if event.type == "response.output_text.delta":
                break
    with client.responses.stream(response_id=id, starting_after=event.sequence_number) as stream:
        rest = list(stream)
        final = stream.get_final_response()
    assert [one.sequence_number for one in rest][:1] == [event.sequence_number + 1]
    assert final.output_text == "".join(f"word{number} " for number in range(20))


def test_a_background_response_is_polled_to_its_end(client: openai.OpenAI) -> None:
    made = client.responses.create(model="helper", input="slow 10", background=True)
    assert (made.status, made.background) in (("queued", True), ("in_progress", True))
    while made.status in ("queued", "in_progress"):
        time.sleep(0.1)
        made = client.responses.retrieve(made.id)
    assert (made.status, made.output_text) == ("completed", "".join(f"word{number} " for number in range(10)))


def test_a_background_response_is_followed_by_several_at_once(client: openai.OpenAI) -> None:
    made = client.responses.create(model="helper", input="slow 10", background=True)
    streams = [client.responses.retrieve(made.id, stream=True) for _ in range(4)]
    seen = [[event.to_dict() for event in stream] for stream in streams]
    assert seen[0][-1]["type"] == "response.completed"
    assert seen == [seen[0]] * 4


def test_a_response_is_cancelled(client: openai.OpenAI, server) -> None:
    made = client.responses.create(model="helper", input="slow 400", background=True)
    wait_for(lambda: client.responses.retrieve(made.id).output_text)
    cancelled = client.responses.cancel(made.id)
    assert cancelled.status == "cancelled"
    assert cancelled.output_text.startswith("word0 ")
    assert client.responses.cancel(made.id).status == "cancelled"
    assert server.run(made.id)["status"] == "cancelled"


def test_a_cancel_at_the_servers_own_api_ends_the_stream(client: openai.OpenAI, server) -> None:
    stream = client.responses.create(model="helper", input="slow 400", stream=True)
    id = next(event.response.id for event in stream if event.type == "response.created")
    server.post(f"/runs/{id.removeprefix('resp_')}/cancel")
    last = list(stream)[-1]
    assert (last.type, last.response.status) == ("response.failed", "cancelled")
    assert client.responses.retrieve(id).status == "cancelled"


def test_a_deleted_response_is_not_found(client: openai.OpenAI) -> None:
    made = client.responses.create(model="helper", input="Hi")
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_a_response_that_is_not_stored_is_not_found(client: openai.OpenAI) -> None:
    made = client.responses.create(model="helper", input="Hi", store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_a_chain_branches(client: openai.OpenAI) -> None:
    def ask(text: str, previous: str | None = None) -> Any:
        return client.responses.create(model="helper", input=text, previous_response_id=previous)

    first = ask("one")
    left, right = ask("left", first.id), ask("right", first.id)
    assert [left.output_text, right.output_text] == ["2 before: left", "2 before: right"]
    longer = ask("more", left.id)
    assert longer.output_text == "4 before: more"
    said = [item.content[0].text for item in client.responses.input_items.list(longer.id, order="asc")]
    assert said == ["one", "0 before: one", "left", "2 before: left", "more"]


def test_input_items_are_read_in_pages(client: openai.OpenAI) -> None:
    texts = ["one", "two", "three"]
    made = client.responses.create(model="helper", input=[{"role": "user", "content": text} for text in texts])
    for limit in (1, 2, 100):
        listed = client.responses.input_items.list(made.id, order="asc", limit=limit)
        assert [item.content[0].text for item in listed] == texts


def test_reasoning_is_an_item_of_its_own(client: openai.OpenAI) -> None:
    made = client.responses.create(model="helper", input="think")
    assert [item.type for item in made.output] == ["reasoning", "message"]
    assert made.output_text == "I thought."
    deltas = [
        event.delta
        for event in client.responses.create(model="helper", input="think", stream=True)
        if event.type == "response.reasoning_text.delta"
    ]
    assert "".join(deltas) == "Let me see."


def test_an_answer_that_was_cut_is_incomplete(client: openai.OpenAI) -> None:
    made = client.responses.create(model="helper", input="cut")
    assert made.status == "incomplete"
    assert made.incomplete_details is not None
    assert made.incomplete_details.reason == "max_output_tokens"


def test_a_repeat_with_the_same_key_is_the_same_response(client: openai.OpenAI) -> None:
    headers = {"Idempotency-Key": "response-once"}
    first, again = (client.responses.create(model="helper", input="Hi", extra_headers=headers) for _ in range(2))
    assert first == again
    headers = {"Idempotency-Key": "stream-once"}
    streams = [
        list(client.responses.create(model="helper", input="Hi", stream=True, extra_headers=headers)) for _ in range(2)
    ]
    assert streams[0] == streams[1]


def test_a_raw_response_has_the_servers_headers(client: openai.OpenAI) -> None:
    raw = client.responses.with_raw_response.create(model="closed", input="Hi", temperature=0.5, instructions="Short.")
    made = raw.parse()
    assert f"resp_{raw.headers['X-Run-ID']}" == made.id
    assert sorted(raw.headers["X-Ignored-Fields"].split(", ")) == ["instructions", "temperature"]
    assert made._request_id == raw.headers["x-request-id"]


@pytest.mark.parametrize("kind", ["input_image", "input_file"])
def test_attachments_reach_the_model(client: openai.OpenAI, kind: str) -> None:
    part: Any = (
        {"type": kind, "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"}
        if kind == "input_image"
        else {"type": kind, "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
    )
    input: Any = [{"role": "user", "content": [{"type": "input_text", "text": "Look:"}, part]}]
    seen = "image image/png None" if kind == "input_image" else "file application/pdf a.pdf"
    assert client.responses.create(model="helper", input=input).output_text == f"0 before: Look: [{seen}]"


def test_a_background_response_is_managed_in_a_loop(in_loop) -> None:
    async def manage(client: openai.AsyncOpenAI) -> list[str]:
        made = await client.responses.create(model="helper", input="slow 400", background=True)
        stream = await client.responses.retrieve(made.id, stream=True)
        async for event in stream:
            if event.type == "response.output_text.delta":
                break
        cancelled = await client.responses.cancel(made.id)
        rest = [one async for one in stream]
        items = [item.content[0].text async for item in client.responses.input_items.list(made.id)]
        await client.responses.delete(made.id)
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(made.id)
        return [str(cancelled.status), rest[-1].type, *items]

    assert in_loop(manage) == ["cancelled", "response.failed", "slow 400"]
