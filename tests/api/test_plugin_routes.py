"""Operations that a plugin brings: what holds of the core's holds of them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from flask import Blueprint, Flask, Response, request
from flask.testing import FlaskClient

from agentos import web
from agentos.app import create_app
from agentos.config import Config
from agentos.errors import PluginError
from agentos.hookspecs import hookimpl
from agentos.web import PAGE, PUBLIC, PathParameter, RawBody, RequestSchema, ResponseSchema, ResponseSpec, Routes
from parts.notes_plugin import NotesPlugin


class ThingNotFound(web.NotFound, code="THING_NOT_FOUND"):
    """No thing has this id."""


class ThingSchema(ResponseSchema):
    """A thing."""

    name = web.StrictString("What it is called.")


class NewThingSchema(RequestSchema):
    """A new thing."""

    name = web.StrictString("What it is called.", least=1, most=20, required=True)


class ThingQuery(RequestSchema):
    """Which things."""

    limit = web.QueryInteger("How many.", least=1, most=10, default=5)


FOUND = {200: ResponseSpec("A thing.", ThingSchema)}


def things(tag: str = "things", path: str = "/things") -> Routes:
    routes = Routes(
        tag,
        "Things of a plugin.",
        path_parameters={
            "thing_id": PathParameter("The thing's id.", lambda id: ThingNotFound(f"there is no thing {id!r:.100}")),
            "rest": PathParameter("A path.", slashes=True),
        },
    )

    @routes.get(path, access="things:read", query=ThingQuery, responses=FOUND)
    def list_things(query: dict[str, Any]) -> Response:
        """List things."""
        return web.json_response({"name": f"{query['limit']} of {web.caller().owner}"})

    @routes.post(path, access="things:write", body=NewThingSchema, responses=FOUND)
    def make_thing(body: dict[str, Any]) -> Response:
        """Make a thing."""
        return web.json_response({"name": body["name"]})

    @routes.get(f"{path}/open", access=PUBLIC, responses=FOUND)
    def get_open_thing() -> Response:
        """Read the thing that every client may read."""
        return web.json_response({"name": web.server().config.log_level})

    @routes.get(f"{path}/page", access=PAGE, responses={200: ResponseSpec("A page.", media_types=("text/html",))})
    def get_page() -> Response:
        """Read a page."""
        return Response("<p>things</p>", content_type="text/html")

    @routes.get(f"{path}/{{thing_id}}", access="things:read", responses=FOUND, errors=(ThingNotFound,))
    def get_thing(thing_id: str) -> Response:
        """Read a thing."""
        if thing_id == "bug":
            raise ZeroDivisionError
        if thing_id != "lamp":
            raise ThingNotFound(f"there is no thing {thing_id!r:.100}")
        return web.json_response({"name": thing_id})

    @routes.get(f"{path}/files/{{rest}}", access="things:read", responses=FOUND)
    def get_file(rest: str) -> Response:
        """Read a file."""
        return web.json_response({"name": rest})

    @routes.put(f"{path}/raw", access="things:write", body=RawBody(("text/plain",), "Any text."), responses=FOUND)
    def put_raw(body: bytes) -> Response:
        """Give a text as it is."""
        return web.json_response({"name": body.decode()})

    return routes


class Plugin:
    """Registers what it is given."""

    def __init__(self, *given: Any, **options: Any) -> None:
        self.given = given
        self.options = options
        self.server: Any = None

    @hookimpl
    def register_routes(self, register: Any, server: Any) -> None:
        self.server = server
        for one in self.given:
            if isinstance(one, Exception):
                raise one
            register(one, **self.options)


Make = Callable[..., Flask]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make applications with plugins, which end with the test."""
    made = []

    def create(given: dict[str, object] | None = None, **settings: Any) -> Flask:
        config = {"database_url": "memory://", "plugins": (), "environ": {}, "rate_limit": None, **settings}
        made.append(create_app(Config(**config), plugins={"things": Plugin(things())} if given is None else given))
        return made[-1]

    yield create
    for app in made:
        app.extensions["agentos"].close()


