"""The page at the root: a plugin's for browsers where one has it, and the index for programs all the same."""

from typing import Any

import pytest
import yaml
from flask import Response

from agentos import hookimpl
from agentos.errors import PluginError
from agentos.web import PAGE, PUBLIC, ResponseSpec, Routes
from api.conftest import Serve, Served
from api.test_index import BROWSER

PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'", "Cache-Control": "no-cache"}


class Console:
    """A plugin with a page at ``/``. ``declaration`` is what its operation is declared with."""

    def __init__(self, tag: str = "console", **declaration: Any) -> None:
        spec = ResponseSpec("The page.", media_types=("text/html",))
        self._declaration = {"access": PAGE, "responses": {200: spec}, **declaration}
        self._tag = tag

    @hookimpl
    def register_routes(self, register) -> None:
        routes = Routes(self._tag, "A page for people.")

        @routes.get("/", **self._declaration)
        def get_console() -> Response:
            """Read the page."""
            return Response("<p>The console", headers=PAGE_HEADERS, content_type="text/html; charset=utf-8")

        register(routes)


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve(plugins={"console": Console()}, auth=["api_key"])


@pytest.mark.parametrize("accept", [BROWSER, "text/html", "text/*", "text/html;q=0.9, application/json;q=0.1"])
def test_a_browser_gets_the_page_of_the_plugin_without_a_credential(served, accept):
    answer = served.client.get("/", headers={"Accept": accept})
    assert (answer.status_code, answer.text) == (200, "<p>The console")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'"


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "image/png", "text/html;q=0.1, application/json"])
def test_a_program_gets_the_index_of_the_server(served, accept):
    answer = served.client.get("/", headers={} if accept is None else {"Accept": accept})
    assert answer.json["service"] == "agentos"


@pytest.mark.parametrize("accept", [BROWSER, "application/json"])
def test_both_say_that_the_answer_depends_on_what_is_accepted(served, accept):
    assert served.client.get("/", headers={"Accept": accept}).headers["Vary"] == "Accept"


def test_head_is_answered_as_get_is(served):
    page = served.client.head("/", headers={"Accept": BROWSER})
    assert (page.status_code, page.mimetype, page.data) == (200, "text/html", b"")
    assert served.client.head("/").mimetype == "application/json"


def test_a_browser_on_another_site_may_lead_to_it_on_a_keyless_server(serve):
    client = serve(plugins={"console": Console()}).client
    link = {
        "Accept": BROWSER,
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    assert client.get("/", headers=link).text == "<p>The console"
    stranger = client.get("/", headers={"Accept": BROWSER}, environ_base={"REMOTE_ADDR": "203.0.113.7"})
    assert stranger.status_code == 403


def test_the_document_describes_both(served):
    operation = yaml.safe_load(served.client.get("/openapi.yaml").text)["paths"]["/"]["get"]
    assert {"application/json", "text/html"} == set(operation["responses"]["200"]["content"])
    assert "For browsers (`console`): Read the page" in operation["description"]
    assert "Otherwise (`index`)" in operation["description"]
    assert operation["security"] == []


def test_without_the_plugin_a_browser_gets_the_page_of_the_server(served, serve):
    assert "<h1>AgentOS" in serve().client.get("/", headers={"Accept": BROWSER}).text


def status_of(served: Served, name: str) -> tuple[str, str]:
    (report,) = [one for one in served.services.plugins.reports if one.name == name]
    return report.status, report.error or ""


@pytest.mark.parametrize(
    "declaration",
    [
        {"access": PUBLIC},
        {"access": "agents:read"},
        {"responses": {200: ResponseSpec("The page.", media_types=("text/html", "application/json"))}},
        {"responses": {200: ResponseSpec("Data.")}},
    ],
)
def test_a_plugin_takes_the_index_from_no_program(serve, declaration):
    served = serve(plugins={"console": Console(**declaration)}, plugins_strict=False)
    status, error = status_of(served, "console")
    assert status == "failed"
    assert "GET / of 'console' is already there: 'core' registered it" in error
    assert "<h1>AgentOS" in served.client.get("/", headers={"Accept": BROWSER}).text


def test_of_two_plugins_one_has_the_page(serve):
    with pytest.raises(PluginError, match="GET / of 'second' is already there: 'first' registered it"):
        serve(plugins={"first": Console("one"), "second": Console("two")}, plugins_strict=True)


def test_a_plugin_has_no_page_at_another_path_of_the_server(serve):
    class Elsewhere(Console):
        @hookimpl
        def register_routes(self, register) -> None:
            routes = Routes("elsewhere", "A page for people.")

            @routes.get("/health", **self._declaration)
            def get_console() -> Response:
                """Read the page."""
                return Response("mine", content_type="text/html")

            register(routes)

    served = serve(plugins={"console": Elsewhere()}, plugins_strict=False)
    assert status_of(served, "console")[0] == "failed"
