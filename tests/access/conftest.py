"""Two tenants and an administrator on one server, each with an API key."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import agentos_redis
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from agentos import (
    Answer,
    Arrival,
    Finish,
    ModelRequest,
    PendingAction,
    PendingKind,
    Run,
    RunStatus,
    TextDelta,
    ToolCall,
    ToolContext,
    hookimpl,
    tool,
)
from agentos.app import create_app
from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.domain.principal import SCOPES_OF_ONE_OWNER
from agentos.domain.times import utc_now
from agentos.models.scripted import ScriptedProvider, call
from agentos.registrations import RegisterModelProvider
from agentos.services.approval_rules import rule_record
from agentos.tools.tool import as_tools
from parts.application import SWEPT, SWEPT_PLUGINS
from parts.migrated import migrated_sqlite
from parts.waiting import until

PAST_ADMIN = [*SCOPES_OF_ONE_OWNER, *SWEPT.scopes]


class Caller:
    """Somebody with a key. Its requests are those of the test client, with the key in a header."""

    def __init__(self, app: Flask, key: str) -> None:
        self._client = app.test_client()
        self.services = app.extensions["agentos"]
        self.key = key

    def request(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> TestResponse:
        """Return the answer, read to its end unless it is a stream."""
        given = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        return self._client.open(path, method=method, json=body, headers=given)

    def run(self, agent: str = "echo", **body: Any) -> dict[str, Any]:
        """Run an agent and return the answer."""
        answer = self.request("POST", f"/api/v1/agents/{agent}/run", {"input": "Hi", **body})
        assert answer.status_code in (200, 202), answer.text
        return answer.json


class Tenants:
    """A server that asks for keys: Alice and Bob own things, Ada is an administrator."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.services = app.extensions["agentos"]
        self.alice, self.bob = self.caller("alice"), self.caller("bob")
        self.ada = self.caller("ada", ["admin"])

    def caller(self, owner: str, scopes: list[str] = PAST_ADMIN) -> Caller:
        """Return somebody with a new key."""
        key, _ = self.services.keys.create(name=owner, owner=owner, scopes=scopes)
        return Caller(self.app, key)

    @staticmethod
    def until_ended(owner: Caller, run_id: str) -> None:
        """Wait until a run has ended."""
        until(lambda: owner.request("GET", f"/api/v1/runs/{run_id}").json["ended_at"] is not None)


PICTURE = {"type": "image", "data": "iVBORw0KGgo=", "content_type": "image/png"}


class Belongings:
    """What somebody has: a session with an ended run and a summary, another with one that runs and one that waits.

    And one with a run that is paused, and what it waits for.
    """

    def __init__(self, owner: Caller) -> None:
        self.owner = owner
        self.session_id = self._session("echo")
        marks = {"user_id": "mark", "metadata": {"mark": "metadata"}, "media": PICTURE}
        self.run_id = owner.run(session_id=self.session_id, **marks)["run_id"]
        self.open_session_id = self._session("slow")
        slow = {"session_id": self.open_session_id, "background": True, "media": PICTURE}
        self.open_run_id = owner.run("slow", **slow)["run_id"]
        self.queued_run_id = owner.run("slow", **slow)["run_id"]
        self.paused_session_id = self._session("waits-approval")
        self.paused_run_id = owner.run("waits-approval", session_id=self.paused_session_id, media=PICTURE)["run_id"]
        self.action_id = self.pending()[0]["id"]
        self.rule_id = self._remembered()
        summary = owner.request("POST", f"/api/v1/sessions/{self.session_id}/summary", {})
        assert summary.status_code == 200, summary.text
        until(lambda: self.statuses()[1] == "running")

    def ids(self) -> set[str]:
        """Return the ids of all."""
        runs = {self.run_id, self.open_run_id, self.queued_run_id, self.paused_run_id}
        sessions = {self.session_id, self.open_session_id, self.paused_session_id}
        return {self.action_id, self.rule_id, *sessions, *runs}

    def pending(self) -> Any:
        """Return what the paused run waits for."""
        return self.owner.request("GET", f"/api/v1/runs/{self.paused_run_id}").json["pending"]

    def statuses(self) -> list[str]:
        """Return where the runs stand."""
        runs = (self.run_id, self.open_run_id, self.queued_run_id, self.paused_run_id)
        return [self.owner.request("GET", f"/api/v1/runs/{run_id}").json["status"] for run_id in runs]

    def state(self) -> Any:
        """Return all that can be seen of them and that nobody but their owner may change."""
        seen = [self.owner.request("GET", f"/api/v1/sessions/{self.session_id}{end}").json for end in ("", "/summary")]
        history = self.owner.request("GET", f"/api/v1/sessions/{self.session_id}/history").json["messages"]
        unfinished = (self.open_session_id, self.paused_session_id)
        sessions = [self.owner.request("GET", f"/api/v1/sessions/{id}").json for id in unfinished]
        return [*seen, history, *sessions, self.statuses(), self.pending()]

    def _remembered(self) -> str:
        """Have a decision remembered for the first session, and return its id."""
        run = Run(
            id=self.run_id,
            agent_id="echo",
            owner=self.owner.request("GET", f"/api/v1/runs/{self.run_id}").json["owner"],
            session_id=self.session_id,
            input="",
            status=RunStatus.COMPLETED,
            created_at=utc_now(),
        )
        about = PendingAction(
            id=self.action_id,
            kind=PendingKind.APPROVAL,
            call=ToolCall("1", "pay", "{}"),
            arguments_hash="",
            created_at=utc_now(),
            rule="tool",
        )
        record = rule_record(run, about, Answer(decision="reject", answered_at=utc_now()), *as_tools(pay))
        return self.owner.services.storage.records.put(record).id

    def _session(self, agent: str) -> str:
        body = {"agent_id": agent, "user_id": "mark", "team_id": "mark", "workflow_id": "mark", "name": "mark"}
        return str(self.owner.request("POST", "/api/v1/sessions", body).json["session_id"])


