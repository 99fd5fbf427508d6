"""The deployed server behind a real nginx, as `docs/how-to/behind-a-proxy.md` configures it."""

import http.client
import json
import re
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from parts.nginx import running_nginx
from parts.server import AgentOSServer
from parts.shop import Shop, answers_to, asking

BASE = {"AGENTOS_ALLOW_ANONYMOUS": "1", "AGENTOS_PROXY_HOPS": "1", "AGENTOS_MODEL": "scripted:slow-20x0.05"}

# Which block of the page, which settings. The proxy strips the path, leaves it on, or names it itself.
UNDER_A_PATH = pytest.mark.parametrize(
    ("location", "settings"),
    [
        ("location /agents/ {  # It strips", {"AGENTOS_ROOT_PATH": "/agents"}),
        ("location /agents/ {  # It leaves", {"AGENTOS_ROOT_PATH": "/agents"}),
        ("location /agents/ {  # It names", {}),
    ],
    ids=["strips", "leaves", "names"],
)


def ask(url: str, body: object = None) -> urllib.request.Request:
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.Request(url, data, {"Content-Type": "application/json"})


def lines_of(server: AgentOSServer, path: str) -> list[dict]:
    return [line for line in server.records() if line.get("path") == path]


def arrivals(url: str) -> list[float]:
    """Stream a run and return when each token came."""
    times = []
    with urllib.request.urlopen(
        ask(f"{url}/api/v1/agents/assistant/run/stream", {"input": "Go"}), timeout=30
    ) as answer:
        for line in answer:
            if line == b"event: token\n":
                times.append(time.monotonic())
        assert answer.read() == b""
    return times


def test_a_stream_arrives_token_by_token(tmp_path: Path) -> None:
    with AgentOSServer(BASE, cwd=tmp_path, plugins="none") as server, running_nginx(server.url) as proxy:
        times = arrivals(proxy.url)
        assert len(times) == 20
        assert times[-1] - times[0] > 0.5  # 0.95 s as it is written; 0 if the proxy held it back
        with urllib.request.urlopen(ask(f"{proxy.url}/api/v1/agents"), timeout=10) as answer:
            assert answer.status == 200
        server.wait_for(lambda: lines_of(server, "/api/v1/agents"), 10, "logging it")
        [line] = lines_of(server, "/api/v1/agents")
        assert line["ip"] == "127.0.0.1"


@UNDER_A_PATH
def test_under_a_path_all_addresses_lead_back(tmp_path: Path, location: str, settings: dict[str, str]) -> None:
    with (
        AgentOSServer(BASE | settings, cwd=tmp_path, plugins="none") as server,
        running_nginx(server.url, location=location) as proxy,
    ):
        with urllib.request.urlopen(ask(f"{proxy.url}/agents/api/v1/sessions", {"agent_id": "a"}), timeout=10) as made:
            where = made.headers["Location"]
        assert where.startswith("/agents/api/v1/sessions/")
        with urllib.request.urlopen(proxy.url + where, timeout=10) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"{proxy.url}/agents/docs", timeout=10) as page:
            loaded = re.findall(r'(?:src|href|data-document)="([^"]*)"', page.read().decode())
        assert len(loaded) == 5
        for address in loaded:
            with urllib.request.urlopen(proxy.url + address, timeout=10) as answer:
                assert answer.status == 200
        with urllib.request.urlopen(f"{proxy.url}/agents/openapi.yaml", timeout=10) as answer:
            assert yaml.safe_load(answer.read())["servers"] == [{"url": "/agents"}]
        assert len(arrivals(f"{proxy.url}/agents")) == 20


def test_the_printed_command_works_as_it_stands(tmp_path: Path) -> None:
    with AgentOSServer(BASE | {"AGENTOS_ROOT_PATH": "/agents"}, cwd=tmp_path, plugins="none") as server:
        server.wait_for(lambda: "curl" in server.output(), 10, "saying how to try it")
        url = re.findall(r"http://\S+", server.output())[-1]
        assert "/agents/api/v1/agents/assistant/run" in url
        with urllib.request.urlopen(ask(url, {"input": "Go"}), timeout=30) as answer:
            assert json.load(answer)["status"] == "completed"


def post_from(host: str, url: str, body: Any, **headers: str) -> tuple[int, Any]:
    """Post from one of this machine's addresses, and return the status and the answer."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=30, source_address=(host, 0))
    try:
        given = {"Content-Type": "application/json", **headers}
        connection.request("POST", where.path, json.dumps(body), given)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_a_decision_has_the_address_of_its_approver_and_not_one_that_it_claims(tmp_path: Path) -> None:
    def serve(*, workers: int, app: str, **settings: str) -> AgentOSServer:
        env = {"AGENTOS_DATABASE_URL": database, "AGENTOS_AUTH": "api_key", "AGENTOS_PROXY_HOPS": "1", **settings}
        return AgentOSServer(env, cwd=tmp_path, workers=workers, app=app)

    database = f"sqlite:///{tmp_path}/agentos.db"
    with (
        Shop.make(tmp_path, database, serve).open() as server,
        running_nginx(server.url) as proxy,
    ):
        ada, boss = server.as_caller("ada"), server.as_caller("boss", ["runs:approve:any"])
        runs = f"{proxy.url}/api/v1/runs"
        forged = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Real-IP": "203.0.113.9"}
        for claimed in ({}, forged):
            run = ada.post("/api/v1/agents/shop/run", asking([[["pay", {"amount": 5, "to": "ann"}]], "$results"])).json
            decided = post_from(
                "127.0.0.2", f"{runs}/{run['run_id']}/resume", answers_to(run), **boss.headers, **claimed
            )
            assert decided[0] == 202, decided
            (decision,) = ada.get(f"/api/v1/runs/{run['run_id']}").json["decisions"]
            assert (decision["address"], decision["answered_as"]) == ("127.0.0.2", "other")
            path = f"/api/v1/runs/{run['run_id']}/resume"
            server.wait_for(lambda path=path: lines_of(server, path), 10, "logging it")
            assert lines_of(server, path)[0]["ip"] == "127.0.0.2"
