"""Agents as values and as documents."""

import dataclasses

import pytest

from agentos.domain.agent import Agent
from agentos.domain.agent_document import agent_document, agent_from_document
from agentos.errors import InvalidRequest


def test_an_agent_cannot_be_changed_by_one_of_its_users() -> None:
    agent = Agent(id="a", model="scripted:echo", tools=["t"], parameters={"temperature": 0}, metadata={"x": 1})
    with pytest.raises(dataclasses.FrozenInstanceError):
        agent.instructions = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        agent.parameters["temperature"] = 1  # type: ignore[index]
    assert agent.tools == ("t",)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"id": "", "model": "a:b"}, "agent id ''"),
        ({"id": "a b", "model": "a:b"}, "agent id 'a b'"),
        ({"id": "a/b", "model": "a:b"}, "agent id 'a/b'"),
        ({"id": "x" * 129, "model": "a:b"}, "128"),
        ({"id": "a", "model": "gpt-5"}, "'provider:name'"),
        ({"id": "a", "model": ":x"}, "'provider:name'"),
        ({"id": "a", "model": "a:b", "max_turns": 0}, "max_turns"),
        ({"id": "a", "model": "a:b", "history_turns": -1}, "history_turns"),
    ],
)
def test_an_impossible_agent_is_refused(fields: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Agent(**fields)  # type: ignore[arg-type]
    assert said in refused.value.message


def test_a_document_comes_back_as_it_was_given() -> None:
    document = {
        "id": "a",
        "model": "scripted:echo",
        "name": "A",
        "tools": ["calculator"],
        "parameters": {"temperature": 0.5},
        "output_schema": {"type": "object"},
        "output_retries": 1,
        "max_turns": 3,
    }
    assert agent_document(agent_from_document(document)) == document


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"model": "a:b"}, "'id' is missing"),
        ({"id": "a"}, "'model' is missing"),
        ({"id": "a", "model": "a:b", "colour": "red"}, "'colour'"),
        ({"id": "a", "model": "a:b", "tools": "calculator"}, "'tools'"),
        ({"id": "a", "model": "a:b", "tools": [1]}, "hold 1"),
        ({"id": "a", "model": "a:b", "max_turns": "3"}, "'max_turns'"),
        ({"id": "a", "model": "a:b", "max_turns": True}, "'max_turns'"),
        ({"id": "a", "model": "a:b", "output_retries": "1"}, "'output_retries'"),
        ({"id": "a", "model": "a:b", "output_retries": -1}, "output_retries of agent 'a' is -1; accepted is 0 to 3"),
        ({"id": "a", "model": "a:b", "output_retries": 4}, "output_retries of agent 'a' is 4; accepted is 0 to 3"),
        ({"id": 1, "model": "a:b"}, "'id' is 1"),
    ],
)
def test_a_wrong_document_is_refused_naming_the_field(document: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        agent_from_document(document)
    assert said in refused.value.message


def test_code_cannot_be_stored() -> None:
    def tool() -> str:
        return ""

    with pytest.raises(InvalidRequest, match="code"):
        agent_document(Agent(id="a", model="a:b", tools=[tool]))
