import re

import pytest
from flask.testing import FlaskClient


def test_the_page_loads_only_what_this_server_serves(client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.mimetype == "text/html"
    loaded = re.findall(r'(?:src|href|data-document)="([^"]*)"', page.text)
    assert len(loaded) == 5
    for address in loaded:
        assert address.startswith("/")
        assert not address.startswith("//")
        assert client.get(address).status_code == 200
    assert "://" not in page.text


def test_the_page_forbids_the_browser_to_load_anything_else(client: FlaskClient) -> None:
    headers = client.get("/docs").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "'unsafe-" not in policy["script-src"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_the_pages_own_script_asks_nobody_else(client: FlaskClient) -> None:
    script = client.get("/docs/start.js").text
    assert "://" not in script
    assert "validatorUrl: null" in script


@pytest.mark.parametrize("asset", ["nothing.js", "..%2F..%2Fsetup.cfg", "LICENSE", "%00"])
def test_no_other_file_is_served(client: FlaskClient, asset: str) -> None:
    assert client.get(f"/docs/{asset}").json["code"] == "NOT_FOUND"
