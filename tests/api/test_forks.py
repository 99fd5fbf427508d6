from flask.testing import FlaskClient

from api.conftest import Serve, Served

SESSIONS = "/api/v1/sessions"
PICTURE = {"type": "image", "data": "iVBORw0KGgo=", "content_type": "image/png"}


def texts(client: FlaskClient, session_id: str) -> list[str]:
    history = client.get(f"{SESSIONS}/{session_id}/history").json
    return [message["content"] for message in history["messages"]]


def test_a_fork_has_what_was_said_and_says_where_it_is_from(served: Served) -> None:
    session_id = served.new_session(name="Trip", user_id="ada", metadata={"m": 1}, state={"s": 1})
    served.run("one", session_id, media=PICTURE)
    made = served.client.post(f"{SESSIONS}/{session_id}/fork")
    assert made.status_code == 201
    parent = served.client.get(f"{SESSIONS}/{session_id}").json
    mine = ("session_id", "created_at", "updated_at", "run_count", "total_tokens")
    assert {name: value for name, value in made.json.items() if name not in mine} == {
        **{name: value for name, value in parent.items() if name not in mine},
        "forked_from": {"session_id": session_id},
    }
    assert (made.json["run_count"], made.json["total_tokens"]) == (0, 0)
    read = served.client.get(made.headers["Location"])
    assert (read.json, read.headers["ETag"]) == (made.json, made.headers["ETag"])
    histories = [served.client.get(f"{SESSIONS}/{one}/history").json for one in (session_id, made.json["session_id"])]
    assert histories[1]["messages"] == histories[0]["messages"]
    assert histories[1]["runs"] == []


def test_a_question_is_edited_and_asked_again(serve: Serve) -> None:
    served = serve("to Rome", "to Paris", "to Lyon")
    session_id = served.new_session()
    served.run("where?", session_id)
    second = served.run("and then?", session_id).json["run_id"]
    made = served.client.post(f"{SESSIONS}/{session_id}/fork", json={"before_run_id": second, "name": "by train"}).json
    assert made["forked_from"] == {"session_id": session_id, "before_run_id": second}
    assert made["name"] == "by train"
    served.run("and by train?", made["session_id"])
    asked = [(message.role, message.content) for message in served.provider.requests[-1].messages]
    assert asked == [("user", "where?"), ("assistant", "to Rome"), ("user", "and by train?")]
    assert texts(served.client, session_id) == ["where?", "to Rome", "and then?", "to Paris"]
    assert texts(served.client, made["session_id"]) == ["where?", "to Rome", "and by train?", "to Lyon"]


def test_null_clears_and_state_is_left_out_before_a_run_unless_it_is_given(served: Served) -> None:
    session_id = served.new_session(name="Trip", user_id="ada", metadata={"m": 1}, state={"s": 1})
    run_id = served.run("one", session_id).json["run_id"]
    address = f"{SESSIONS}/{session_id}/fork"
    cleared = served.client.post(address, json=dict.fromkeys(("name", "user_id", "metadata", "state"))).json
    assert [cleared[name] for name in ("name", "user_id", "metadata", "state")] == [None, None, {}, {}]
    assert served.client.post(address, json={"before_run_id": run_id}).json["state"] == {}
    given = served.client.post(address, json={"before_run_id": run_id, "state": {"t": 2}}).json
    assert (given["state"], given["metadata"]) == ({"t": 2}, {"m": 1})


def test_a_run_that_is_not_in_the_session_is_not_found(served: Served) -> None:
    session_id, other = served.new_session(), served.new_session()
    run_id = served.run("one", other).json["run_id"]
    for missing in (run_id, "nothing"):
        refused = served.client.post(f"{SESSIONS}/{session_id}/fork", json={"before_run_id": missing})
        assert (refused.status_code, refused.json["code"]) == (404, "RUN_NOT_FOUND")
    missing = served.client.post(f"{SESSIONS}/nothing/fork")
    assert (missing.status_code, missing.json["code"]) == (404, "SESSION_NOT_FOUND")


def test_a_request_that_comes_again_makes_one_fork_though_its_parent_is_gone(served: Served) -> None:
    session_id = served.new_session()
    address, headers = f"{SESSIONS}/{session_id}/fork", {"Idempotency-Key": "once"}
    first = served.client.post(address, json={"name": "n"}, headers=headers)
    served.client.delete(f"{SESSIONS}/{session_id}")
    again = served.client.post(address, json={"name": "n"}, headers=headers)
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    other = served.client.post(address, json={"name": "other"}, headers=headers)
    assert other.json["code"] == "IDEMPOTENCY_MISMATCH"
    served.client.delete(first.headers["Location"])
    assert served.client.post(address, json={"name": "n"}, headers=headers).json["code"] == "IDEMPOTENCY_CONFLICT"


def test_metadata_that_is_too_large_is_refused(serve: Serve) -> None:
    served = serve(max_metadata_size=1024)
    session_id = served.new_session()
    refused = served.client.post(f"{SESSIONS}/{session_id}/fork", json={"metadata": {"m": "x" * 2000}})
    assert refused.status_code == 400
    assert "metadata" in refused.json["message"]


def test_a_session_that_is_no_fork_has_no_word_of_it(served: Served) -> None:
    assert "forked_from" not in served.client.get(f"{SESSIONS}/{served.new_session()}").json
