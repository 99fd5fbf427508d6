"""An application with a scripted model, and a client that holds every answer against the OpenAPI document."""

import copy
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from agentos.api.kit.openapi import document
from agentos.app import create_app
from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.models.scripted import ScriptedProvider, Step
from agentos.testing import AgentClient
from agentos.testing.configuration import ModelScript
from parts.application import RESOURCES
from parts.waiting import until

DOCUMENT = document(RESOURCES)


def _strict(schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas with every undocumented field forbidden: a client may not mind one, a test does."""
    closed = copy.deepcopy(schemas)
    for schema in closed.values():
        schema.setdefault("additionalProperties", False)
    return closed


STRICT = {"components": {"schemas": _strict(DOCUMENT["components"]["schemas"])}}
OPERATIONS = {operation["operationId"]: operation for path in DOCUMENT["paths"].values() for operation in path.values()}


def check_schema(value: Any, name: str) -> None:
    """Raise unless a value is as a schema of the document says, and has no field more."""
    schema = {"$ref": f"#/components/schemas/{name}", **STRICT}
    jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)


class CheckedClient(AgentClient):
    """Raises when an answer has a status, a type or a body that the document does not give its operation."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        response = super().open(*args, **kwargs)
        assert response.headers["X-Request-ID"]
        if response.status_code >= 400 and response.request.method != "HEAD" and response.request.path != "/ready":
            check_schema(response.json, "Error")
            assert response.json["request_id"] == response.headers["X-Request-ID"]
        operation = self._operation(response)
        if operation is not None:
            self._check(response, operation)
        return response

    def _operation(self, response: TestResponse) -> dict[str, Any] | None:
        adapter = self.application.url_map.bind("localhost")
        try:
            endpoint, _ = adapter.match(response.request.path, response.request.method)
        except Exception:
            return None
        return OPERATIONS.get(endpoint.rpartition(".")[2]) if response.request.method != "OPTIONS" else None

    def _check(self, response: TestResponse, operation: dict[str, Any]) -> None:
        described = operation["responses"].get(str(response.status_code))
        assert described is not None, f"{operation['operationId']} may not answer {response.status_code}"
        for name, header in described.get("headers", {}).items():
            required = "$ref" in header or header.get("required")
            assert not required or name in response.headers, (
                f"{name} of {operation['operationId']} {response.status_code}"
            )
        content = described.get("content", {})
        if not content or response.request.method == "HEAD":
            assert not response.data
            return
        assert response.mimetype in content
        if response.mimetype == "application/json":
            jsonschema.validate(response.json, {**content["application/json"]["schema"], **STRICT})


class Served:
    """An application under test: its client, its scripted provider, its services."""

    def __init__(self, app: Flask, provider: ScriptedProvider) -> None:
        app.test_client_class = CheckedClient
        self.app = app
        self.client = app.test_client()
        self.provider = provider
        self.services = app.extensions["agentos"]

    def new_session(self, **fields: Any) -> str:
        """Create a session and return its id."""
        return str(self.client.post("/api/v1/sessions", json={"agent_id": "scripted", **fields}).json["session_id"])

    def run(self, text: str, session_id: str | None = None, **fields: Any) -> TestResponse:
        """Run the scripted agent."""
        body = {"input": text, **({} if session_id is None else {"session_id": session_id}), **fields}
        return self.client.post("/api/v1/agents/scripted/run", json=body)

    def stream(self, text: str = "Hi", *, query: str = "", **fields: Any) -> TestResponse:
        """Stream the scripted agent."""
        return self.client.post(f"/api/v1/agents/scripted/run/stream{query}", json={"input": text, **fields})

    def ended(self, run_id: str) -> dict[str, Any]:
        """Wait until a run has ended and return it."""
        run: dict[str, Any] = {}

        def is_ended() -> bool:
            run.update(self.client.get(f"/api/v1/runs/{run_id}").json)
            return run["status"] not in ("queued", "running")

        until(is_ended)
        return run


Serve = Callable[..., Served]


@contextmanager
def serving() -> Iterator[Serve]:
    """Make applications with an agent ``scripted`` that plays the given turns, and end them."""
    made: list[Served] = []

    def make(
        *turns: str | Sequence[Step],
        agents: Mapping[str, Any] | None = None,
        tools: Sequence[Any] = (),
        plugins: Mapping[str, object] | None = None,
        agent: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> Served:
        provider = ScriptedProvider(turns or ("Hello there",))
        scripted = Agent(id="scripted", model="test:model", tools=tools, **(agent or {}))
        config = Config(**{"database_url": "memory://", "plugins": (), "environ": {}, **settings})
        app = create_app(
            config,
            agents={"scripted": scripted, **(agents or {})},
            plugins={"test": ModelScript(provider, [scripted]), **(plugins or {})},
        )
        made.append(Served(app, provider))
        return made[-1]

    try:
        yield make
    finally:
        for served in made:
            served.services.drain(0)
            served.services.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Make applications that end with the test."""
    with serving() as make:
        yield make


@pytest.fixture
def serve_pair(serve: Serve, tmp_path: Path) -> Callable[..., tuple[Served, Served]]:
    """Make two applications on one database, as two workers of a deployment are."""

    def make(*turns: str | Sequence[Step], **options: Any) -> tuple[Served, Served]:
        url = f"sqlite:///{tmp_path}/agentos.db"
        return serve(*turns, database_url=url, **options), serve(*turns, database_url=url, **options)

    return make


@pytest.fixture
def served(serve: Serve) -> Served:
    """An application whose agent says "Hello there"."""
    return serve()


@pytest.fixture
def client(served: Served) -> FlaskClient:
    """Its client."""
    return served.client


def next_pages(client: FlaskClient, address: str, name: str, page: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what comes after a page of a list, to the list's end."""
    items: list[dict[str, Any]] = []
    while "next_cursor" in page:
        page = client.get(f"{address}&cursor={page['next_cursor']}").json
        items += page[name]
    return items


@pytest.fixture
def log_records(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[logging.LogRecord]]:
    """Return what was logged by the loggers below a name."""
    caplog.set_level(logging.DEBUG)
    return lambda name: [record for record in caplog.records if record.name.startswith(name)]
