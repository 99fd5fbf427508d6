"""`:8080` is all interfaces in both families of addresses."""

import json
import re
import socket
import urllib.request

import pytest

from agentos.serving.addresses import bind_addresses, ipv6_here, plain

needs_both = pytest.mark.skipif(ipv6_here() != "dual", reason="no sockets for IPv4 and IPv6 on this machine")

OPEN = {"AGENTOS_ALLOW_ANONYMOUS": "1", "AGENTOS_ADDRESS": ":0", "AGENTOS_MODEL": "scripted:echo"}


@pytest.mark.parametrize(
    ("address", "ipv6", "bound"),
    [
        (":8080", "dual", ["[::]:8080"]),
        (":8080", "separate", ["0.0.0.0:8080", "[::]:8080"]),
        (":8080", "none", ["0.0.0.0:8080"]),
        *[
            (address, ipv6, [address])
            for address in ("127.0.0.1:8080", "0.0.0.0:8080", "[::]:8080", "[::1]:80", "localhost:0")
            for ipv6 in ("dual", "separate", "none")
        ],
    ],
)
def test_what_is_bound(address, ipv6, bound) -> None:
    assert bind_addresses(address, ipv6) == bound


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (("::ffff:192.0.2.1", 80, 0, 0), ("192.0.2.1", 80)),
        (("::1", 80, 0, 0), ("::1", 80, 0, 0)),
        (("2001:db8::1", 80, 0, 0), ("2001:db8::1", 80, 0, 0)),
        (("192.0.2.1", 80), ("192.0.2.1", 80)),
        ("/run/agentos.sock", "/run/agentos.sock"),
        ("", ""),
    ],
)
def test_an_ipv4_address_is_written_as_one(name, shown) -> None:
    assert plain(name) == shown


@needs_both
def test_a_port_alone_serves_both(serve) -> None:
    server = serve(app="wsgi:app", plugins="none", env=OPEN, wait=False)
    server.wait_for(lambda: "worker ready" in server.log(), 30, "ready")
    port = int(server.url.rpartition(":")[2])
    for host, peer in (("127.0.0.1", "127.0.0.1"), ("::1", "::1")):
        with socket.create_connection((host, port), 10) as client:
            client.sendall(b"GET /api/v1/agents HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 200"
            while client.recv(65536):
                pass
        server.wait_for(lambda peer=peer: peer in [line.get("ip") for line in server.records()], 10, "logging it")
    [url] = re.findall(r"http://\S+/run", server.output())
    assert url.startswith(f"http://127.0.0.1:{port}/")


@needs_both
def test_a_proxy_on_this_machine_is_trusted_on_either(serve) -> None:
    server = serve(env={**OPEN, "AGENTOS_HEADER_TIMEOUT": "5"}, wait=False, app="scheme:app")
    server.wait_for(lambda: "worker ready" in server.log(), 30, "ready")
    port = server.url.rpartition(":")[2]
    for host in ("127.0.0.1", "[::1]"):
        asked = urllib.request.Request(f"http://{host}:{port}/", headers={"X-Forwarded-Proto": "https"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            seen = json.load(answer)
        assert seen["scheme"] == "https"
        assert seen["peer"] == host.strip("[]")


@pytest.fixture(autouse=True)
def scheme_app(tmp_path) -> None:
    (tmp_path / "scheme.py").write_text(
        "import json\n"
        "def app(environ, start_response):\n"
        "    seen = {'scheme': environ['wsgi.url_scheme'], 'peer': environ['REMOTE_ADDR']}\n"
        "    start_response('200 OK', [('Content-Type', 'application/json')])\n"
        "    return [json.dumps(seen).encode()]\n"
    )
