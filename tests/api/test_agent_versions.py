"""Versions of stored agents over HTTP: If-Match, lists, comparisons, going back."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from agentos.domain.times import utc_now
from agentos.storage.agents import StoredAgent
from api.conftest import next_pages

AGENTS = "/api/v1/agents"
AGENT = f"{AGENTS}/guide"
GUIDE = {"id": "guide", "model": "scripted:echo", "instructions": "Be brief."}


def register(client: FlaskClient, **fields: Any) -> Any:
    answer = client.post(AGENTS, json={**GUIDE, **fields})
    assert answer.status_code == 201, answer.text
    return answer


def put(client: FlaskClient, instructions: str, headers: Any = None, **fields: Any) -> Any:
    return client.put(AGENT, json={**GUIDE, "instructions": instructions, **fields}, headers=headers)


def versions(client: FlaskClient, query: str = "") -> Any:
    answer = client.get(f"{AGENT}/versions{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def test_each_change_adds_a_version_with_its_author_and_comment(client: FlaskClient) -> None:
    assert register(client, comment="the first").json["version"] == 1
    changed = put(client, "Be kind.")
    assert changed.json["version"] == 2
    assert "comment" not in changed.json["definition"]
    newest, oldest = versions(client)["versions"]
    assert (newest["version"], newest["author"], newest["comment"]) == (2, "anonymous", None)
    assert (oldest["version"], oldest["comment"], oldest["created_at"]) == (1, "the first", changed.json["created_at"])
    assert newest["created_at"] == changed.json["updated_at"]


def test_the_author_is_the_credential_that_stored_it(serve) -> None:
    served = serve(auth=["api_key"])
    ada, bob = (served.client.as_caller(name, ["agents:read", "agents:write"]) for name in ("ada", "bob"))
    register(ada)
    put(bob, "Be kind.")
    ada.post(f"{AGENT}/rollback", json={"version": 1})
    keys = {key.owner: f"key:{key.id}" for key in served.services.storage.keys.list()}
    assert [one["author"] for one in versions(bob)["versions"]] == [keys["ada"], keys["bob"], keys["ada"]]


def test_a_version_is_read_with_its_definition(client: FlaskClient) -> None:
    register(client)
    put(client, "Be kind.")
    assert client.get(f"{AGENT}/versions/1").json["definition"] == GUIDE
    assert client.get(f"{AGENT}/versions/2").json["definition"] == {**GUIDE, "instructions": "Be kind."}


def test_the_same_definition_adds_no_version(client: FlaskClient) -> None:
    first = register(client)
    again = put(client, "Be brief.", comment="again", max_turns=None)
    assert (again.status_code, again.json) == (200, first.json)
    assert again.headers["ETag"] == first.headers["ETag"]
    assert versions(client)["count"] == 1


def test_a_change_counts_only_with_the_tag_that_the_agent_has(client: FlaskClient) -> None:
    tag = register(client).headers["ETag"]
    assert client.get(AGENT).headers["ETag"] == tag
    changed = put(client, "Be kind.", {"If-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
    late = put(client, "Be bold.", {"If-Match": tag})
    assert (late.status_code, late.json["code"]) == (412, "PRECONDITION_FAILED")
    assert "at version 2, not 1" in late.json["message"]
    assert client.get(AGENT).json["definition"]["instructions"] == "Be kind."


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("*", 200),
        ('"nonsense"', 412),
        ('"v99-0"', 412),
        ('"1"', 412),
        ("not quoted", 412),
        ("", 412),
        ('W/"v1-0"', 412),
        ('"v1-0", "v7-0"', 200),
        ('"v7-0", "v8-0"', 412),
        ('"v999999999999999-0"', 412),
    ],
)
def test_if_match_is_read_as_rfc_9110_says(client: FlaskClient, header: str, status: int) -> None:
    register(client)
    answers = [
        put(client, "Be kind.", {"If-Match": header}),
        client.post(f"{AGENT}/rollback", json={"version": 1}, headers={"If-Match": header}),
    ]
    assert answers[0].status_code == status
    assert answers[1].status_code in (status, 412)
    assert versions(client)["count"] == (3 if header == "*" else 2 if status == 200 else 1)


def test_an_agent_that_did_not_change_is_304(client: FlaskClient) -> None:
    tag = register(client).headers["ETag"]
    unchanged = client.get(AGENT, headers={"If-None-Match": tag})
    assert (unchanged.status_code, unchanged.data, unchanged.headers["ETag"]) == (304, b"", tag)
    put(client, "Be kind.")
    assert client.get(AGENT, headers={"If-None-Match": tag}).json["version"] == 2


def test_if_match_at_an_agent_that_is_not_there_or_is_read_only(client: FlaskClient) -> None:
    for header in ("*", '"v1-0"', '"v1-0", "v2-0"', '"nonsense"'):
        given = {"If-Match": header}
        missing = client.put(f"{AGENTS}/nobody", json={"model": "scripted:echo"}, headers=given)
        assert missing.json["code"] == "AGENT_NOT_FOUND"
        in_code = client.put(f"{AGENTS}/assistant", json={"model": "scripted:echo"}, headers=given)
        assert (in_code.status_code, in_code.json["code"]) == (409, "AGENT_EXISTS")


def test_versions_come_in_pages(client: FlaskClient) -> None:
    register(client)
    for number in range(2, 8):
        put(client, str(number))
    first = versions(client, "?limit=3")
    assert [one["version"] for one in first["versions"]] == [7, 6, 5]
    put(client, "meanwhile")
    rest = next_pages(client, f"{AGENT}/versions?limit=3", "versions", first)
    assert [one["version"] for one in rest] == [4, 3, 2, 1]
    assert [one["version"] for one in versions(client, "?offset=6")["versions"]] == [2, 1]


@pytest.mark.parametrize("query", ["limit=0", "cursor=x", "cursor=MTphZ2VudDowOmE", "cursor=MTp2ZXJzaW9uOjA6YQ", "q=1"])
def test_a_wrong_part_of_the_list_is_refused(client: FlaskClient, query: str) -> None:
    register(client)
    answer = client.get(f"{AGENT}/versions?{query}")
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")


def test_a_diff_has_the_old_values_beside_the_new_ones(client: FlaskClient) -> None:
    register(client, parameters={"temperature": 1, "stop": ["a"], "seed": 1}, description="old")
    put(client, "Be kind.", parameters={"temperature": 1.0, "stop": ["b"], "a/b": 2}, max_turns=3)
    diff = client.get(f"{AGENT}/versions/1/diff").json
    assert (diff["agent_id"], diff["from_version"], diff["to_version"]) == ("guide", 1, 2)
    assert diff["changes"] == [
        {"op": "remove", "path": "/description", "old": "old"},
        {"op": "replace", "path": "/instructions", "old": "Be brief.", "value": "Be kind."},
        {"op": "replace", "path": "/parameters/temperature", "old": 1, "value": 1.0},
        {"op": "replace", "path": "/parameters/stop", "old": ["a"], "value": ["b"]},
        {"op": "remove", "path": "/parameters/seed", "old": 1},
        {"op": "add", "path": "/parameters/a~1b", "value": 2},
        {"op": "add", "path": "/max_turns", "value": 3},
    ]
    back = client.get(f"{AGENT}/versions/2/diff?to=1").json
    assert {"op": "remove", "path": "/max_turns", "old": 3} in back["changes"]
    assert client.get(f"{AGENT}/versions/2/diff").json["changes"] == []


def test_a_secret_that_the_operator_stored_is_in_no_version_and_no_diff(served) -> None:
    def document(value: str) -> dict[str, Any]:
        return {**GUIDE, "parameters": {"extra_body": {"session_token": value, "plain": value[:5]}}}

    served.services.agents.register(document("first-of-them"), by_operator=True)
    served.services.agents.replace("guide", document("other-of-them"), by_operator=True)
    diff = served.client.get(f"{AGENT}/versions/1/diff")
    assert [one["path"] for one in diff.json["changes"]][-1] == "/parameters/extra_body/plain"
    for answer in (diff, served.client.get(f"{AGENT}/versions/1"), served.client.get(AGENT)):
        assert "of-them" not in answer.text, answer.text


@pytest.mark.parametrize(
    ("parameters", "path"),
    [
        (lambda secret: {"extra_body": {"api_keys": [secret]}}, "/parameters/extra_body/api_keys"),
        (lambda secret: {"extra_body": {"token": {"a": secret, "b": [secret]}}}, "/parameters/extra_body/token"),
        (lambda secret: {"extra_body": {"pin_password": int(secret)}}, "/parameters/extra_body/pin_password"),
        (lambda secret: {"mcp_servers": [{"authorization_token": secret}]}, "/parameters/mcp_servers"),
        (lambda secret: {"tools": [{"type": "mcp", "headers": {"X-Api-Key": secret}}]}, "/parameters/tools"),
        (lambda secret: {"data_sources": [{"authentication": {"key": secret}}]}, "/parameters/data_sources"),
        (lambda secret: {"data_sources": [{"a": {"connection_string": secret}}]}, "/parameters/data_sources"),
    ],
)
def test_what_stands_under_the_name_of_a_secret_is_hidden_whole(served, parameters: Any, path: str) -> None:
    served.services.agents.register({**GUIDE, "parameters": parameters("1234567890")}, by_operator=True)
    served.services.agents.replace("guide", {**GUIDE, "parameters": parameters("1234567891")}, by_operator=True)
    diff = served.client.get(f"{AGENT}/versions/1/diff")
    assert [(one["op"], one["path"]) for one in diff.json["changes"]] == [("replace", path)]
    for answer in (diff, served.client.get(f"{AGENT}/versions/1"), served.client.get(AGENT)):
        assert "***" in answer.text
        assert "123456789" not in answer.text


def test_a_rollback_adds_a_version_with_the_old_definition(client: FlaskClient) -> None:
    register(client, comment="the first")
    put(client, "Be kind.")
    answer = client.post(f"{AGENT}/rollback", json={"version": 1})
    assert (answer.status_code, answer.json["version"], answer.json["definition"]) == (200, 3, GUIDE)
    assert answer.headers["ETag"] == client.get(AGENT).headers["ETag"]
    listed = versions(client)["versions"]
    assert [(one["version"], one["comment"]) for one in listed] == [
        (3, "rollback to version 1"),
        (2, None),
        (1, "the first"),
    ]
    again = client.post(f"{AGENT}/rollback", json={"version": 1, "comment": "sure"})
    assert (again.status_code, again.json["version"]) == (200, 3)


def test_a_rollback_to_what_cannot_run_any_more_is_refused(served) -> None:
    now = utc_now()
    for instructions, tools in (("Be brief.", ["gone"]), ("Be kind.", [])):
        document = {**GUIDE, "instructions": instructions, "tools": tools}
        stored = StoredAgent(id="guide", document=document, created_at=now, updated_at=now)
        # Past the service: the tool was installed when the first one was stored.
        assert served.services.storage.agents.replace(stored) or served.services.storage.agents.add(stored)
    answer = served.client.post(f"{AGENT}/rollback", json={"version": 1})
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert "'gone', which is not installed" in answer.json["message"]
    assert served.client.get(AGENT).json["version"] == 2


def test_a_client_may_go_back_to_what_the_operator_stored_and_store_no_such_thing_itself(served) -> None:
    of_operator = {**GUIDE, "parameters": {"extra_headers": {"X-Title": "Support"}}}
    served.services.agents.register(of_operator, by_operator=True)
    assert put(served.client, "Be kind.").status_code == 200
    assert put(served.client, "Be bold.", parameters=of_operator["parameters"]).status_code == 400
    answer = served.client.post(f"{AGENT}/rollback", json={"version": 1})
    assert (answer.status_code, answer.json["definition"]) == (200, of_operator)


@pytest.mark.parametrize("body", [{}, {"version": "1"}, {"version": 0}, {"version": 1.5}, {"version": True}, {"to": 1}])
def test_a_rollback_names_a_version(client: FlaskClient, body: Any) -> None:
    register(client)
    answer = client.post(f"{AGENT}/rollback", json=body)
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("comment", ["x" * 1001, 7, ["a"], "a\0b"])
def test_a_comment_is_a_short_text(client: FlaskClient, comment: Any) -> None:
    register(client)
    for answer in (
        put(client, "Be kind.", comment=comment),
        client.post(f"{AGENT}/rollback", json={"version": 1, "comment": comment}),
    ):
        assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
        assert "comment" in answer.json["message"] or "U+0000" in answer.json["message"]
    assert versions(client)["count"] == 1


@pytest.mark.parametrize("number", ["2", "0", "-1", "1.0", "one", "99999999999999999999", "%31x", "٣", "01"])
def test_a_version_that_is_not_there_is_404(client: FlaskClient, number: str) -> None:
    register(client)
    for path in (f"versions/{number}", f"versions/{number}/diff"):
        answer = client.get(f"{AGENT}/{path}")
        assert (answer.status_code, answer.json["code"]) == (404, "AGENT_VERSION_NOT_FOUND")
    assert client.get(f"{AGENT}/versions/1/diff?to=7").json["code"] == "AGENT_VERSION_NOT_FOUND"
    assert client.post(f"{AGENT}/rollback", json={"version": 7}).json["code"] == "AGENT_VERSION_NOT_FOUND"


def test_the_number_of_another_agents_version_is_not_there(client: FlaskClient) -> None:
    register(client)
    put(client, "Be kind.")
    register(client, id="other")
    answer = client.get(f"{AGENTS}/other/versions/2")
    assert (answer.status_code, answer.json["code"]) == (404, "AGENT_VERSION_NOT_FOUND")
    assert "agent 'other' has no version 2" in answer.json["message"]


def test_an_agent_in_code_has_no_versions(client: FlaskClient) -> None:
    agent = f"{AGENTS}/scripted"
    shown = client.get(agent)
    assert "version" not in shown.json
    assert "ETag" not in shown.headers
    assert client.get(f"{agent}/versions").json == {"versions": [], "count": 0}
    for path in ("versions/1", "versions/1/diff"):
        assert client.get(f"{agent}/{path}").json["code"] == "AGENT_VERSION_NOT_FOUND"
    refused = client.post(f"{agent}/rollback", json={"version": 1})
    assert (refused.status_code, refused.json["code"]) == (409, "AGENT_EXISTS")


@pytest.mark.parametrize("path", ["versions", "versions/1", "versions/1/diff"])
def test_an_unknown_agent_is_404(client: FlaskClient, path: str) -> None:
    assert client.get(f"{AGENTS}/nobody/{path}").json["code"] == "AGENT_NOT_FOUND"
    assert client.post(f"{AGENTS}/nobody/rollback", json={"version": 1}).json["code"] == "AGENT_NOT_FOUND"


def test_a_deleted_agent_takes_its_versions_along_and_their_numbers_stay_used(client: FlaskClient) -> None:
    register(client)
    put(client, "Be kind.")
    client.delete(AGENT)
    assert client.get(f"{AGENT}/versions").status_code == 404
    assert register(client).json["version"] == 3
    assert [one["version"] for one in versions(client)["versions"]] == [3]


def test_the_oldest_versions_are_forgotten(serve) -> None:
    client = serve(agent_versions=10).client
    register(client)
    for number in range(2, 15):
        put(client, str(number))
    assert [one["version"] for one in versions(client)["versions"]] == list(range(14, 4, -1))


def test_of_twenty_clients_that_put_at_once_none_is_lost(serve, tmp_path) -> None:
    served = serve(database_url=f"sqlite:///{tmp_path}/agentos.db")
    register(served.client)

    def change(number: int) -> tuple[int, str]:
        answer = put(served.app.test_client(), f"Be {number}.")
        return answer.json["version"], answer.json["definition"]["instructions"]

    with ThreadPoolExecutor(20) as threads:
        told = dict(threads.map(change, range(20)))
    assert sorted(told) == list(range(2, 22))
    for number, instructions in told.items():
        shown = served.client.get(f"{AGENT}/versions/{number}").json
        assert shown["definition"]["instructions"] == instructions