@tool(approval=True)
def pay() -> str:
    """Pay."""
    return "paid"


@tool
def choose(context: ToolContext) -> str:
    """Let the user choose."""
    return str(context.ask("Yes or no?"))


class Calls:
    """Models that call one tool, and then say so. A plugin."""

    @hookimpl
    def register_model_providers(self, register: RegisterModelProvider) -> None:
        for name in ("pay", "choose", "look"):
            register(f"calls-{name}", lambda config, name=name: CallsOnce(name))


class CallsOnce(ScriptedProvider):
    """Calls its tool in the first turn of each run."""

    def __init__(self, name: str, arguments: str = "{}") -> None:
        super().__init__()
        self._call = call(name, arguments)

    def stream(self, request: ModelRequest) -> Iterator[Arrival]:
        said = request.messages[-1].role == "tool"
        yield TextDelta("Done.") if said else self._call
        yield Finish("stop" if said else "tool_calls")


AGENTS = {
    "echo": Agent(id="echo", model="scripted:echo"),
    "slow": Agent(id="slow", model="scripted:slow-1000x0.5"),
    "waits-approval": Agent(id="waits-approval", model="calls-pay:x", tools=[pay]),
    "waits-input": Agent(id="waits-input", model="calls-choose:x", tools=[choose]),
    "waits-client_tool": Agent(id="waits-client_tool", model="calls-look:x"),
}


@contextmanager
def tenants_of(tmp_path: Path, *, redis: str | None = None, **settings: Any) -> Iterator[Tenants]:
    """Make a server with keys and a database of its own: a file, or keys in a Redis."""
    url = redis or migrated_sqlite(tmp_path / "agentos.db")
    settings["plugin_settings"] = {"redis_prefix": f"{tmp_path.name}:"}
    # Some tests ask faster than the limits by default let a caller.
    limits = {"rate_limit": None, "failed_auth_rate_limit": None, "search": True, **settings}
    config = Config(database_url=url, auth=["api_key"], assistant=False, environ={}, **limits)
    app = create_app(config, agents=AGENTS, plugins={**SWEPT_PLUGINS, "calls": Calls(), "redis": agentos_redis})
    made = Tenants(app)
    try:
        yield made
    finally:
        made.services.drain(0)
        made.services.close()


@pytest.fixture(scope="module")
def shared_tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    """One server, on a file, for tests that change nothing there."""
    with tenants_of(tmp_path_factory.mktemp("shared")) as made:
        yield made


@pytest.fixture(params=["sqlite", "redis"])
def tenants(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Tenants]:
    """The server, on a file and on Redis."""
    redis = request.getfixturevalue("redis_server").url if request.param == "redis" else None
    with tenants_of(tmp_path, redis=redis) as made:
        yield made
