"""A stream's frames are the server's own, whatever a client, a model or a tool says in them."""

import json
import uuid
from typing import Any

import pytest

from agentos.testing.sse import SSEReader
from hostile.nasty import NASTY
from parts.raw import Answer, RawClient, ask


def post(url: str, path: str, body: dict[str, Any]) -> Answer:
    """Send JSON to a path below ``/api/v1``."""
    data = json.dumps(body).encode()
    head = f"POST /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return ask(url, head.encode() + b"Content-Length: %d\r\n\r\n" % len(data) + data)


def stream(url: str, agent: str, body: dict[str, Any]) -> bytes:
    """Return the bytes of a run's stream."""
    answer = post(url, f"agents/{agent}/run/stream", body)
    assert (answer.status, answer.header("Content-Type")) == (200, "text/event-stream; charset=utf-8")
    return answer.body


def events_of(body: bytes) -> list[dict[str, Any]]:
    """Read a stream twice, as a browser does and by hand, and return its events."""
    frames = body.decode("utf-8").split("\n\n")
    assert frames.pop() == ""
    by_hand = []
    for number, frame in enumerate(frames, 1):
        # `splitlines` ends a line wherever any reader would.
        identity, kind, data = frame.splitlines()
        assert identity == f"id: {number}"
        assert kind.startswith("event: ")
        assert data.startswith("data: ")
        envelope = json.loads(data.removeprefix("data: "))
        assert kind == f"event: {envelope['type']}"
        by_hand.append(envelope)

    # A byte at a time: nothing must hang on how the network cuts it.
    reader = SSEReader()
    read = [event for byte in body for event in reader.feed(bytes([byte]))]
    assert [event.json() for event in read] == by_hand
    assert [event.id for event in read] == [str(number) for number in range(1, len(read) + 1)]
    assert reader.comments == []
    assert [event["type"] for event in by_hand[:1]] == ["run_start"]
    assert [event["type"] in ("complete", "error") for event in by_hand] == [False] * (len(by_hand) - 1) + [True]
    assert len({event["run_id"] for event in by_hand}) == 1
    return by_hand


@pytest.mark.parametrize(
    "input", [NASTY, "\n", "\r", "\r\n", "\u2028", "\n\n", "data: x", ":", "id: 5\n", "\ufeff"], ids=range(10)
)
def test_an_input_stays_in_its_field(url, input):
    events = events_of(stream(url, "assistant", {"input": input}))

    assert events[0]["data"]["input"] == input
    assert events[-1]["type"] == "complete"


def test_all_that_a_client_names_stays_in_its_field(url):
    made = post(url, "sessions", {"agent_id": "assistant", "name": NASTY, "user_id": "u", "metadata": {NASTY: NASTY}})
    media = {"type": "image", "url": "https://example.com/a.png", "name": NASTY, "metadata": {NASTY: NASTY}}
    body = {
        "input": NASTY,
        "user_id": NASTY,
        "session_id": made.json()["session_id"],
        "metadata": {NASTY: [NASTY]},
        "media": media,
        "run_context": {"metadata": {NASTY: NASTY}},
    }

    events = events_of(stream(url, "assistant", body))

    assert events[0]["data"]["input"] == NASTY
    assert {event["session_id"] for event in events} == {made.json()["session_id"]}


@pytest.mark.parametrize(
    ("field", "status", "code"),
    [
        ("session_id", 404, "SESSION_NOT_FOUND"),
        ("concurrency", 400, "INVALID_REQUEST"),
        ("on_disconnect", 400, "INVALID_REQUEST"),
    ],
)
def test_an_id_or_a_word_with_line_breaks_is_refused_before_the_stream(url, field, status, code):
    answer = post(url, "agents/assistant/run/stream", {"input": "a", field: NASTY})

    assert (answer.status, answer.json()["code"]) == (status, code)
    assert answer.header("Content-Type") == "application/json"
    assert answer.json()["request_id"] == answer.header("X-Request-ID")


@pytest.mark.parametrize("id", [NASTY, "a\nb", "a\u2028b", "a b", "a/b", "", ".", "ä", "a" * 129], ids=range(9))
def test_an_agents_id_is_a_word(url, id):
    answer = post(url, "agents", {"id": id, "model": "scripted:echo"})

    assert (answer.status, list(answer.json()["details"]["fields"])) == (400, ["id"])


def test_an_agent_that_says_who_it_is_in_frames_is_served_in_ours(url):
    id = f"agent-{uuid.uuid4()}"
    agent = {"id": id, "model": "scripted:echo", "name": NASTY, "description": NASTY, "instructions": NASTY}
    assert post(url, "agents", agent).status == 201

    events = events_of(stream(url, id, {"input": NASTY}))

    assert {event["agent_id"] for event in events} == {id}


def test_what_a_model_and_a_tool_say_stays_in_its_field(url):
    events = events_of(stream(url, "teller", {"input": "go"}))

    texts = [event["data"] for event in events]
    told = [data for event, data in zip(events, texts, strict=True) if event["type"] == "tool_call"]
    output = texts[-1]["output"]
    statuses = [data["status"] for data in told]
    assert statuses == ["started", "completed", "started", "failed", "started", "failed"]
    assert told[0]["arguments"] == {"place": NASTY}
    assert told[1]["result"] == f"seen: {NASTY}"
    assert "U+0000" in told[3]["error"]
    assert output.startswith(NASTY)
    assert output.endswith("\r\n\u2028")
    assert "\x00" not in json.dumps(texts, ensure_ascii=False)
    last_turn = [data["token"] for event, data in zip(events, texts, strict=True) if event["type"] == "token"]
    assert "".join(last_turn) == output


def test_a_replay_is_the_stream_to_the_byte(url):
    body = stream(url, "teller", {"input": NASTY})
    run_id = events_of(body)[0]["run_id"]

    with RawClient(url) as client:
        client.send(b"GET /api/v1/runs/%b/events HTTP/1.1\r\nHost: localhost\r\n\r\n" % run_id.encode())

        assert client.answer().body.removeprefix(b"retry: 1000\n\n") == body
