"""The root: a page for browsers, an index for programs, both without a credential."""

import base64
import hashlib
import html
import re
import shlex

import pytest
from flask.testing import FlaskClient

from agentos._version import __version__
from agentos.domain.agent import Agent

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def page_of(client: FlaskClient, **options) -> str:
    answer = client.get("/", headers={"Accept": BROWSER, **options.pop("headers", {})}, **options)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    return answer.text


def commands(page: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)]


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        (BROWSER, "text/html"),
        ("text/html", "text/html"),
        ("text/*", "text/html"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/html;q=0.5, application/json", "application/json"),
        ("image/png", "application/json"),
        (None, "application/json"),
    ],
)
def test_a_browser_gets_the_page_and_a_program_the_index(client: FlaskClient, accept, mimetype: str) -> None:
    answer = client.get("/", headers={} if accept is None else {"Accept": accept})
    assert answer.mimetype == mimetype
    assert answer.headers["Vary"] == "Accept"
    assert __version__ in answer.text


@pytest.mark.parametrize("settings", [{}, {"auth": ["api_key"]}], ids=["keyless", "keys"])
def test_every_link_opens_without_a_credential_and_names_no_agent(serve, settings) -> None:
    client = serve(agents={"confidential": Agent(id="confidential", model="scripted:echo")}, **settings).client
    index = client.get("/").json
    page = page_of(client)
    links = re.findall(r'href="([^"]*)"', page)
    assert set(links) < set(index["paths"].values())
    assets = re.findall(r'(?:src|href|data-document)="([^"]*)"', client.get("/docs").text)
    for path in [*links, index["paths"]["ready"], *assets]:
        answer = client.get(path)
        assert answer.status_code == 200
        assert b"confidential" not in answer.data
    assert "confidential" not in page
    assert "confidential" not in str(index)
    assert client.get(index["paths"]["agents"]).status_code == (401 if settings else 200)


def test_the_page_loads_nothing_and_runs_nothing(client: FlaskClient) -> None:
    answer = client.get("/", headers={"Accept": BROWSER})
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert not re.search(r"<(script|img|link|iframe)", answer.text)
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("base_url", "address"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://localhost", "https://localhost"),
        ("http://[::1]:9000", "http://[::1]:9000"),
    ],
)
def test_the_commands_name_the_address_that_the_client_used(client: FlaskClient, base_url, address) -> None:
    for command in commands(page_of(client, base_url=base_url)):
        assert shlex.split(command)[2].startswith(f"{address}/api/v1/agents")


def test_the_commands_have_a_key_where_keys_are_asked_for(serve) -> None:
    assert all("Authorization" not in command for command in commands(page_of(serve().client)))
    assert all("$KEY" in command for command in commands(page_of(serve(auth=["api_key"]).client)))


@pytest.mark.parametrize("host", ['x"><script>alert(1)</script>', "a.example;id", "a.example$(id)", "a.example'`id`"])
def test_a_host_that_is_none_becomes_neither_markup_nor_a_command(serve, host: str) -> None:
    client = serve(auth=["api_key"]).client
    answer = client.get("/", headers={"Accept": BROWSER, "Host": host})
    assert "<script" not in answer.text
    if answer.status_code == 200:
        for command in commands(answer.text):
            outside_of_quotes = re.sub(r"'[^']*'", "", command).replace("$KEY", "")
            assert not re.search(r"[;&|`$<>()]", outside_of_quotes)
            assert shlex.split(command)[:2] == ["curl", "-s"]


def test_pages_are_counted_against_the_limit_of_their_address(serve) -> None:
    client = serve(auth=["api_key"], address_rate_limit="2/minute").client
    statuses = [client.get(path).status_code for path in ("/", "/docs", "/openapi.yaml")]
    assert statuses == [200, 200, 429]
