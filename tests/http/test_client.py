"""Fetching: where it may lead, how long it may take, how much may come."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from itertools import cycle
from typing import Any
from urllib.parse import quote

import pytest

from agentos import Cancellation, OutboundClient, OutboundFailed, OutboundPolicy, OutboundRefused
from agentos.errors import RunCancelled
from parts.site import Names

HERE = OutboundPolicy(ports=None, allow_networks=(ip_network("127.0.0.1/32"),))


def test_an_answer_has_status_type_and_body(client: OutboundClient, site: Any) -> None:
    fetched = client.fetch("GET", f"{site.url}/hello")
    assert (fetched.status, fetched.content_type, fetched.body, fetched.truncated) == (
        200,
        "text/plain",
        b"hello",
        False,
    )


@pytest.mark.parametrize("status", [204, 404, 500])
def test_an_error_of_the_server_is_an_answer(client: OutboundClient, site: Any, status: int) -> None:
    assert client.fetch("GET", f"{site.url}/status?{status}").status == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_method_headers_and_body_arrive(client: OutboundClient, site: Any, method: str) -> None:
    client.fetch(method, f"{site.url}/echo?q=1", headers={"X-Key": "k"}, body="höhe".encode())
    (request,) = site.requests
    assert (request["method"], request["path"], request["body"]) == (method, "/echo?q=1", "höhe")
    assert request["headers"]["X-Key"] == "k"
    assert request["headers"]["Host"] == f"127.0.0.1:{site.port}"


def test_a_name_is_resolved_once_and_only_that_address_is_asked(serve: Any) -> None:
    asked = serve("127.0.0.2")
    canary = serve("127.0.0.1", asked.port)
    resolver = Names(rebound_test=[["127.0.0.2"], ["127.0.0.1"]])
    policy = OutboundPolicy(ports=None, allow_networks=(ip_network("127.0.0.2/32"),))
    fetched = OutboundClient(policy=policy, resolver=resolver, timeout=3).fetch(
        "GET", f"http://rebound.test:{asked.port}/"
    )
    assert fetched.body == b"hello"
    assert resolver.asked == ["rebound.test"]
    assert asked.requests[0]["headers"]["Host"] == f"rebound.test:{asked.port}"
    assert canary.connections == 0


def test_the_next_address_is_tried_when_one_does_not_answer(serve: Any) -> None:
    site = serve("127.0.0.1")
    policy = OutboundPolicy(ports=None, allow_private=True)
    client = OutboundClient(policy=policy, resolver=Names(two_test=[["127.0.0.3", "127.0.0.1"]]), timeout=3)
    assert client.fetch("GET", f"http://two.test:{site.port}/").body == b"hello"


SLOPPY = {
    "a folded header": "HTTP/1.1 200 OK\r\nX-Policy: a;\r\n b\r\nContent-Length: 5\r\n\r\nhello",
    "bare line feeds": "HTTP/1.1 200 OK\nX-Policy: a;\n b\nContent-Length: 5\n\nhello",
    "space before the colon": "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
    "length and chunks": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n0\r\n\r\n",
    "a coding that is none": "HTTP/1.1 200 OK\r\nContent-Encoding: UTF-8\r\nContent-Length: 5\r\n\r\nhello",
    "nothing but the close": "HTTP/1.0 200 OK\r\n\r\nhello",
}


@pytest.mark.parametrize("answer", SLOPPY.values(), ids=SLOPPY)
def test_web_sites_need_not_be_strict(client: OutboundClient, site: Any, answer: str) -> None:
    assert client.fetch("GET", f"{site.url}/raw?{quote(answer)}").body == b"hello"


def test_the_answer_to_head_has_no_body(client: OutboundClient, site: Any) -> None:
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n"
    fetched = client.fetch("HEAD", f"{site.url}/raw?{quote(head)}")
    assert (fetched.status, fetched.content_type, fetched.body) == (200, "text/plain", b"")


def test_a_redirect_is_followed(client: OutboundClient, site: Any) -> None:
    fetched = client.fetch("GET", f"{site.url}/redirect?302,/hello")
    assert (fetched.body, fetched.url) == (b"hello", f"{site.url}/hello")


def test_what_is_not_ascii_is_sent_percent_encoded(client: OutboundClient, site: Any) -> None:
    client.fetch("GET", f"{site.url}/echo?q=ü%20{{x}}")
    client.fetch("GET", f"{site.url}/moved?/echo%3F%C3%BC%20x%20%2522")
    assert [request["path"] for request in site.requests][::2] == ["/echo?q=%C3%BC%20%7Bx%7D", "/echo?%C3%BC%20x%20%22"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["http://127.0.0.2:{port}/", "//127.0.0.2:{port}/", "http://2130706434:{port}/"])
def test_a_redirect_into_a_private_network_is_refused(
    client: OutboundClient, serve: Any, status: int, target: str
) -> None:
    site = serve("127.0.0.1")
    canary = serve("127.0.0.2")
    with pytest.raises(OutboundRefused):
        client.fetch("GET", f"{site.url}/redirect?{status},{target.format(port=canary.port)}")
    assert canary.connections == 0


def test_a_redirect_to_a_name_that_leads_inside_is_refused(serve: Any) -> None:
    site, canary = serve("127.0.0.1"), serve("127.0.0.2")
    client = OutboundClient(policy=HERE, resolver=Names(inside_test=[["127.0.0.2"]]), timeout=3)
    with pytest.raises(OutboundRefused, match="not on the public internet"):
        client.fetch("GET", f"{site.url}/redirect?302,http://inside.test:{canary.port}/")
    assert canary.connections == 0


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://127.0.0.1/", "http://u:p@127.0.0.1/"])
def test_a_redirect_to_something_else_than_the_web_is_refused(client: OutboundClient, site: Any, url: str) -> None:
    with pytest.raises(OutboundRefused):
        client.fetch("GET", f"{site.url}/redirect?302,{url}")


def test_a_redirect_has_to_keep_to_hosts_and_ports_too(serve: Any) -> None:
    site, canary = serve(), serve()
    policy = replace(HERE, ports=frozenset({site.port}), deny_hosts=("denied.test",))
    client = OutboundClient(policy=policy, timeout=3)
    with pytest.raises(OutboundRefused, match="port"):
        client.fetch("GET", f"{site.url}/redirect?302,{canary.url}/")
    with pytest.raises(OutboundRefused, match="not allowed here"):
        client.fetch("GET", f"{site.url}/redirect?302,http://denied.test:{site.port}/")
    assert canary.connections == 0


def test_a_redirect_in_a_circle_ends(client: OutboundClient, site: Any) -> None:
    with pytest.raises(OutboundFailed, match="more than 5 times"):
        client.fetch("GET", f"{site.url}/redirect?302,?302,?302")
    assert len(site.requests) == 6


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_a_redirected_post_goes_on_as_the_status_says(
    client: OutboundClient, site: Any, status: int, method: str
) -> None:
    client.fetch("POST", f"{site.url}/redirect?{status},/echo", headers={"Content-Type": "text/plain"}, body=b"x")
    last = site.requests[-1]
    assert (last["method"], last["body"]) == (method, "x" if method == "POST" else "")
    assert ("Content-Type" in last["headers"]) is (method == "POST")


def test_another_origin_gets_no_credentials(client: OutboundClient, serve: Any) -> None:
    first, second = serve(), serve()
    client.fetch("GET", f"{first.url}/redirect?302,{second.url}/", headers={"Authorization": "Bearer t", "X-Key": "k"})
    assert first.requests[0]["headers"]["Authorization"] == "Bearer t"
    assert not {"Authorization", "X-Key"} & set(second.requests[0]["headers"])


def test_the_body_of_a_redirect_is_not_read(client: OutboundClient, site: Any, within: Callable[[float], Any]) -> None:
    with within(2):
        assert client.fetch("GET", f"{site.url}/redirect?302,/hello").body == b"hello"


def test_proxies_and_passwords_of_the_environment_are_not_used(
    client: OutboundClient, serve: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    site, proxy = serve(), serve()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.setenv("no_proxy", "")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    client.fetch("GET", f"{site.url}/")
    assert proxy.connections == 0
    assert "Authorization" not in site.requests[0]["headers"]


@pytest.mark.parametrize("size", [999, 1000])
def test_a_body_within_the_limit_is_whole(client: OutboundClient, site: Any, size: int) -> None:
    fetched = replace(client, max_size=1000).fetch("GET", f"{site.url}/bytes?{size}")
    assert (len(fetched.body), fetched.truncated) == (size, False)


def test_a_body_above_the_limit_is_cut_there(client: OutboundClient, site: Any) -> None:
    fetched = replace(client, max_size=1000).fetch("GET", f"{site.url}/bytes?5000000")
    assert (len(fetched.body), fetched.truncated) == (1000, True)


@pytest.mark.parametrize("kind", ["gzip", "gzip-in-gzip"])
def test_a_compressed_bomb_is_cut_at_the_limit(client: OutboundClient, site: Any, kind: str) -> None:
    fetched = client.fetch("GET", f"{site.url}/bomb?{kind}")
    assert (len(fetched.body), fetched.truncated) == (client.max_size, True)


def test_a_compressed_bomb_takes_no_memory(client: OutboundClient, site: Any) -> None:
    client.fetch("GET", f"{site.url}/hello")
    tracemalloc.start()
    try:
        client.fetch("GET", f"{site.url}/bomb?gzip")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


def test_a_body_without_end_is_cut_at_the_limit(client: OutboundClient, site: Any) -> None:
    fetched = client.fetch("GET", f"{site.url}/flood?body")
    assert (len(fetched.body), fetched.truncated) == (client.max_size, True)
    assert site.cut_off.wait(3)


@pytest.mark.parametrize("kind", ["continues", "trailers", "chunks", "nothing"])
def test_what_never_ends_and_is_no_body_is_cut_off(
    client: OutboundClient, site: Any, kind: str, within: Callable[[float], Any]
) -> None:
    with within(3), pytest.raises(OutboundFailed, match="more than is accepted"):
        replace(client, max_size=300_000).fetch("GET", f"{site.url}/flood?{kind}")
    assert site.cut_off.wait(3)


@pytest.mark.parametrize("kind", ["line", "headers"])
def test_huge_headers_are_no_proper_answer(client: OutboundClient, site: Any, kind: str) -> None:
    with pytest.raises(OutboundFailed, match="not proper HTTP"):
        client.fetch("GET", f"{site.url}/flood?{kind}")
    assert site.cut_off.wait(3)


@pytest.mark.parametrize("part", ["headers", "body"])
def test_a_trickling_server_is_cut_off_at_the_deadline(
    client: OutboundClient, site: Any, part: str, within: Callable[[float], Any]
) -> None:
    with within(2), pytest.raises(OutboundFailed, match="in time"):
        replace(client, timeout=0.5).fetch("GET", f"{site.url}/trickle?{part}")
    assert site.cut_off.wait(3)


def test_a_silent_server_is_left_at_the_deadline(
    client: OutboundClient, site: Any, within: Callable[[float], Any]
) -> None:
    with within(2), pytest.raises(OutboundFailed, match="in time"):
        replace(client, timeout=0.3).fetch("GET", f"{site.url}/silent")
    assert site.cut_off.wait(3)


def test_a_server_that_does_not_shake_hands_is_left_at_the_deadline(
    client: OutboundClient, within: Callable[[float], Any]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute, within(2), pytest.raises(OutboundFailed, match="in time"):
        replace(client, timeout=0.3).fetch("GET", f"https://127.0.0.1:{mute.getsockname()[1]}/")


def test_the_callers_deadline_counts_too(client: OutboundClient, site: Any, within: Callable[[float], Any]) -> None:
    with within(2), pytest.raises(OutboundFailed, match="in time"):
        client.fetch("GET", f"{site.url}/trickle", deadline=time.monotonic() + 0.3)


def test_cancelling_cuts_the_connection(client: OutboundClient, site: Any, within: Callable[[float], Any]) -> None:
    cancellation = Cancellation()
    threading.Timer(0.3, cancellation.cancel).start()
    with within(2), pytest.raises(RunCancelled):
        client.fetch("GET", f"{site.url}/trickle", cancellation=cancellation)
    assert site.cut_off.wait(3)


def test_a_slow_resolver_is_not_waited_for(client: OutboundClient, within: Callable[[float], Any]) -> None:
    done = threading.Event()

    def slow(_host: str, _port: int) -> list[str]:
        done.wait(5)
        return ["127.0.0.1"]

    with within(2), pytest.raises(OutboundFailed, match="in time"):
        replace(client, timeout=0.3, resolver=slow).fetch("GET", "http://slow.test/")
    done.set()


def test_an_unknown_name_is_a_clear_failure(client: OutboundClient) -> None:
    with pytest.raises(OutboundFailed, match=r"host 'unknown\.test' cannot be resolved"):
        replace(client, resolver=Names()).fetch("GET", "http://unknown.test/")


@pytest.mark.parametrize("path", ["cut", "bad"])
def test_an_answer_that_breaks_off_is_a_failure(client: OutboundClient, site: Any, path: str) -> None:
    with pytest.raises(OutboundFailed, match="broke off"):
        client.fetch("GET", f"{site.url}/{path}")


def test_a_refused_connection_is_a_failure(client: OutboundClient, serve: Any) -> None:
    closed = serve()
    closed.close()
    with pytest.raises(OutboundFailed, match="cannot be reached"):
        client.fetch("GET", closed.url)


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Connection", "Proxy-Authorization"])
def test_headers_of_the_connection_cannot_be_given(client: OutboundClient, site: Any, name: str) -> None:
    with pytest.raises(OutboundRefused, match="cannot be given"):
        client.fetch("GET", site.url, headers={name: "1"})
    assert site.connections == 0


@pytest.mark.parametrize(("name", "value"), [("X", "a\r\nY: b"), ("X Y", "a"), ("X:", "a"), ("X", "ü"), ("", "a")])
def test_headers_that_could_smuggle_others_are_refused(
    client: OutboundClient, site: Any, name: str, value: str
) -> None:
    with pytest.raises(OutboundRefused, match="printable ASCII"):
        client.fetch("GET", site.url, headers={name: value})


def test_tls_verifies_the_name_and_not_the_address(serve: Any, authority: str) -> None:
    site = serve(tls=True)
    client = OutboundClient(policy=HERE, resolver=Names(secure_test=[["127.0.0.1"]]), timeout=3, ca_bundle=authority)
    assert client.fetch("GET", f"https://secure.test:{site.port}/").body == b"hello"


def test_a_certificate_for_another_name_is_refused(serve: Any, authority: str) -> None:
    site = serve(tls=True)
    client = OutboundClient(policy=HERE, resolver=Names(other_test=[["127.0.0.1"]]), timeout=3, ca_bundle=authority)
    with pytest.raises(OutboundFailed, match="certificate"):
        client.fetch("GET", f"https://other.test:{site.port}/")
    assert site.requests == []


def test_a_certificate_of_an_unknown_authority_is_refused(serve: Any) -> None:
    site = serve(tls=True)
    client = OutboundClient(policy=HERE, resolver=Names(secure_test=[["127.0.0.1"]]), timeout=3)
    with pytest.raises(OutboundFailed, match="certificate"):
        client.fetch("GET", f"https://secure.test:{site.port}/")
    assert site.requests == []


def test_a_redirect_from_https_to_http_is_refused(serve: Any, authority: str) -> None:
    site, canary = serve(tls=True), serve()
    client = OutboundClient(policy=HERE, resolver=Names(secure_test=[["127.0.0.1"]]), timeout=3, ca_bundle=authority)
    with pytest.raises(OutboundRefused, match="https to http"):
        client.fetch("GET", f"https://secure.test:{site.port}/redirect?302,{canary.url}/")
    assert canary.connections == 0


def test_tls_is_cut_at_the_deadline(serve: Any, authority: str, within: Callable[[float], Any]) -> None:
    site = serve(tls=True)
    client = OutboundClient(policy=HERE, resolver=Names(secure_test=[["127.0.0.1"]]), timeout=0.5, ca_bundle=authority)
    with within(2), pytest.raises(OutboundFailed, match="in time"):
        client.fetch("GET", f"https://secure.test:{site.port}/trickle")


RESET_CONNECTIONS = """
import gc, ssl, sys
if sys.argv[1] == "gevent":
    from gevent import monkey
    monkey.patch_all()
