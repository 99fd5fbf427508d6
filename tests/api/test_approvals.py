"""`GET /api/v1/approvals`: what waits for an answer."""

import pytest

from api.conftest import next_pages
from api.pausing import Paused, paused_app
from parts.bank import BOOK, CLIENT_TOOLS, OPEN, TRANSFER

ADDRESS = "/api/v1/approvals"


@pytest.fixture
def app(serve) -> Paused:
    return paused_app(serve, TRANSFER, BOOK, OPEN, "Done.")


def waiting(app: Paused, query: str = "") -> list[dict]:
    page = app.client.get(f"{ADDRESS}{query}").json
    assert page["count"] == len(page["approvals"])
    return page["approvals"]


def three(app: Paused) -> list[str]:
    """Make a run of each kind that waits; return their ids, newest first."""
    session = app.served.new_session()
    return [app.start(), app.start(session_id=session, user_id="ada"), app.start(overrides=CLIENT_TOOLS)][::-1]


def test_what_waits_is_listed_newest_first_with_its_run(app: Paused) -> None:
    runs = three(app)
    found = waiting(app)
    assert [one["run_id"] for one in found] == runs
    assert [one["kind"] for one in found] == ["client_tool", "input", "approval"]
    for one in found:
        (action,) = app.pending(one["run_id"])
        run = app.run(one["run_id"])
        of_run = {name: run[name] for name in ("run_id", "agent_id", "owner", "session_id", "user_id")}
        assert one.pop("created_at") >= run["started_at"]
        assert one == action | of_run


@pytest.mark.parametrize("kind", ["approval", "input", "client_tool"])
def test_it_is_filtered_by_kind(app: Paused, kind: str) -> None:
    three(app)
    assert [one["kind"] for one in waiting(app, f"?kind={kind}")] == [kind]


def test_it_is_filtered_by_run_session_and_agent(app: Paused) -> None:
    _, second, _ = three(app)
    session = app.run(second)["session_id"]
    assert [one["run_id"] for one in waiting(app, f"?run_id={second}")] == [second]
    assert [one["run_id"] for one in waiting(app, f"?session_id={session}&kind=input")] == [second]
    assert waiting(app, f"?session_id={session}&kind=approval") == []
    assert len(waiting(app, "?agent_id=scripted")) == 3
    assert waiting(app, "?agent_id=other") == []


def test_it_is_filtered_by_tool_approver_and_owner(app: Paused) -> None:
    three(app)
    assert [one["tool_name"] for one in waiting(app, "?tool=book")] == ["book"]
    assert [one["kind"] for one in waiting(app, "?approver=owner")] == ["approval"]
    assert waiting(app, "?approver=other") == waiting(app, "?tool=other") == []
    assert len(waiting(app, "?owner=anonymous")) == 3
    assert waiting(app, "?owner=alice") == []


def test_the_oldest_may_come_first(app: Paused) -> None:
    runs = three(app)
    assert [one["run_id"] for one in waiting(app, "?order=oldest")] == runs[::-1]
    page = app.client.get(f"{ADDRESS}?order=oldest&limit=2").json
    rest = next_pages(app.client, f"{ADDRESS}?order=oldest&limit=2", "approvals", page)
    assert [one["run_id"] for one in page["approvals"] + rest] == runs[::-1]


def test_all_that_wait_are_counted_where_it_is_asked_for(app: Paused) -> None:
    three(app)
    page = app.client.get(f"{ADDRESS}?limit=1&include_total=true").json
    assert (page["count"], page["total"]) == (1, 3)
    assert app.client.get(f"{ADDRESS}?kind=input&include_total=1").json["total"] == 1
    assert app.client.get(f"{ADDRESS}?owner=alice&include_total=1").json["total"] == 0
    assert "total" not in app.client.get(ADDRESS).json


def test_it_is_read_in_parts(app: Paused) -> None:
    runs = three(app)
    page = app.client.get(f"{ADDRESS}?limit=1").json
    assert [one["run_id"] for one in page["approvals"]] == runs[:1]
    rest = next_pages(app.client, f"{ADDRESS}?limit=1", "approvals", page)
    assert [one["run_id"] for one in rest] == runs[1:]


def test_what_is_answered_is_not_in_it(app: Paused) -> None:
    run_id = app.start()
    (action,) = app.pending(run_id)
    app.answer(run_id, {"decision": "reject"})
    assert action["id"] not in [one["id"] for one in waiting(app)]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("kind=question", "query parameter 'kind' is 'question'; accepted is 'approval' or 'input' or 'client_tool'"),
        ("status=paused", "query parameter 'status' is not known"),
        ("limit=0", "query parameter 'limit'"),
        ("cursor=x", "query parameter 'cursor'"),
        ("order=first", "query parameter 'order' is 'first'; accepted is 'newest' or 'oldest'"),
        ("approver=me", "query parameter 'approver' is 'me'; accepted is 'owner' or 'other'"),
    ],
)
def test_what_is_no_filter_is_400(app: Paused, query: str, words: str) -> None:
    answer = app.client.get(f"{ADDRESS}?{query}")
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert words in answer.json["message"]
