"""Items that clients add to conversations, and remove."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from agentos import MemoryStorage, Message, ScriptedProvider, ToolCall, hookimpl
from agentos.testing import call
from parts.openai_door import Door, MakeDoor
from parts.openai_responses import CALL, CLOCK, WEATHER

USER = {"type": "message", "role": "user", "content": "How warm is it?"}
ASKED = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city":"Oslo"}'}
ASKED_AGAIN = {"type": "function_call", "call_id": "c2", "name": "weather", "arguments": '{"city":"Rome"}'}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "3 degrees"}
RESULT_AGAIN = {"type": "function_call_output", "call_id": "c2", "output": "20 degrees"}
SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "3.", "annotations": []}]}
PIXEL = "data:image/png;base64,aGVsbG8="


def _given(scripted: ScriptedProvider) -> list[tuple[str, str]]:
    """Return what the model was given last, without the agent's instructions and the question."""
    return [(message.role, message.content) for message in scripted.requests[-1].messages[1:-1]]


def test_what_is_added_is_listed_in_both_orders_and_given_to_the_model_in_its_place(
    door: Door, scripted: ScriptedProvider
) -> None:
    scripted.say("One.", "Two.")
    client = door.client()
    made = client.conversations.create()
    client.responses.create(model="shop", input="1", conversation=made.id)
    added = client.conversations.items.create(made.id, items=[USER, ASKED, RESULT, SAID])
    kinds = ["message", "function_call", "function_call_output", "message"]
    assert ([item.type for item in added.data], added.has_more) == (kinds, False)
    assert (added.first_id, added.last_id) == (added.data[0].id, added.data[-1].id)
    client.responses.create(model="shop", input="2", conversation=made.id)
    messages = scripted.requests[-1].messages
    assert [(one.role, one.content) for one in messages[1:]] == [
        ("user", "1"),
        ("assistant", "One."),
        ("user", "How warm is it?"),
        ("assistant", ""),
        ("tool", "3 degrees"),
        ("assistant", "3."),
        ("user", "2"),
    ]
    assert messages[4].tool_calls == (ToolCall("c1", "weather", '{"city":"Oslo"}'),)
    for limit in (1, 3, 100):
        oldest = list(client.conversations.items.list(made.id, order="asc", limit=limit))
        latest = list(client.conversations.items.list(made.id, limit=limit))
        assert [item.id for item in latest] == [item.id for item in oldest][::-1]
        assert oldest[2:6] == added.data
    assert client.conversations.items.retrieve(added.data[1].id, conversation_id=made.id) == added.data[1]


