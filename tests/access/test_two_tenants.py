"""Somebody else's id answers exactly as a missing one: on every operation there is, none of which can be forgotten.

The operations are read from the declared routes. One that this table does not know how to call fails its test.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import Schema
from werkzeug.test import TestResponse

from access.conftest import Belongings, Caller, Tenants
from agentos.api.kit.path_parameters import flask_rule
from agentos.api.kit.routes import Route
from agentos.domain.ids import new_id
from parts.application import SWEPT

ROUTES = {route.operation_id: route for route in SWEPT.operations}

BODIES: dict[str, Any] = {
    "create_session": {"agent_id": "echo"},
    "update_session": {"name": "mine now"},
    "reuse_session": {"user_id": "mine now"},
    "fork_session": {"name": "mine now"},
    "make_session_summary": {},
    "register_agent": {"id": "new", "model": "scripted:echo"},
    "replace_agent": {"model": "scripted:echo"},
    "rollback_agent": {"version": 1},
    "run_agent": {"input": "Hi"},
    "stream_agent": {"input": "Hi"},
    "resume_run": {"answers": [{"id": "ACTION", "decision": "approve"}]},
    "create_key": {"name": "new", "scopes": ["runs:read"]},
    "call_tool": {"arguments": {"expression": "6 * 7"}},
    "make_note": {"text": "Hi"},
    "create_openai_response": {"model": "echo", "input": "Hi"},
    "create_openai_conversation": {"metadata": {}},
    "update_openai_conversation": {"metadata": {}},
    "create_openai_conversation_items": {"items": []},
    "create_chat_completion": {"model": "echo", "messages": [{"role": "user", "content": "Hi"}]},
    "create_message": {"model": "echo", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]},
    "count_message_tokens": {"model": "echo", "messages": [{"role": "user", "content": "Hi"}]},
}
"""A body that each operation with one accepts."""

SHARED = {
    "agent_id": "echo",
    "version": "1",
    "model": "echo",
    "asset": "swagger-ui.css",
    "number": "0",
    "item_id": "msg_s1",
    "tool_name": "calculator",
    "key_id": "0123456789abcdef",
}
"""Parts of addresses that name what belongs to no tenant: who may touch it is a matter of scopes alone."""

OWNED = {
    "session_id": ("session_id", "open_session_id", "paused_session_id"),
    "run_id": ("run_id", "open_run_id", "queued_run_id", "paused_run_id"),
    "action_id": ("action_id",),
    "rule_id": ("rule_id",),
    "response_id": ("run_id", "open_run_id", "queued_run_id", "paused_run_id"),
    "conversation_id": ("session_id", "open_session_id", "paused_session_id"),
}
"""Parts of addresses, and fields, that name what belongs to a tenant; and which of its belongings they can name."""

PREFIXES = {"response_id": "resp_", "conversation_id": "conv_"}
"""What stands before an id of ours at a door."""

LEADING = {"previous_response_id", "before_run_id"}
"""Fields that lead to somebody's things, and that tests of their own try with two tenants."""

LOOSE = {"parent_run_id", "user_id", "team_id", "workflow_id", "agent_id", "after_id", "before_id"}
"""Fields and filters that are kept or compared as they are, and lead to nobody's things."""

ADDRESSED = [
    (route, parameter, which)
    for route in ROUTES.values()
    for parameter in route.path_parameters
    if parameter in OWNED
    for which in OWNED[parameter]
]


