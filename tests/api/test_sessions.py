import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from api.conftest import Serve, next_pages

SESSIONS = "/api/v1/sessions"


def test_a_created_session_has_an_address_and_can_be_read(client: FlaskClient) -> None:
    given = {
        "agent_id": "nobody-yet",
        "user_id": "ada",
        "team_id": "t",
        "workflow_id": "w",
        "name": "Trip \u2028 to Rome",
        "metadata": {"a": [1, {"b": None}]},
        "state": {"step": 2},
    }
    created = client.post(SESSIONS, json=given)
    assert created.status_code == 201
    assert {key: created.json[key] for key in given} == given
    read = client.get(created.headers["Location"])
    assert read.json == created.json
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", read.json["created_at"])


def test_null_means_none_when_a_session_is_created(client: FlaskClient) -> None:
    given = dict.fromkeys(("user_id", "team_id", "workflow_id", "name", "metadata", "state"))
    created = client.post(SESSIONS, json={"agent_id": "a", **given}).json
    assert created["user_id"] is None
    assert created["metadata"] == {}
    assert created["state"] == {}


def test_sessions_are_found_by_a_part_of_their_name(client: FlaskClient) -> None:
    for name, user in (
        ("Trip to Rome", "ada"),
        ("ROME by train", "ada"),
        ("Rome", "bob"),
        ("50%", "ada"),
        (None, "ada"),
    ):
        client.post(SESSIONS, json={"agent_id": "a", "name": name, "user_id": user})
    address = f"{SESSIONS}?q=rome&user_id=ada&include_total=true"
    found = client.get(address).json
    assert [session["name"] for session in found["sessions"]] == ["ROME by train", "Trip to Rome"]
    assert found["total"] == 2
    page = client.get(f"{address}&limit=1").json
    assert [one["name"] for one in next_pages(client, f"{address}&limit=1", "sessions", page)][-1:] == ["Trip to Rome"]
    assert [session["name"] for session in client.get(f"{SESSIONS}?q=%25").json["sessions"]] == ["50%"]


def test_sessions_are_found_by_what_was_said_in_them(serve: Serve, tmp_path: Path) -> None:
    served = serve("To Rome by train", database_url=f"sqlite:///{tmp_path}/agentos.db", search=True)
    first, second = served.new_session(user_id="ada"), served.new_session()
    for session_id in (first, second):
        served.run("Where to?", session_id)
    search = f"{SESSIONS}?q_text="
    found = served.client.get(f"{search}rome%20%22by%20train%22&include_total=true").json
    assert [session["session_id"] for session in found["sessions"]] == [second, first]
    assert found["total"] == 2
    assert [one["session_id"] for one in served.client.get(f"{search}where&user_id=ada").json["sessions"]] == [first]
    assert served.client.get(f"{search}paris").json["count"] == 0
    refused = served.client.get(f"{search}%22*%22")
    assert (refused.status_code, refused.json["code"]) == (400, "INVALID_REQUEST")


def test_where_no_index_is_kept_a_search_says_how_to_have_one(client: FlaskClient) -> None:
    refused = client.get(f"{SESSIONS}?q_text=rome")
    assert refused.status_code == 400
    assert "AGENTOS_SEARCH=true" in refused.json["message"]


