"""Nothing that a client has the server keep or give back is larger than the settings say."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from agentos.api.kit.paging import LARGEST
from agentos.api.v1.history import PIECE as MESSAGES
from agentos.api.v1.runs import PIECE as RUNS
from agentos.domain.agent import Agent
from agentos.domain.principal import OPERATOR
from agentos.domain.run_request import RunRequest
from agentos.errors import InvalidRequest
from api.conftest import Serve, Served, next_pages

RUN, SESSIONS, AGENTS = "/api/v1/agents/scripted/run", "/api/v1/sessions", "/api/v1/agents"

INPUT, OBJECT = 4096, 2048
NEW_AGENT = {"id": "new", "model": "test:model"}


@pytest.fixture
def small(serve: Serve) -> Served:
    """A server that keeps little: input of 4 KiB, objects of 2 KiB."""
    return serve(max_input_size=INPUT, max_metadata_size=OBJECT)


def filled(size: int) -> dict[str, str]:
    """Return an object that has so many bytes as JSON."""
    value = {"a": "x" * (size - 8)}
    assert len(json.dumps(value, separators=(",", ":"))) == size
    return value


def nested(path: str, value: Any) -> dict[str, Any]:
    """Return an object with a value deep in it."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


# What is asked, the field, a value that just fits, one that does not, and what the refusal says.
BOUNDED: list[tuple[str, str, dict[str, Any], str, Any, Any, str]] = [
    ("POST", RUN, {}, "input", "x" * INPUT, "x" * (INPUT + 1), "has 4097 bytes; accepted are at most 4 KiB of UTF-8"),
    ("POST", RUN, {}, "input", "€" * 1365, "€" * 1366, "has 4098 bytes"),
    ("POST", f"{RUN}/stream", {}, "input", "x", "x" * (INPUT + 1), "AGENTOS_MAX_INPUT_SIZE"),
    *(
        (*row, filled(OBJECT), filled(OBJECT + 1), "is an object of 2049 bytes; accepted are at most 2 KiB as JSON")
        for row in (
            ("POST", RUN, {"input": "x"}, "metadata"),
            ("POST", SESSIONS, {"agent_id": "a"}, "metadata"),
            ("POST", SESSIONS, {"agent_id": "a"}, "state"),
            ("PUT", "{session}", {}, "metadata"),
            ("PUT", "{session}", {}, "state"),
            ("POST", AGENTS, NEW_AGENT, "parameters"),
            ("POST", AGENTS, NEW_AGENT, "metadata"),
            ("POST", AGENTS, NEW_AGENT, "output_schema"),
        )
    ),
    ("POST", RUN, {"input": "x"}, "run_context", {"metadata": filled(2000)}, {"metadata": filled(OBJECT)}, "2061"),
    ("POST", AGENTS, NEW_AGENT, "instructions", "x" * INPUT, "x" * (INPUT + 1), "has 4097 bytes"),
    ("POST", AGENTS, NEW_AGENT, "name", "x" * 255, "x" * 256, "255"),
    ("POST", AGENTS, NEW_AGENT, "description", "x" * 4096, "x" * 4097, "4096"),
    ("POST", AGENTS, NEW_AGENT, "tools", [], ["t"] * 129, "128"),
    ("POST", AGENTS, NEW_AGENT, "tools", [], ["t" * 129], "128"),
    ("POST", SESSIONS, {"agent_id": "a"}, "name", "x" * 1024, "x" * 1025, "1024"),
    *(
        ("POST", SESSIONS, {"agent_id": "a"}, name, "x" * 255, "x" * 256, "255")
        for name in ("agent_id", "user_id", "team_id", "workflow_id")
    ),
    ("POST", RUN, {"input": "x"}, "user_id", "x" * 255, "x" * 256, "255"),
]


@pytest.mark.parametrize(("method", "path", "body", "field", "fits", "too_large", "words"), BOUNDED)
def test_what_fits_is_taken_and_what_is_larger_is_refused_by_name(
    small: Served, method: str, path: str, body: dict[str, Any], field: str, fits: Any, too_large: Any, words: str
) -> None:
    path = path.replace("{session}", f"{SESSIONS}/{small.new_session()}")
    refused = small.client.open(path, method=method, json={**body, field: too_large})
    assert (refused.status_code, refused.json["code"]) == (400, "INVALID_REQUEST")
    assert f"'{field}" in refused.json["message"]
    assert words in refused.json["message"]
    assert field in next(iter(refused.json["details"]["fields"]))
    assert len(refused.data) < 1000
    assert small.client.open(path, method=method, json={**body, field: fits}).status_code in (200, 201)


def test_what_is_kept_with_an_attachment_is_bounded(small: Served) -> None:
    media = {"type": "image", "url": "https://example.com/a.png"}
    refused = small.run("x", media=[media, {**media, "metadata": filled(OBJECT + 1)}])
    assert (refused.status_code, refused.json["code"]) == (400, "INVALID_MEDIA")
    assert "'media[1].metadata'" in refused.json["message"]
    assert small.run("x", media=[{**media, "metadata": filled(OBJECT)}]).status_code == 200


def test_a_refused_run_leaves_nothing(small: Served) -> None:
    assert small.run("x" * (INPUT + 1)).status_code == 400
    assert small.client.get("/api/v1/runs").json["count"] == 0
    assert small.provider.requests == []


def test_a_stored_object_cannot_be_made_to_grow(small: Served) -> None:
    address = f"{SESSIONS}/{small.new_session()}"
    for number in range(5):
        small.client.put(address, json={"metadata": {f"a{number}": "x" * 1500}, "state": {f"a{number}": "x" * 1500}})
    session = small.client.get(address).json
    assert (list(session["metadata"]), list(session["state"])) == (["a4"], ["a4"])


