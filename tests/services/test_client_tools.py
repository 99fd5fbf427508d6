"""Tools that a client brings with a run: which are taken, and what becomes of their calls."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from agentos import Agent, Answer, InvalidRequest, Message, ModelOverrides, RunContext, RunRequest, ToolCall, ToolSpec
from agentos.domain.principal import ANONYMOUS_PRINCIPAL
from agentos.services.services import Services
from agentos.testing import ServedAgents, call, serve_agents


def look(path: str) -> str:
    """Look into a file."""
    return "a file"


ANY: dict[str, Any] = {"type": "object"}
PICK = ToolSpec("pick_file", "Let the user pick a file.", ANY)


class Foreign:
    """An agent that is not ours; it may allow client tools."""

    def __init__(self, *allowed: str) -> None:
        self.allow_overrides = allowed
        self.seen: list[RunContext] = []

    def stream(self, context: RunContext) -> Iterator[str]:
        self.seen.append(context)
        yield "ok"


@contextmanager
def served(*turns: Any, agent: Any = None, **settings: Any) -> Iterator[tuple[ServedAgents, Services]]:
    clerk = agent or Agent(id="clerk", model="openai:gpt-5-mini", tools=[look])
    with serve_agents({"clerk": clerk}, turns=turns or ["ok"], **settings) as server:
        yield server, server.app.extensions["agentos"]


def request(*tools: ToolSpec, **fields: Any) -> RunRequest:
    given = {"caller": ANONYMOUS_PRINCIPAL, "agent_id": "clerk", "input": "go", **fields}
    return RunRequest(**given, overrides=ModelOverrides(client_tools=tools))


@pytest.mark.parametrize(
    ("tools", "field", "said"),
    [
        ([ToolSpec("look", "", ANY)], "[0]", "name 'look', which is a tool of the server; give it another name"),
        ([PICK, PICK], "[1]", "name 'pick_file' twice"),
        ([ToolSpec("no spaces", "", ANY)], "[0]", "1 to 64 of letters (a-z, A-Z), digits, '_' and '-'"),
        ([ToolSpec("f", "", {"type": "string"})], "[0]", "are not a JSON schema of type 'object'"),
        ([ToolSpec("f", "", {"type": "object", "properties": {"a": 7}})], "[0]", "are no JSON schema that is accepted"),
        ([ToolSpec("f", 7, ANY)], "[0]", "the description of 'f' is no text"),  # type: ignore[arg-type]
        ([ToolSpec("f", "\ud800", ANY)], "[0]", "are not accepted"),
        ([ToolSpec(f"f{number}", "", ANY) for number in range(129)], "", "are 129; accepted are at most 128"),
        ([ToolSpec("f", "x" * 300_000, ANY)], "", "accepted are at most 262144"),
    ],
)
def test_client_tools_that_cannot_be_are_refused_at_the_start(tools: list[ToolSpec], field: str, said: str) -> None:
    with served() as (server, services):
        with pytest.raises(InvalidRequest) as refused:
            services.runs.start(request(*tools))
        assert said in refused.value.message
        assert list(refused.value.details["fields"]) == [f"overrides.client_tools{field}"]
        assert server.requests == []


@pytest.mark.parametrize("url", ["memory://", "sqlite:///{}/agentos.db"])
def test_a_run_may_say_how_long_its_client_has(url: str, tmp_path: Any) -> None:
    step = [call("pick_file", "{}", id="1")]
    with served(step, database_url=url.format(tmp_path)) as (_, services):
        overrides = ModelOverrides(client_tools=[PICK], client_tool_timeout=60.0)
        run = services.runs.start(replace(request(), overrides=overrides)).wait(10)
        assert run is not None
        (action,) = run.pending
        assert action.expires_at is not None
        assert 50 < (action.expires_at - action.created_at).total_seconds() < 70


@pytest.mark.parametrize("timeout", [0, -1.0, 1e12])
def test_a_time_that_cannot_be_is_refused(timeout: float) -> None:
    overrides = ModelOverrides(client_tools=[PICK], client_tool_timeout=timeout)
    with served() as (_, services), pytest.raises(InvalidRequest, match="have a timeout of"):
        services.runs.start(replace(request(), overrides=overrides))


def test_an_agent_may_allow_none() -> None:
    agent = Agent(id="clerk", model="openai:gpt-5-mini", allow_overrides=["temperature"])
    with served(agent=agent) as (_, services), pytest.raises(InvalidRequest, match="is not allowed by agent 'clerk'"):
        services.runs.start(request(PICK))


def test_an_agent_that_is_not_ours_finds_them_if_it_allows_them() -> None:
    agent = Foreign("client_tools")
    with served(agent=agent) as (_, services):
        services.runs.start(request(PICK)).wait(10)
    assert agent.seen[0].overrides.client_tools == (PICK,)
    with served(agent=Foreign()) as (_, services), pytest.raises(InvalidRequest, match="it allows none"):
        services.runs.start(request(PICK))


@pytest.mark.parametrize("url", ["memory://", "sqlite:///{}/agentos.db"])
def test_a_call_waits_for_the_client_and_the_run_continues_with_its_result(url: str, tmp_path: Any) -> None:
    step = [call("pick_file", "{}", id="1"), call("look", '{"path": "/a"}', id="2", index=1)]
    turns = [[call("look", '{"path": "/b"}', id="1")], step, "done"]
    with served(*turns, database_url=url.format(tmp_path)) as (server, services):
        handle = services.runs.start(request(ToolSpec("pick_file", "", ANY)))
        run = handle.wait(10)
        assert run is not None
        assert [(one.kind, one.call.name, one.turn) for one in run.pending] == [("client_tool", "pick_file", 2)]
        services.runs.answer(run.id, {run.pending[0].id: Answer(output={"path": "a.txt"})}, ANONYMOUS_PRINCIPAL)
        ended = handle.wait(10)
        assert ended is not None
        assert (ended.status, ended.content) == ("completed", "done")
        read = [message.content for message in server.requests[-1].messages if message.role == "tool"]
        assert read == ["a file", '{"path":"a.txt"}', "a file"]


def test_a_result_in_the_clients_own_conversation_is_history_and_answers_nothing() -> None:
    conversation = [
        Message("user", "Pick one."),
        Message("assistant", "", tool_calls=(ToolCall("1", "pick_file", "{}"),)),
        Message("tool", "a.txt", tool_call_id="1"),
    ]
    with served([call("pick_file", "{}", id="1")], "done") as (_, services):
        first = services.runs.start(request(PICK)).wait(10)
        assert first is not None
        other = services.runs.start(request(PICK, input="", messages=conversation)).wait(10)
        assert other is not None
        assert (other.status, other.content) == ("completed", "done")
        again = services.runs.open(first.id, ANONYMOUS_PRINCIPAL).get()
        assert again.status == "paused"
        assert [one.answer for one in again.pending] == [None]
