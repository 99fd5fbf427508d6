"""A test client of the HTTP API that speaks its JSON and its streams."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from agentos.services.keys import CLIENT_SCOPES
from agentos.testing.runs import Event
from agentos.testing.sse import read_events


class AgentClient(FlaskClient):
    """Flask's test client, with the requests that tests of agents make most.

    >>> client.run("shop", "When do you open?").json["content"]  # doctest: +SKIP
    'At nine.'
    """

    def run(self, agent_id: str, text: str, **fields: Any) -> TestResponse:
        """Run an agent and return the answer, an error too. ``fields`` are fields of the request's body."""
        return self.post(f"/api/v1/agents/{agent_id}/run", json={"input": text, **fields})

    def stream(self, agent_id: str, text: str, **fields: Any) -> list[Event]:
        """Run an agent and return the events of its stream. Raises ``AssertionError`` where there is none."""
        return self.events(self.post(f"/api/v1/agents/{agent_id}/run/stream", json={"input": text, **fields}))

    def resume(self, run_id: str, *answers: Mapping[str, Any]) -> TestResponse:
        """Answer what a paused run waits for: ``{"id": …, "decision": "approve"}``; an error is returned too."""
        return self.post(f"/api/v1/runs/{run_id}/resume", json={"answers": list(answers)})

    def follow(self, run_id: str, *, after: int = 0) -> list[Event]:
        """Return the events of a run after number ``after``, to its last one or to its pause."""
        headers = {"Last-Event-ID": str(after)} if after else {}
        return self.events(self.get(f"/api/v1/runs/{run_id}/events", headers=headers))

    def session(self, agent_id: str, **fields: Any) -> str:
        """Make a session and return its id."""
        answer = self.post("/api/v1/sessions", json={"agent_id": agent_id, **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["session_id"])

    def events(self, answer: TestResponse) -> list[Event]:
        """Return the events of an answer that is a stream of ours. Raises ``AssertionError`` for any other."""
        assert answer.status_code == 200, answer.text
        events = []
        for event in read_events(answer.response):  # type: ignore[arg-type]  # pieces of bytes
            envelope = event.json()
            events.append(Event(event.type, envelope["data"], int(event.id or 0)))
        return events

    def as_caller(self, owner: str, scopes: Collection[str] = CLIENT_SCOPES) -> AgentClient:
        """Return a client with a new API key of a tenant. The application needs the setting ``auth=["api_key"]``."""
        app = self.application
        services = app.extensions["agentos"]
        key, _ = services.keys.create(name=f"{owner}'s", owner=owner, scopes=scopes)
        client = AgentClient(app, app.response_class)
        client.environ_base = {**self.environ_base, "HTTP_AUTHORIZATION": f"Bearer {key}"}
        return client
