"""A guest is code that the server's machine runs: over HTTP it can be read, and neither stored, changed nor deleted."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from agentos import Guest
from agentos.services.services import Services

GUEST = {"target": "support.agents:triage", "python": "/srv/support/bin/python", "environment": ["SUPPORT_KEY"]}
PLAIN = {"id": "triage", "model": "scripted:echo"}


@pytest.fixture
def served(serve) -> Any:
    return serve()


@pytest.fixture
def client(served) -> FlaskClient:
    return served.client


@pytest.fixture
def services(served) -> Services:
    return served.services


def store(services: Services, guest: Any = GUEST) -> None:
    services.agents.register({"id": "triage", "name": "Triage", "guest": guest}, by_operator=True)


def check_refused(answer: Any) -> None:
    assert answer.status_code == 400
    assert answer.json["message"].startswith("field 'guest' is not accepted over HTTP: a guest names a module")
    assert "`flask agentos register ID --guest`" in answer.json["message"]


@pytest.mark.parametrize("guest", [GUEST, "support.agents:triage", None, 7])
def test_a_guest_is_not_registered_over_http(client: FlaskClient, guest: Any) -> None:
    check_refused(client.post("/api/v1/agents", json={"id": "triage", "guest": guest}))
    check_refused(client.post("/api/v1/agents", json={**PLAIN, "guest": guest}))
    assert client.get("/api/v1/agents/triage").status_code == 404


def test_an_agent_does_not_become_a_guest_over_http(client: FlaskClient) -> None:
    client.post("/api/v1/agents", json=PLAIN)
    check_refused(client.put("/api/v1/agents/triage", json={"model": "scripted:echo", "guest": GUEST}))
    assert "guest" not in client.get("/api/v1/agents/triage").json["definition"]


def test_a_stored_guest_is_shown_without_places_on_the_machine(client: FlaskClient, services: Services) -> None:
    store(services)
    shown = client.get("/api/v1/agents/triage").json
    assert (shown["name"], shown["model"], shown["tools"], shown["source"]) == ("Triage", None, [], "stored")
    hidden = {"target": "support.agents:triage", "python": "***", "environment": "***"}
    assert shown["definition"]["guest"] == hidden
    assert client.get("/api/v1/agents/triage/versions/1").json["definition"]["guest"] == hidden
    listed = client.get("/api/v1/agents").json["agents"]
    assert [one["model"] for one in listed if one["id"] == "triage"] == [None]


def test_a_difference_shows_no_places_either(client: FlaskClient, services: Services) -> None:
    store(services)
    moved = {**GUEST, "python": "/srv/other/bin/python"}
    services.agents.replace("triage", {"guest": moved}, by_operator=True)
    assert b"/srv/" not in client.get("/api/v1/agents/triage/versions/1/diff").data


def test_a_stored_guest_is_read_only_over_http(client: FlaskClient, services: Services) -> None:
    store(services)
    for answer in (
        client.put("/api/v1/agents/triage", json={"model": "scripted:echo"}),
        client.delete("/api/v1/agents/triage"),
        client.post("/api/v1/agents/triage/rollback", json={"version": 1}),
    ):
        assert answer.status_code == 409
        assert "only `flask agentos` on the server's machine" in answer.json["message"]
    assert services.agents.get("triage").version == 1


def test_no_rollback_over_http_leads_to_a_guest(client: FlaskClient, services: Services) -> None:
    store(services)
    services.agents.replace("triage", PLAIN, by_operator=True)
    check_refused(client.post("/api/v1/agents/triage/rollback", json={"version": 1}))
    assert services.agents.get("triage").version == 2
    assert services.agent_versions.rollback("triage", 1, by_operator=True).version == 3


def test_a_stored_guest_keeps_all_that_it_was_given(services: Services) -> None:
    given = {
        **GUEST,
        "processes": 3,
        "exclusive": True,
        "path": ["/srv/support"],
        "directory": "/srv",
        "memory_limit": 2**30,
    }
    document = {"id": "full", "description": "Sorts.", "model": "openai:x", "allow_overrides": ["seed"], "guest": given}
    assert services.agents.register(document, by_operator=True).document == document
    assert services.agents.resolve("full").guest == Guest(  # type: ignore[attr-defined]
        given["target"],
        python=given["python"],
        environment=["SUPPORT_KEY"],
        processes=3,
        exclusive=True,
        path=["/srv/support"],
        directory="/srv",
        memory_limit=2**30,
        description="Sorts.",
        model="openai:x",
        allow_overrides=["seed"],
    )


def test_a_guest_of_code_is_shown_as_any_other_agent(serve) -> None:
    served = serve(agents={"triage": Guest("support.agents:triage", description="Sorts.", model="openai:x")})
    shown = served.client.get("/api/v1/agents/triage").json
    assert shown == {
        "id": "triage",
        "name": "triage",
        "description": "Sorts.",
        "model": "openai:x",
        "tools": [],
        "source": "code",
    }
