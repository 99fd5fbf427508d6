"""Servers that stop while their runs pause, and while answers come."""

import signal
import time

import pytest
import requests

from parts.client import Client
from parts.shop import BOUGHT, LOOK_AND_PAY, Shop, answers_to, asking, log_of, paused, resume, start
from parts.waiting import until

ROOMY = {"AGENTOS_DRAIN_TIMEOUT": "20"}


def test_a_run_that_pauses_while_its_server_stops_is_resumed_by_the_next(shop: Shop) -> None:
    server = shop.open(**ROOMY)
    client = Client(server.url)
    shop.hold("shoes")
    stream = client.stream("/agents/shop/run/stream", asking(LOOK_AND_PAY))
    run_id = next(stream).run_id
    until(lambda: shop.calls(run_id))
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    shop.release("shoes")
    *_, last = stream
    assert last.type == "paused", "its client learns of the pause, not of the stop"
    assert server.process.wait(15) == 0

    client = Client(shop.open().url)
    run = client.get(f"/runs/{run_id}")
    assert run["status"] == "paused"
    resume(client, run)
    assert client.ended(run_id)["content"] == BOUGHT
    assert [call["tool"] for call in shop.calls(run_id)] == ["look_up", "pay"]
    log_of(client, run_id)


def test_a_stop_does_not_wait_for_paused_runs(shop: Shop) -> None:
    server = shop.open(**ROOMY)
    run = paused(Client(server.url))
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 10
    client = Client(shop.open().url)
    assert client.get(f"/runs/{run['run_id']}")["status"] == "paused"


@pytest.mark.parametrize("way", ["run", "background"])
def test_an_answer_to_a_server_that_stops_is_left_to_another(shop: Shop, way: str) -> None:
    server, other = shop.open(**ROOMY), shop.open()
    client, there = Client(server.url), Client(other.url)
    run = paused(client) if way == "run" else client.ended(start(client, LOOK_AND_PAY))
    shop.hold("busy")
    busy = start(client, [[["look_up", {"what": "busy"}]], "$results"])
    until(lambda: shop.calls(busy))
    server.process.send_signal(signal.SIGTERM)
    server.wait_for(lambda: requests.get(f"{server.url}/ready", timeout=5).status_code == 503, 5, "draining")
    answer = client.request("POST", f"/runs/{run['run_id']}/resume", answers_to(run))
    assert answer.status_code == 202
    time.sleep(0.3)
    assert there.get(f"/runs/{run['run_id']}")["status"] == "queued", "the worker that stops leaves it"
    shop.database.expect_claims()
    assert there.ended(run["run_id"])["content"] == BOUGHT
    assert {call["pid"] for call in shop.calls(run["run_id"], "pay")} == set(other.worker_pids())
    shop.release("busy")
    assert server.process.wait(15) == 0
    assert there.get(f"/runs/{busy}")["content"] == "found busy"
