"""Clients that ask again because they do not know whether they were heard."""

from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import pytest
import requests

from parts.client import Client, events_of
from parts.model_server import ModelServer
from parts.pair import Pair


def ask(client: Client, agent: str, key: str, **body: object) -> requests.Response:
    return client.request("POST", f"/agents/{agent}/run", body, headers={"Idempotency-Key": key})


def test_eight_identical_requests_with_one_key_run_the_model_once(pair: Pair, model: ModelServer) -> None:
    agent = pair.here.register(model="openai:slow-7x0.1")
    session = pair.here.session(agent)
    before = model.calls["slow-7x0.1"]
    with ThreadPoolExecutor(8) as threads:
        asked = [
            threads.submit(ask, client, agent, f"key-of-{agent}", input="go", session_id=session)
            for client in islice(cycle((pair.here, pair.there)), 8)
        ]
        answers = [one.result() for one in asked]

    assert model.calls["slow-7x0.1"] == before + 1
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert sorted(answer.headers.get("Idempotency-Replayed", "") for answer in answers) == [""] + ["true"] * 7
    assert len(pair.here.said(session)) == 2
    late = ask(pair.there, agent, f"key-of-{agent}", input="go", session_id=session)
    assert (late.text, late.headers["Idempotency-Replayed"]) == (answers[0].text, "true")


def test_another_request_with_the_same_key_is_refused(pair: Pair) -> None:
    key = f"key-of-{pair.here.session()}"
    assert ask(pair.here, "assistant", key, input="one").status_code == 200
    answer = ask(pair.there, "assistant", key, input="two")
    assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_MISMATCH")


def test_a_stream_that_is_asked_for_again_is_joined(pair: Pair, model: ModelServer) -> None:
    agent = pair.here.register(model="openai:slow-8x0.1")
    before = model.calls["slow-8x0.1"]
    body, headers = {"input": "go"}, {"Idempotency-Key": f"key-of-{agent}"}
    first = pair.here.stream(f"/agents/{agent}/run/stream", body, headers=headers)
    start = next(first)
    address = f"{pair.there.url}/api/v1/agents/{agent}/run/stream"
    with requests.post(address, json=body, headers=headers, stream=True, timeout=30) as second:
        assert second.headers["Idempotency-Replayed"] == "true"
        assert list(events_of(second)) == [start, *first]
    assert model.calls["slow-8x0.1"] == before + 1


def test_a_run_that_failed_is_not_tried_again_under_its_key(pair: Pair, model: ModelServer) -> None:
    agent = pair.here.register(model="openai:fault-401")
    before = model.calls["fault-401"]
    answers = [ask(client, agent, f"key-of-{agent}", input="go") for client in (pair.here, pair.there)]
    assert [answer.status_code for answer in answers] == [502, 502]
    assert answers[0].json()["details"] == answers[1].json()["details"]
    assert model.calls["fault-401"] == before + 1


@pytest.mark.parametrize("count", [8])
def test_a_session_is_made_once_under_its_key(pair: Pair, count: int) -> None:
    headers = {"Idempotency-Key": f"key-of-{pair.here.session()}"}
    body = {"agent_id": "assistant", "user_id": headers["Idempotency-Key"]}
    with ThreadPoolExecutor(count) as threads:
        asked = [
            threads.submit(client.request, "POST", "/sessions", body, headers=headers)
            for client in islice(cycle((pair.here, pair.there)), count)
        ]
        answers = [one.result() for one in asked]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["session_id"] for answer in answers}) == 1
    assert pair.here.get(f"/sessions?user_id={body['user_id']}")["count"] == 1