@pytest.mark.parametrize("text", ["", "x" * 257, "%00"])
def test_a_part_of_a_name_that_cannot_be_one_is_refused(client: FlaskClient, text: str) -> None:
    refused = client.get(f"{SESSIONS}?q={text}")
    assert refused.status_code == 400
    assert "'q'" in refused.json["message"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"name": "new"}, {"name": "new", "metadata": {"m": 1}, "state": {"s": 1}}),
        ({"metadata": {}}, {"name": "old", "metadata": {}, "state": {"s": 1}}),
        ({"name": None}, {"name": None, "metadata": {"m": 1}, "state": {"s": 1}}),
        ({"metadata": None, "state": None}, {"name": "old", "metadata": {}, "state": {}}),
        ({}, {"name": "old", "metadata": {"m": 1}, "state": {"s": 1}}),
    ],
)
def test_put_replaces_what_is_given_keeps_what_is_absent_and_clears_what_is_null(
    client: FlaskClient, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    body = {"agent_id": "a", "name": "old", "metadata": {"m": 1}, "state": {"s": 1}}
    address = client.post(SESSIONS, json=body).headers["Location"]
    answer = client.put(address, json=given)
    assert {key: answer.json[key] for key in expected} == expected
    assert client.get(address).json == answer.json


def test_a_change_counts_only_with_the_tag_that_the_session_has(client: FlaskClient) -> None:
    created = client.post(SESSIONS, json={"agent_id": "a"})
    address, tag = created.headers["Location"], created.headers["ETag"]
    assert client.get(address).headers["ETag"] == tag
    changed = client.put(address, json={"name": "one"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
    late = client.put(address, json={"name": "two"}, headers={"If-Match": tag})
    assert late.status_code == 412
    assert late.json["code"] == "PRECONDITION_FAILED"
    assert client.get(address).json["name"] == "one"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("*", 200),
        ('"nonsense"', 412),
        ('"v99-0"', 412),
        ("not quoted", 412),
        ('W/"v1-0"', 412),
        ('"v1-0", "v7-0"', 200),
        ('"v7-0", "v8-0"', 412),
    ],
)
def test_if_match_is_read_as_rfc_9110_says(client: FlaskClient, header: str, status: int) -> None:
    address = client.post(SESSIONS, json={"agent_id": "a"}).headers["Location"]
    assert client.put(address, json={"name": "x"}, headers={"If-Match": header}).status_code == status
    assert client.put(address, json={}, headers={"If-Match": header}).status_code in (status, 412)


def test_a_session_that_did_not_change_is_304_until_something_runs_in_it(served) -> None:
    session = served.new_session()
    address = f"{SESSIONS}/{session}"
    tag = served.client.get(address).headers["ETag"]
    unchanged = served.client.get(address, headers={"If-None-Match": tag})
    assert (unchanged.status_code, unchanged.data, unchanged.headers["ETag"]) == (304, b"", tag)
    served.run("Hi", session)
    assert served.client.get(address, headers={"If-None-Match": tag}).json["run_count"] == 1
    assert served.client.put(address, json={"name": "x"}, headers={"If-Match": tag}).status_code == 200


def test_a_deleted_session_is_gone_with_its_runs(served) -> None:
    session = served.new_session()
    run_id = served.run("Hi", session).json["run_id"]
    assert served.client.delete(f"{SESSIONS}/{session}").json == {"message": "session deleted"}
    assert served.client.get(f"{SESSIONS}/{session}").json["code"] == "SESSION_NOT_FOUND"
    assert served.client.get(f"/api/v1/runs/{run_id}").json["code"] == "RUN_NOT_FOUND"
    assert served.client.delete(f"{SESSIONS}/{session}").status_code == 404


def test_sessions_are_listed_newest_activity_first_and_filters_are_and_ed(served) -> None:
    first = served.new_session(user_id="ada", team_id="x")
    second = served.new_session(user_id="ada")
    third = served.new_session(user_id="bob", team_id="x")
    served.run("Hi", first)

    def listed(query: str) -> list[str]:
        return [one["session_id"] for one in served.client.get(f"{SESSIONS}{query}").json["sessions"]]

    assert listed("") == [first, third, second]
    assert listed("?user_id=ada") == [first, second]
    assert listed("?user_id=ada&team_id=x") == [first]
    assert listed("?user_id=ad") == []
    assert listed("?limit=1&offset=1") == [third]
    page = served.client.get(f"{SESSIONS}?limit=1&user_id=ada&include_total=true").json
    assert (page["count"], page["total"]) == (1, 2)
    assert "total" not in served.client.get(SESSIONS).json
    assert "next_cursor" not in served.client.get(SESSIONS).json


def test_a_list_has_the_state_of_sessions_only_if_it_is_asked_for(client: FlaskClient) -> None:
    made = client.post(SESSIONS, json={"agent_id": "a", "state": {"step": 2}}).json
    assert client.get(f"{SESSIONS}?include=state").json["sessions"] == [made]
    del made["state"]
    assert client.get(SESSIONS).json["sessions"] == [made]


@pytest.mark.parametrize("value", ["metadata", "state,state", ""])
def test_a_list_can_include_nothing_but_the_state(client: FlaskClient, value: str) -> None:
    refused = client.get(f"{SESSIONS}?include={value}")
    assert (refused.status_code, refused.json["code"]) == (400, "INVALID_REQUEST")
    assert refused.json["message"].endswith("accepted is 'state'")


def test_a_list_read_by_cursor_is_stable_while_sessions_are_added(served) -> None:
    before = [served.new_session() for _ in range(5)]
    page = served.client.get(f"{SESSIONS}?limit=2").json
    seen = [one["session_id"] for one in page["sessions"]]
    for _ in range(3):
        served.new_session()
    rest = next_pages(served.client, f"{SESSIONS}?limit=2", "sessions", page)
    assert seen + [one["session_id"] for one in rest] == before[::-1]


def test_reuse_points_the_session_at_others_and_keeps_its_history(served) -> None:
    session = served.new_session(user_id="ada", team_id="x")
    served.run("Hi", session)
    answer = served.client.post(f"{SESSIONS}/{session}/reuse", json={"agent_id": "assistant", "user_id": None})
    assert (answer.json["agent_id"], answer.json["user_id"], answer.json["team_id"]) == ("assistant", None, "x")
    assert len(served.client.get(f"{SESSIONS}/{session}/history").json["messages"]) == 2


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PUT", "", {"name": "x"}),
        ("PUT", "", {}),
        ("DELETE", "", None),
        ("GET", "/history", None),
        ("GET", "/summary", None),
        ("POST", "/summary", {}),
        ("POST", "/summary", {"async": True}),
        ("POST", "/reuse", {"user_id": "u"}),
    ],
)
@pytest.mark.parametrize("session_id", ["nobody", "x" * 300, "%00", "a%0Ab", "ü", "'; DROP TABLE sessions; --"])
def test_an_unknown_session_is_404_whatever_its_id(
    client: FlaskClient, method: str, path: str, body: Any, session_id: str
) -> None:
    answer = client.open(f"{SESSIONS}/{session_id}{path}", method=method, json=body)
    assert answer.status_code == 404
    assert answer.json["code"] == "SESSION_NOT_FOUND"


def test_an_unknown_session_with_if_match_is_404(client: FlaskClient) -> None:
    for header in ("*", '"v1-0"', '"nonsense"'):
        answer = client.put(f"{SESSIONS}/nobody", json={"name": "x"}, headers={"If-Match": header})
        assert answer.json["code"] == "SESSION_NOT_FOUND"


@pytest.mark.parametrize("path", ["sessions/%00", "sessions?agent_id=%00", "runs/%00", "agents/%00"])
def test_a_null_character_never_reaches_a_database_that_refuses_it(serve, fresh_postgresql_url, path: str) -> None:
    answer = serve(database_url=fresh_postgresql_url).client.get(f"/api/v1/{path}")
    assert answer.status_code in (400, 404)
