"""Agents that name the tools that a person has to approve."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from agentos import (
    Agent,
    ConfigError,
    Denied,
    InvalidRequest,
    ToolContext,
    Toolkit,
    ToolSource,
    ToolSpec,
    hookimpl,
    tool,
)
from agentos.domain.agent_document import agent_document, agent_from_document
from agentos.testing import call, call_tool, run_agent, serve_agents
from agentos.testing.tools import ToolCallFailed
from agentos.tools import sources
from parts.waiting import until


def look(path: str) -> str:
    """Look into a file."""
    return f"text of {path}"


def write(path: str) -> str:
    """Write a file."""
    return f"wrote {path}"


class Notes(Toolkit):
    prefix = "notes_"

    @tool(approval=True)
    def add(self, text: str) -> str:
        """Write a note."""
        return text


class Office(ToolSource):
    """A source of tools, brought by a plugin that also registers tools by name."""

    def __init__(self, *names: str) -> None:
        self.names: Sequence[str] = names

    def list(self) -> Sequence[ToolSpec]:
        return [ToolSpec(name, "Do it.", {"type": "object"}) for name in self.names]

    def call(self, name: str, arguments: Mapping[str, Any], context: Any) -> str:
        return f"{name} done"

    @hookimpl
    def register_tool_sources(self, register: Any, config: Any) -> None:
        register("office", self)

    @hookimpl
    def register_tools(self, register: Any) -> None:
        register(write)


def pending(agent: Agent, *called: str) -> list[str]:
    """Return the names of the tools that wait after an agent's model has called some."""
    calls = [call(name, '{"path": "/a"}', id=str(number), index=number) for number, name in enumerate(called)]
    run = run_agent(agent, "go", turns=[calls, "done"], plugins={"office": Office("letter", "mail")})
    return [one.call.name for one in run.pending]


def made(tools: Sequence[Any], approve: Any) -> Agent:
    return Agent(id="clerk", model="openai:gpt-5-mini", tools=tools, approve=approve)


def test_the_tools_that_an_agent_names_wait_and_no_others() -> None:
    assert pending(made([look, "write"], ["write"]), "look", "write") == ["write"]
    assert pending(made([look, "write"], ["look"]), "look", "write") == ["look"]
    assert pending(made([look, "write"], []), "look", "write") == []


@pytest.mark.parametrize(
    ("tools", "approve", "waiting"),
    [
        (["office/*"], ["office/*"], ["office_letter", "office_mail"]),
        (["office/*"], ["office/mail"], ["office_mail"]),
        (["office/mail", "office/*"], ["office/mail"], ["office_mail"]),
        (["office/mail", "office/letter"], ["office/*"], ["office_letter", "office_mail"]),
        (["office/*"], ["office/gone"], []),
    ],
)
def test_tools_of_a_source_are_named_as_the_agent_names_them(
    tools: list[str], approve: list[str], waiting: list[str]
) -> None:
    turns = [[call("office_letter", id="1"), call("office_mail", id="2", index=1)], "done"]
    run = run_agent(made(tools, approve), "go", turns=turns, plugins={"office": Office("letter", "mail")})
    assert [one.call.name for one in run.pending] == waiting


def test_a_tool_that_its_source_brings_later_waits_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "FRESH_FOR", 0.05)
    office = Office("letter")
    with serve_agents([made(["office/*"], ["office/*"])], turns=["ok"], plugins={"office": office}) as server:
        assert server.run("clerk", "go").status_code == 200
        office.names = ["letter", "mail"]
        agents = server.app.extensions["agentos"].agents
        until(lambda: agents.resolve("clerk").approve == {"office_letter", "office_mail"})


@pytest.mark.parametrize(
    ("tools", "approve"),
    [
        ([look], ["lok"]),
        ([look], ["write"]),
        (["office/mail"], ["office/letter"]),
        (["office/mail"], ["other/*"]),
        (["office/mail"], ["mail"]),
    ],
)
def test_a_name_that_is_none_of_its_tools_is_refused(tools: list[Any], approve: list[str]) -> None:
    words = rf"'clerk' has '{approve[0].replace('*', '.')}' in 'approve', which is none of its tools; they are "
    with pytest.raises(ConfigError, match=words):
        pending(made(tools, approve), "look")


@pytest.mark.parametrize("approve", ["look", [look], [7]])
def test_what_is_no_list_of_names_is_refused(approve: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"approve of agent 'clerk' is .*; accepted is a list of names"):
        made([look], approve)


def test_a_stored_agent_keeps_what_has_to_be_approved() -> None:
    agent = made(["write"], ["write"])
    document = agent_document(agent)
    assert document["approve"] == ["write"]
    assert agent_from_document(document) == agent
    assert "approve" not in agent_document(made(["write"], []))
    with pytest.raises(InvalidRequest, match="the agent's 'approve' is 'write'; accepted is a list of names"):
        agent_from_document({**document, "approve": "write"})


def test_a_stored_agent_with_a_misspelt_name_is_refused() -> None:
    with serve_agents(turns=["ok"], plugins={"office": Office()}, in_place_of=["openai"]) as server:
        agents = server.app.extensions["agentos"].agents
        with pytest.raises(InvalidRequest, match="'clerk' has 'wirte' in 'approve', which is none of its tools"):
            agents.register({"id": "clerk", "model": "openai:m", "tools": ["write"], "approve": ["wirte"]})
        agents.register({"id": "clerk", "model": "openai:m", "tools": ["write"], "approve": ["write"]})
        assert agents.resolve("clerk").approve == {"write"}


def test_a_method_of_a_toolkit_may_need_an_approval() -> None:
    turns = [[call("notes_add", '{"text": "a"}')], "done"]
    run = run_agent(made([Notes()], []), "go", turns=turns)
    assert [one.call.name for one in run.pending] == ["notes_add"]


def test_a_denial_counts_for_such_a_tool_as_for_any() -> None:
    class Never:
        @hookimpl
        def before_tool_call(self, call: Any, context: Any) -> Denied:
            return Denied("never")

    run = run_agent(
        made([look], ["look"]), "go", turns=[[call("look", '{"path": "/a"}')], "done"], plugins={"never": Never()}
    )
    assert (run.status, run.tool_calls[0].error) == ("completed", "tool 'look' was not called, it is denied: never")


def test_a_test_of_a_tool_calls_it_and_a_question_fails_there() -> None:
    (add,) = Notes().tools()
    assert call_tool(add, {"text": "a"}) == "a"

    def ask(context: ToolContext) -> str:
        """Ask."""
        return str(context.ask("Which?"))

    with pytest.raises(ToolCallFailed, match=r"context.ask does not work outside of a run"):
        call_tool(ask)
