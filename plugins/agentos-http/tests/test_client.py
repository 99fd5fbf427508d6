"""Fetching: where it may lead, how long it may take, how much may come."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from agentos_http.client import HttpClient
from agentos_http.connection import FetchFailed
from agentos_http.guard import HostPolicy, UrlRefused

from agentos import Cancellation
from agentos.errors import RunCancelled

HERE = HostPolicy(ports=None, allow_networks=(ip_network("127.0.0.1/32"),))


def test_an_answer_has_status_type_and_body(client: HttpClient, site: Any) -> None:
    fetched = client.fetch("GET", f"{site.url}/hello")
    assert (fetched.status, fetched.content_type, fetched.body, fetched.truncated) == (
        200,
        "text/plain",
        b"hello",
        False,
    )


@pytest.mark.parametrize("status", [204, 404, 500])
def test_an_error_of_the_server_is_an_answer(client: HttpClient, site: Any, status: int) -> None:
    assert client.fetch("GET", f"{site.url}/status?{status}").status == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_method_headers_and_body_arrive(client: HttpClient, site: Any, method: str) -> None:
    client.fetch(method, f"{site.url}/echo?q=1", headers={"X-Key": "k"}, body="höhe".encode())
    (request,) = site.requests
    assert (request["method"], request["path"], request["body"]) == (method, "/echo?q=1", "höhe")
    assert request["headers"]["X-Key"] == "k"
    assert request["headers"]["Host"] == f"127.0.0.1:{site.port}"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "0177.0.0.1",
        "2130706433",
        "127.0.0.1.",
        "\uff11\uff12\uff17.0.0.1",
        "127\u30020\u30020\u30021",
        "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
        "0",
        "0.0.0.0",
        "127.0.0.2",
        "localhost",
        "LOCALHOST.",
        "ip6-localhost",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:0:0:0:0:80ff:fffe]",
        "[::1%25lo]",
        "user@127.0.0.1",
        "example.com@127.0.0.1",
    ],
)
def test_this_machine_is_never_asked_in_any_spelling(outsider: HttpClient, site: Any, host: str) -> None:
    with pytest.raises((UrlRefused, FetchFailed)):
        outsider.fetch("GET", f"http://{host}:{site.port}/")
    assert site.connections == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "64:ff9b::7f00:1"])
def test_a_name_that_leads_to_this_machine_is_refused(
    outsider: HttpClient, site: Any, names: Any, address: str
) -> None:
    with pytest.raises(UrlRefused, match="not on the public internet"):
        replace(outsider, resolver=names(rebound_test=[[address]])).fetch("GET", f"http://rebound.test:{site.port}/")
    assert site.connections == 0


def test_a_name_is_resolved_once_and_only_that_address_is_asked(serve: Any, names: Any) -> None:
    asked = serve("127.0.0.2")
    canary = serve("127.0.0.1", asked.port)
    resolver = names(rebound_test=[["127.0.0.2"], ["127.0.0.1"]])
    policy = HostPolicy(ports=None, allow_networks=(ip_network("127.0.0.2/32"),))
    fetched = HttpClient(policy=policy, resolver=resolver, timeout=3).fetch("GET", f"http://rebound.test:{asked.port}/")
    assert fetched.body == b"hello"
    assert resolver.asked == ["rebound.test"]
    assert asked.requests[0]["headers"]["Host"] == f"rebound.test:{asked.port}"
    assert canary.connections == 0


def test_the_next_address_is_tried_when_one_does_not_answer(serve: Any, names: Any) -> None:
    site = serve("127.0.0.1")
    policy = HostPolicy(ports=None, allow_private=True)
    client = HttpClient(policy=policy, resolver=names(two_test=[["127.0.0.3", "127.0.0.1"]]), timeout=3)
    assert client.fetch("GET", f"http://two.test:{site.port}/").body == b"hello"


def test_a_redirect_is_followed(client: HttpClient, site: Any) -> None:
    fetched = client.fetch("GET", f"{site.url}/redirect?302,/hello")
    assert (fetched.body, fetched.url) == (b"hello", f"{site.url}/hello")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["http://127.0.0.2:{port}/", "//127.0.0.2:{port}/", "http://2130706434:{port}/"])
def test_a_redirect_into_a_private_network_is_refused(client: HttpClient, serve: Any, status: int, target: str) -> None:
    site = serve("127.0.0.1")
    canary = serve("127.0.0.2")
    with pytest.raises(UrlRefused):
        client.fetch("GET", f"{site.url}/redirect?{status},{target.format(port=canary.port)}")
    assert canary.connections == 0


def test_a_redirect_to_a_name_that_leads_inside_is_refused(serve: Any, names: Any) -> None:
    site, canary = serve("127.0.0.1"), serve("127.0.0.2")
    client = HttpClient(policy=HERE, resolver=names(inside_test=[["127.0.0.2"]]), timeout=3)
    with pytest.raises(UrlRefused, match="not on the public internet"):
        client.fetch("GET", f"{site.url}/redirect?302,http://inside.test:{canary.port}/")
    assert canary.connections == 0


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://127.0.0.1/", "http://u:p@127.0.0.1/"])
def test_a_redirect_to_something_else_than_the_web_is_refused(client: HttpClient, site: Any, url: str) -> None:
    with pytest.raises(UrlRefused):
        client.fetch("GET", f"{site.url}/redirect?302,{url}")


def test_a_redirect_has_to_keep_to_hosts_and_ports_too(serve: Any) -> None:
    site, canary = serve(), serve()
    policy = replace(HERE, ports=frozenset({site.port}), deny_hosts=("denied.test",))
    client = HttpClient(policy=policy, timeout=3)
    with pytest.raises(UrlRefused, match="port"):
        client.fetch("GET", f"{site.url}/redirect?302,{canary.url}/")
    with pytest.raises(UrlRefused, match="not allowed here"):
        client.fetch("GET", f"{site.url}/redirect?302,http://denied.test:{site.port}/")
    assert canary.connections == 0


def test_a_redirect_in_a_circle_ends(client: HttpClient, site: Any) -> None:
    with pytest.raises(FetchFailed, match="more than 5 times"):
        client.fetch("GET", f"{site.url}/redirect?302,?302,?302")
    assert len(site.requests) == 6


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_a_redirected_post_goes_on_as_the_status_says(client: HttpClient, site: Any, status: int, method: str) -> None:
    client.fetch("POST", f"{site.url}/redirect?{status},/echo", headers={"Content-Type": "text/plain"}, body=b"x")
    last = site.requests[-1]
    assert (last["method"], last["body"]) == (method, "x" if method == "POST" else "")
    assert ("Content-Type" in last["headers"]) is (method == "POST")


def test_another_origin_gets_no_credentials(client: HttpClient, serve: Any) -> None:
    first, second = serve(), serve()
    client.fetch("GET", f"{first.url}/redirect?302,{second.url}/", headers={"Authorization": "Bearer t", "X-Key": "k"})
    assert first.requests[0]["headers"]["Authorization"] == "Bearer t"
    assert not {"Authorization", "X-Key"} & set(second.requests[0]["headers"])


def test_the_body_of_a_redirect_is_not_read(client: HttpClient, site: Any, within: Callable[[float], Any]) -> None:
    with within(2):
        assert client.fetch("GET", f"{site.url}/redirect?302,/hello").body == b"hello"


def test_proxies_and_passwords_of_the_environment_are_not_used(
    client: HttpClient, serve: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
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
def test_a_body_within_the_limit_is_whole(client: HttpClient, site: Any, size: int) -> None:
    fetched = replace(client, max_size=1000).fetch("GET", f"{site.url}/bytes?{size}")
    assert (len(fetched.body), fetched.truncated) == (size, False)


def test_a_body_above_the_limit_is_cut_there(client: HttpClient, site: Any) -> None:
    fetched = replace(client, max_size=1000).fetch("GET", f"{site.url}/bytes?5000000")
    assert (len(fetched.body), fetched.truncated) == (1000, True)


@pytest.mark.parametrize("kind", ["gzip", "gzip-in-gzip"])
def test_a_compressed_bomb_is_cut_at_the_limit(client: HttpClient, site: Any, kind: str) -> None:
    fetched = client.fetch("GET", f"{site.url}/bomb?{kind}")
    assert (len(fetched.body), fetched.truncated) == (client.max_size, True)


def test_a_compressed_bomb_takes_no_memory(client: HttpClient, site: Any) -> None:
    client.fetch("GET", f"{site.url}/hello")
    tracemalloc.start()
    try:
        client.fetch("GET", f"{site.url}/bomb?gzip")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize("part", ["headers", "body"])
def test_a_trickling_server_is_cut_off_at_the_deadline(
    client: HttpClient, site: Any, part: str, within: Callable[[float], Any]
) -> None:
    with within(2), pytest.raises(FetchFailed, match="in time"):
        replace(client, timeout=0.5).fetch("GET", f"{site.url}/trickle?{part}")
    assert site.cut_off.wait(3)


def test_the_callers_deadline_counts_too(client: HttpClient, site: Any, within: Callable[[float], Any]) -> None:
    with within(2), pytest.raises(FetchFailed, match="in time"):
        client.fetch("GET", f"{site.url}/trickle", deadline=time.monotonic() + 0.3)


def test_cancelling_cuts_the_connection(client: HttpClient, site: Any, within: Callable[[float], Any]) -> None:
    cancellation = Cancellation()
    threading.Timer(0.3, cancellation.cancel).start()
    with within(2), pytest.raises(RunCancelled):
        client.fetch("GET", f"{site.url}/trickle", cancellation=cancellation)
    assert site.cut_off.wait(3)


def test_a_slow_resolver_is_not_waited_for(client: HttpClient, within: Callable[[float], Any]) -> None:
    done = threading.Event()

    def slow(_host: str, _port: int) -> list[str]:
        done.wait(5)
        return ["127.0.0.1"]

    with within(2), pytest.raises(FetchFailed, match="in time"):
        replace(client, timeout=0.3, resolver=slow).fetch("GET", "http://slow.test/")
    done.set()


def test_an_unknown_name_is_a_clear_failure(client: HttpClient, names: Any) -> None:
    with pytest.raises(FetchFailed, match=r"host 'unknown\.test' cannot be resolved"):
        replace(client, resolver=names()).fetch("GET", "http://unknown.test/")


@pytest.mark.parametrize("path", ["cut", "bad"])
def test_an_answer_that_breaks_off_is_a_failure(client: HttpClient, site: Any, path: str) -> None:
    with pytest.raises(FetchFailed, match="broke off"):
        client.fetch("GET", f"{site.url}/{path}")


def test_a_refused_connection_is_a_failure(client: HttpClient, serve: Any) -> None:
    closed = serve()
    closed.close()
    with pytest.raises(FetchFailed, match="cannot be reached"):
        client.fetch("GET", closed.url)


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Connection", "Proxy-Authorization"])
def test_headers_of_the_connection_cannot_be_given(client: HttpClient, site: Any, name: str) -> None:
    with pytest.raises(UrlRefused, match="cannot be given"):
        client.fetch("GET", site.url, headers={name: "1"})
    assert site.connections == 0


@pytest.mark.parametrize(("name", "value"), [("X", "a\r\nY: b"), ("X Y", "a"), ("X:", "a"), ("X", "ü"), ("", "a")])
def test_headers_that_could_smuggle_others_are_refused(client: HttpClient, site: Any, name: str, value: str) -> None:
    with pytest.raises(UrlRefused, match="printable ASCII"):
        client.fetch("GET", site.url, headers={name: value})


def test_tls_verifies_the_name_and_not_the_address(serve: Any, names: Any, authority: str) -> None:
    site = serve(tls=True)
    client = HttpClient(policy=HERE, resolver=names(secure_test=[["127.0.0.1"]]), timeout=3, ca_bundle=authority)
    assert client.fetch("GET", f"https://secure.test:{site.port}/").body == b"hello"


def test_a_certificate_for_another_name_is_refused(serve: Any, names: Any, authority: str) -> None:
    site = serve(tls=True)
    client = HttpClient(policy=HERE, resolver=names(other_test=[["127.0.0.1"]]), timeout=3, ca_bundle=authority)
    with pytest.raises(FetchFailed, match="certificate"):
        client.fetch("GET", f"https://other.test:{site.port}/")
    assert site.requests == []


def test_a_certificate_of_an_unknown_authority_is_refused(serve: Any, names: Any) -> None:
    site = serve(tls=True)
    client = HttpClient(policy=HERE, resolver=names(secure_test=[["127.0.0.1"]]), timeout=3)
    with pytest.raises(FetchFailed, match="certificate"):
        client.fetch("GET", f"https://secure.test:{site.port}/")
    assert site.requests == []


def test_a_redirect_from_https_to_http_is_refused(serve: Any, names: Any, authority: str) -> None:
    site, canary = serve(tls=True), serve()
    client = HttpClient(policy=HERE, resolver=names(secure_test=[["127.0.0.1"]]), timeout=3, ca_bundle=authority)
    with pytest.raises(UrlRefused, match="https to http"):
        client.fetch("GET", f"https://secure.test:{site.port}/redirect?302,{canary.url}/")
    assert canary.connections == 0


def test_tls_is_cut_at_the_deadline(serve: Any, names: Any, authority: str, within: Callable[[float], Any]) -> None:
    site = serve(tls=True)
    client = HttpClient(policy=HERE, resolver=names(secure_test=[["127.0.0.1"]]), timeout=0.5, ca_bundle=authority)
    with within(2), pytest.raises(FetchFailed, match="in time"):
        client.fetch("GET", f"https://secure.test:{site.port}/trickle")
