"""Runs that somebody stops, or whose client is gone."""

import time

import pytest
import requests

from parts.client import Client
from parts.model_server import ModelServer
from parts.pair import Pair

SOON = 1.5  # a second, and what a busy machine adds


@pytest.fixture
def silent(pair: Pair) -> str:
    """An agent whose model says "Hm" and then nothing for a minute."""
    return pair.here.register(model="openai:fault-silence-midway")


@pytest.mark.parametrize("side", ["same worker", "other worker"])
def test_cancelling_cuts_a_silent_model_and_keeps_what_was_written(
    pair: Pair, model: ModelServer, silent: str, side: str
) -> None:
    canceller = pair.here if side == "same worker" else pair.there
    session = pair.here.session(silent)
    stream = pair.here.stream(f"/agents/{silent}/run/stream", {"input": "go", "session_id": session})
    events = [next(stream), next(stream)]
    run_id = events[0].run_id
    cut = model.connections_cut
    asked = time.monotonic()
    assert canceller.request("POST", f"/runs/{run_id}/cancel").status_code == 202
    assert model.wait_for_cuts(cut + 1, timeout=SOON)
    events += stream
    assert time.monotonic() - asked < SOON + 0.5

    assert (events[-1].type, events[-1].data["code"]) == ("error", "RUN_CANCELLED")
    run = pair.there.get(f"/runs/{run_id}")
    assert (run["status"], run["content"]) == ("cancelled", "Hm")
    body = {"input": "next", "session_id": session}
    assert pair.there.post("/agents/assistant/run", body)["content"] == "next"
    assert [text for _, text in pair.there.said(session)] == ["go", "Hm", "next", "next"]

    again = canceller.request("POST", f"/runs/{run_id}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "RUN_FINISHED")


def test_a_run_that_was_waited_for_answers_that_it_was_cancelled(pair: Pair, silent: str) -> None:
    session = pair.here.session(silent)
    with pytest.raises(requests.Timeout):
        pair.here.request("POST", f"/agents/{silent}/run", {"input": "go", "session_id": session}, timeout=0.5)
    (run,) = pair.here.get(f"/runs?session_id={session}")["runs"]
    assert run["status"] == "running", "a client that leaves changes nothing"
    assert pair.there.request("POST", f"/runs/{run['run_id']}/cancel").status_code == 202
    assert pair.there.ended(run["run_id"], timeout=5)["status"] == "cancelled"


def test_a_run_that_waits_its_turn_can_be_cancelled(pair: Pair, silent: str) -> None:
    session = pair.here.session(silent)
    first = pair.here.stream(f"/agents/{silent}/run/stream", {"input": "first", "session_id": session})
    second = pair.here.stream(f"/agents/{silent}/run/stream", {"input": "second", "session_id": session})
    first_id, second_id = next(first).run_id, next(second).run_id
    pair.there.post(f"/runs/{second_id}/cancel", None)
    (last,) = list(second)
    assert last.data["code"] == "RUN_CANCELLED"
    assert pair.there.get(f"/runs/{first_id}")["status"] == "running"
    pair.there.post(f"/runs/{first_id}/cancel", None)
    assert list(first)[-1].data["code"] == "RUN_CANCELLED"
    assert [text for _, text in pair.there.said(session)] == ["first", "Hm"]


def test_there_is_nothing_to_cancel_of_a_run_that_never_was(pair: Pair) -> None:
    answer = pair.here.request("POST", "/runs/never/cancel")
    assert (answer.status_code, answer.json()["code"]) == (404, "RUN_NOT_FOUND")


def test_deleting_a_session_on_the_other_worker_stops_its_run(pair: Pair, model: ModelServer, silent: str) -> None:
    session = pair.here.session(silent)
    stream = pair.here.stream(f"/agents/{silent}/run/stream", {"input": "go", "session_id": session})
    next(stream), next(stream)
    cut = model.connections_cut
    assert pair.there.request("DELETE", f"/sessions/{session}").status_code == 200
    assert model.wait_for_cuts(cut + 1, timeout=SOON * 2)
    assert list(stream)[-1].type == "error"


@pytest.mark.parametrize("path", ["/run", "/run/stream"])
def test_a_client_that_leaves_takes_its_run_along_if_it_said_so(
    pair: Pair, model: ModelServer, silent: str, path: str
) -> None:
    session = pair.here.session(silent)
    cut = model.connections_cut
    left = _leave(pair.here, f"/agents/{silent}{path}", {"session_id": session, "on_disconnect": "cancel"})
    assert model.wait_for_cuts(cut + 1, timeout=left + SOON - time.monotonic())
    (run,) = pair.there.get(f"/runs?session_id={session}")["runs"]
    run = pair.there.ended(run["run_id"], timeout=5)
    assert (run["status"], run["content"]) == ("cancelled", "Hm")


@pytest.mark.parametrize(("path", "more"), [("/run", {}), ("/run/stream", {"on_disconnect": "continue"})])
def test_a_client_that_leaves_without_a_word_changes_nothing(pair: Pair, path: str, more: dict[str, str]) -> None:
    agent = pair.here.register(model="scripted:slow-10x0.12")
    session = pair.here.session(agent)
    _leave(pair.here, f"/agents/{agent}{path}", {"session_id": session, **more})
    (run,) = pair.there.get(f"/runs?session_id={session}")["runs"]
    run = pair.there.ended(run["run_id"])
    assert (run["status"], run["content"]) == ("completed", "".join(f"word{number} " for number in range(10)))


def _leave(client: Client, path: str, body: dict[str, str]) -> float:
    """Ask for a run, wait until it is under way, close the connection, and return when that was."""
    address = f"{client.url}/api/v1{path}"
    if path.endswith("/stream"):
        with requests.post(address, json={"input": "go", **body}, stream=True, timeout=10) as response:
            assert next(response.iter_content(None))
            time.sleep(0.5)
    else:
        with pytest.raises(requests.Timeout):
            requests.post(address, json={"input": "go", **body}, timeout=0.7)
    return time.monotonic()
