"""Workers that are killed between the decision of an approver and the call: two of one gunicorn, with keys."""

import json
import subprocess
import sys
from contextlib import suppress
from http.client import HTTPException
from typing import Any

import pytest
from agentos_testing.http_client import HttpClient

from faults.conftest import visible_within
from parts.server import AgentOSServer
from parts.shop import Shop, asking
from parts.waiting import until

VISIBLE = visible_within(1.0)
EDITED = {"amount": 50, "to": "ann"}
WIRE = [[["wire", {"amount": 500, "to": "ann"}]], "$results"]


@pytest.fixture(scope="module")
def doomed(lasting_shop: Shop) -> AgentOSServer:
    settings = {"AGENTOS_AUTH": "api_key", "AGENTOS_RATE_LIMIT": "none"}
    return lasting_shop.open(workers=2, dying=True, **settings)


@pytest.fixture(scope="module")
def callers(lasting_shop: Shop, doomed: AgentOSServer) -> tuple[HttpClient, HttpClient]:
    """Return one who runs agents, and one who decides for everybody."""

    def caller(*arguments: str) -> HttpClient:
        command = [sys.executable, "-m", "agentos", "keys", "create", *arguments, "--json"]
        # The command does not know the application's own storage backend, which wraps this one.
        environment = doomed.environment | {"AGENTOS_DATABASE_URL": lasting_shop.database.url}
        made = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
        return HttpClient(doomed.url, {"Authorization": f"Bearer {json.loads(made.stdout)['key']}"})

    return caller("ada"), caller("boss", "--scope=runs:approve:any")


@pytest.fixture
def server(doomed: AgentOSServer) -> AgentOSServer:
    """A server with two workers, of which the test before may have lost one: the master has replaced it."""
    doomed.wait_for(lambda: len(doomed.worker_pids()) == 2, what="whole")
    until(lambda: _answers(doomed), seconds=60)
    return doomed


def _answers(server: AgentOSServer) -> bool:
    with suppress(OSError, HTTPException):
        return bool(HttpClient(server.url).get("/ready").status == 200)
    return False


def pause(client: HttpClient, agent: str, **more: Any) -> dict[str, Any]:
    answer = client.post(f"/api/v1/agents/{agent}/run", asking(WIRE, **more))
    assert answer.status == 202, answer.text
    run: dict[str, Any] = answer.json
    return run


@pytest.mark.parametrize(
    ("agent", "moment"),
    [
        *(("shop", one) for one in ("before answer", "after answer", "before claim", "after claim")),
        ("again", "after claim"),
    ],
)
def test_a_decision_is_carried_out_once_though_its_worker_is_killed_before_the_call(
    lasting_shop: Shop, server: AgentOSServer, callers: tuple[HttpClient, HttpClient], agent: str, moment: str
) -> None:
    shop = lasting_shop
    ada, boss = callers
    run = pause(ada, agent)
    address = f"/api/v1/runs/{run['run_id']}"
    decision = {"id": run["pending"][0]["id"], "decision": "approve", "arguments": EDITED, "message": "50 is enough"}

    shop.die_at(moment)
    with suppress(OSError, HTTPException):
        boss.post(f"{address}/resume", {"answers": [decision]})
    server.wait_for(lambda: shop.died, what="killed")
    until(lambda: _answers(server), seconds=30)
    # Where the approver got no response, the same decision again is the same one. Another one comes too late.
    again = boss.post(f"{address}/resume", {"answers": [decision]})
    assert again.status == 202 or again.json["code"] == "RUN_FINISHED", again.text
    other = boss.post(f"{address}/resume", {"answers": [{**decision, "arguments": {"amount": 500, "to": "ann"}}]})
    assert (other.status, other.json["code"]) == (409, "ALREADY_ANSWERED")
    if moment in ("after answer", "before claim"):
        shop.database.expect_claims()

    until(lambda: ada.get(address).json["status"] in ("completed", "failed"), seconds=VISIBLE)
    ended = ada.get(address).json
    wired = [one["amount"] for one in shop.calls(run["run_id"], "wire")]
    if agent == "shop" and moment == "after claim":
        # Without retry_on_crash, a run that was executed may have made the call. It says so, and makes none.
        assert (ended["status"], ended["error"]["details"]["cause"]) == ("failed", "WORKER_LOST")
        assert wired == []
    else:
        assert (ended["status"], ended["content"]) == ("completed", "wired 50 to ann")
        assert wired == [50]
    (kept,) = ended["decisions"]
    assert (kept["arguments"], kept["edited_arguments"]) == ({"amount": 500, "to": "ann"}, EDITED)
    assert (kept["answered_as"], kept["address"], kept["message"]) == ("other", "127.0.0.1", "50 is enough")


@pytest.mark.parametrize("moment", ["after answer", "before claim"])
def test_a_decision_that_is_to_be_remembered_is_so_though_its_worker_is_killed(
    lasting_shop: Shop, server: AgentOSServer, callers: tuple[HttpClient, HttpClient], moment: str
) -> None:
    shop = lasting_shop
    ada, boss = callers
    session = ada.post("/api/v1/sessions", {"agent_id": "shop"}).json["session_id"]
    run = pause(ada, "shop", session_id=session)
    decision = {"id": run["pending"][0]["id"], "decision": "approve", "remember": "session"}
    shop.die_at(moment)
    with suppress(OSError, HTTPException):
        boss.post(f"/api/v1/runs/{run['run_id']}/resume", {"answers": [decision]})
    server.wait_for(lambda: shop.died, what="killed")
    until(lambda: _answers(server), seconds=30)
    (rule,) = boss.get(f"/api/v1/approvals/rules?session_id={session}").json["rules"]
    assert (rule["tool"], rule["decision"], rule["run_id"]) == ("wire", "approve", run["run_id"])
    shop.database.expect_claims()
    until(lambda: ada.get(f"/api/v1/runs/{run['run_id']}").json["status"] == "completed", seconds=VISIBLE)
    later = ada.post("/api/v1/agents/shop/run", asking(WIRE, session_id=session))
    assert (later.status, later.json["content"]) == (200, "wired 500 to ann")
    assert [one["amount"] for one in shop.calls(run["run_id"], "wire")] == [500]
