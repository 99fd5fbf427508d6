"""The page: who gets it, where it is, what it says of itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agentos import ConfigError, PluginError

from .conftest import BROWSER, Console

DIRECTIVES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob: data:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "font-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "agentos dompurify",
}


def addresses(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="([^"]*)"', page.partition("<body>")[0])


def test_a_browser_is_given_the_page_and_a_program_the_index(console: Console) -> None:
    client = console()
    page = client.get("/", headers=BROWSER)
    assert page.content_type == "text/html; charset=utf-8"
    assert '<div id="app">' in page.text
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        index = client.get("/", headers=headers)
        assert index.json["service"] == "agentos"
        assert "Accept" in index.vary
    assert "Accept" in page.vary


def test_head_says_what_get_would(console: Console) -> None:
    client = console()
    head, get = client.head("/", headers=BROWSER), client.get("/", headers=BROWSER)
    assert head.status_code == 200
    assert head.data == b""
    assert {**head.headers, "X-Request-ID": ""} == {**get.headers, "X-Request-ID": ""}


def test_the_page_may_run_our_files_and_nothing_else(console: Console) -> None:
    policy = console().get("/", headers=BROWSER).headers["Content-Security-Policy"]
    assert dict(part.split(" ", 1) for part in policy.split("; ")) == DIRECTIVES


def test_the_page_has_no_script_or_style_of_its_own(console: Console) -> None:
    page = console().get("/", headers=BROWSER).text
    assert "<style" not in page
    assert not re.search(r"\s(?:style|on\w+)=", page)
    assert re.findall(r"<script[^>]*>([^<]*)</script>", page) == ["", ""]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("X-Frame-Options", "DENY"),
    ],
)
def test_the_page_is_kept_from_other_sites(console: Console, name: str, value: str) -> None:
    assert console().get("/", headers=BROWSER).headers[name] == value


def test_the_page_asks_for_no_camera_place_or_microphone(console: Console) -> None:
    allowed = console().get("/", headers=BROWSER).headers["Permissions-Policy"]
    assert {"camera=()", "geolocation=()", "microphone=()"} <= {*allowed.split(", ")}


def test_the_page_sets_no_cookie_and_names_no_agent(console: Console) -> None:
    client = console()
    answers = [client.get(path, headers=BROWSER) for path in ("/", *addresses(client.get("/", headers=BROWSER).text))]
    assert len(answers) > 5
    for answer in answers:
        assert "Set-Cookie" not in answer.headers
        assert b"secret-project" not in answer.data


def test_the_page_and_its_files_need_no_key(console: Console) -> None:
    client = console(auth=["api_key"])
    page = client.get("/", headers=BROWSER)
    assert page.status_code == 200
    assert {client.get(one).status_code for one in addresses(page.text)} == {200}
    assert client.get("/api/v1/agents").status_code == 401


def test_a_page_that_did_not_change_is_not_sent_again(console: Console) -> None:
    client = console()
    first = client.get("/", headers=BROWSER)
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get("/", headers={**BROWSER, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert console(console_title="Other").get("/", headers=BROWSER).headers["ETag"] != first.headers["ETag"]


def test_every_file_that_the_page_names_is_there(console: Console) -> None:
    client = console()
    named = addresses(client.get("/", headers=BROWSER).text)
    assert len(named) > 5
    assert {client.get(one).status_code for one in named} == {200}


# --- settings ---------------------------------------------------------------------------------------------------------


def test_it_can_be_mounted_elsewhere(console: Console) -> None:
    client = console(console_path="/ops/console")
    page = client.get("/ops/console", headers=BROWSER).text
    assert all(one.startswith("/ops/console/assets/") for one in addresses(page))
    assert {client.get(one).status_code for one in addresses(page)} == {200}
    assert "<h1>AgentOS" in client.get("/", headers=BROWSER).text  # the server's own page is back


def test_it_can_be_left_out(console: Console) -> None:
    client = console(console_path="none")
    assert "<h1>AgentOS" in client.get("/", headers=BROWSER).text
    assert client.get("/console/assets/main.js").status_code == 404


@pytest.mark.parametrize("path", ["console", "/console/", "//other.example", "/a/../b", "/a b", "/{agent_id}", "/é"])
def test_a_path_that_cannot_be_one_is_refused(console: Console, path: str) -> None:
    with pytest.raises((PluginError, ConfigError), match="console_path"):
        console(console_path=path)


def test_its_title_is_text(console: Console) -> None:
    page = console(console_title="<b>R&D</b>").get("/", headers=BROWSER).text
    assert "<title>&lt;b&gt;R&amp;D&lt;/b&gt;</title>" in page


@pytest.mark.parametrize("kept", [True, False])
def test_behind_a_proxy_its_addresses_begin_with_the_prefix(console: Console, kept: bool) -> None:
    client = console(root_path="/team/agents")
    asked = "/team/agents" if kept else ""
    page = client.get(f"{asked}/", headers=BROWSER).text
    assert 'data-base="/team/agents"' in page
    assert all(one.startswith("/team/agents/console/assets/") for one in addresses(page))
    assert {client.get(one).status_code for one in addresses(page)} == {200}


def test_the_prefix_that_a_trusted_proxy_names_counts(console: Console) -> None:
    page = console(proxy_hops=1, auth=["api_key"]).get("/", headers={**BROWSER, "X-Forwarded-Prefix": "/a"}).text
    assert 'data-base="/a"' in page
    assert all(one.startswith("/a/console/assets/") for one in addresses(page))


@pytest.mark.parametrize("content", [":root { --accent: #7a2f8f; }", ""])
def test_a_theme_is_loaded_after_the_style_of_the_console(console: Console, tmp_path: Path, content: str) -> None:
    theme = tmp_path / "theme.css"
    theme.write_text(content)
    client = console(console_theme=str(theme))
    page = client.get("/", headers=BROWSER).text
    first, second = re.findall(r'<link rel="stylesheet" href="([^"]*)">', page)
    assert b"--ground" in client.get(first).data
    found = client.get(second)
    assert (found.status_code, found.text) == (200, content)
    assert found.content_type == "text/css; charset=utf-8"


def test_a_theme_that_changed_has_another_address(console: Console, tmp_path: Path) -> None:
    theme = tmp_path / "theme.css"
    pages = []
    for colour in ("red", "blue"):
        theme.write_text(f":root {{ --accent: {colour}; }}")
        pages.append(console(console_theme=str(theme)).get("/", headers=BROWSER).text)
    assert pages[0] != pages[1]


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b" " * 262_145])
def test_a_theme_that_cannot_be_one_is_named(console: Console, tmp_path: Path, content: bytes | None) -> None:
    theme = tmp_path / "theme.css"
    if content is not None:
        theme.write_bytes(content)
    with pytest.raises(PluginError, match=r"console_theme: '.*theme\.css' "):
        console(console_theme=str(theme))