@pytest.fixture
def client(make: Make) -> FlaskClient:
    return make().test_client()


def document(app: Flask) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(app.test_client().get("/openapi.yaml").text)
    return found


def key(app: Flask, *scopes: str) -> dict[str, str]:
    text, _ = app.extensions["agentos"].keys.create(name="k", owner="alice", scopes=scopes)
    return {"X-API-Key": text}


def status_of(app: Flask, name: str) -> str:
    (found,) = [report.status for report in app.extensions["agentos"].plugins.reports if report.name == name]
    return str(found)


# --- served as the core's are ---------------------------------------------------------------------------------------


def test_an_operation_is_served_with_its_query_and_body_checked(client: FlaskClient) -> None:
    assert client.get("/things?limit=3").json == {"name": "3 of anonymous"}
    assert client.post("/things", json={"name": "lamp"}).json == {"name": "lamp"}
    assert "known are limit" in client.get("/things?sort=x").json["message"]
    assert "field 'name'" in client.post("/things", json={}).json["message"]
    assert client.post("/things", data="x" * 20_000_000, content_type="application/json").status_code == 413


def test_an_answer_has_the_headers_that_all_have(client: FlaskClient) -> None:
    answer = client.get("/things", headers={"X-Request-ID": "mine"})
    assert (answer.headers["X-Request-ID"], answer.headers["X-Content-Type-Options"]) == ("mine", "nosniff")


def test_a_request_has_its_line_in_the_log(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "agentos.requests"):
        client.get("/things", headers={"X-Request-ID": "mine"})
    (line,) = caplog.records
    assert (line.path, line.status, line.caller, line.request_id) == ("/things", 200, "anonymous", "mine")


def test_a_parameter_of_its_own_has_an_error_of_its_own(client: FlaskClient) -> None:
    assert client.get("/things/lamp").json == {"name": "lamp"}
    for bad in ("%01", "x" * 300, "chair"):
        answer = client.get(f"/things/{bad}")
        assert (answer.status_code, answer.json["code"]) == (404, "THING_NOT_FOUND")


def test_a_parameter_may_hold_slashes_if_it_says_so(client: FlaskClient) -> None:
    assert client.get("/things/files/a/b.css").json == {"name": "a/b.css"}
    assert client.get("/things/lamp/b").status_code == 404


