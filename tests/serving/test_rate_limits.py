"""Whom the real server counts: over real connections, behind proxies, in several workers."""

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

from parts.server import AgentOSServer

LIMITED = {"AGENTOS_DATABASE_URL": "memory://", "AGENTOS_RATE_LIMIT": "3/hour", "AGENTOS_ALLOW_ANONYMOUS": "1"}


@contextmanager
def serving(tmp_path, workers: int = 1, **env: str) -> Iterator[AgentOSServer]:
    server = AgentOSServer({**LIMITED, **env}, cwd=tmp_path, workers=workers, plugins="none")
    try:
        yield server
    finally:
        server.kill()


def connect(server: AgentOSServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)


def get(connection: http.client.HTTPConnection, *forwarded: str) -> int:
    """Ask once; each of ``forwarded`` is a header of its own, as careless proxies add them."""
    connection.putrequest("GET", "/api/v1/agents")
    for value in forwarded:
        connection.putheader("X-Forwarded-For", value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    if answer.status == 429:
        assert 0 < int(answer.headers["Retry-After"]) <= 1200
    return answer.status


def ask(server: AgentOSServer, *forwarded: str) -> int:
    """Ask once on a new connection."""
    with closing(connect(server)) as connection:
        return get(connection, *forwarded)


def test_without_a_proxy_a_client_cannot_give_itself_another_address(tmp_path):
    with serving(tmp_path) as server:
        spoofed = [ask(server, f"198.51.100.{number}") for number in range(5)]
        assert spoofed == [200] * 3 + [429] * 2
        assert ask(server, "198.51.100.1, 192.0.2.1") == 429
        assert ask(server) == 429


def test_behind_a_proxy_only_what_the_proxy_added_counts(tmp_path):
    with serving(tmp_path, AGENTOS_PROXY_HOPS="1") as server:
        first = [ask(server, f"198.51.100.{number}, 192.0.2.1") for number in range(3)]
        assert first == [200] * 3
        # What the client sent stays before it, in the same header or in one of its own.
        assert ask(server, "198.51.100.7, 203.0.113.1, 192.0.2.1") == 429
        assert ask(server, "198.51.100.8", "192.0.2.1") == 429
        assert ask(server, "198.51.100.9", "192.0.2.2") == 200
        assert ask(server) == 200


def test_each_worker_counts_for_itself(tmp_path):
    with serving(tmp_path, workers=2) as server:
        with closing(connect(server)) as kept:
            assert [get(kept) for _ in range(6)] == [200] * 3 + [429] * 3
        passed = 3 + [ask(server) for _ in range(30)].count(200)
        assert 3 <= passed <= 3 * 2
