import threading
import time
from itertools import pairwise
from typing import Any

import pytest
from werkzeug.test import TestResponse

from agentos.domain.event import EVENT_TYPES
from agentos.errors import ProviderError
from agentos.models.deltas import ReasoningDelta
from agentos.models.scripted import Fail, Pause, call
from agentos.testing.sse import ServerSentEvent, SSEReader, read_events
from agentos.tools.tool import tool
from api.conftest import Served, check_schema


@tool
def double(number: int) -> int:
    """Double a number."""
    return number * 2


def events_of(answer: TestResponse) -> list[ServerSentEvent]:
    """Read a stream to its end, and hold each of its events against the document."""
    assert answer.status_code == 200
    assert answer.mimetype == "text/event-stream"
    found = list(read_events(answer.iter_encoded()))
    for event in found:
        envelope = event.json()
        check_schema(envelope, "RunEvent")
        assert envelope["type"] == event.type
        name = "".join(word.capitalize() for word in event.type.split("_"))
        check_schema(envelope["data"], f"{name}Data")
    return found


def data_of(events: list[ServerSentEvent], type: str) -> list[dict[str, Any]]:
    return [event.json()["data"] for event in events if event.type == type]


def test_a_stream_is_numbered_from_run_start_to_complete(serve) -> None:
    served = serve(["Hel", "lo"])
    session = served.new_session()
    answer = served.stream("Hi", session_id=session)
    events = events_of(answer)
    assert [(event.id, event.type) for event in events] == [
        ("1", "run_start"),
        ("2", "token"),
        ("3", "token"),
        ("4", "complete"),
    ]
    assert data_of(events, "run_start") == [{"input": "Hi", "session_id": session}]
    assert data_of(events, "token") == [{"token": "Hel", "index": 0}, {"token": "lo", "index": 1}]
    complete = data_of(events, "complete")[0]
    assert (complete["output"], complete["token_count"], complete["status"]) == ("Hello", 2, "completed")
    envelopes = [event.json() for event in events]
    assert {(one["run_id"], one["agent_id"], one["session_id"]) for one in envelopes} == {
        (answer.headers["X-Run-ID"], "scripted", session)
    }


def test_a_streams_headers_keep_proxies_from_holding_it_back(served: Served) -> None:
    headers = served.stream().headers
    assert headers["Content-Type"].startswith("text/event-stream")
    assert headers["Cache-Control"] == "no-cache, no-transform"
    assert headers["X-Accel-Buffering"] == "no"
    assert "Content-Length" not in headers


def test_what_arrives_together_leaves_in_one_write(serve) -> None:
    words = [f"word{number} " for number in range(2000)]
    served = serve([Pause(0.2), words])
    writes = list(served.stream().iter_encoded())
    assert [number for number, write in enumerate(writes) if b"event: token" in write] in ([0], [1])
    assert [data["token"] for data in data_of(list(read_events(writes)), "token")] == words


NASTY = [
    "  leading and trailing \t ",
    "\n\n",
    "\r",
    "\r\n",
    "data: x\n\nevent: error\n\n",
    "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e",
    "\ufeff",
    "\U0001f600",
    "e\u0301",
    '"\\',
    ": comment",
]


def test_the_joined_tokens_are_the_output_to_the_byte(serve) -> None:
    served = serve([*NASTY])
    events = events_of(served.stream())
    assert "".join(data["token"] for data in data_of(events, "token")) == "".join(NASTY)
    assert data_of(events, "complete")[0]["output"] == "".join(NASTY)
    assert served.run("Hi").json["content"] == "".join(NASTY)


def test_each_frame_is_three_lines_for_every_reader(serve) -> None:
    served = serve([*NASTY])
    text = served.stream("".join(NASTY).replace("\0", "")).get_data().decode()
    frames = text.split("\n\n")
    assert frames.pop() == ""
    for frame in frames:
        # str.splitlines knows more line ends than the specification does, as some readers do.
        assert [line.partition(": ")[0] for line in frame.splitlines()] == ["id", "event", "data"]


def test_reasoning_and_tool_calls_are_streamed_as_they_happen(serve) -> None:
    served = serve(
        [ReasoningDelta("Let me "), ReasoningDelta("see", redacted="xyz"), call("double", '{"number": 4}', id="c1")],
        "8",
        tools=[double],
    )
    events = events_of(served.stream())
    assert [event.type for event in events] == [
        "run_start", "reasoning", "reasoning", "tool_call", "tool_call", "token", "complete",
    ]  # fmt: skip
    assert data_of(events, "reasoning") == [
        {"content": "Let me "},
        {"content": "see", "redacted_content": "xyz"},
    ]
    started, ended = data_of(events, "tool_call")
    assert started == {"tool_call_id": "c1", "tool_name": "double", "arguments": {"number": 4}, "status": "started"}
    assert (ended["status"], ended["result"]) == ("completed", "8")
    assert data_of(events, "complete")[0]["reasoning"] == "Let me see"


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ("token,complete", ["token", "complete"]),
        ("complete", ["complete"]),
        ("", ["run_start", "token", "complete"]),
        ("reasoning", ["complete"]),
    ],
)
def test_types_filters_events(serve, types: str, expected: list[str]) -> None:
    events = events_of(serve("Hello").stream(query=f"?types={types}"))
    assert [event.type for event in events] == expected