def test_a_raw_body_comes_as_bytes_of_the_declared_type(client: FlaskClient) -> None:
    assert client.put("/things/raw", data=b"hello", content_type="text/plain").json == {"name": "hello"}
    refused = client.put("/things/raw", data=b"{}", content_type="application/json")
    assert (refused.status_code, refused.json["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert "text/plain" in refused.json["message"]
    assert client.put("/things/raw", data=b"x" * 20_000_000, content_type="text/plain").status_code == 413


def test_a_bug_is_an_error_that_tells_nothing(client: FlaskClient) -> None:
    answer = client.get("/things/bug")
    assert (answer.status_code, answer.json["code"]) == (500, "INTERNAL_ERROR")
    assert "ZeroDivision" not in answer.text


def test_the_document_is_that_of_the_running_server(make: Make) -> None:
    found = document(make())
    operation = found["paths"]["/things/{thing_id}"]["get"]
    assert operation["operationId"] == "get_thing"
    assert operation["security"] == [{"bearer": ["things:read"]}, {"api_key": ["things:read"]}]
    assert "`THING_NOT_FOUND`" in operation["responses"]["404"]["description"]
    assert "THING_NOT_FOUND" in found["components"]["schemas"]["Error"]["properties"]["code"]["enum"]
    assert "text/plain" in found["paths"]["/things/raw"]["put"]["requestBody"]["content"]
    assert {"name": "things", "description": "Things of a plugin."} in found["tags"]
    assert "/things" not in document(make({}))["paths"]


def test_one_address_has_one_path_in_the_document_however_its_parts_are_named(make: Make) -> None:
    paths = document(make({"notes": NotesPlugin()}))["paths"]
    (path,) = [path for path in paths if path.startswith("/notes")]
    assert sorted(paths[path]) == ["get", "post"]
    for operation in paths[path].values():
        names = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"]
        assert path == f"/notes/{{{', '.join(names)}}}"


def test_two_functions_of_one_name_are_two_operations_of_the_document(make: Make) -> None:
    app = make({"a": Plugin(things("a", "/a")), "b": Plugin(things("b", "/b"))})
    paths = document(app)["paths"]
    assert [paths[f"/{name}"]["get"]["operationId"] for name in "ab"] == ["list_things", "b_list_things"]
    assert app.test_client().get("/b/lamp").json == {"name": "lamp"}


# --- who may call ---------------------------------------------------------------------------------------------------


def test_a_scope_of_its_own_is_asked_for_and_can_be_given(make: Make) -> None:
    app = make(auth=["api_key"])
    client = app.test_client()
    assert client.get("/things").status_code == 401
    refused = client.get("/things", headers=key(app, "agents:read", "things:write"))
    assert (refused.status_code, refused.json["code"]) == (403, "FORBIDDEN")
    assert "things:read" in refused.json["message"]
    assert client.get("/things", headers=key(app, "things:read")).json == {"name": "5 of alice"}
    assert client.get("/things", headers=key(app, "admin")).status_code == 200
    assert client.get("/api/v1/agents", headers=key(app, "things:read")).status_code == 403


def test_where_the_body_names_the_agent_a_scope_for_any_one_lets_a_caller_in(make: Make) -> None:
    routes = Routes("chats", "Chats.")

    @routes.post("/chats", access=web.RUN_SOME, body=NewThingSchema, responses=FOUND)
    def chat(body: dict[str, Any]) -> Response:
        """Chat."""
        run, _ = web.start_and_wait(web.RunRequest(caller=web.caller(), agent_id=body["name"], input="Hi"))
        return web.json_response({"name": run.status})

    app = make({"chats": Plugin(routes)}, auth=["api_key"], model="scripted:echo")
    client = app.test_client()

    def status(agent: str, *scopes: str) -> int:
        return client.post("/chats", json={"name": agent}, headers=key(app, *scopes)).status_code

    assert status("assistant", "agents:run:assistant") == 200
    assert status("assistant", "agents:run") == 200
    assert status("assistant", "admin") == 200
    assert status("assistant", "agents:run:other") == 403
    assert status("assistant", "agents:read") == 403


def test_operations_that_cannot_be_described_are_left_out_of_the_document(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(ResponseSchema):
        """A schema that no YAML can show."""

        odd = web.Raw("It.", {"enum": [object()]})

    routes = Routes("odd", "Odd.")

    @routes.get("/odd", access=PUBLIC, responses={200: ResponseSpec("It.", Odd)})
    def get_odd() -> Response:
        """Be odd."""
        return Response("odd")

    app = make({"odd": Plugin(routes), "good": Plugin(things())})
    paths = document(app)["paths"]
    assert "/things" in paths
    assert "/api/v1/agents" in paths
    assert "/odd" not in paths
    assert app.test_client().get("/odd").text == "odd"
    (line,) = [record for record in caplog.records if record.message == "operations cannot be described"]
    assert (line.plugin, line.routes) == ("odd", "odd")


def test_only_a_declared_scope_can_be_given(make: Make) -> None:
    app = make(auth=["api_key"])
    with pytest.raises(web.InvalidRequest, match=r"unknown scopes 'lamps:read'.*things:read, things:write"):
        key(app, "lamps:read")


def test_what_is_public_and_what_is_a_page_need_no_credential(make: Make) -> None:
    client = make(auth=["api_key"]).test_client()
    assert client.get("/things/open").json == {"name": "info"}
    assert client.get("/things/page").text == "<p>things</p>"
    assert client.post("/things/open").status_code == 401


def test_without_keys_this_machine_alone_is_served(make: Make) -> None:
    client = make().test_client()
    stranger = {"REMOTE_ADDR": "203.0.113.9"}
    assert client.get("/things").status_code == 200
    assert client.get("/things", environ_base=stranger).status_code == 403
    assert client.get("/things/page", environ_base=stranger).status_code == 403
    assert client.get("/things/open", environ_base=stranger).status_code == 200


def test_a_link_of_another_site_may_lead_to_a_page_and_to_nothing_else(make: Make) -> None:
    client = make().test_client()
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client.get("/things/page", headers=link).status_code == 200
    assert client.get("/things", headers=link).status_code == 403


def test_requests_count_against_the_limits(make: Make) -> None:
    app = make(rate_limit="2/minute", auth=["api_key"])
    headers = key(app, "things:read")
    assert [app.test_client().get("/things", headers=headers).status_code for _ in range(3)] == [200, 200, 429]


def test_behind_a_proxy_a_prefix_is_taken_off(make: Make) -> None:
    client = make(root_path="/things").test_client()
    assert client.get("/things/things/lamp").json == {"name": "lamp"}
    assert client.get("/things/lamp").json == {"name": "lamp"}


# --- plain blueprints -----------------------------------------------------------------------------------------------


def blueprint() -> Blueprint:
    plain = Blueprint("plain", __name__, url_prefix="/plain")

    @plain.get("/ping")
    def ping() -> str:
        return "pong"

    @plain.post("/echo")
    def echo() -> Any:
        return {"got": request.get_json(), "caller": web.caller().owner}

    return plain


def test_a_blueprint_needs_a_credential_except_where_it_is_named_public(make: Make) -> None:
    for public in ("ping", "plain.ping", "/plain/ping"):
        app = make({"plain": Plugin(blueprint(), public=(public,))}, auth=["api_key"])
        client = app.test_client()
        assert client.get("/plain/ping").text == "pong"
        assert client.post("/plain/echo", json=1).status_code == 401
        answer = client.post("/plain/echo", json=1, headers=key(app, "agents:read"))
        assert answer.json == {"got": 1, "caller": "alice"}
        assert answer.headers["X-Request-ID"]


def test_a_blueprint_without_anything_public_is_closed(make: Make) -> None:
    client = make({"plain": Plugin(blueprint())}, auth=["api_key"]).test_client()
    assert client.get("/plain/ping").status_code == 401


def test_a_blueprints_bodies_are_limited_too(make: Make) -> None:
    client = make({"plain": Plugin(blueprint())}, max_request_size="1KiB").test_client()
    refused = client.post("/plain/echo", json="x" * 2000)
    assert (refused.status_code, refused.json["code"]) == (413, "REQUEST_TOO_LARGE")
    assert client.post("/plain/echo", json={"a": 1}).json["got"] == {"a": 1}


def test_what_could_be_public_is_named_where_it_is_not_there(make: Make) -> None:
    with pytest.raises(PluginError, match=r"no endpoint or path 'pong'.*ping"):
        make({"plain": Plugin(blueprint(), public=("pong",))}, plugins_strict=True)


def test_a_blueprint_may_not_touch_the_requests_of_others(make: Make) -> None:
    plain = blueprint()
    plain.before_app_request(lambda: None)
    with pytest.raises(PluginError, match="hooks on all requests"):
        make({"plain": Plugin(plain)}, plugins_strict=True)


# --- broken plugins -------------------------------------------------------------------------------------------------


def undeclared() -> Routes:
    routes = Routes("odd", "Odd.")
    routes.get("/odd/{thing_id}", access="things:read", responses=FOUND)(lambda thing_id: Response())
    return routes


def healthy() -> Blueprint:
    plain = Blueprint("healthy", __name__)
    plain.add_url_rule("/health", "health", lambda: "fine")
    return plain


def odd(access: str | tuple[str, ...] = "odd:read", path: str = "/odd", documented: bool = True) -> Routes:
    routes = Routes("odd", "Odd.")

    def view(**_: Any) -> Response:
        return Response()

    view.__doc__ = "Be odd." if documented else None
    routes.get(path, access=access, responses=FOUND)(view)
    return routes


BROKEN = {
    "it raises": (Plugin(things(), ZeroDivisionError("no")), "ZeroDivisionError: no"),
    "no routes": (Plugin(things(), object()), "object is not accepted as routes"),
    "a path of the core": (Plugin(things(), odd(path="/health")), "GET /health of 'broken' is already there: 'core'"),
    "a path of the core, other names": (Plugin(things(), odd(path="/api/v1/agents/{run_id}")), "already there: 'core'"),
    "a tag of the core": (Plugin(things("runs")), "routes 'runs' of 'broken' is already there: 'core'"),
    "a path twice": (Plugin(things(), things("again")), "is already there: 'broken'"),
    "a blueprint at a path of the core": (Plugin(things(), healthy()), "GET /health of 'broken' is already there"),
    "a blueprint twice": (Plugin(things(), blueprint(), blueprint()), "routes 'plain' of 'broken' is already there"),
    "no access": (Plugin(things(), odd(access="Everyone")), "access 'Everyone'"),
    "one of several that is no access": (Plugin(things(), odd(access=("odd:read", "Everyone"))), "'Everyone'"),
    "none of several": (Plugin(things(), odd(access=())), "access ()"),
    "a scope like the core's": (Plugin(things(), odd(access="agents:delete")), "access 'agents:delete'"),
    "no docstring": (Plugin(things(), odd(documented=False)), "no docstring"),
    "no path": (Plugin(things(), odd(path="odd")), "begins with '/'"),
    "public for routes": (Plugin(things(), public=("x",)), "declares access=PUBLIC"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_plugin_is_reported_and_left_out(make: Make, how: str) -> None:
    plugin, reason = BROKEN[how]
    app = make({"broken": plugin, "good": Plugin(things("good", "/good"))})
    assert status_of(app, "broken") == "failed"
    (report,) = [one for one in app.extensions["agentos"].plugins.reports if one.name == "broken"]
    assert reason in str(report.error)
    client = app.test_client()
    assert client.get("/things").status_code == 404
    assert client.get("/good").status_code == 200
    assert client.get("/health").json["status"] == "healthy"


@pytest.mark.parametrize("how", BROKEN)
def test_where_plugins_are_strict_a_broken_one_stops_the_start(make: Make, how: str) -> None:
    with pytest.raises(PluginError, match="plugin 'broken' is broken"):
        make({"broken": BROKEN[how][0]}, plugins_strict=True)


def test_a_parameter_that_is_not_declared_is_an_error_where_it_is_written() -> None:
    with pytest.raises(PluginError, match=r"parameter 'thing_id', which is not declared"):
        undeclared()


def test_the_scopes_of_a_broken_plugin_cannot_be_given(make: Make) -> None:
    app = make({"broken": Plugin(things(), ZeroDivisionError())}, auth=["api_key"])
    with pytest.raises(web.InvalidRequest, match="unknown scopes 'things:read'"):
        key(app, "things:read")


# --- the core's own -------------------------------------------------------------------------------------------------


def test_the_documentation_is_a_plugin_that_can_be_left_out(make: Make) -> None:
    app = make({}, plugins=("-docs",))
    client = app.test_client()
    assert status_of(app, "docs") == "left out"
    for path in ("/docs", "/docs/start.js", "/openapi.yaml"):
        answer = client.get(path)
        assert (answer.status_code, answer.json["code"]) == (404, "NOT_FOUND")
        assert answer.json["message"] == f"there is nothing at {path!r}"
    assert "docs" not in json.dumps(client.get("/").json)
    assert "docs" not in client.get("/", headers={"Accept": "text/html"}).text


def test_a_plugin_that_is_left_out_has_to_be_there(make: Make) -> None:
    with pytest.raises(PluginError, match="'nothing'"):
        make({}, plugins=("-nothing",), plugins_strict=True)
    with pytest.raises(PluginError, match="'core'"):
        make({}, plugins=("-core",))


def test_a_plugin_is_given_the_server_that_it_is_part_of(make: Make) -> None:
    plugin = Plugin()
    app = make({"one": plugin})
    assert plugin.server.runs is app.extensions["agentos"].runs
