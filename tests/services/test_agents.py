"""Finding agents, and registering them while the server runs."""

import time

import pytest

from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.errors import AgentExists, AgentFailed, AgentNotFound, InvalidRequest, ProviderError
from agentos.models.catalog import Catalog
from agentos.models.scripted import ScriptedProvider
from agentos.registry import Registry
from agentos.runtime.loop import ModelAgent
from agentos.services.agent_tools import AgentTools
from agentos.services.agents import AgentService
from agentos.services.stored_agents import FRESH_FOR
from agentos.storage.memory import MemoryStorage
from agentos.tools.tool import Tool, as_tools


def ping() -> str:
    """Say pong."""
    return "pong"


def _service(storage: MemoryStorage | None = None, **registered: object) -> AgentService:
    agents: Registry = Registry("agent")
    for id, agent in registered.items():
        agents.add(id, agent, source="a-plugin")
    tools: Registry[Tool] = Registry("tool")
    (tool,) = as_tools(ping)
    tools.add(tool.name, tool, source="a-plugin")
    providers: Registry = Registry("model provider")
    providers.add("scripted", lambda config: ScriptedProvider(), source="core")
    config = Config(environ={}, history_turns=7)
    return AgentService(storage or MemoryStorage(), agents, AgentTools(tools), Catalog(providers, config), config)


ECHO = {"id": "echo", "model": "scripted:echo"}


def test_agents_of_code_and_stored_ones_are_listed_together_by_id() -> None:
    service = _service(zeta=Agent(id="zeta", model="scripted:echo", tools=[ping]))
    service.register({**ECHO, "tools": ["ping"]})
    assert [(agent.id, agent.source, agent.tools) for agent in service.list().items] == [
        ("echo", "stored", ("ping",)),
        ("zeta", "a-plugin", ("ping",)),
    ]


def test_an_id_is_given_once() -> None:
    service = _service(taken=Agent(id="taken", model="scripted:echo"))
    service.register(ECHO)
    with pytest.raises(AgentExists, match="PUT"):
        service.register(ECHO)
    for change in (
        lambda: service.register({**ECHO, "id": "taken"}),
        lambda: service.replace("taken", ECHO | {"id": "taken"}),
        lambda: service.delete("taken"),
    ):
        with pytest.raises(AgentExists, match="read-only: 'a-plugin'"):
            change()


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({**ECHO, "model": "nobody:x"}, "scripted"),
        ({**ECHO, "tools": ["hammer"]}, "installed are ping"),
        ({**ECHO, "tools": ["ping", "ping"]}, "two tools"),
    ],
)
def test_an_agent_that_could_not_run_is_not_stored(document: dict[str, object], said: str) -> None:
    service = _service()
    with pytest.raises(InvalidRequest, match=said):
        service.register(document)
    assert service.list().items == []


def test_what_is_not_there_is_not_found() -> None:
    service = _service()
    for find in (service.get, service.resolve, service.delete):
        with pytest.raises(AgentNotFound):
            find("nobody")
    with pytest.raises(AgentNotFound):
        service.replace("nobody", {**ECHO, "id": "nobody"})


def test_replacing_needs_the_same_id() -> None:
    service = _service()
    service.register(ECHO)
    with pytest.raises(InvalidRequest, match="other"):
        service.replace("echo", {**ECHO, "id": "other"})


def test_a_change_by_another_worker_is_seen_within_two_seconds() -> None:
    storage = MemoryStorage()
    here, there = _service(storage), _service(storage)
    here.register(ECHO)
    before = there.resolve("echo")
    here.replace("echo", {**ECHO, "instructions": "new"})
    # What was read is believed for a moment, so that not every run asks the database.
    assert there.resolve("echo") is before

    deadline = time.monotonic() + 2
    while (now := there.resolve("echo")) is before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert isinstance(now, ModelAgent)
    assert now.agent.instructions == "new"

    here.delete("echo")
    time.sleep(FRESH_FOR)
    with pytest.raises(AgentNotFound):
        there.resolve("echo")


def test_an_agent_whose_tool_was_uninstalled_fails_as_its_own_fault() -> None:
    service = _service(broken=Agent(id="broken", model="scripted:echo", tools=["gone"]))
    with pytest.raises(AgentFailed, match="'gone'"):
        service.resolve("broken")


def test_an_agent_whose_provider_was_uninstalled_says_what_to_install() -> None:
    service = _service(broken=Agent(id="broken", model="openai:gpt-5"))
    with pytest.raises(ProviderError, match="agentos-server-openai"):
        service.resolve("broken")


def test_what_a_run_may_override_is_known_of_agents_of_every_kind() -> None:
    class Foreign:
        allow_overrides = ("client_tools",)

        def stream(self, context: object) -> list[str]:
            return []

    coded = Agent(id="coded", model="scripted:echo", instructions="Be kind.", allow_overrides=["instructions"])
    service = _service(coded=coded, foreign=Foreign())
    service.register({**ECHO, "instructions": "Be brief.", "allow_overrides": ["seed"]})
    found = [service.run_options(id) for id in ("coded", "foreign", "echo")]
    assert [one.allow_overrides for one in found] == [("instructions",), ("client_tools",), ("seed",)]
    assert [one.instructions for one in found] == ["Be kind.", "", "Be brief."]
    with pytest.raises(AgentNotFound):
        service.run_options("none")
