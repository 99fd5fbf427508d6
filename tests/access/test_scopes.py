"""Every operation asks for its scope, and without a credential only the declared public ones answer."""

import pytest
from werkzeug.test import TestResponse

from access.conftest import PAST_ADMIN, Belongings, Tenants
from access.test_two_tenants import BODIES, ROUTES, SHARED
from agentos.api.kit.routes import OPEN, PAGE, PUBLIC, RUN_SOME, Route
from agentos.domain.principal import SCOPES, Principal
from agentos.domain.run_request import RunRequest
from agentos.errors import Forbidden
from parts.application import RESOURCES, SWEPT

CLOSED = [route for route in ROUTES.values() if route.access not in OPEN]
CORE = [route for resource in RESOURCES for route in resource.declared]
SCOPED = [route for route in CLOSED if route.scopes]


def names(routes: list[Route]) -> list[str]:
    return [route.operation_id for route in routes]


def address(route: Route, hers: Belongings | None = None) -> str:
    session_id, run_id = ("s", "r") if hers is None else (hers.session_id, hers.run_id)
    action_id, rule_id = ("a", "x") if hers is None else (hers.action_id, hers.rule_id)
    own = {"session_id": session_id, "run_id": run_id, "action_id": action_id, "rule_id": rule_id}
    doors = {"response_id": f"resp_{run_id}", "conversation_id": f"conv_{session_id}"}
    return route.path.format(**SHARED, **own, **doors)


def told(answer: TestResponse) -> tuple[str, str]:
    """Return the code and the message of an error, in our form or in that of the door with the operation."""
    body = answer.json
    found = body if "code" in body else body["error"]
    return found.get("code") or found["type"], found["message"]


def test_only_health_and_readiness_are_public() -> None:
    assert {route.path for route in CORE if route.access == PUBLIC} == {"/health", "/ready"}


def test_only_the_index_and_the_documentation_are_pages() -> None:
    pages = {route.path for route in CORE if route.access == PAGE}
    assert pages == {"/", "/docs", "/docs/{asset}", "/openapi.yaml"}


@pytest.mark.parametrize("path", ["/health", "/ready", "/", "/docs", "/docs/start.js", "/openapi.yaml"])
def test_probes_and_pages_answer_without_a_credential(shared_tenants: Tenants, path: str) -> None:
    assert shared_tenants.app.test_client().get(path).status_code == 200


def test_every_scope_that_is_asked_for_can_be_granted() -> None:
    asked = {scope for route in SCOPED for scope in route.scopes}
    granted = {scope.removesuffix(":{agent_id}").removesuffix(":*") for scope in asked}
    assert granted == {*SCOPES, *SWEPT.scopes}


@pytest.mark.parametrize("route", CLOSED, ids=names(CLOSED))
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer "}])
def test_without_a_credential_nothing_is_served(shared_tenants: Tenants, route: Route, headers: dict[str, str]) -> None:
    answer = shared_tenants.app.test_client().open(
        address(route), method=route.method, json=BODIES.get(route.operation_id), headers=headers
    )
    assert answer.status_code == 401
    assert told(answer)[0] in ("UNAUTHENTICATED", "invalid_api_key", "authentication_error")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), [("POST", "/"), ("GET", "/api/v1/nothing"), ("PATCH", "/api/v1/sessions")])
def test_what_is_not_there_is_told_to_nobody_unknown(tenants: Tenants, method: str, path: str) -> None:
    assert tenants.app.test_client().open(path, method=method).status_code == 401
    assert tenants.alice.request(method, path).status_code in (404, 405)


@pytest.mark.parametrize("route", SCOPED, ids=names(SCOPED))
def test_each_operation_needs_its_scope_and_no_other(tenants: Tenants, route: Route) -> None:
    hers = Belongings(tenants.alice)
    needed = [scope.format(**SHARED) for scope in route.scopes]
    granting = {scope.replace(RUN_SOME, "agents:run:echo") for scope in needed}
    granting |= {scope.removesuffix(":echo") for scope in granting}
    lacking = tenants.caller("alice", [scope for scope in PAST_ADMIN if scope not in granting])
    refused = lacking.request(route.method, address(route, hers), BODIES.get(route.operation_id))
    code, message = told(refused)
    assert refused.status_code == 403
    assert code.upper() in ("FORBIDDEN", "PERMISSION_ERROR")
    assert " or ".join(map(repr, needed)) in message
    for scope in sorted(granting):
        also = ["agents:run"] if route.operation_id == "make_session_summary" else []
        having = tenants.caller("alice", [scope, *also])
        answer = having.request(route.method, address(route, hers), BODIES.get(route.operation_id))
        assert answer.status_code not in (401, 403), answer.text
        answer.close()


def test_a_scope_for_one_agent_is_for_that_one(tenants: Tenants) -> None:
    only = tenants.caller("alice", ["agents:run:echo"])
    assert only.request("POST", "/api/v1/agents/echo/run", {"input": "Hi"}).status_code == 200
    for other in ("slow", "missing", "echo2", "ech"):
        answer = only.request("POST", f"/api/v1/agents/{other}/run", {"input": "Hi"})
        assert (answer.status_code, answer.json["code"]) == (403, "FORBIDDEN")


def test_a_summary_is_made_by_an_agent_that_the_caller_may_run(tenants: Tenants) -> None:
    hers = Belongings(tenants.alice)
    writer = tenants.caller("alice", ["sessions:write", "agents:run:slow"])
    answer = writer.request("POST", f"/api/v1/sessions/{hers.session_id}/summary", {})
    assert (answer.status_code, answer.json["code"]) == (403, "FORBIDDEN")


def test_the_scope_is_asked_for_before_the_body_is_read(tenants: Tenants) -> None:
    reader = tenants.caller("alice", ["sessions:read"])
    answer = reader.request("POST", "/api/v1/sessions", {"nonsense": True})
    assert answer.status_code == 403


def test_whoever_starts_a_run_by_another_way_than_http_needs_the_scope_too(tenants: Tenants) -> None:
    reader = Principal(id="k", owner="alice", scopes=["agents:run:slow", "runs:read"])
    with pytest.raises(Forbidden, match="echo"):
        tenants.services.runs.start(RunRequest(caller=reader, agent_id="echo", input="Hi"))


@pytest.mark.parametrize(
    ("granted", "asked", "may"),
    [
        ("agents:run", "agents:run:a", True),
        ("agents:run:a", "agents:run:a", True),
        ("agents:run:a", "agents:run", False),
        ("agents:run:a", "agents:run:a:b", False),
        ("agents:read", "agents:read:x", False),
        ("admin", "sessions:write", True),
        ("Admin", "sessions:write", False),
    ],
)
def test_what_a_scope_grants(granted: str, asked: str, may: bool) -> None:
    assert Principal(id="k", owner="o", scopes=[granted]).may(asked) is may