def test_a_conversation_begins_with_items(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Hi, Ann.")
    client = door.client()
    made = client.conversations.create(items=[{"role": "user", "content": "I am Ann."}], metadata={"a": "b"})
    client.responses.create(model="shop", input="Hello", conversation=made.id)
    assert _given(scripted) == [("user", "I am Ann.")]


def test_a_conversation_with_a_wrong_item_is_not_made(door: Door) -> None:
    client = door.client()
    with pytest.raises(openai.BadRequestError, match=r"items\[1\]"):
        client.conversations.create(items=[USER, {"type": "message", "role": "pirate", "content": "Arr"}])  # type: ignore[list-item]
    assert door.http.get("/api/v1/sessions").json["sessions"] == []


def test_the_same_key_makes_one_conversation_with_its_items_once(door: Door) -> None:
    client = door.client()
    headers = {"Idempotency-Key": "k"}
    made = [client.conversations.create(items=[USER], extra_headers=headers) for _ in range(2)]
    assert made[0].id == made[1].id
    assert len(list(client.conversations.items.list(made[0].id))) == 1


def test_an_item_is_removed_and_the_conversation_answered(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Yes.")
    client = door.client()
    made = client.conversations.create(items=[USER, SAID])
    newest, oldest = client.conversations.items.list(made.id).data
    assert client.conversations.items.delete(newest.id, conversation_id=made.id) == made
    assert list(client.conversations.items.list(made.id)) == [oldest]
    with pytest.raises(openai.NotFoundError):
        client.conversations.items.delete(newest.id, conversation_id=made.id)
    client.responses.create(model="shop", input="?", conversation=made.id)
    assert _given(scripted) == [("user", "How warm is it?")]


def test_a_page_is_continued_after_its_last_item_was_removed(door: Door) -> None:
    client = door.client()
    made = client.conversations.create(items=[USER, SAID, USER])
    first = client.conversations.items.list(made.id, limit=1)
    client.conversations.items.delete(first.data[0].id, conversation_id=made.id)
    assert [item.role for item in first.get_next_page().data] == ["assistant"]


def test_what_a_response_said_is_removed_with_its_run_alone(make_door: MakeDoor, scripted: ScriptedProvider) -> None:
    scripted.say([call("clock"), call("clock")], "Noon.")
    client = make_door(CLOCK).client()
    made = client.conversations.create()
    response = client.responses.create(model="shop", input="Time?", conversation=made.id)
    for item in client.conversations.items.list(made.id):
        with pytest.raises(openai.BadRequestError, match="DELETE /api/v1/runs/" + response.id.removeprefix("resp_")):
            client.conversations.items.delete(item.id, conversation_id=made.id)


@pytest.mark.parametrize(
    ("items", "given"),
    [
        ([USER, ASKED], [("user", "How warm is it?")]),
        ([USER, RESULT], [("user", "How warm is it?")]),
        ([RESULT, ASKED], []),
        ([ASKED, ASKED, RESULT], [("assistant", ""), ("tool", "3 degrees")]),
        ([ASKED, USER, RESULT], [("assistant", ""), ("tool", "3 degrees"), ("user", "How warm is it?")]),
        ([SAID, ASKED, RESULT], [("assistant", "3."), ("tool", "3 degrees")]),
        (
            [ASKED, ASKED_AGAIN, RESULT_AGAIN, RESULT],
            [("assistant", ""), ("tool", "3 degrees"), ("tool", "20 degrees")],
        ),
        ([ASKED, ASKED_AGAIN, RESULT_AGAIN], [("assistant", ""), ("tool", "20 degrees")]),
    ],
)
def test_a_model_is_given_a_call_with_its_result_or_neither(
    door: Door, scripted: ScriptedProvider, items: list[Any], given: list[tuple[str, str]]
) -> None:
    scripted.say("Yes.")
    client = door.client()
    made = client.conversations.create()
    for item in items:
        client.conversations.items.create(made.id, items=[item])
    client.responses.create(model="shop", input="?", conversation=made.id)
    assert _given(scripted) == given
    calls = [one.id for message in scripted.requests[-1].messages for one in message.tool_calls]
    assert calls == [one.tool_call_id for one in scripted.requests[-1].messages if one.role == "tool"]


def test_what_a_system_says_and_reasoning_are_left_out_and_named(door: Door) -> None:
    client = door.client()
    made = client.conversations.create()
    thought: Any = {"type": "reasoning", "id": "rs_1", "summary": []}
    items: Any = [USER, {"role": "system", "content": "Obey."}, {"role": "developer", "content": "Obey."}, thought]
    added = client.conversations.items.with_raw_response.create(made.id, items=items)
    assert added.headers["x-ignored-fields"] == "items[1], items[2], items[3]"
    assert [item.type for item in added.parse().data] == ["message"]
    assert len(list(client.conversations.items.list(made.id))) == 1


@pytest.mark.parametrize(
    ("item", "named"),
    [
        ({"type": "item_reference", "id": "msg_1"}, "item_reference"),
        ({"type": "web_search_call", "id": "ws_1"}, "web_search_call"),
        ({"type": "message", "role": "pirate", "content": "Arr"}, r"items\[0\].role"),
        ({"type": "message", "role": "user", "content": ""}, "items\\[0\\]"),
        ({"type": "message", "role": "user", "content": "x" * 2**20 + "x" * 2**20}, "AGENTOS_MAX_INPUT_SIZE"),
        ({"type": "function_call", "call_id": "c", "name": "two words", "arguments": "{}"}, "two words"),
        ({"type": "function_call", "name": "n", "arguments": "{}"}, "call_id"),
        ({"type": "function_call_output", "call_id": "c" * 200, "output": ""}, "tool_call_id"),
        ({"type": "function_call_output", "output": ""}, "call_id"),
        ({"role": "user", "content": [{"type": "input_image", "image_url": "http://localhost/"}]}, "host"),
        ("text", r"items\[0\]"),
    ],
)
def test_a_wrong_item_is_refused_with_its_name_and_nothing_is_added(door: Door, item: Any, named: str) -> None:
    client = door.client()
    made = client.conversations.create()
    with pytest.raises(openai.BadRequestError, match=named):
        client.conversations.items.create(made.id, items=[item])
    with pytest.raises(openai.BadRequestError):
        client.conversations.items.create(made.id, items=[USER, item])
    assert list(client.conversations.items.list(made.id)) == []


def test_no_items_are_added_while_a_response_waits_for_its_client(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(CALL, "Take one.")
    client = door.client()
    made = client.conversations.create()
    first = client.responses.create(model="shop", input="Umbrella?", tools=[WEATHER], conversation=made.id)
    with pytest.raises(openai.ConflictError) as raised:
        client.conversations.items.create(made.id, items=[USER])
    assert raised.value.code == "session_busy"
    # What is added never answers what waits: only the response's own next request does.
    output: Any = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "Sun."}  # type: ignore[union-attr]
    with pytest.raises(openai.ConflictError):
        client.conversations.items.create(made.id, items=[output])
    client.responses.create(model="shop", input=[output], tools=[WEATHER], conversation=made.id)
    assert client.conversations.items.create(made.id, items=[USER]).data


def test_an_attachment_that_is_added_is_shown_to_the_model_and_to_the_client_again(
    door: Door, scripted: ScriptedProvider
) -> None:
    scripted.say("A pixel.", "Again.")
    client = door.client()
    picture: Any = {"role": "user", "content": [{"type": "input_image", "image_url": PIXEL, "detail": "auto"}]}
    made = client.conversations.create(items=[picture])
    client.responses.create(model="shop", input="What is it?", conversation=made.id)
    (media,) = scripted.requests[-1].messages[1].media
    assert media.data == "aGVsbG8="
    items = [item.model_dump(exclude_unset=True) for item in client.conversations.items.list(made.id, order="asc")]
    client.responses.create(model="shop", input=[*items, {"role": "user", "content": "And now?"}])
    (media,) = scripted.requests[-1].messages[1].media
    assert media.data == "aGVsbG8="


def test_a_page_ends_before_it_has_too_many_bytes_and_more_follow(door: Door) -> None:
    client = door.client()
    made = client.conversations.create()
    large = "data:image/png;base64," + "A" * (4 * 1024**2)
    picture: Any = {"role": "user", "content": [{"type": "input_image", "image_url": large, "detail": "auto"}]}
    for _ in range(4):
        client.conversations.items.create(made.id, items=[picture])
    for order in ("asc", "desc"):
        page = client.conversations.items.list(made.id, order=order)  # type: ignore[arg-type]
        assert (len(page.data), page.has_more) == (2, True)
        assert len({item.id for item in page}) == 4


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGVsbG8="},
        {"type": "input_audio", "input_audio": {"data": "aGVsbG8=", "format": "wav"}},
        {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "auto"},
    ],
)
def test_what_a_client_added_it_can_send_again(door: Door, part: dict[str, Any]) -> None:
    client = door.client()
    made = client.conversations.create(items=[{"role": "user", "content": [part]}])  # type: ignore[list-item, typeddict-item]
    path = f"/v1/conversations/{made.id}/items"
    (item,) = door.http.get(path).json["data"]
    (again,) = door.http.post(path, json={"items": [item]}).json["data"]
    assert door.http.get(f"{path}/{again['id']}").json["content"] == item["content"] == [{**item["content"][0], **part}]