def fields_of(schema: Schema | None, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the paths of all fields that a client may give."""
    for name, field in ({} if schema is None else schema.fields).items():
        path = (*prefix, field.data_key or name)
        yield path
        inner = getattr(field, "schema", None)
        yield from fields_of(inner, path)


NAMED = [
    (route, path)
    for route in ROUTES.values()
    for path in (*fields_of(route.query), *fields_of(route.body))
    if path[-1].endswith("_id") and path[-1] in OWNED
]


def send(caller: Caller, route: Route, ids: dict[str, str], body: Any = None, query: str = "") -> TestResponse:
    """Call an operation with a body that it accepts, unless another is given."""
    address = route.path.format(**{**SHARED, **ids})
    given = BODIES.get(route.operation_id) if body is None else body
    return caller.request(route.method, address + query, given if route.body is not None else None)


def body_of(route: Route, hers: Belongings) -> Any:
    """Return a body that names an action of hers, for the operation that answers one."""
    if route.operation_id != "resume_run":
        return None
    return {"answers": [{"id": hers.action_id, "decision": "approve"}]}


def told(answer: TestResponse, *ids: str) -> Any:
    """Return all that an answer says, without the id that was asked for and what differs between any two."""
    text = answer.get_data(as_text=True)
    headers = {name: value for name, value in answer.headers.items() if name not in ("X-Request-ID", "Date")}
    for id in ids:
        text = text.replace(id, "ID")
        headers = {name: value.replace(id, "ID") for name, value in headers.items()}
    return answer.status_code, re.sub(r'"request_id":"[^"]*"', "", text), headers


def test_the_operations_are_all_that_is_served(tenants: Tenants) -> None:
    served = {
        (rule.rule, method)
        for rule in tenants.app.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    # By their addresses: a header may tell two operations of one address apart.
    assert served == {(flask_rule(route.path, route.parameters), route.method) for route in ROUTES.values()}


def test_every_part_of_an_address_is_owned_or_shared() -> None:
    assert {name for route in ROUTES.values() for name in route.path_parameters} == {*OWNED, *SHARED}


def test_every_operation_with_a_body_has_an_example() -> None:
    assert {name for name, route in ROUTES.items() if route.body is not None} == BODIES.keys()


def test_every_field_and_filter_that_is_an_id_is_owned_or_loose() -> None:
    named = {
        path[-1]
        for route in ROUTES.values()
        for path in (*fields_of(route.query), *fields_of(route.body))
        if path[-1].endswith("_id")
    }
    assert named <= {*OWNED, *LEADING, *LOOSE}
    assert {(route.operation_id, ".".join(path)) for route, path in NAMED} == {
        ("list_runs", "session_id"),
        ("list_approval_rules", "session_id"),
        ("list_approvals", "session_id"),
        ("list_approvals", "run_id"),
        ("run_agent", "session_id"),
        ("stream_agent", "session_id"),
        ("call_tool", "session_id"),
        ("make_note", "session_id"),
    }


@pytest.mark.parametrize(
    ("route", "parameter", "which"), ADDRESSED, ids=[f"{r.operation_id}-{w}" for r, _, w in ADDRESSED]
)
def test_what_is_somebody_elses_is_as_if_it_were_missing(
    tenants: Tenants, route: Route, parameter: str, which: str
) -> None:
    hers = Belongings(tenants.alice)
    before = hers.state()
    prefix, body = PREFIXES.get(parameter, ""), body_of(route, hers)
    id, missing = prefix + getattr(hers, which), prefix + new_id()
    refused, absent = (send(tenants.bob, route, {parameter: one}, body) for one in (id, missing))
    assert told(refused, id) == told(absent, missing)
    assert refused.status_code == 404
    assert hers.state() == before
    # The same request is good, where it is her own or an administrator's: it was refused for nothing else.
    for able in (tenants.ada, tenants.alice) if route.method == "GET" else (tenants.alice,):
        answer = send(able, route, {parameter: id}, body)
        assert answer.status_code not in (401, 403)
        # Only the paused run of hers waits for the action; an unfinished session has no item yet.
        may_miss = "summary" in route.path or "item_id" in route.path or (body and which != "paused_run_id")
        assert answer.status_code != 404 or may_miss
        answer.close()


@pytest.mark.parametrize("which", OWNED["session_id"])
@pytest.mark.parametrize("operation", ["run_agent", "stream_agent"])
def test_nobody_runs_an_agent_in_somebody_elses_session(tenants: Tenants, operation: str, which: str) -> None:
    hers = Belongings(tenants.alice)
    before = hers.state()
    id, missing = getattr(hers, which), new_id()
    for concurrency in ("enqueue", "reject", "interrupt", "rollback"):
        bodies = [{"input": "Hi", "session_id": one, "concurrency": concurrency} for one in (id, missing)]
        refused, absent = (send(tenants.bob, ROUTES[operation], {}, body) for body in bodies)
        assert told(refused, id) == told(absent, missing)
        assert refused.status_code == 404
    assert hers.state() == before


@pytest.mark.parametrize("which", OWNED["session_id"])
def test_nobody_calls_a_tool_in_somebody_elses_session(tenants: Tenants, which: str) -> None:
    hers = Belongings(tenants.alice)
    before = hers.state()
    id, missing = getattr(hers, which), new_id()
    bodies = [{**BODIES["call_tool"], "session_id": one} for one in (id, missing)]
    refused, absent = (send(tenants.bob, ROUTES["call_tool"], {}, body) for body in bodies)
    assert told(refused, id) == told(absent, missing)
    assert refused.status_code == 404
    assert hers.state() == before


@pytest.mark.parametrize("which", OWNED["session_id"])
def test_no_operation_of_a_plugin_runs_an_agent_in_somebody_elses_session(tenants: Tenants, which: str) -> None:
    hers = Belongings(tenants.alice)
    before = hers.state()
    id, missing = getattr(hers, which), new_id()
    refused, absent = (
        send(tenants.bob, ROUTES["make_note"], {}, {"text": "Hi", "session_id": one}) for one in (id, missing)
    )
    assert told(refused, id) == told(absent, missing)
    assert refused.status_code == 404
    assert hers.state() == before


WITHOUT_OWNER = {"list_agents", "list_anthropic_models", "list_keys"}
"""Lists of what has no owner, and of keys, which only administrators see at all."""

LISTS = [
    (route, path[-1])
    for route in ROUTES.values()
    if route.method == "GET" and not route.path_parameters and route.query is not None
    if route.operation_id not in WITHOUT_OWNER
    for path in [("",), *fields_of(route.query)]
    if path != ("cursor",)  # which only a list itself can give
]


@pytest.mark.parametrize(("route", "given"), LISTS, ids=[f"{r.operation_id}-{f or 'all'}" for r, f in LISTS])
def test_no_list_shows_what_is_somebody_elses_whatever_is_asked_for(tenants: Tenants, route: Route, given: str) -> None:
    hers = Belongings(tenants.alice)
    values = {
        "": [""],
        "session_id": [hers.session_id, hers.open_session_id],
        "agent_id": ["echo", "slow"],
        "status": ["completed", "running", "queued", "paused"],
        "kind": ["approval"],
        "q_text": ["hi"],
        "include": ["state"],
        "include_total": ["true"],
        "limit": ["1000"],
        "offset": ["0", "1"],
        "since": ["2020-01-01T00:00:00Z"],
        "until": ["2100-01-01T00:00:00Z"],
    }
    if route.operation_id == "list_approvals":
        values |= {
            "run_id": [hers.paused_run_id],
            "session_id": [hers.paused_session_id],
            "agent_id": ["waits-approval"],
            "offset": ["0"],
            "tool": ["pay"],
            "approver": ["owner"],
            "owner": ["alice"],
            "order": ["newest", "oldest"],
        }
    if route.operation_id == "list_approval_rules":
        values |= {"session_id": [hers.session_id], "agent_id": ["echo"], "tool": ["pay"]}
    for value in values.get(given, ["mark"]):
        query = f"?{given}={value}" if given else ""
        seen = send(tenants.bob, route, {}, query=query)
        assert seen.status_code == 200, seen.text
        assert not [id for id in hers.ids() if id in seen.get_data(as_text=True)]
        assert seen.json["count"] == 0
        assert not seen.json.get("total")
        assert "next_cursor" not in seen.json
        shown = send(tenants.alice, route, {}, query=query).json
        assert shown["count"] > 0
        assert send(tenants.ada, route, {}, query=query).json["count"] == shown["count"]


def test_a_cursor_from_somebody_elses_list_leads_nowhere(tenants: Tenants) -> None:
    hers = Belongings(tenants.alice)
    for address in ("/api/v1/sessions", "/api/v1/runs"):
        page = tenants.alice.request("GET", f"{address}?limit=1").json
        answer = tenants.bob.request("GET", f"{address}?cursor={page['next_cursor']}")
        assert answer.json["count"] == 0
        assert not [id for id in hers.ids() if id in answer.text]


KEYED = [route for route in ROUTES.values() if "Idempotency-Key" in route.request_headers]


@pytest.mark.parametrize("route", KEYED, ids=[route.operation_id for route in KEYED])
def test_an_idempotency_key_is_its_owners(tenants: Tenants, route: Route) -> None:
    named = "session_id" in route.path_parameters
    own = {one.key: Belongings(one).session_id for one in (tenants.alice, tenants.bob)} if named else {}

    def once(caller: Caller) -> TestResponse:
        headers = {"Idempotency-Key": "k1"}
        address = route.path.format(**SHARED, session_id=own.get(caller.key))
        return caller.request(route.method, address, BODIES[route.operation_id], headers=headers)

    first, other, again = once(tenants.alice), once(tenants.bob), once(tenants.alice)
    assert "Idempotency-Replayed" not in first.headers
    assert "Idempotency-Replayed" not in other.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    made = "Location" if "Location" in first.headers else "X-Run-ID"
    assert first.headers[made] == again.headers[made] != other.headers[made]


def test_an_administrator_works_in_a_session_for_its_owner(tenants: Tenants) -> None:
    hers = Belongings(tenants.alice)
    run_id = tenants.ada.run(session_id=hers.session_id)["run_id"]
    assert tenants.alice.request("GET", f"/api/v1/runs/{run_id}").json["owner"] == "alice"
    assert tenants.bob.request("GET", f"/api/v1/runs/{run_id}").status_code == 404


def test_two_keys_of_one_user_share_what_the_user_has(tenants: Tenants) -> None:
    hers = Belongings(tenants.alice)
    again = tenants.caller("alice", ["sessions:read"])
    assert again.request("GET", f"/api/v1/sessions/{hers.session_id}").status_code == 200
