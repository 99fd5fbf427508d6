"""Runs are deleted one by one; what is left of their session stays whole."""

import base64

from agentos.domain.agent import Agent
from parts.waiting import until

RUNS = "/api/v1/runs"
PICTURE = {"type": "image", "data": base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"x" * 100).decode()}


def test_a_deleted_run_is_gone_with_its_events_and_attachments(serve, tmp_path) -> None:
    for url in ("memory://", f"sqlite:///{tmp_path}/agentos.db"):
        served = serve(database_url=url)
        media = {**PICTURE, "content_type": "image/png"}
        run_id = served.run("Hi", media=[media]).json["run_id"]
        assert served.client.get(f"{RUNS}/{run_id}/media/0").status_code == 200
        assert served.client.delete(f"{RUNS}/{run_id}").json == {"message": "run deleted"}
        for address in (f"{RUNS}/{run_id}", f"{RUNS}/{run_id}/events", f"{RUNS}/{run_id}/media/0"):
            answer = served.client.get(address)
            assert (answer.status_code, answer.json["code"]) == (404, "RUN_NOT_FOUND")
        assert served.client.get(RUNS).json["count"] == 0
        assert served.client.delete(f"{RUNS}/{run_id}").json["code"] == "RUN_NOT_FOUND"


def test_a_run_that_has_not_ended_is_refused_and_goes_on(serve) -> None:
    served = serve(agents={"slow": Agent(id="slow", model="scripted:slow-1000x0.5")})
    started = served.client.post("/api/v1/agents/slow/run", json={"input": "Hi", "background": True}).json
    refused = served.client.delete(f"{RUNS}/{started['run_id']}")
    assert (refused.status_code, refused.json["code"]) == (409, "RUN_ACTIVE")
    assert "cancel it" in refused.json["message"]
    assert served.client.get(f"{RUNS}/{started['run_id']}").json["status"] in ("queued", "running")
    served.client.post(f"{RUNS}/{started['run_id']}/cancel")
    until(lambda: served.client.delete(f"{RUNS}/{started['run_id']}").status_code == 200)


def test_a_session_without_one_of_its_runs_goes_on(serve) -> None:
    served = serve("one", "two", "three", "four")
    session = served.new_session()
    runs = [served.run(text, session).json["run_id"] for text in ("a", "b", "c")]
    served.client.delete(f"{RUNS}/{runs[1]}")
    shown = served.client.get(f"/api/v1/sessions/{session}").json
    assert shown["run_count"] == 2
    history = served.client.get(f"/api/v1/sessions/{session}/history").json
    assert [run["run_id"] for run in history["runs"]] == [runs[0], runs[2]]
    assert [message["sequence"] for message in history["messages"]] == [1, 2, 5, 6]
    served.run("d", session)
    assert [message.content for message in served.provider.requests[-1].messages][-5:] == [
        "a",
        "one",
        "c",
        "three",
        "d",
    ]


def test_a_repeat_of_a_request_whose_run_was_deleted_is_a_conflict(served) -> None:
    headers = {"Idempotency-Key": "k"}
    body = {"input": "Hi"}
    first = served.client.post("/api/v1/agents/scripted/run", json=body, headers=headers)
    served.client.delete(f"{RUNS}/{first.json['run_id']}")
    again = served.client.post("/api/v1/agents/scripted/run", json=body, headers=headers)
    assert (again.status_code, again.json["code"]) == (409, "IDEMPOTENCY_CONFLICT")
