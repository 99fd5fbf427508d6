"""API keys over HTTP: made and shown once, listed, revoked; and what a credential learns about itself."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentos import Principal, hookimpl
from agentos.auth.keys import KEY
from agentos.domain.principal import SCOPES, SCOPES_OF_ONE_OWNER
from agentos.errors import Forbidden
from agentos.services.keys import CLIENT_SCOPES
from agentos.testing import AgentClient
from api.conftest import Serve, Served, next_pages
from auth.issuer import checking_key, token


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve(auth=["api_key"], rate_limit=None)


@pytest.fixture
def admin(served: Served) -> AgentClient:
    return served.client.as_caller("ada", ["admin"])


def client_with(served: Served, key: str) -> AgentClient:
    client = AgentClient(served.app, served.app.response_class)
    client.environ_base = {**client.environ_base, "HTTP_AUTHORIZATION": f"Bearer {key}"}
    return client


def make(admin: AgentClient, **fields: Any) -> Any:
    answer = admin.post("/api/v1/keys", json={"name": "backend", **fields})
    assert answer.status_code == 201, answer.text
    return answer.json


def test_a_key_that_was_made_is_good_at_once_and_does_what_it_may(served, admin):
    made = make(admin, owner="acme", scopes=["runs:read", "agents:read", "agents:read", "agents:run:scripted"])
    assert made["id"] == KEY.fullmatch(made["key"])[1]
    assert made["scopes"] == ["agents:read", "runs:read", "agents:run:scripted"]
    assert (made["name"], made["owner"], made["status"], made["current"]) == ("backend", "acme", "active", False)
    assert (made["expires_at"], made["revoked_at"]) == (None, None)
    client = client_with(served, made["key"])
    run = client.run("scripted", "Hi")
    assert run.status_code == 200
    assert admin.get(f"/api/v1/runs/{run.json['run_id']}").json["owner"] == "acme"
    assert client.get("/api/v1/sessions").status_code == 403


def test_without_a_word_it_may_what_clients_do_for_an_owner_of_its_own(admin):
    made = make(admin)
    assert made["scopes"] == list(CLIENT_SCOPES)
    assert made["owner"] == "backend"
    assert not {"admin", "tools:call", "settings:read", "agents:write"} & set(made["scopes"])


def test_the_secret_is_in_the_answer_that_made_it_and_nowhere_else(served, admin, caplog):
    caplog.set_level(logging.DEBUG)
    answer = admin.post("/api/v1/keys", json={"name": "backend"})
    assert answer.headers["Cache-Control"] == "no-store"
    secret = answer.json["key"].split("_", 2)[2]
    assert len(secret) > 30
    seen = [admin.get("/api/v1/keys").text, admin.delete(f"/api/v1/keys/{answer.json['id']}").text, caplog.text]
    assert not [text for text in seen if secret in text]


def test_who_made_and_who_revoked_a_key_is_in_the_log(admin, log_records):
    me = admin.get("/api/v1/keys/current").json["id"]
    made = make(admin)
    admin.delete(f"/api/v1/keys/{made['id']}")
    created, revoked = log_records("agentos.services.keys")[-2:]
    assert (created.message, created.key_id, created.by) == ("API key created", made["id"], me)
    assert (revoked.message, revoked.key_id, revoked.by) == ("API key revoked", made["id"], me)
    assert created.scopes == made["scopes"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "'name'"),
        ({"name": "a\tb"}, "'name'"),
        ({"name": "x" * 256}, "'name'"),
        ({"owner": ""}, "'owner'"),
        ({"owner": None}, "'owner'"),
        ({"scopes": []}, "no scope was given; accepted are agents:read"),
        ({"scopes": ["everything"]}, "unknown scopes 'everything'; accepted are agents:read"),
        ({"scopes": ["metrics:none"]}, "unknown scopes 'metrics:none'"),
        ({"scopes": "admin"}, "'scopes'"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "is over; give one that is to come"),
        ({"expires_at": "2099-01-01"}, "accepted is a time of RFC 3339 with a time zone"),
        ({"expires_at": "2099-01-01T00:00:00"}, "accepted is a time of RFC 3339 with a time zone"),
        ({"expires_at": 4070908800}, "accepted is a time of RFC 3339 with a time zone"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "accepted is a time of RFC 3339"),
        ({"rate_limit": 5}, "rate_limit"),
    ],
)
def test_what_makes_no_sense_is_refused(admin, fields, said):
    answer = admin.post("/api/v1/keys", json={"name": "backend", **fields})
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert said in answer.json["message"]
    assert admin.get("/api/v1/keys").json["count"] == 1


def test_a_name_in_use_needs_its_owner(admin):
    first = make(admin)
    answer = admin.post("/api/v1/keys", json={"name": "backend"})
    assert answer.status_code == 400
    assert f"is used by key {first['id']}" in answer.json["message"]
    assert "Give 'owner': 'backend'" in answer.json["message"]
    assert make(admin, owner="backend")["owner"] == "backend"


def test_a_key_ends_at_its_time(served, admin):
    soon = datetime.now(UTC) + timedelta(hours=1)
    made = make(admin, expires_at=soon.astimezone().isoformat())
    assert datetime.fromisoformat(made["expires_at"]) == soon
    assert client_with(served, made["key"]).get("/api/v1/keys/current").json["expires_at"] == made["expires_at"]


def test_keys_of_all_owners_are_listed_in_pages_with_the_newest_first(served, admin):
    made = [make(admin, name=f"key {number}")["id"] for number in range(5)]
    admin.delete(f"/api/v1/keys/{made[1]}")
    mine = admin.get("/api/v1/keys/current").json["id"].removeprefix("key:")
    page = admin.get("/api/v1/keys?limit=2").json
    assert page["count"] == 2
    rest = next_pages(admin, "/api/v1/keys?limit=2", "keys", page)
    keys = [*page["keys"], *rest]
    assert [key["id"] for key in keys] == [*reversed(made), mine]
    assert [key["status"] for key in keys] == ["active", "active", "active", "revoked", "active", "active"]
    assert [key["id"] for key in keys if key["current"]] == [mine]
    assert [key["id"] for key in admin.get("/api/v1/keys?limit=2&offset=3").json["keys"]] == [made[1], made[0]]


def test_a_page_goes_on_where_it_ended_while_keys_are_made(admin):
    made = [make(admin, name=f"key {number}")["id"] for number in range(3)]
    page = admin.get("/api/v1/keys?limit=1").json
    make(admin, name="later")
    following = admin.get(f"/api/v1/keys?limit=1&cursor={page['next_cursor']}").json
    assert [page["keys"][0]["id"], following["keys"][0]["id"]] == [made[2], made[1]]


def test_a_revoked_key_is_refused_from_the_next_request_on(served, admin):
    made = make(admin)
    client = client_with(served, made["key"])
    assert client.get("/api/v1/agents").status_code == 200
    answer = admin.delete(f"/api/v1/keys/{made['id']}")
    assert answer.json["message"] == "key revoked"
    assert answer.json["key"]["status"] == "revoked"
    assert client.get("/api/v1/agents").status_code == 401
    again = admin.delete(f"/api/v1/keys/{made['id']}").json["key"]
    assert again["revoked_at"] == answer.json["key"]["revoked_at"]


def test_the_key_of_the_request_may_be_revoked_and_the_answer_says_so(admin):
    mine = admin.get("/api/v1/keys/current").json["id"].removeprefix("key:")
    answer = admin.delete(f"/api/v1/keys/{mine}")
    assert answer.status_code == 200
    assert answer.json["message"] == "key revoked; it is the key of this request"
    assert answer.json["key"]["current"] is True
    assert admin.get("/api/v1/keys").status_code == 401


def test_a_key_that_is_not_there_cannot_be_revoked(admin):
    for id in ("0123456789abcdef", "nothing", "%20"):
        answer = admin.delete(f"/api/v1/keys/{id}")
        assert (answer.status_code, answer.json["code"]) == (404, "NOT_FOUND")


def test_what_a_credential_may_do_cannot_be_deleted(admin):
    answer = admin.delete("/api/v1/keys/current")
    assert (answer.status_code, answer.json["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert "DELETE" not in answer.headers["Allow"]


def test_who_is_no_administrator_manages_no_keys(served, admin):
    made = make(admin)
    alice = served.client.as_caller("alice", [one for one in SCOPES if one != "admin"])
    answers = [
        alice.get("/api/v1/keys"),
        alice.post("/api/v1/keys", json={"name": "more"}),
        alice.delete(f"/api/v1/keys/{made['id']}"),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert client_with(served, made["key"]).get("/api/v1/agents").status_code == 200


@pytest.mark.parametrize(
    ("owner", "scopes", "said"),
    [
        ("alice", ["runs:read", "agents:write"], "its maker lacks: 'agents:write'"),
        ("alice", ["admin"], "its maker lacks: 'admin'"),
        ("bob", ["runs:read"], "a key of another owner"),
    ],
)
def test_a_key_can_do_nothing_that_its_maker_cannot(served, owner, scopes, said):
    maker = Principal(id="k", owner="alice", scopes=["runs:read", "agents:run"])
    with pytest.raises(Forbidden, match=said):
        served.services.keys.create(name="more", owner=owner, scopes=scopes, maker=maker)
    _, key = served.services.keys.create(name="more", owner="alice", scopes=["agents:run:a"], maker=maker)
    assert key.scopes == ("agents:run:a",)


# --- the credential of the request ------------------------------------------------------------------------------------


def test_any_key_may_ask_what_it_may_do(served, admin):
    made = make(admin, owner="acme", scopes=["runs:approve:any", "agents:run:scripted"])
    answer = client_with(served, made["key"]).get("/api/v1/keys/current")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json == {
        "authentication": "on",
        "kind": "api_key",
        "id": f"key:{made['id']}",
        "name": "backend",
        "owner": "acme",
        "scopes": ["runs:approve:any", "agents:run:scripted"],
        "effective_scopes": ["runs:approve", "runs:approve:any", "agents:run:scripted"],
        "expires_at": None,
    }


def test_an_administrator_has_all_scopes(admin):
    answer = admin.get("/api/v1/keys/current").json
    assert answer["scopes"] == ["admin"]
    assert answer["effective_scopes"] == list(SCOPES)


def test_without_a_credential_nothing_is_said(served):
    answer = served.client.get("/api/v1/keys/current")
    assert (answer.status_code, answer.json["code"]) == (401, "UNAUTHENTICATED")


def test_a_server_without_authentication_says_so_and_what_everybody_may_do(serve):
    answer = serve(allow_anonymous=True).client.get("/api/v1/keys/current").json
    assert (answer["authentication"], answer["kind"], answer["owner"]) == ("off", None, "anonymous")
    assert answer["scopes"] == answer["effective_scopes"] == list(SCOPES_OF_ONE_OWNER)


@pytest.mark.parametrize("allow_anonymous", [True, False])
def test_a_server_without_authentication_lets_no_client_manage_keys(serve, allow_anonymous):
    """A key that a stranger made would be good from the day on that keys are asked for."""
    client = serve(allow_anonymous=allow_anonymous).client
    for answer in (client.get("/api/v1/keys"), client.post("/api/v1/keys", json={"name": "x", "scopes": ["admin"]})):
        assert (answer.status_code, answer.json["code"]) == (403, "FORBIDDEN")


def test_a_token_says_when_it_ends(serve):
    served = serve(auth=["jwt"], jwt_key=checking_key("ES256"), jwt_algorithms=["ES256"])
    ask = {"Authorization": f"Bearer {token(exp=4070908800)}"}
    answer = served.client.get("/api/v1/keys/current", headers=ask).json
    assert (answer["kind"], answer["id"], answer["name"]) == ("jwt", "jwt:alice", None)
    assert answer["scopes"] == ["agents:read", "agents:run"]
    assert answer["expires_at"] == "2099-01-01T00:00:00.000000Z"


def test_a_token_that_ends_after_all_dates_is_good(serve):
    served = serve(auth=["jwt"], jwt_key=checking_key("ES256"), jwt_algorithms=["ES256"])
    ask = {"Authorization": f"Bearer {token(exp=10**15)}"}
    assert served.client.get("/api/v1/keys/current", headers=ask).json["expires_at"] is None


class Badge:
    """An authenticator of a plugin, which knows everybody."""

    @hookimpl
    def register_authenticators(self, register) -> None:
        register("badge", lambda config, storage: self)

    def authenticate(self, _: object) -> Principal:
        ends = datetime(2099, 1, 1, tzinfo=UTC)
        return Principal(id="badge:7", owner="acme", scopes=["runs:read"], name="front door", expires_at=ends)


def test_a_credential_of_a_plugin_has_the_name_of_its_authenticator(serve):
    answer = serve(auth=["badge"], plugins={"badges": Badge()}).client.get("/api/v1/keys/current").json
    assert (answer["kind"], answer["id"], answer["name"]) == ("badge", "badge:7", "front door")
    assert answer["expires_at"] == "2099-01-01T00:00:00.000000Z"


def test_a_time_without_a_zone_is_no_time_at_which_a_credential_ends():
    with pytest.raises(ValueError, match="without a time zone"):
        Principal(id="k", owner="o", expires_at=datetime(2099, 1, 1))  # noqa: DTZ001
