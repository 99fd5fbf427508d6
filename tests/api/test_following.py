"""`GET /runs/{id}/events`: coming back to a run, during it and after it, at whichever worker."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from agentos.domain.times import utc_now
from agentos.errors import ProviderError
from agentos.models.scripted import Fail, Pause
from agentos.testing.sse import SSEReader, read_events
from api.conftest import Served, check_schema
from parts.waiting import until

WORDS = [f"word{number} " for number in range(10)]
SLOW = [step for word in WORDS for step in (word, Pause(0.05))]

Pair = Callable[..., tuple[Served, Served]]


def follow(served: Served, run_id: str, query: str = "", last: int | str | None = None) -> TestResponse:
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    return served.client.get(f"/api/v1/runs/{run_id}/events{query}", headers=headers)


def frames_of(answer: TestResponse) -> list[tuple[int, str, str]]:
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    found = [(int(event.id or 0), event.type, event.data) for event in read_events(answer.iter_encoded())]
    for _, type, data in found:
        envelope = json.loads(data)
        check_schema(envelope, "RunEvent")
        assert envelope["type"] == type
        check_schema(envelope["data"], f"{type.title().replace('_', '')}Data")
    return found


def started(served: Served, **fields: Any) -> str:
    """Start a run that nobody follows, and return its id."""
    answer = served.stream(**fields)
    answer.close()
    return answer.headers["X-Run-ID"]


@pytest.mark.parametrize("after", [0, 1, 5, 11])
@pytest.mark.parametrize("how", ["query", "header"])
def test_a_run_that_ended_is_replayed_from_any_place_on(serve, after: int, how: str) -> None:
    served = serve(WORDS)
    answer = served.stream()
    whole = frames_of(answer)
    assert len(whole) == 12
    run_id = answer.headers["X-Run-ID"]
    again = follow(served, run_id, f"?after={after}") if how == "query" else follow(served, run_id, last=after)
    assert frames_of(again) == whole[after:]
    assert again.headers["X-Run-ID"] == run_id
    assert again.headers["Cache-Control"] == "no-cache, no-transform"
    assert again.headers["X-Accel-Buffering"] == "no"


def test_a_run_is_followed_live_by_as_many_as_like(serve) -> None:
    served = serve(SLOW)
    run_id = started(served)
    answers = [follow(served, run_id, last=after) for after in (0, 2, 4)]
    assert served.client.get(f"/api/v1/runs/{run_id}").json["status"] == "running"
    whole, second, fourth = (frames_of(answer) for answer in answers)
    assert [number for number, _, _ in whole] == list(range(1, 13))
    assert (second, fourth) == (whole[2:], whole[4:])


def test_a_client_that_comes_back_again_and_again_to_both_workers_gets_each_event_once(serve_pair: Pair) -> None:
    here, there = serve_pair(SLOW)
    run_id = started(here)
    seen: list[tuple[int, str, str]] = []
    for worker in (there, here) * 20:
        answer = follow(worker, run_id, last=seen[-1][0] if seen else None)
        if answer.status_code == 204:
            break
        reader = SSEReader()
        for piece in answer.iter_encoded():
            events = reader.feed(piece)
            seen += [(int(event.id or 0), event.type, event.data) for event in events]
            if events:
                break  # the connection is lost after the first piece
        answer.close()
    assert [number for number, _, _ in seen] == list(range(1, 13))
    assert "".join(json.loads(data)["data"]["token"] for _, type, data in seen if type == "token") == "".join(WORDS)
    assert frames_of(follow(there, run_id)) == seen


def test_types_filters_and_error_passes(serve) -> None:
    served = serve(["half", Fail(ProviderError("refused"))])
    run_id = started(served)
    assert [type for _, type, _ in frames_of(follow(served, run_id, "?types=token"))] == ["token", "error"]
    assert [type for _, type, _ in frames_of(follow(served, run_id, "?types=complete&after=1"))] == ["error"]


def test_a_silent_run_elsewhere_says_that_it_is_alive(serve_pair: Pair) -> None:
    here, there = serve_pair([Pause(1)], heartbeat_interval=0.1)
    reader = SSEReader()
    for piece in follow(there, started(here)).iter_encoded():
        reader.feed(piece)
    assert reader.comments.count("heartbeat") >= 3


def test_a_browser_is_told_how_soon_to_come_back_before_anything_happens(serve) -> None:
    served = serve([Pause(0.5)])
    pieces = follow(served, started(served), last=1).iter_encoded()
    assert next(pieces) == b"retry: 1000\n\n"


def test_whoever_saw_the_end_is_told_not_to_come_back(serve) -> None:
    served = serve()
    run_id = served.run("Hi").json["run_id"]
    last = frames_of(follow(served, run_id))[-1][0]
    for after in (last, last + 5):
        answer = follow(served, run_id, last=after)
        assert (answer.status_code, answer.data) == (204, b"")
        assert "Content-Type" not in answer.headers


def test_last_event_id_counts_more_than_after_as_a_reconnecting_browser_sends_both(serve) -> None:
    served = serve(WORDS)
    run_id = started(served)
    served.ended(run_id)
    assert frames_of(follow(served, run_id, "?after=3", last=7))[0][0] == 8
    assert frames_of(follow(served, run_id, "?after=3", last=3))[0][0] == 4
    answer = follow(served, run_id, "?after=7", last=3)
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert "Last-Event-ID" in answer.json["message"]


@pytest.mark.parametrize("bad", ["-1", "1.0", "x", "", "1_0", "٣", "9" * 19, " 1 2"])
def test_a_malformed_place_is_refused(served: Served, bad: str) -> None:
    run_id = served.run("Hi").json["run_id"]
    headers = {"Last-Event-ID": bad.encode().decode("latin-1")}
    for answer in (
        served.client.get(f"/api/v1/runs/{run_id}/events", query_string={"after": bad}),
        served.client.get(f"/api/v1/runs/{run_id}/events", headers=headers),
    ):
        assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
        assert "accepted is" in answer.json["message"]


def test_an_unknown_run_is_404_before_the_stream(served: Served) -> None:
    answer = follow(served, "nobody")
    assert (answer.status_code, answer.json["code"]) == (404, "RUN_NOT_FOUND")


@pytest.mark.parametrize("last", [None, 2, 99])
def test_events_that_are_not_kept_any_more_are_410(served: Served, last: int | None) -> None:
    run_id = served.run("Hi").json["run_id"]
    served.services.storage.events.delete_old(ended_before=utc_now(), limit=10)
    answer = follow(served, run_id, last=last)
    assert (answer.status_code, answer.json["code"]) == (410, "EVENTS_EXPIRED")
    assert served.client.get(f"/api/v1/runs/{run_id}").json["content"] == "Hello there"


def test_a_run_that_starts_over_says_so_with_its_attempt(serve, tmp_path: Path) -> None:
    shared = {
        "database_url": f"sqlite:///{tmp_path}/agentos.db",
        "agent": {"retry_on_crash": True},
        "lease_seconds": 1,
    }
    lost, other = serve(["half", Pause(20)], **shared), serve("whole", **shared)
    run_id = started(lost)
    until(lambda: lost.provider.requests)
    lost.services.sweeper.close()
    lost.services.leases.close()  # nothing more is heard of it
    other.services.watch_runs()
    frames = frames_of(follow(other, run_id))
    attempts = [json.loads(data)["data"].get("attempt") for _, type, data in frames if type == "run_start"]
    assert attempts == [None, 2]
    assert [number for number, _, _ in frames] == list(range(1, len(frames) + 1))
    assert json.loads(frames[-1][2])["data"]["output"] == "whole"
