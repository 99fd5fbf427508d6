"""Tools that the client executes: a call ends the answer, and the result continues the same run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentos import Agent, Pending, ProviderUnavailable, ScriptedProvider, Usage, hookimpl, tool
from agentos.testing import PIXEL, Fail, SSEReader, call
from parts.anthropic_door import SHOP, WEATHER, Door, MakeDoor

QUESTION = {"role": "user", "content": "Do I need an umbrella?"}
CALL = [call("weather", '{"city": "Oslo"}'), Usage(10, 2)]
STREAMED = pytest.mark.parametrize("streamed", [False, True])
REMINDER = {"type": "text", "text": "<system-reminder>Be kind.</system-reminder>"}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL.data}}


def said(answer: Any) -> dict[str, Any]:
    """Return the message of an answer as a client keeps it."""
    assert answer.status_code == 200, answer.text
    if answer.mimetype == "application/json":
        found: dict[str, Any] = answer.json
        return found
    message: dict[str, Any] = {}
    for event in SSEReader().feed(answer.get_data()):
        data = json.loads(event.data)
        assert data["type"] == event.type
        match data["type"]:
            case "message_start":
                message = data["message"]
            case "content_block_start":
                assert data["index"] == len(message["content"])
                message["content"].append(data["content_block"] | {"json": ""})
            case "content_block_delta":
                block, delta = message["content"][data["index"]], data["delta"]
                if delta["type"] == "text_delta":
                    block["text"] += delta["text"]
                elif delta["type"] == "input_json_delta":
                    block["json"] += delta["partial_json"]
            case "content_block_stop":
                block = message["content"][data["index"]]
                if given := block.pop("json"):
                    block["input"] = json.loads(given)
            case "message_delta":
                message |= data["delta"]
                message["usage"] = data["usage"]
    assert data["type"] == "message_stop"
    return message


def calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [block for block in message["content"] if block["type"] == "tool_use"]


def text(message: dict[str, Any]) -> str:
    return "".join(block["text"] for block in message["content"] if block["type"] == "text")


def result(message: dict[str, Any], content: Any = "It rains.", *beside: Any, **fields: Any) -> list[dict[str, Any]]:
    """Return the messages with which a client gives results of all calls."""
    results = [{"type": "tool_result", "tool_use_id": one["id"], "content": content} | fields for one in calls(message)]
    return [
        QUESTION,
        {"role": "assistant", "content": message["content"]},
        {"role": "user", "content": [*results, *beside]},
    ]


def runs(door: Door, status: str | None = None) -> list[dict[str, Any]]:
    query = f"?status={status}" if status else ""
    return door.http.get(f"/api/v1/runs{query}").json["runs"]


@STREAMED
def test_a_call_ends_the_answer_and_its_result_continues_the_run(
    door: Door, scripted: ScriptedProvider, streamed: bool
) -> None:
    scripted.say(["Hm.", *CALL], ["Take one.", Usage(20, 3)])
    first = said(door.ask([QUESTION], tools=[WEATHER], stream=streamed))
    assert first["stop_reason"] == "tool_use"
    (called,) = calls(first)
    assert (text(first), called["name"], called["input"]) == ("Hm.", "weather", {"city": "Oslo"})
    assert called["id"].startswith("toolu_")
    second = said(door.ask(result(first), tools=[WEATHER], stream=streamed))
    assert (text(second), second["stop_reason"]) == ("Take one.", "end_turn")
    assert first["id"] != second["id"]  # clients tell messages apart by them
    assert (first["usage"]["output_tokens"], second["usage"]["output_tokens"]) == (2, 3)
    (run,) = runs(door)
    assert (run["status"], run["content"]) == ("completed", "Take one.")
    assert [one.content for one in scripted.requests[1].messages if one.role == "tool"] == ["It rains."]


@STREAMED
def test_the_same_result_again_is_the_same_answer(door: Door, scripted: ScriptedProvider, streamed: bool) -> None:
    scripted.say(CALL, "Take one.", "Never said.")
    first = said(door.ask([QUESTION], tools=[WEATHER]))
    answers = [said(door.ask(result(first), tools=[WEATHER], stream=streamed)) for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(scripted.requests) == 2


@STREAMED
def test_a_run_may_call_again_and_again(door: Door, scripted: ScriptedProvider, streamed: bool) -> None:
    scripted.say(CALL, ["Hm.", call("weather", '{"city": "Rome"}')], "Take one.", "Never said.")
    first = said(door.ask([QUESTION], tools=[WEATHER], stream=streamed))
    messages = result(first)
    second = said(door.ask(messages, tools=[WEATHER], stream=streamed))
    assert (text(second), second["stop_reason"]) == ("Hm.", "tool_use")
    third = said(door.ask([*messages, *result(second)[1:]], tools=[WEATHER], stream=streamed))
    assert text(third) == "Take one."
    assert said(door.ask(messages, tools=[WEATHER], stream=streamed)) == second
    assert len(runs(door)) == 1
    assert len({first["id"], second["id"], third["id"]}) == 3


@STREAMED
def test_two_calls_get_two_results(door: Door, scripted: ScriptedProvider, streamed: bool) -> None:
    scripted.say([*CALL, call("weather", '{"city": "Rome"}', id="call_2", index=1)], "Take one.")
    first = said(door.ask([QUESTION], tools=[WEATHER], stream=streamed))
    assert [one["input"]["city"] for one in calls(first)] == ["Oslo", "Rome"]
    assert text(said(door.ask(result(first), tools=[WEATHER], stream=streamed))) == "Take one."
    assert len(runs(door)) == 1


def in_pairs(message: dict[str, Any], *beside: Any) -> list[dict[str, Any]]:
    """Return the messages of a client that writes the result of each call directly behind it."""
    messages = [QUESTION]
    for one in calls(message):
        given = {"type": "tool_result", "tool_use_id": one["id"], "content": one["input"]["city"]}
        messages.append({"role": "assistant", "content": [one]})
        messages.append({"role": "user", "content": [given, *beside]})
    return messages


@STREAMED
def test_results_may_stand_directly_behind_their_calls(door: Door, scripted: ScriptedProvider, streamed: bool) -> None:
    scripted.say([*CALL, call("weather", '{"city": "Rome"}', id="call_2", index=1)], CALL, "Take one.")
    messages = in_pairs(said(door.ask([QUESTION], tools=[WEATHER])), REMINDER)
    second = said(door.ask(messages, tools=[WEATHER], stream=streamed))
    messages += in_pairs(second)[1:]
    for _ in range(2):
        assert text(said(door.ask(messages, tools=[WEATHER], stream=streamed))) == "Take one."
    given = [f"{city}\n\n{REMINDER['text']}" for city in ("Oslo", "Rome")]
    assert [one.content for one in scripted.requests[2].messages if one.role == "tool"] == [*given, "Oslo"]
    assert [run["status"] for run in runs(door)] == ["completed"]


@pytest.mark.parametrize("beside", [[IMAGE], []])
def test_a_conversation_that_gives_the_run_too_little_is_a_new_run(
    door: Door, scripted: ScriptedProvider, beside: list[Any]
) -> None:
    scripted.say([*CALL, call("weather", '{"city": "Rome"}', id="call_2", index=1)], "Take one.")
    messages = in_pairs(said(door.ask([QUESTION], tools=[WEATHER])))
    messages[2]["content"] += beside  # a run takes texts as results
    asked = messages if beside else messages[:3]
    assert text(said(door.ask(asked, tools=[WEATHER]))) == "Take one."
    assert sorted(run["status"] for run in runs(door)) == ["cancelled", "completed"]


def test_a_missing_result_is_refused(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say([*CALL, call("weather", '{"city": "Rome"}', id="call_2", index=1)], "Take one.")
    first = said(door.ask([QUESTION], tools=[WEATHER]))
    messages = result(first)
    left_out = messages[2]["content"].pop()
    answer = door.ask(messages, tools=[WEATHER])
    assert answer.status_code == 400
    assert left_out["tool_use_id"] in answer.json["error"]["message"]
    assert len(runs(door, "paused")) == 1


@pytest.mark.parametrize(("content", "error"), [("No network.", "No network."), ("", "the client's tool failed")])
def test_a_failed_tool_is_told_to_the_model_as_failed(
    door: Door, scripted: ScriptedProvider, content: str, error: str
) -> None:
    scripted.say(CALL, "I cannot say.")
    first = said(door.ask([QUESTION], tools=[WEATHER]))
    answer = door.ask(result(first, content, is_error=True), tools=[WEATHER])
    assert text(said(answer)) == "I cannot say."
    ended = [event.data for event in door.http.follow(answer.headers["X-Run-ID"]) if event.type == "tool_call"][-1]
    assert (ended["status"], ended["error"]) == ("failed", error)


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        ([{"type": "text", "text": "It"}, {"type": "text", "text": "rains."}], "It\nrains."),
        ([{"type": "tool_reference", "tool_name": "snow"}], "The tool snow"),
        (None, ""),
        ([], ""),
    ],
)
def test_a_result_may_be_blocks(door: Door, scripted: ScriptedProvider, content: Any, seen: str) -> None:
    scripted.say(CALL, "Take one.")
    first = said(door.ask([QUESTION], tools=[WEATHER]))
    said(door.ask(result(first, content), tools=[WEATHER]))
    assert [one.content for one in scripted.requests[1].messages if one.role == "tool"] == [seen]
    assert len(runs(door)) == 1


def test_a_text_beside_the_results_follows_the_last_one(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(CALL, CALL, "Take one.")
    first = said(door.ask([QUESTION], tools=[WEATHER]))
    messages = [*result(first, "It rains.", REMINDER), {"role": "system", "content": "Hurry."}]
    second = said(door.ask(messages, tools=[WEATHER]))
    assert scripted.requests[1].messages[-1].content == (
        f"It rains.\n\n{REMINDER['text']}\n\n<system-reminder>\nHurry.\n</system-reminder>"
    )
    third = door.ask([*messages, *result(second)[1:]], tools=[WEATHER])  # whatever stood amid it
    assert text(said(third)) == "Take one."
    assert [run["status"] for run in runs(door)] == ["completed"]


@STREAMED
def test_a_result_with_an_image_begins_a_run_with_the_whole_conversation(
    door: Door, scripted: ScriptedProvider, streamed: bool
) -> None:
    scripted.say(CALL, "A dot.")
    first = said(door.ask([QUESTION], tools=[WEATHER]))
    content = [{"type": "text", "text": "A picture."}, IMAGE]
    second = said(door.ask(result(first, content), tools=[WEATHER], stream=streamed))
    assert text(second) == "A dot."
    assert [one.role for one in scripted.requests[1].messages] == ["system", "user", "assistant", "tool", "user"]
    assert [one.data for one in scripted.requests[1].messages[-1].media] == [PIXEL.data]
    assert sorted(run["status"] for run in runs(door)) == ["cancelled", "completed"]


def test_in_a_session_a_result_with_an_image_is_refused_and_the_run_waits(
    door: Door, scripted: ScriptedProvider
) -> None:
    headers = {"X-AgentOS-Session-Id": door.http.session("shop")}
    scripted.say(CALL)
    first = said(door.ask([QUESTION], tools=[WEATHER], headers=headers))
    answer = door.ask(result(first, [IMAGE]), tools=[WEATHER], headers=headers)
    assert answer.status_code == 400
    assert "messages[2]" in answer.json["error"]["message"]
    assert len(runs(door, "paused")) == 1


def test_the_client_gives_a_result_again_after_its_run_failed(
    make_door: MakeDoor, scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = make_door(model_retries=0)
    scripted.say(CALL, [Fail(ProviderUnavailable("away"))], "Take one.")
    first = said(door.ask([QUESTION], tools=[WEATHER]))
    client = door.client(max_retries=1)
    monkeypatch.setattr(client, "_sleep_for_retry", lambda **_: None)
    messages: list[Any] = result(first)
    answer = client.messages.create(model="shop", max_tokens=1000, messages=messages, tools=[WEATHER])
    assert answer.content[0].text == "Take one."
    assert sorted(run["status"] for run in runs(door)) == ["completed", "failed"]


def test_in_a_session_a_result_whose_run_failed_is_not_sent_again(
    make_door: MakeDoor, scripted: ScriptedProvider
) -> None:
    door = make_door(model_retries=0)
    headers = {"X-AgentOS-Session-Id": door.http.session("shop")}
    scripted.say(CALL, [Fail(ProviderUnavailable("away"))], "Never said.")
    first = said(door.ask([QUESTION], tools=[WEATHER], headers=headers))
    for _ in range(2):
        failed = door.ask(result(first), tools=[WEATHER], headers=headers)
        assert (failed.status_code, failed.headers["x-should-retry"]) == (529, "false")


def test_another_result_is_a_new_run(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(CALL, "Take one.", "Leave it.")
    first = said(door.ask([QUESTION], tools=[WEATHER]))
    door.ask(result(first), tools=[WEATHER])
    assert text(said(door.ask(result(first, "The sun shines."), tools=[WEATHER]))) == "Leave it."
    assert len(runs(door)) == 2


OTHER_WISHES: dict[str, dict[str, Any]] = {
    "other tools": {"tools": [WEATHER, {"name": "clock", "input_schema": {"type": "object"}}]},
    "no tools": {"tools": []},
    "a form": {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
    "another temperature": {"temperature": 0.5},
    "other instructions": {"system": "Speak Spanish."},
}


@pytest.mark.parametrize("case", list(OTHER_WISHES))
def test_a_result_with_other_wishes_is_a_new_run(door: Door, scripted: ScriptedProvider, case: str) -> None:
    scripted.say(CALL, '{"umbrella": true}')
    first = said(door.ask([QUESTION], tools=[WEATHER]))
    wishes = {"tools": [WEATHER], **OTHER_WISHES[case]}
    assert text(said(door.ask(result(first), **wishes))) == '{"umbrella": true}'
    assert [one.role for one in scripted.requests[1].messages] == ["system", "user", "assistant", "tool"]
    assert sorted(run["status"] for run in runs(door)) == ["cancelled", "completed"]


def test_what_claude_code_tells_its_own_servers_changes_nothing(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(CALL, "Take one.")
    system = [
        {"type": "text", "text": f"x-anthropic-billing-header: cc_version=2; cch={number};"} for number in range(2)
    ]
    prompt = {"type": "text", "text": "You are a coder.", "cache_control": {"type": "ephemeral"}}
    first = said(door.ask([QUESTION], tools=[WEATHER], system=[system[0], prompt]))
    said(door.ask(result(first), tools=[WEATHER], system=[system[1], prompt]))
    assert len(runs(door)) == 1
    assert scripted.requests[0].messages[0].content == "Be short.\n\nYou are a coder."


def test_in_a_session_a_result_continues_the_run_as_it_began(door: Door, scripted: ScriptedProvider) -> None:
    headers = {"X-AgentOS-Session-Id": door.http.session("shop")}
    scripted.say(CALL, "Take one.")
    first = said(door.ask([QUESTION], tools=[WEATHER], headers=headers))
    answer = door.ask(result(first), temperature=0.5, system="Speak Spanish.", headers=headers)
    assert text(said(answer)) == "Take one."
    assert set(answer.headers["X-Ignored-Fields"].split(", ")) == {"system", "temperature"}
    assert [run["status"] for run in runs(door)] == ["completed"]


def test_a_new_message_of_the_user_ends_the_pause(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(CALL, "Never mind.")
    first = said(door.ask([QUESTION], tools=[WEATHER]))
    messages = [*result(first), {"role": "user", "content": "Never mind."}]
    assert text(said(door.ask(messages, tools=[WEATHER]))) == "Never mind."
    assert sorted(run["status"] for run in runs(door)) == ["cancelled", "completed"]


def test_a_new_message_ends_the_pause_of_its_session(door: Door, scripted: ScriptedProvider) -> None:
    headers = {"X-AgentOS-Session-Id": door.http.session("shop")}
    scripted.say(CALL, "Never mind.")
    door.ask([QUESTION], tools=[WEATHER], headers=headers)
    assert text(said(door.ask("Never mind.", tools=[WEATHER], headers=headers))) == "Never mind."
    assert sorted(run["status"] for run in runs(door)) == ["cancelled", "completed"]


@pytest.mark.parametrize(
    ("choice", "forced"),
    [
        ({"type": "any"}, "required"),
        ({"type": "tool", "name": "weather"}, {"type": "function", "function": {"name": "weather"}}),
        ({"type": "auto", "disable_parallel_tool_use": True}, None),
    ],
)
def test_a_choice_of_tools_reaches_the_model(
    make_door: MakeDoor, scripted: ScriptedProvider, choice: dict[str, Any], forced: Any
) -> None:
    may = Agent(id="may", model="test:m", allow_overrides=("client_tools", "tool_choice", "parallel_tool_calls"))
    door = make_door(SHOP, may)
    scripted.say(CALL)
    assert door.ask([QUESTION], model="may", tools=[WEATHER], tool_choice=choice).status_code == 200
    parameters = scripted.requests[0].parameters
    assert parameters.get("tool_choice") == forced
    assert parameters.get("parallel_tool_calls") == (False if choice["type"] == "auto" else None)
    if forced is not None:
        refused = door.ask([QUESTION], tools=[WEATHER], tool_choice=choice)
        assert refused.status_code == 400
        assert "'tool_choice'" in refused.json["error"]["message"]


def test_no_tool_choice_leaves_the_tools_out(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Maybe.")
    door.ask([QUESTION], tools=[WEATHER], tool_choice={"type": "none"})
    assert [spec.name for spec in scripted.requests[0].tools] == []


def test_tools_need_the_agents_leave(door: Door) -> None:
    answer = door.ask([QUESTION], model="closed", tools=[WEATHER])
    assert answer.status_code == 400
    assert "field 'tools'" in answer.json["error"]["message"]


class Guarded:
    """Has each call of a tool approved."""

    @hookimpl
    def before_tool_call(self, call: Any) -> Pending | None:
        return Pending("Ask the boss.") if call.name == "pay" else None


@tool
def pay(amount: int) -> str:
    """Pay."""
    return f"paid {amount}"


@STREAMED
def test_a_step_that_waits_for_its_client_and_for_a_person_needs_both(
    make_door: MakeDoor, scripted: ScriptedProvider, streamed: bool
) -> None:
    door = make_door(Agent(id="shop", model="test:m", tools=[pay]), plugins={"guarded": Guarded()})
    both = [call("pay", '{"amount": 5}', id="call_1"), call("weather", '{"city": "Oslo"}', id="call_2", index=1)]
    scripted.say(both, "Done.")
    first = said(door.ask([QUESTION], tools=[WEATHER], stream=streamed))
    assert [one["name"] for one in calls(first)] == ["weather"]
    second = said(door.ask(result(first), tools=[WEATHER], stream=streamed))
    assert second["stop_reason"] == "end_turn"
    assert "Ask the boss." in text(second)
    (run,) = runs(door)
    pending = door.http.get(f"/api/v1/runs/{run['run_id']}").json["pending"]
    answers = [{"id": one["id"], "decision": "approve"} for one in pending]
    assert door.http.post(f"/api/v1/runs/{run['run_id']}/resume", json={"answers": answers}).status_code == 202
    assert text(said(door.ask(result(first), tools=[WEATHER], stream=streamed))) == "Done."


def test_the_clients_library_takes_a_call_and_gives_its_result(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(CALL, "Take one.")
    client = door.client()
    messages: list[Any] = [QUESTION]
    common: dict[str, Any] = {"model": "shop", "max_tokens": 99, "tools": [WEATHER]}
    with client.messages.stream(messages=messages, **common) as stream:
        message = stream.get_final_message()
    (called,) = message.content
    answer = {"type": "tool_result", "tool_use_id": called.id, "content": "It rains."}
    messages += [message.to_param(), {"role": "user", "content": [answer]}]
    assert client.messages.create(messages=messages, **common).content[0].text == "Take one."
    assert len(runs(door)) == 1
