"""Doors: protocols of their own below a prefix, with their own form of errors."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from flask import Flask, Response
from flask.testing import FlaskClient

from agentos import web
from agentos.app import create_app
from agentos.config import Config
from agentos.errors import PluginError
from agentos.hookspecs import hookimpl
from agentos.web import ErrorReport, OpenRequestSchema, RequestSchema, ResponseSchema, ResponseSpec, Routes

VERSION = {"x-other-version": "2026-01-01"}


class ModelSchema(ResponseSchema):
    """A model, as the first protocol has it."""

    object = web.Choice("Always the same.", ("model",))


class OtherModelSchema(ResponseSchema):
    """A model, as the other protocol has it."""

    type = web.Choice("Always the same.", ("model",))


class ErrorSchema(ResponseSchema):
    """An error, as the first protocol has it."""

    fault = web.Object("What it was.")


class MessageSchema(OpenRequestSchema):
    """A message."""

    text = web.StrictString("What is said.", required=True)


class ChatSchema(OpenRequestSchema):
    """A conversation."""

    model = web.StrictString("Who is asked.", required=True)
    messages = web.NestedList(MessageSchema)
    message = web.Nested(MessageSchema)


class ChatQuery(OpenRequestSchema):
    """How it is asked."""

    limit = web.QueryInteger("How many.", most=10, default=1)


class StrictChatSchema(RequestSchema):
    """A conversation."""

    model = web.StrictString("Who is asked.", required=True)


def render(report: ErrorReport) -> dict[str, Any]:
    return {"fault": {"says": report.message, "kind": report.code, "id": report.request_id}}


def render_other(report: ErrorReport) -> Response:
    return Response(json.dumps({"type": "error", "status": report.status}), 200, {"X-Other": "yes"}, "application/json")


def first(**options: Any) -> Routes:
    given = {"prefix": "/v1", "error_renderer": render, "error_schema": ErrorSchema, **options}
    routes = Routes("first", "The first protocol.", path_parameters={"model": web.PathParameter("Its name.")}, **given)
    found = {200: ResponseSpec("A model.", ModelSchema)}

    @routes.get("/v1/models", access="agents:read", responses=found)
    def list_models_of_first() -> Response:
        """List models."""
        return web.json_response({"object": "model"})

    @routes.get("/v1/models/{model}", access="agents:read", responses=found)
    def get_model(model: str) -> Response:
        """Read a model."""
        if model == "bug":
            raise ZeroDivisionError
        raise web.NotFound(f"there is no model {model!r}")

    @routes.post("/v1/chat", access="agents:run", query=ChatQuery, body=ChatSchema, responses=found)
    def chat(query: dict[str, Any], body: dict[str, Any]) -> Response:
        """Chat."""
        return web.json_response({"object": "model", "read": body, "ignored": web.ignored_fields(), "query": query})

    @routes.post("/v1/strict", access="agents:run", body=StrictChatSchema, responses=found)
    def strict_chat(body: dict[str, Any]) -> Response:
        """Chat strictly."""
        return web.json_response({"object": "model"})

    return routes


def other(**options: Any) -> Routes:
    given = {"prefix": "/v1", "error_renderer": render_other, "when_header": "X-Other-Version", **options}
    routes = Routes("other", "The other protocol.", path_parameters={"name": web.PathParameter("Its name.")}, **given)
    found = {200: ResponseSpec("A model.", OtherModelSchema)}

    @routes.get("/v1/models", access="agents:read", responses=found)
    def list_models_of_other() -> Response:
        """List models in the other way."""
        return web.json_response({"type": "model"})

    @routes.get("/v1/models/{name}", access="agents:read", responses=found)
    def get_other_model(name: str) -> Response:
        """Read a model in the other way."""
        return web.json_response({"type": "model", "name": name})

    @routes.post("/v1/messages", access="agents:run", body=StrictChatSchema, responses=found)
    def make_message(body: dict[str, Any]) -> Response:
        """Say something."""
        return web.json_response({"type": "model"})

    return routes


class Plugin:
    def __init__(self, *routes: Routes) -> None:
        self.routes = routes

    @hookimpl
    def register_routes(self, register: Any) -> None:
        for one in self.routes:
            register(one)


@pytest.fixture
def make() -> Iterator[Any]:
    made: list[Flask] = []

    def create(*routes: Routes, **settings: Any) -> Flask:
        config = {"database_url": "memory://", "plugins": (), "environ": {}, "plugins_strict": True, **settings}
        plugins = {f"door{number}": Plugin(one) for number, one in enumerate(routes or (first(), other()))}
        made.append(create_app(Config(**config), plugins=plugins))
        return made[-1]

    yield create
    for app in made:
        app.extensions["agentos"].close()


@pytest.fixture
def client(make: Any) -> FlaskClient:
    return make().test_client()


# --- the form of errors ---------------------------------------------------------------------------------------------


def is_of_first(answer: Any) -> bool:
    return set(answer.json) == {"fault"} and answer.json["fault"]["id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/v1/models/none", None, 404, "NOT_FOUND"),
        ("GET", "/v1/models/bug", None, 500, "INTERNAL_ERROR"),
        ("GET", "/v1/nothing", None, 404, "NOT_FOUND"),
        ("GET", "/v1", None, 404, "NOT_FOUND"),
        ("DELETE", "/v1/models", None, 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/v1/chat", b"{", 400, "INVALID_REQUEST"),
        ("POST", "/v1/chat", b'{"model": 1}', 400, "INVALID_REQUEST"),
        ("POST", "/v1/chat", b"x" * 20_000_000, 413, "REQUEST_TOO_LARGE"),
    ],
)
def test_every_error_below_the_prefix_has_the_doors_form_and_our_status(
    client: FlaskClient, method: str, path: str, body: bytes | None, status: int, code: str
) -> None:
    answer = client.open(path, method=method, data=body, content_type="application/json")
    assert answer.status_code == status
    assert is_of_first(answer), answer.text
    assert answer.json["fault"]["kind"] == code
    assert ("Allow" in answer.headers) == (status == 405)


def test_refusals_before_the_operation_have_the_doors_form_too(make: Any) -> None:
    client = make(auth=["api_key"], failed_auth_rate_limit="2/minute").test_client()
    for path in ("/v1/models", "/v1/nothing", "/v1/models"):
        answer = client.get(path)
        assert is_of_first(answer)
    assert (answer.status_code, answer.json["fault"]["kind"]) == (429, "RATE_LIMITED")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_401_keeps_its_challenge(make: Any) -> None:
    answer = make(auth=["api_key"]).test_client().get("/v1/models")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="agentos"')


def test_a_stranger_is_refused_in_the_doors_form(client: FlaskClient) -> None:
    answer = client.get("/v1/models", environ_base={"REMOTE_ADDR": "203.0.113.9"})
    assert answer.status_code == 403
    assert is_of_first(answer)


def test_other_paths_keep_our_form(client: FlaskClient) -> None:
    for path in ("/v2", "/v10", "/api/v1/agents/none", "/"):
        answer = client.post(path) if path == "/" else client.get(path)
        assert answer.json["code"] in ("NOT_FOUND", "AGENT_NOT_FOUND", "METHOD_NOT_ALLOWED")


def test_a_whole_response_keeps_its_headers_but_not_its_status(client: FlaskClient) -> None:
    answer = client.get("/v1/nothing", headers=VERSION)
    assert (answer.status_code, answer.json) == (404, {"type": "error", "status": 404})
    assert answer.headers["X-Other"] == "yes"
    assert answer.headers["X-Request-ID"]


def test_a_renderer_that_fails_leaves_our_form(make: Any, caplog: pytest.LogCaptureFixture) -> None:
    client = make(first(error_renderer=lambda report: 1 / 0)).test_client()
    answer = client.get("/v1/nothing")
    assert (answer.status_code, answer.json["code"]) == (404, "NOT_FOUND")
    (line,) = [record for record in caplog.records if record.message == "error renderer failed"]
    assert line.routes == "first"


# --- two doors at one address ---------------------------------------------------------------------------------------


def test_a_header_tells_which_door_answers(client: FlaskClient) -> None:
    assert client.get("/v1/models").json == {"object": "model"}
    answer = client.get("/v1/models", headers=VERSION)
    assert answer.json == {"type": "model"}
    assert "X-Other-Version" in answer.vary
    assert client.get("/v1/models/lamp", headers=VERSION).json == {"type": "model", "name": "lamp"}


def test_errors_take_the_form_of_the_door_that_the_header_picks(client: FlaskClient) -> None:
    for path in ("/v1/models?x=1", "/v1/nothing", "/v1"):
        assert is_of_first(client.get(path))
        assert client.get(path, headers=VERSION).json["type"] == "error"


def test_an_address_of_one_door_needs_no_header(client: FlaskClient) -> None:
    assert client.post("/v1/messages", json={"model": "a"}).json == {"type": "model"}
    assert client.post("/v1/messages", json={}).json == {"type": "error", "status": 400}
    assert client.get("/v1/messages").json == {"type": "error", "status": 405}
    assert is_of_first(client.post("/v1/strict", json={}, headers=VERSION))


def test_where_every_door_asks_for_a_header_one_has_to_be_given(make: Any) -> None:
    client = make(first(when_header="X-First"), other()).test_client()
    assert client.get("/v1/models", headers={"X-First": "1"}).json == {"object": "model"}
    assert client.get("/v1/models", headers=VERSION).json == {"type": "model"}
    answer = client.get("/v1/models")
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert "X-First" in answer.json["message"]


@pytest.mark.parametrize("order", [(first, other), (other, first)])
def test_the_document_shows_one_operation_with_both_schemas(make: Any, order: Any) -> None:
    found = yaml.safe_load(make(*(one() for one in order)).test_client().get("/openapi.yaml").text)
    operation = found["paths"]["/v1/models"]["get"]
    schemas = operation["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]
    assert sorted(schema["$ref"].rpartition("/")[2] for schema in schemas) == ["OtherModel", "TestsModel"]
    (header,) = [one for one in operation["parameters"] if one["in"] == "header"]
    assert (header["name"], header.get("required", False)) == ("X-Other-Version", False)
    assert "With the header `X-Other-Version`" in operation["description"]
    (path,) = [path for path in found["paths"] if path.startswith("/v1/models/")]
    names = [one["name"] for one in found["paths"][path]["get"]["parameters"] if one["in"] == "path"]
    assert path == f"/v1/models/{{{names[0]}}}"
    assert len(names) == 1
    refused = found["paths"]["/v1/chat"]["post"]["responses"]["400"]["content"]["application/json"]["schema"]
    assert refused["$ref"].rpartition("/")[2] == "TestsError"
    assert found["components"]["schemas"]["TestsError"]["properties"]["fault"]


@pytest.mark.parametrize(("access", "accepted"), [("runs:read", True), (web.PUBLIC, False), (web.PAGE, False)])
def test_who_may_call_does_not_depend_on_a_header(make: Any, access: str, accepted: bool) -> None:
    routes = Routes("third", "A third one.", when_header="X-Third", prefix="/third")

    @routes.get("/v1/models", access=access, responses={200: ResponseSpec("It.")})
    def list_third_models() -> Response:
        """List models in a third way."""
        return web.json_response({})

    if accepted:
        make(first(), routes)
    else:
        with pytest.raises(PluginError, match="GET /v1/models of 'door1' is already there"):
            make(first(), routes)


@pytest.mark.parametrize(
    ("routes", "reason"),
    [
        ((first(), other(when_header=None)), "GET /v1/models of 'door1' is already there: 'door0'"),
        ((first(when_header="A"), other(when_header="a")), "GET /v1/models of 'door1' is already there"),
        ((first(), Routes("third", "", prefix="/v1")), "prefix '/v1' without a when_header of its own"),
        ((Routes("third", "", prefix="/api"),), "prefix '/api' of 'door0' is already there: 'core'"),
        ((Routes("third", "", prefix="/health"),), "prefix '/health' of 'door0' is already there: 'core'"),
    ],
)
def test_what_no_header_tells_apart_is_refused(make: Any, routes: Any, reason: str) -> None:
    with pytest.raises(PluginError, match=reason):
        make(*routes)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"prefix": "v1"}, "prefix 'v1'"),
        ({"prefix": "/"}, "prefix '/'"),
        ({"prefix": "/v1/"}, "prefix '/v1/'"),
        ({"when_header": "x y"}, "when_header"),
        ({"cors_request_headers": "*"}, "cors_request_headers"),
        ({"cors_response_headers": "x-a-*"}, "cors_response_headers"),
    ],
)
def test_what_a_door_cannot_be_is_refused_where_it_is_written(options: Any, reason: str) -> None:
    with pytest.raises(PluginError, match=reason):
        Routes("door", "A door.", **options)


# --- bodies ---------------------------------------------------------------------------------------------------------


def test_an_open_schema_ignores_what_it_does_not_know_and_says_so(client: FlaskClient) -> None:
    body = {
        "model": "a",
        "store": True,
        "messages": [{"text": "x"}, {"text": "y", "cache": 1}],
        "message": {"text": "", "z": 1},
    }
    answer = client.post("/v1/chat?beta=true&limit=2", json=body)
    assert answer.status_code == 200, answer.text
    names = ["beta", "store", "messages[1].cache", "message.z"]
    assert answer.json["ignored"] == names
    assert answer.headers["X-Ignored-Fields"] == ", ".join(names)
    assert answer.json["query"] == {"limit": 2}
    read = answer.json["read"]
    assert read == {"model": "a", "messages": [{"text": "x"}, {"text": "y"}], "message": {"text": ""}}


def test_what_is_ignored_is_counted_only_so_far_and_cannot_break_a_header(client: FlaskClient) -> None:
    body = {"model": "a", "a\r\nb: c": 1, **{f"f{number}" * 100: number for number in range(1000)}}
    answer = client.post("/v1/chat", json=body)
    names = answer.headers["X-Ignored-Fields"].split(", ")
    assert (len(names), names[0]) == (20, "a??b??c")
    assert max(map(len, names)) <= 100


def test_without_anything_ignored_there_is_no_header(client: FlaskClient) -> None:
    assert "X-Ignored-Fields" not in client.post("/v1/chat", json={"model": "a"}).headers


def test_a_known_field_is_still_checked(client: FlaskClient) -> None:
    answer = client.post("/v1/chat", json={"model": "a", "messages": [{"text": 1}], "other": 1})
    assert answer.status_code == 400
    assert "messages[0].text" in answer.json["fault"]["says"]


# --- pages of other origins -----------------------------------------------------------------------------------------


def preflight(client: FlaskClient, headers: str) -> str:
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    answer = client.options("/v1/chat", headers={**asked, "Access-Control-Request-Headers": headers})
    return answer.headers.get("Access-Control-Allow-Headers", "")


def test_a_door_declares_the_headers_of_its_protocol(make: Any) -> None:
    door = first(cors_request_headers=("x-one", "x-many-*"), cors_response_headers=("x-limit",))
    client = make(door, allow_origins="https://a.example").test_client()
    assert (
        preflight(client, "x-one, x-many-a, X-Many-B, x-two, content-type") == "X-Many-B, content-type, x-many-a, x-one"
    )
    exposed = client.get("/v1/models", headers={"Origin": "https://a.example"}).headers["Access-Control-Expose-Headers"]
    assert {"x-limit", "X-Request-ID", "X-Ignored-Fields"} <= set(exposed.split(", "))


def test_without_a_door_or_without_origins_nothing_is_allowed(make: Any) -> None:
    assert preflight(make(other(), allow_origins="https://a.example").test_client(), "x-one, x-many-a") == ""
    answer = make(first(cors_request_headers=("x-one",))).test_client().get("/v1/models")
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_many_requests_for_the_document_at_once_render_it_once(make: Any) -> None:
    app = make()
    texts: list[str] = []
    threads = [
        threading.Thread(target=lambda: texts.append(app.test_client().get("/openapi.yaml").text)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(texts)) == 1
