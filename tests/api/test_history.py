import time

import pytest

from agentos.errors import ProviderUnavailable
from agentos.models.scripted import Fail, call
from agentos.tools.tool import tool

SESSIONS = "/api/v1/sessions"


@tool
def double(number: int) -> int:
    """Double a number."""
    return number * 2


def test_history_shows_the_turns_with_their_tool_calls_oldest_first(serve) -> None:
    served = serve([call("double", '{"number": 4}', id="c1")], "It is 8.", tools=[double])
    session = served.new_session()
    run_id = served.run("Twice 4?", session).json["run_id"]
    history = served.client.get(f"{SESSIONS}/{session}/history").json
    assert [(one["sequence"], one["role"], one["content"], one["run_id"]) for one in history["messages"]] == [
        (1, "user", "Twice 4?", run_id),
        (2, "assistant", "", run_id),
        (3, "tool", "8", run_id),
        (4, "assistant", "It is 8.", run_id),
    ]
    assert history["messages"][1]["tool_calls"] == [{"id": "c1", "name": "double", "arguments": '{"number":4}'}]
    assert history["messages"][2]["tool_call_id"] == "c1"
    assert [one["run_id"] for one in history["runs"]] == [run_id]
    assert history["session_id"] == session


def test_history_is_a_window_that_pages_back(served) -> None:
    session = served.new_session()
    for number in range(3):
        served.run(str(number), session)
    address = f"{SESSIONS}/{session}/history"
    last = served.client.get(f"{address}?num_messages=2").json
    assert [one["content"] for one in last["messages"]] == ["2", "Hello there"]
    before = served.client.get(f"{address}?num_messages=3&before={last['next_before']}").json
    assert [one["sequence"] for one in before["messages"]] == [2, 3, 4]
    first = served.client.get(f"{address}?before={before['next_before']}").json
    assert [one["sequence"] for one in first["messages"]] == [1]
    assert "next_before" not in first


def test_history_names_the_runs_that_failed(serve) -> None:
    served = serve([Fail(ProviderUnavailable("down"))], model_retries=0)
    session = served.new_session()
    served.run("Hi", session)
    history = served.client.get(f"{SESSIONS}/{session}/history").json
    assert history["messages"] == []
    assert [(one["status"], one["error"]["code"]) for one in history["runs"]] == [("failed", "EXECUTION_ERROR")]


def test_attachments_are_shown_in_history_without_their_bytes(served) -> None:
    session = served.new_session()
    media = [
        {"type": "image", "url": "https://example.com/a.png", "name": "a", "metadata": {"x": 1}},
        {"type": "image", "data": "AAECAw==", "content_type": "image/png"},
    ]
    answer = served.run("See", session, media=media)
    shown = [media[0], {"type": "image", "content_type": "image/png", "size": 4}]
    assert answer.json["metadata"]["media"] == shown
    assert served.client.get(f"{SESSIONS}/{session}/history").json["messages"][0]["media"] == shown
    assert served.client.get(f"/api/v1/runs/{answer.json['run_id']}").json["media"] == shown


def test_a_summary_is_made_by_the_sessions_model_and_read_again(serve) -> None:
    served = serve("Hello there", [["They said ", "hello."]])
    session = served.new_session()
    address = f"{SESSIONS}/{session}/summary"
    assert served.client.get(address).json["code"] == "SUMMARY_NOT_FOUND"
    run = served.run("Hi", session).json
    made = served.client.post(address)
    assert made.status_code == 200
    assert made.json["summary"]["content"] == "They said hello."
    assert made.json["summary"]["run_count"] == 1
    assert made.json["summary"]["total_tokens"] == run["metadata"]["usage"]["total_tokens"]
    assert served.client.get(address).json == made.json


@pytest.mark.parametrize("how", ["query", "body"])
def test_a_summary_can_be_made_in_the_background(serve, how: str) -> None:
    served = serve("Hello there", "They said hello.")
    session = served.new_session()
    served.run("Hi", session)
    address = f"{SESSIONS}/{session}/summary"
    made = (
        served.client.post(f"{address}?async=true")
        if how == "query"
        else served.client.post(address, json={"async": True})
    )
    assert made.status_code == 202
    deadline = time.monotonic() + 5
    while (read := served.client.get(made.headers["Location"])).status_code == 404 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert read.json["summary"]["content"] == "They said hello."


def test_a_session_without_messages_has_nothing_to_summarise(served) -> None:
    answer = served.client.post(f"{SESSIONS}/{served.new_session()}/summary", json={})
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")


def test_a_summary_that_the_model_does_not_give_is_the_models_error(serve) -> None:
    served = serve("Hello there", [Fail(ProviderUnavailable("down"))], model_retries=0)
    session = served.new_session()
    served.run("Hi", session)
    answer = served.client.post(f"{SESSIONS}/{session}/summary")
    assert (answer.status_code, answer.json["details"]["cause"]) == (503, "PROVIDER_UNAVAILABLE")