from ipaddress import ip_network
from agentos import OutboundClient, OutboundFailed, OutboundPolicy

client = OutboundClient(policy=OutboundPolicy(ports=None, allow_networks=(ip_network("127.0.0.1/32"),)))
failures = []
for _ in range(500):
    try:
        client.fetch("GET", sys.argv[2])
    except OutboundFailed as failure:
        failures.append(failure)  # Its traceback keeps alive whatever was left behind.
left = [made for made in gc.get_objects() if issubclass(type(made), ssl.SSLSocket) and made.fileno() >= 0]
print(len(failures), "failed,", len(left), "open")
"""


@pytest.mark.parametrize("worker", ["threads", "gevent"])
def test_a_connection_that_is_reset_before_tls_begins_leaves_no_socket_open(worker: str) -> None:
    def accept_and_reset() -> None:
        # The moment between connecting and TLS is short: it is hit a few times in these many.
        for wait in cycle(range(0, 400, 4)):
            try:
                sock, _ = server.accept()
            except OSError:
                return
            with sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end = time.perf_counter() + wait / 1e6
                while time.perf_counter() < end:
                    pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=accept_and_reset, daemon=True)
        thread.start()
        url = f"https://127.0.0.1:{server.getsockname()[1]}/"
        command = [sys.executable, "-c", RESET_CONNECTIONS, worker, url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert (done.stdout, done.stderr) == ("500 failed, 0 open\n", "")
