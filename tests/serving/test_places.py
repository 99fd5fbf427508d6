"""Some connections of a worker are kept for short requests, however many streams there are."""

import json
from contextlib import ExitStack

import pytest

from parts.raw import RawClient, ask
from parts.server import AgentOSServer

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
SETTINGS = {
    "AGENTOS_MODEL": "scripted:slow-200x0.1",
    "AGENTOS_PLUGINS": "none",
    "AGENTOS_WORKER_CONNECTIONS": "10",
    "AGENTOS_DRAIN_TIMEOUT": "0",
}


def run(path: str) -> bytes:
    data = json.dumps({"input": "go"}).encode()
    head = f"POST /api/v1/agents/assistant/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


@pytest.mark.parametrize("path", ["run", "run/stream"])
def test_short_requests_are_served_while_all_places_are_taken(tmp_path, path):
    with AgentOSServer(SETTINGS, cwd=tmp_path, workers=1) as server, ExitStack() as stack:
        for _ in range(9):
            client = stack.enter_context(RawClient(server.url, timeout=40))
            client.send(run(path))
        server.wait_for(lambda: len(listed(server)) == 9, what="busy")

        refused = ask(server.url, run(path))

        assert (refused.status, refused.json()["code"]) == (429, "TOO_MANY_STREAMS")
        assert refused.header("Retry-After") is not None
        assert [ask(server.url, GET).status for _ in range(20)] == [200] * 20
        assert len(listed(server)) == 9


def listed(server: AgentOSServer) -> list[object]:
    answer = ask(server.url, b"GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return answer.json()["runs"]
