"""Paused runs of tenants who must not know of each other, and what paused runs count for."""

from typing import Any

import pytest
from agentos_testing.http_client import HttpClient

from agentos.services.keys import CLIENT_SCOPES
from parts.client import Client
from parts.server import AgentOSServer
from parts.shop import BOUGHT, LOOK_AND_PAY, Shop, answers_to, asking, paused, resume, start
from parts.waiting import until

APPROVER = (*CLIENT_SCOPES, "runs:approve")


def pause(client: HttpClient, **more: Any) -> dict[str, Any]:
    body = asking(LOOK_AND_PAY, **more)
    answer = client.post("/api/v1/agents/shop/run", body)
    assert answer.status == 202, answer.text
    run: dict[str, Any] = answer.json
    return run


@pytest.fixture
def servers(shop: Shop) -> list[AgentOSServer]:
    return [shop.open(AGENTOS_AUTH="api_key", AGENTOS_RATE_LIMIT="none") for _ in range(2)]


def test_no_tenant_sees_answers_cancels_or_lists_the_paused_run_of_another(
    shop: Shop, servers: list[AgentOSServer]
) -> None:
    ada = servers[0].as_caller("ada", APPROVER)
    eve = HttpClient(servers[1].url, servers[0].as_caller("eve", APPROVER).headers)
    session = ada.post("/api/v1/sessions", {"agent_id": "shop"}).json["session_id"]
    run = pause(ada, session_id=session)
    address = f"/api/v1/runs/{run['run_id']}"
    refusals = {
        "see": eve.get(address),
        "answer": eve.post(f"{address}/resume", answers_to(run)),
        "cancel": eve.post(f"{address}/cancel"),
        "follow": eve.get(f"{address}/events"),
        "delete": eve.request("DELETE", address),
        "interrupt": eve.run("shop", '["hi"]', session_id=session, concurrency="interrupt"),
    }
    assert {what: answer.status for what, answer in refusals.items()} == dict.fromkeys(refusals, 404)
    assert not any(run["pending"][0]["id"] in answer.text for answer in refusals.values())
    assert eve.get("/api/v1/approvals").json["approvals"] == []
    assert eve.get(f"/api/v1/approvals?run_id={run['run_id']}").json["approvals"] == []
    assert eve.get("/api/v1/runs?status=paused").json["runs"] == []

    (waiting,) = ada.get("/api/v1/approvals").json["approvals"]
    assert (waiting["id"], waiting["run_id"]) == (run["pending"][0]["id"], run["run_id"])
    assert ada.get(address).json["status"] == "paused"
    assert ada.post(f"{address}/resume", answers_to(run)).status == 202
    until(lambda: ada.get(address).json["status"] == "completed")
    assert ada.get(address).json["content"] == BOUGHT
    assert ada.get("/api/v1/approvals").json["approvals"] == []


def test_an_action_of_another_run_is_answered_by_no_run(servers: list[AgentOSServer]) -> None:
    ada, eve = (servers[0].as_caller(name, APPROVER) for name in ("ada", "eve"))
    hers, other = pause(ada), pause(eve)
    swapped = eve.post(f"/api/v1/runs/{other['run_id']}/resume", answers_to(hers))
    assert swapped.status == 404
    for client, run in ((ada, hers), (eve, other)):
        assert client.get(f"/api/v1/runs/{run['run_id']}").json["status"] == "paused"


def test_a_client_key_cannot_approve_what_it_may_see(servers: list[AgentOSServer]) -> None:
    ada = servers[0].as_caller("ada")
    run = pause(ada)
    refused = ada.post(f"/api/v1/runs/{run['run_id']}/resume", answers_to(run))
    assert (refused.status, refused.json["code"]) == (403, "FORBIDDEN")
    assert "runs:approve" in refused.text
    approver = HttpClient(servers[1].url, servers[0].as_caller("ada", APPROVER).headers)
    assert approver.post(f"/api/v1/runs/{run['run_id']}/resume", answers_to(run)).status == 202
    until(lambda: ada.get(f"/api/v1/runs/{run['run_id']}").json["status"] == "completed")


def test_deleting_the_data_of_an_owner_leaves_nothing_of_its_paused_runs(
    shop: Shop, servers: list[AgentOSServer]
) -> None:
    ada, eve = (servers[0].as_caller(name, APPROVER) for name in ("ada", "eve"))
    admin = HttpClient(servers[1].url, servers[0].as_caller("root", ("admin",)).headers)
    session = ada.post("/api/v1/sessions", {"agent_id": "shop"}).json["session_id"]
    hers, other = [pause(ada, session_id=session), pause(ada)], pause(eve)
    deleted = admin.request("DELETE", "/api/v1/data?owner=ada")
    assert (deleted.status, deleted.json["runs"]) == (200, 2), deleted.text
    for run in hers:
        assert ada.get(f"/api/v1/runs/{run['run_id']}").status == 404
        assert ada.post(f"/api/v1/runs/{run['run_id']}/resume", answers_to(run)).status == 404
        assert shop.calls(run["run_id"], "pay") == []
    assert ada.get("/api/v1/approvals").json["approvals"] == []
    assert [one["run_id"] for one in eve.get("/api/v1/approvals").json["approvals"]] == [other["run_id"]]
    left = {table: shop.database.rows(table) for table in ("records", "pending_actions", "run_checkpoints")}
    assert left == dict.fromkeys(left, 1)


def test_a_paused_run_counts_not_and_its_answer_is_never_refused_for_the_quota(shop: Shop) -> None:
    client = Client(shop.open(AGENTOS_MAX_RUNS_PER_OWNER="1").url)
    runs = [paused(client) for _ in range(3)]
    shop.hold("busy")
    held = start(client, [[["look_up", {"what": "busy"}]], "$results"])
    until(lambda: shop.calls(held))
    refused = client.request("POST", "/agents/shop/run", asking(["hello"]))
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
    for run in runs:
        resume(client, run)
    for run in runs:
        assert client.ended(run["run_id"])["content"] == BOUGHT
    shop.release("busy")
    client.ended(held)
    assert client.post("/agents/shop/run", asking(["hello"]))["content"] == "hello"


def test_one_that_would_be_a_paused_run_too_many_fails_with_the_limit(shop: Shop) -> None:
    client = Client(shop.open(AGENTOS_MAX_PAUSED_RUNS_PER_OWNER="2").url)
    runs = [paused(client) for _ in range(2)]
    refused = client.request("POST", "/agents/shop/run", asking(LOOK_AND_PAY))
    assert refused.status_code == 429
    assert refused.json()["code"] == "RATE_LIMITED"
    resume(client, runs[0])
    client.ended(runs[0]["run_id"])
    paused(client)


def test_a_limit_of_paused_runs_is_of_one_owner(shop: Shop) -> None:
    server = shop.open(AGENTOS_AUTH="api_key", AGENTOS_RATE_LIMIT="none", AGENTOS_MAX_PAUSED_RUNS_PER_OWNER="1")
    for name in ("ada", "eve"):
        pause(server.as_caller(name, APPROVER))
