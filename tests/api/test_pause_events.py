"""The events of runs that pause: where a stream ends, and how it continues."""

import threading

import pytest

from agentos.testing.sse import SSEReader
from api.conftest import check_schema
from api.pausing import Paused, events_of, paused_app, paused_pair, types_of
from parts.bank import TRANSFER
from parts.waiting import until

WHOLE = ["run_start", "paused", "resumed", "tool_call", "tool_call", "token", "complete"]


def resumed(app: Paused, way: str = "run") -> str:
    """Start a run, approve what it waits for, and return its id once it has ended."""
    run_id = app.start(way)
    app.approve(run_id)
    app.ended(run_id)
    return run_id


def test_the_log_goes_through_the_pause_to_one_end(serve) -> None:
    app = paused_app(serve)
    events = app.events(resumed(app))
    assert types_of(events) == WHOLE
    assert [event.id for event in events] == [str(number) for number in range(1, len(WHOLE) + 1)]


def test_each_pause_is_followed_by_what_was_answered(serve) -> None:
    app = paused_app(serve, TRANSFER, TRANSFER, "Done.")
    run_id = app.start()
    (first,) = app.pending(run_id)
    app.approve(run_id)
    until(lambda: app.pending(run_id) and app.pending(run_id)[0]["id"] != first["id"])
    (second,) = app.pending(run_id)
    app.answer(run_id, {"id": second["id"], "decision": "reject"})
    app.ended(run_id)
    events = app.events(run_id)
    assert [type for type in types_of(events) if type in ("paused", "resumed", "complete")] == [
        *("paused", "resumed") * 2,
        "complete",
    ]
    said = [event.json()["data"] for event in events if event.type == "resumed"]
    for data in said:
        check_schema(data, "ResumedData")
    assert said == [
        {"answers": [{"id": first["id"], "decision": "approve"}]},
        {"answers": [{"id": second["id"], "decision": "reject"}]},
    ]


def test_a_call_starts_in_the_log_when_it_was_approved(serve) -> None:
    app = paused_app(serve)
    run_id = app.start()
    assert "tool_call" not in types_of(app.events(run_id))
    app.approve(run_id)
    app.ended(run_id)
    calls = [event.json()["data"]["status"] for event in app.events(run_id) if event.type == "tool_call"]
    assert calls == ["started", "completed"]


def test_who_follows_a_paused_run_gets_what_is_missing_and_the_stream_ends(serve) -> None:
    app = paused_app(serve)
    run_id = app.start()
    assert types_of(app.events(run_id)) == ["run_start", "paused"]
    assert types_of(app.events(run_id, "?after=1")) == ["paused"]


@pytest.mark.parametrize("worker", ["same", "other"])
def test_who_has_seen_all_of_a_paused_run_waits_with_heartbeats_and_gets_the_rest(serve_pair, worker: str) -> None:
    app, other = paused_pair(serve_pair, heartbeat_interval=0.2)
    run_id = app.start()
    follower = (app if worker == "same" else other).client
    answer = follower.get(f"/api/v1/runs/{run_id}/events?after=2")
    reader, events = SSEReader(), []
    pieces = answer.iter_encoded()
    while "heartbeat" not in reader.comments:
        assert reader.feed(next(pieces)) == []
    threading.Timer(0.1, lambda: app.approve(run_id)).start()
    for piece in pieces:
        events += reader.feed(piece)
    assert types_of(events) == WHOLE[2:]


def test_204_comes_only_after_the_end(serve) -> None:
    app = paused_app(serve)
    run_id = resumed(app)
    last = len(WHOLE)
    assert app.client.get(f"/api/v1/runs/{run_id}/events?after={last}").status_code == 204


@pytest.mark.parametrize("types", ["token", "run_start", "tool_call"])
def test_no_filter_hides_the_pause_the_answer_and_the_end(serve, types: str) -> None:
    app = paused_app(serve)
    run_id = resumed(app)
    found = types_of(app.events(run_id, f"?types={types}"))
    assert [type for type in found if type != types] == ["paused", "resumed", "complete"]


def test_a_filtered_stream_ends_with_paused_too(serve) -> None:
    app = paused_app(serve)
    answer = app.served.stream("Pay", query="?types=token")
    assert types_of(events_of(answer)) == ["paused"]


@pytest.mark.parametrize("way", ["run", "stream"])
def test_who_leaves_after_the_pause_cancels_nothing(serve, way: str) -> None:
    app = paused_app(serve)
    run_id = app.start(way, on_disconnect="cancel")
    assert app.run(run_id)["status"] == "paused"
    app.approve(run_id)
    assert app.ended(run_id)["status"] == "completed"


def test_what_comes_after_the_answer_is_followed_with_last_event_id(serve) -> None:
    app = paused_app(serve)
    run_id = app.start("stream")
    app.approve(run_id)
    answer = app.client.get(f"/api/v1/runs/{run_id}/events", headers={"Last-Event-ID": "2"})
    assert types_of(events_of(answer)) == WHOLE[2:]


def test_a_run_that_could_not_begin_again_ends_with_error(serve) -> None:
    app = paused_app(serve)
    run_id = app.start()
    app.client.post(f"/api/v1/runs/{run_id}/cancel")
    app.ended(run_id)
    events = app.events(run_id)
    assert types_of(events) == ["run_start", "paused", "error"]
    assert events[-1].json()["data"]["code"] == "RUN_CANCELLED"
