"""A session with a paused run: what each policy does with a new one, and with those that wait behind it."""

import threading

import pytest

from agentos.models.scripted import Pause, call
from api.pausing import WAYS, Paused, events_of, paused_app
from parts.bank import TRANSFER
from parts.waiting import until

SLOW = ["One moment.", Pause(0.5), call("transfer", '{"amount": 5}')]


def send(app: Paused, way: str, session: str, **fields):
    """Start another run in the session."""
    if way == "stream":
        return app.served.stream("And now?", session_id=session, **fields)
    return app.served.run("And now?", session, **fields, **({"background": True} if way == "background" else {}))


@pytest.fixture
def app(serve) -> Paused:
    return paused_app(serve)


@pytest.fixture
def session(app: Paused) -> str:
    return app.served.new_session()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("concurrency", ["enqueue", "reject"])
def test_enqueue_and_reject_are_refused_with_what_the_session_waits_for(
    app: Paused, session: str, way: str, concurrency: str
) -> None:
    run_id = app.start(session_id=session)
    answer = send(app, way, session, concurrency=concurrency)
    assert (answer.status_code, answer.json["code"]) == (409, "SESSION_BUSY")
    pending = [action["id"] for action in app.pending(run_id)]
    assert answer.json["details"] == {"run_id": run_id, "pending": pending}
    assert f"POST /api/v1/runs/{run_id}/resume" in answer.json["message"]
    assert app.client.get("/api/v1/runs").json["count"] == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("concurrency", "kept"),
    [("interrupt", ["Pay", "One moment.", "And now?", "Next."]), ("rollback", ["And now?", "Next."])],
)
def test_interrupt_and_rollback_end_the_paused_run(serve, way: str, concurrency: str, kept: list[str]) -> None:
    app = paused_app(serve, ["One moment.", *TRANSFER], "Next.")
    session = app.served.new_session()
    first = app.start(session_id=session)
    answer = send(app, way, session, concurrency=concurrency)
    if way == "stream":
        events_of(answer)
    second = answer.headers["X-Run-ID"]
    assert app.ended(second)["status"] == "completed"
    assert app.ended(first)["status"] == "cancelled"
    messages = app.client.get(f"/api/v1/sessions/{session}/history").json["messages"]
    assert [message["content"] for message in messages if message["role"] != "tool"] == kept
    assert app.bank.calls == []


def test_a_session_takes_the_next_run_once_the_paused_one_has_ended(app: Paused, session: str) -> None:
    run_id = app.start(session_id=session)
    app.approve(run_id)
    app.ended(run_id)
    app.served.provider.say("Next.")
    assert app.served.run("And now?", session).json["content"] == "Next."


@pytest.mark.parametrize("way", ["run", "stream"])
def test_a_run_that_waits_for_its_turn_ends_as_busy_when_the_one_before_it_pauses(serve, way: str) -> None:
    app = paused_app(serve, SLOW, "Done.")
    session = app.served.new_session()
    first = app.served.run("Pay", session, background=True).headers["X-Run-ID"]
    until(lambda: app.run(first)["status"] == "running")
    answer = send(app, way, session)
    if way == "run":
        assert (answer.status_code, answer.json["code"]) == (409, "SESSION_BUSY")
    else:
        last = events_of(answer)[-1]
        assert (last.type, last.json()["data"]["code"]) == ("error", "SESSION_BUSY")
    run = app.ended(answer.headers["X-Run-ID"])
    assert (run["status"], run["error"]["code"]) == ("failed", "SESSION_BUSY")
    assert run["error"]["details"]["pending"] == [action["id"] for action in app.pending(first)]
    assert app.run(first)["status"] == "paused"


def test_a_background_run_that_waits_for_its_turn_stays_queued_and_runs_after_the_pause(serve) -> None:
    app = paused_app(serve, SLOW, "Done.", "Next.")
    session = app.served.new_session()
    first = app.served.run("Pay", session, background=True).headers["X-Run-ID"]
    until(lambda: app.run(first)["status"] == "running")
    second = send(app, "background", session).headers["X-Run-ID"]
    until(lambda: app.run(first)["status"] == "paused")
    assert app.run(second)["status"] == "queued"
    app.approve(first)
    assert app.ended(first)["content"] == "Done."
    assert app.ended(second)["content"] == "Next."


def test_a_waiting_background_run_runs_once_the_paused_one_is_cancelled(serve) -> None:
    app = paused_app(serve, SLOW, "Next.")
    session = app.served.new_session()
    first = app.served.run("Pay", session, background=True).headers["X-Run-ID"]
    until(lambda: app.run(first)["status"] == "running")
    second = send(app, "background", session).headers["X-Run-ID"]
    until(lambda: app.run(first)["status"] == "paused")
    app.client.post(f"/api/v1/runs/{first}/cancel")
    assert app.ended(second)["content"] == "Next."


def test_a_resumed_run_keeps_its_place_in_the_session(serve) -> None:
    app = paused_app(serve)
    session = app.served.new_session()
    run_id = app.start(session_id=session)
    thread = threading.Thread(target=app.approve, args=(run_id,))
    thread.start()
    thread.join()
    app.ended(run_id)
    app.served.provider.say("Next.")
    app.served.run("And now?", session)
    messages = app.client.get(f"/api/v1/sessions/{session}/history").json["messages"]
    assert [message["content"] for message in messages if message["role"] == "user"] == ["Pay", "And now?"]
