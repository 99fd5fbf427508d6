"""The tools as a model uses them, and their settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import agentos_http
import pytest
from agentos_http.settings import client_from
from agentos_http.tools import HttpTools, describe

from agentos import Config, OutboundAnswer, OutboundClient, OutboundRefused, PluginError, Tool, ToolContext, create_app

LOOPBACK = {"AGENTOS_HTTP_ALLOW_PRIVATE": "127.0.0.0/8", "AGENTOS_HTTP_PORTS": "any"}


def configured(environ: dict[str, str], **given: Any) -> Config:
    """Return the configuration of a server that has the plugin."""
    config = Config(database_url="memory://", plugins=(), plugins_strict=True, environ=environ, plugin_settings=given)
    services = create_app(config, plugins={"http": agentos_http}).extensions["agentos"]
    services.close()
    return services.config


def tools_of(environ: dict[str, str]) -> dict[str, Tool]:
    return {tool.name: tool for tool in HttpTools(client_from(configured(environ).plugin_settings)).tools()}


def call(tool: Tool, **arguments: Any) -> dict[str, Any]:
    context = ToolContext(run_id="run", agent_id="agent")
    return dict(tool.function(**tool.bind(arguments, context)))


def test_four_tools_are_registered() -> None:
    config = Config(database_url="memory://", plugins=(), environ={})
    services = create_app(config, plugins={"http": agentos_http}).extensions["agentos"]
    services.close()
    tools = {entry.name: entry.value for entry in services.tools}
    assert tools.keys() == {"http_get", "http_post", "http_put", "http_delete"}
    for tool in tools.values():
        assert "context" not in tool.parameters["properties"]
        assert tool.parameters["required"] == ["url"]
        assert all(parameter.get("description") for parameter in tool.parameters["properties"].values())


def test_a_get_is_answered_with_text(site: Any) -> None:
    assert call(tools_of(LOOPBACK)["http_get"], url=site.url) == {
        "url": f"{site.url}/",
        "status": 200,
        "content_type": "text/plain",
        "text": "hello",
    }


@pytest.mark.parametrize(("name", "method"), [("http_post", "POST"), ("http_put", "PUT")])
def test_a_body_is_sent_as_json_unless_said_otherwise(site: Any, name: str, method: str) -> None:
    tool = tools_of(LOOPBACK)[name]
    call(tool, url=f"{site.url}/echo", body='{"a": 1}')
    call(tool, url=f"{site.url}/echo", body="a=1", content_type="application/x-www-form-urlencoded")
    assert [request["method"] for request in site.requests] == [method, method]
    assert site.requests[0]["body"] == '{"a": 1}'
    types = [request["headers"]["Content-Type"] for request in site.requests]
    assert types == ["application/json", "application/x-www-form-urlencoded"]


def test_a_delete_is_sent_with_its_headers(site: Any) -> None:
    call(tools_of(LOOPBACK)["http_delete"], url=f"{site.url}/echo", headers={"X-Key": "k"})
    assert (site.requests[0]["method"], site.requests[0]["headers"]["X-Key"]) == ("DELETE", "k")


def test_without_settings_this_machine_is_out_of_reach(site: Any) -> None:
    with pytest.raises(OutboundRefused, match="port"):
        call(tools_of({"AGENTOS_HTTP_ALLOW_PRIVATE": "1"})["http_get"], url=site.url)
    with pytest.raises(OutboundRefused, match="public internet"):
        call(tools_of({"AGENTOS_HTTP_PORTS": "any"})["http_get"], url=site.url)
    assert site.connections == 0


def fetched(content_type: str, body: bytes, *, truncated: bool = False) -> OutboundAnswer:
    return OutboundAnswer("http://a.test/", 200, content_type, body, truncated)


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/html; charset=utf-8", "é".encode(), "é"),
        ("text/plain; charset=ISO-8859-1", b"caf\xe9", "café"),
        ('text/plain; charset="windows-1252"', b"\x80", "€"),
        ("application/json", b'{"a": 1}', '{"a": 1}'),
        ("application/problem+json; charset=idna", b"xn--a", "xn--a"),
        ("text/plain; charset=hex", b"00", "00"),
        ("text/plain; charset=iso-8859-12", b"a", "a"),
        ("text/plain", b"a\0b\xff", "a�b�"),
        ("", b"plain", "plain"),
        ("application/octet-stream", b"plain", "plain"),
    ],
)
def test_text_is_shown(content_type: str, body: bytes, text: str) -> None:
    assert describe(fetched(content_type, body))["text"] == text


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("image/png", b"\x89PNG"),
        ("", b"\x00\x01"),
        ("application/octet-stream", b"\xff\xfe\xfdabc"),
        ("video/mp4", b""),
    ],
)
def test_what_is_no_text_is_described(content_type: str, body: bytes) -> None:
    shown = describe(fetched(content_type, body))
    assert shown["body"] == f"not shown: {len(body)} bytes that are no text"
    assert "text" not in shown


def test_long_text_is_cut_and_says_so() -> None:
    shown = describe(fetched("text/plain", b"x" * 30_000))
    assert len(shown["text"]) == 20_000
    assert shown["truncated"] == "only the first 20000 characters are shown"


def test_a_body_that_was_cut_says_so() -> None:
    assert "truncated" in describe(fetched("text/plain", b"x", truncated=True))
    assert "more than 4 bytes" in describe(fetched("image/png", b"\x89PNG", truncated=True))["body"]


def client_of(environ: dict[str, str], **given: Any) -> OutboundClient:
    return client_from(configured(environ, **given).plugin_settings)


def test_settings_make_the_policy() -> None:
    client = client_of(
        {
            "AGENTOS_HTTP_ALLOW_HOSTS": "API.example.com, *.bücher.example,[2606:4700::1]",
            "AGENTOS_HTTP_DENY_HOSTS": "evil.test 10.0.0.0/8, 8.8.8.8",
            "AGENTOS_HTTP_ALLOW_PRIVATE": "1",
            "AGENTOS_HTTP_PORTS": "80, 8080",
            "AGENTOS_HTTP_TIMEOUT": "1.5",
            "AGENTOS_HTTP_MAX_SIZE": "64 KiB",
        }
    )
    policy = client.policy
    assert policy.allow_hosts == ("api.example.com", "*.xn--bcher-kva.example", "2606:4700::1")
    assert policy.deny_hosts == ("evil.test",)
    assert [str(network) for network in policy.deny_networks] == ["10.0.0.0/8", "8.8.8.8/32"]
    assert policy.allow_private
    assert policy.ports == {80, 8080}
    assert (client.timeout, client.max_size) == (1.5, 65536)


def test_the_defaults_are_the_clients_own() -> None:
    assert client_of({}) == OutboundClient(user_agent="agentos-http/0.1")


def test_lists_are_accepted_where_the_file_and_code_have_them() -> None:
    policy = client_of(
        {},
        http_allow_hosts=["api.example.com"],
        http_deny_hosts=("10.0.0.0/8",),
        http_allow_private=["127.0.0.0/8"],
        http_ports=[80, 8080],
    ).policy
    assert policy.allow_hosts == ("api.example.com",)
    assert [str(network) for network in (*policy.deny_networks, *policy.allow_networks)] == [
        "10.0.0.0/8",
        "127.0.0.0/8",
    ]
    assert policy.ports == {80, 8080}
    assert client_of({}, http_ports="any", http_allow_private=True).policy.ports is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AGENTOS_HTTP_ALLOW_HOSTS", "http://example.com"),
        ("AGENTOS_HTTP_ALLOW_HOSTS", "example.com:8080"),
        ("AGENTOS_HTTP_ALLOW_HOSTS", "example.com/path"),
        ("AGENTOS_HTTP_ALLOW_HOSTS", "*"),
        ("AGENTOS_HTTP_DENY_HOSTS", "10.0.0.0/99"),
        ("AGENTOS_HTTP_ALLOW_PRIVATE", "maybe"),
        ("AGENTOS_HTTP_ALLOW_PRIVATE", "10.0.0.1/8"),
        ("AGENTOS_HTTP_PORTS", "http"),
        ("AGENTOS_HTTP_PORTS", "0"),
        ("AGENTOS_HTTP_PORTS", ","),
        ("AGENTOS_HTTP_TIMEOUT", "soon"),
        ("AGENTOS_HTTP_MAX_SIZE", "1"),
        ("AGENTOS_HTTP_CA_BUNDLE", "/does/not/exist"),
    ],
)
def test_a_bad_setting_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(PluginError, match=f"'http' is broken: setting '{name[8:].lower()}' .from {name}.*accepted"):
        configured({name: value})


DEFAULTS = {
    "http_allow_hosts": "(empty)",
    "http_deny_hosts": "(empty)",
    "http_timeout": "`20`",
    "http_max_size": "`2 MiB`",
    "http_ca_bundle": "(empty)",
}


def test_the_readme_names_every_setting() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
    for setting in configured({}).settings:
        if setting.plugin == "http":
            assert f"| `{setting.env[0]}` | {DEFAULTS.get(setting.name, f'`{setting.default}`')} |" in readme