def test_error_passes_every_filter_and_is_the_last(serve) -> None:
    served = serve(["half", Fail(ProviderError("refused"))])
    events = events_of(served.stream(query="?types=token"))
    assert [event.type for event in events] == ["token", "error"]
    failed = served.run("Hi").json
    streamed = data_of(events, "error")[0]
    assert streamed["details"].pop("run_id") != failed["details"].pop("run_id")
    assert streamed == {key: failed[key] for key in ("error", "message", "code", "details")}


@pytest.mark.parametrize("types", ["tokens", "token,", "token,,complete", "TOKEN", " token"])
def test_an_unknown_type_is_refused_and_the_known_ones_are_named(served: Served, types: str) -> None:
    answer = served.stream(query=f"?types={types}")
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert all(name in answer.json["message"] for name in EVENT_TYPES)


@pytest.mark.parametrize("how", [{"query_string": "stream_events=true"}, {"stream": True}])
def test_run_streams_when_it_is_asked_to(served: Served, how: dict[str, Any]) -> None:
    query = how.pop("query_string", "")
    answer = served.client.post(
        f"/api/v1/agents/scripted/run?{query}&types=complete".replace("?&", "?"), json={"input": "Hi", **how}
    )
    assert [event.type for event in events_of(answer)] == ["complete"]


def test_a_token_leaves_when_it_arrives(serve) -> None:
    served = serve(["one", Pause(0.3), "two", Pause(0.3), "three"])
    times = []
    for piece in served.stream(query="?types=token").iter_encoded():
        if b"event: token" in piece:
            assert piece.count(b"event: token") == 1
            times.append(time.monotonic())
    assert len(times) == 3
    assert all(later - earlier > 0.2 for earlier, later in pairwise(times))


def test_events_that_are_there_together_leave_together(serve) -> None:
    served = serve([f"{number} " for number in range(200)])
    answer = served.stream()
    deadline = time.monotonic() + 5
    while served.services.worker.running() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(list(answer.iter_encoded())) <= 2


@pytest.mark.parametrize("query", ["", "?types=complete"])
def test_a_silent_stream_says_that_it_is_alive(serve, query: str) -> None:
    # Also where tokens come all the time, but are filtered out.
    served = serve(["a", Pause(0.06)] * 8, heartbeat_interval=0.1)
    pause = serve([Pause(0.5)], heartbeat_interval=0.1)
    for one in (pause, served) if query else (pause,):
        reader = SSEReader()
        for piece in one.stream(query=query).iter_encoded():
            reader.feed(piece)
        assert "heartbeat" in reader.comments


def test_a_client_that_goes_away_changes_nothing_for_the_run(serve) -> None:
    served = serve(["one ", Pause(0.2), "two"])
    session = served.new_session()
    answer = served.stream(session_id=session)
    next(iter(answer.iter_encoded()))
    answer.close()
    deadline = time.monotonic() + 5
    while (run := served.client.get(f"/api/v1/runs/{answer.headers['X-Run-ID']}").json)["status"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (run["status"], run["content"]) == ("completed", "one two")


def test_a_stream_has_its_own_time_limit(serve) -> None:
    served = serve([Pause(0.4), "late"], request_timeout=0.2, stream_timeout=5)
    assert events_of(served.stream())[-1].type == "complete"
    cut = serve([Pause(20)], stream_timeout=0.2)
    error = events_of(cut.stream())[-1].json()["data"]
    assert (error["code"], error["details"]["cause"]) == ("EXECUTION_ERROR", "TIMEOUT")


REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    ("scripted", {"input": 5, "media": 5}, "INVALID_REQUEST"),
    ("nobody", {"input": "x", "media": [{"type": "smell", "url": "https://x/"}]}, "INVALID_MEDIA"),
    ("nobody", {}, "INVALID_REQUEST"),
    ("nobody", {"input": "", "media": []}, "INVALID_REQUEST"),
    ("nobody", {"input": "x", "session_id": "nobody"}, "AGENT_NOT_FOUND"),
    ("scripted", {"input": "x", "session_id": "nobody"}, "SESSION_NOT_FOUND"),
    ("scripted", {"media": {"type": "audio", "url": "https://example.com/a.mp3"}}, "INVALID_MEDIA"),
]


@pytest.mark.parametrize(("agent", "body", "code"), REFUSALS)
def test_run_and_stream_refuse_identically_and_in_the_contracts_order(
    served: Served, agent: str, body: dict[str, Any], code: str
) -> None:
    addresses = [f"/api/v1/agents/{agent}/run{path}" for path in ("", "/stream", "?stream_events=1")]
    answers = [served.client.post(address, json=body, headers={"X-Request-ID": "same"}) for address in addresses]
    assert answers[0].json["code"] == code
    assert [(one.status_code, one.json) for one in answers] == [(answers[0].status_code, answers[0].json)] * 3
    assert served.client.get("/api/v1/runs").json["count"] == 0


def test_many_streams_of_one_application_do_not_mix(serve) -> None:
    served = serve(agents={"own": Counting()})
    outputs: dict[int, str] = {}

    def follow(number: int) -> None:
        answer = served.app.test_client().post("/api/v1/agents/own/run/stream", json={"input": str(number)})
        outputs[number] = "".join(data["token"] for data in data_of(list(read_events(answer.iter_encoded())), "token"))

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert outputs == {number: f"{number}-" * 20 for number in range(8)}


class Counting:
    """Says its input twenty times."""

    def stream(self, context):
        for _ in range(20):
            yield f"{context.input}-"
            time.sleep(0.002)