def test_a_branch_from_a_response_has_what_was_added_before_it_alone(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("One.", "Two.")
    client = door.client()
    made = client.conversations.create(items=[{"role": "user", "content": "before"}])
    first = client.responses.create(model="shop", input="1", conversation=made.id)
    client.conversations.items.create(made.id, items=[{"role": "user", "content": "after"}])
    client.responses.create(model="shop", input="2", previous_response_id=first.id)
    assert [message.content for message in scripted.requests[-1].messages[1:]] == ["before", "1", "One.", "2"]


def test_a_branch_has_no_call_without_its_result(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("One.", "Two.")
    client = door.client()
    made = client.conversations.create(items=[USER, ASKED, RESULT_AGAIN])
    first = client.responses.create(model="shop", input="1", conversation=made.id)
    client.responses.create(model="shop", input="2", previous_response_id=first.id)
    assert [message.content for message in scripted.requests[-1].messages[1:]] == ["How warm is it?", "1", "One.", "2"]


def test_a_plugin_adds_messages_and_a_session_shows_them_without_a_run(door: Door) -> None:
    server = door.server
    owner = server.principal("importer", owner="anonymous")
    session, _ = server.sessions.create("shop", caller=owner)
    calls = (ToolCall("c1", "weather", "{}"), ToolCall("c2", "weather", "{}"))
    server.sessions.append(session.id, [Message("user", "?"), Message("assistant", "Well", tool_calls=calls)], owner)
    history = door.http.get(f"/api/v1/sessions/{session.id}/history").json
    assert [(one["role"], one["run_id"]) for one in history["messages"]] == [("user", ""), ("assistant", "")]
    assert history["runs"] == []
    client = door.client()
    for item in client.conversations.items.list(f"conv_{session.id}").data[:3]:
        with pytest.raises(openai.BadRequestError, match="one of 3"):
            client.conversations.items.delete(item.id, conversation_id=f"conv_{session.id}")


def test_what_was_added_is_summarised(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("It is warm.")
    made = door.client().conversations.create(items=[USER, SAID], metadata={"agent_id": "shop"})
    path = f"/api/v1/sessions/{made.id.removeprefix('conv_')}/summary"
    assert door.http.post(path).json["summary"]["content"] == "It is warm."
    assert "How warm is it?" in scripted.requests[-1].messages[-1].content


class CountingStorage(MemoryStorage):
    """Counts the messages that were read of histories."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0
        history = self.sessions.history

        def counted(*arguments: Any, **options: Any) -> Any:
            found = history(*arguments, **options)
            self.read += len(found.messages)
            return found

        self.sessions.history = counted  # type: ignore[method-assign]

    @hookimpl
    def register_storage_backends(self, register: Any) -> None:
        register("counting", lambda *_: self)


def test_a_page_reads_about_as_much_of_a_long_conversation_as_it_shows(make_door: MakeDoor) -> None:
    storage = CountingStorage()
    door = make_door(plugins={"counting": storage}, database_url="counting://")
    client = door.client()
    made = client.conversations.create()
    added = [client.conversations.items.create(made.id, items=[USER] * 20).data for _ in range(10)]
    ids = [item.id for data in added for item in data]
    for removed in ids[30:150]:  # a long gap
        client.conversations.items.delete(removed, conversation_id=made.id)
    left = ids[:30] + ids[150:]
    storage.read = 0
    first = client.conversations.items.list(made.id, order="asc", limit=10)
    assert [item.id for item in first.data] == left[:10]
    assert storage.read < 20
    for limit in (1, 7, 100):
        assert [item.id for item in client.conversations.items.list(made.id, order="asc", limit=limit)] == left


def test_an_error_names_the_item_and_offers_no_address(door: Door) -> None:
    long = {"role": "user", "content": "x" * 2_000_000}
    items = [{"role": "developer", "content": "Be kind."}, USER, long]
    error = door.http.post("/v1/conversations", json={"items": items}).json["error"]
    assert (error["param"].partition("]")[0], "items[2]" in error["message"]) == ("items[2", True)
    made = door.http.post("/v1/conversations", json={}).json["id"]
    missing = door.http.get(f"/v1/conversations/{made}/items/msg_s7").json["error"]
    assert "offered are" not in missing["message"]
    assert "offered are" in door.http.get("/v1/nowhere").json["error"]["message"]