def test_an_agent_that_was_stored_under_larger_limits_still_runs(serve_pair) -> None:
    large, _ = serve_pair("Hello there")
    agent = {**NEW_AGENT, "instructions": "x" * 5000, "metadata": filled(5000)}
    assert large.client.post(AGENTS, json=agent).status_code == 201
    small, _ = serve_pair("Hello there", max_input_size=INPUT, max_metadata_size=OBJECT)
    assert small.client.post("/api/v1/agents/new/run", json={"input": "x"}).status_code == 200


def test_an_agent_in_code_may_be_as_large_as_it_likes(serve: Serve) -> None:
    agent = Agent(id="code", model="test:model", instructions="x" * 5000, metadata=filled(5000))
    served = serve(max_input_size=INPUT, max_metadata_size=OBJECT, agents={"code": agent})
    assert served.client.post("/api/v1/agents/code/run", json={"input": "x"}).status_code == 200


def test_what_a_program_brings_is_bounded_too(small: Served) -> None:
    for metadata in ({"a": 10**3000}, {"a": {1: "x" * OBJECT}}):
        with pytest.raises(InvalidRequest, match="'metadata' is an object of"):
            small.services.runs.start(
                RunRequest(caller=OPERATOR, agent_id="scripted", input="x", metadata=metadata)  # type: ignore[arg-type]
            )


# --- what is given back ---------------------------------------------------------------------------------------------


@pytest.fixture
def full(serve: Serve) -> Served:
    """A server with 40 runs of half a MiB each in one session, and 20 small ones after them."""
    served = serve(*["a" * 400_000] * 40, "small")
    session = served.new_session(metadata={"it": 1})
    for number in range(40):
        assert served.run(f"{number} " + "b" * 100_000, session).status_code == 200
    for number in range(40, 60):
        served.run(str(number), session)
    return served


def session_of(client: FlaskClient) -> str:
    return str(client.get(SESSIONS).json["sessions"][0]["session_id"])


def test_a_list_ends_where_it_is_large_and_goes_on_behind_its_cursor(full: Served) -> None:
    first = full.client.get("/api/v1/runs?limit=1000")
    assert LARGEST < len(first.data) < LARGEST + 600_000
    assert RUNS < first.json["count"] < 60
    rest = next_pages(full.client, "/api/v1/runs?limit=1000", "runs", first.json)
    inputs = [run["input"].split()[0] for run in [*first.json["runs"], *rest]]
    assert inputs == [str(number) for number in reversed(range(60))]


@pytest.mark.parametrize("limit", [1, RUNS - 1, RUNS, RUNS + 1, 2 * RUNS, 1000])
def test_a_list_of_small_things_is_as_long_as_was_asked_for(serve: Serve, limit: int) -> None:
    served = serve()
    for number in range(2 * RUNS + 3):
        served.run(str(number))
    page = served.client.get(f"/api/v1/runs?limit={limit}&offset=2").json
    numbers = [str(number) for number in reversed(range(2 * RUNS + 1))]
    assert [run["input"] for run in page["runs"]] == numbers[:limit]
    assert page["count"] == len(page["runs"])
    assert ("next_cursor" in page) is (limit < len(numbers))


def test_a_list_of_sessions_is_bounded_too(serve: Serve) -> None:
    served = serve()
    for number in range(150):
        served.new_session(name=str(number), metadata=filled(60_000), state=filled(60_000))
    first = served.client.get(f"{SESSIONS}?limit=1000&include_total=true&include=state")
    assert LARGEST < len(first.data) < LARGEST + 130_000
    assert first.json["total"] == 150
    rest = next_pages(served.client, f"{SESSIONS}?limit=1000&include=state", "sessions", first.json)
    names = [session["name"] for session in [*first.json["sessions"], *rest]]
    assert names == [str(number) for number in reversed(range(150))]


def test_a_history_ends_where_it_is_large_and_goes_on_before_it(full: Served) -> None:
    address = f"{SESSIONS}/{session_of(full.client)}/history"
    parts, query = [], ""
    while True:
        answer = full.client.get(f"{address}?num_messages=1000{query}")
        assert len(answer.data) < LARGEST + MESSAGES * 600_000
        parts.append(answer.json)
        if "next_before" not in answer.json:
            break
        query = f"&before={answer.json['next_before']}"
    assert len(parts) > 2
    messages = [message for part in reversed(parts) for message in part["messages"]]
    assert [message["sequence"] for message in messages] == list(range(1, 121))
    runs = {run["run_id"]: int(run["input"].split()[0]) for part in reversed(parts) for run in part["runs"]}
    assert list(runs.values()) == list(range(60))


@pytest.mark.parametrize("count", [1, MESSAGES - 1, MESSAGES, MESSAGES + 1, 1000])
def test_a_history_of_small_things_is_as_long_as_was_asked_for(serve: Serve, count: int) -> None:
    served = serve()
    session = served.new_session()
    for number in range(MESSAGES):
        served.run(str(number), session)
    history = served.client.get(f"{SESSIONS}/{session}/history?num_messages={count}").json
    shown = min(count, 2 * MESSAGES)
    assert [message["sequence"] for message in history["messages"]] == list(
        range(2 * MESSAGES - shown + 1, 2 * MESSAGES + 1)
    )
    first = MESSAGES - (shown + 1) // 2
    assert [run["input"] for run in history["runs"]] == [str(number) for number in range(first, MESSAGES)]
    assert history.get("next_before") == (2 * MESSAGES - shown + 1 if shown < 2 * MESSAGES else None)
