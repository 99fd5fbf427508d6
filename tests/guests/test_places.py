"""Where guest processes find our own agents and tools, and what is said where they cannot."""

import sys
from pathlib import Path
from typing import Any

import pytest

from agentos import Agent, ConfigError, PluginError, tool
from agentos.testing import run_agent, serve_agents

MODULE = '''
from agentos import InvalidMedia, Toolkit, tool

class Stateless:
    async def stream(self, context):
        yield f"{context.input}!"

class Stateful:
    def __init__(self, word):
        self.word = word
    async def stream(self, context):
        yield self.word

class Whole:
    """Gives its answer at once."""
    async def stream(self, context):
        return ["all ", "of it"]

class Notes(Toolkit):
    prefix = "notes_"
    @tool
    async def count(self, text: str) -> int:
        """Count."""
        return len(text)

class Picky:
    history_turns = 0
    def check_media(self, media):
        raise InvalidMedia("no pictures, please")
    async def stream(self, context):
        yield str(len(context.history))

kept = Stateful("kept")
picky = Picky()
notes = Notes()
'''
PLUGIN = """
from agentos import hookimpl
from own_agents import Stateful

@hookimpl
def register_agents(register):
    register(Stateful("of a plugin"), id="planted")
"""


def refuse(*given: Any, **named: Any) -> None:
    with serve_agents(*given, **named):
        pass


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "own_agents.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("own_agents", None)
    import own_agents

    return own_agents


def test_an_attribute_of_a_module_is_found(own: Any) -> None:
    assert run_agent(own.kept, "Hi").content == "kept"


def test_an_object_without_state_is_made_anew(own: Any) -> None:
    assert run_agent(own.Stateless(), "Hi").content == "Hi!"


def test_an_answer_may_come_at_once(own: Any) -> None:
    assert run_agent(own.Whole(), "Hi").content == "all of it"


def test_an_agent_of_an_installed_plugin_is_found_by_its_id(own: Any, tmp_path: Path) -> None:
    from agentos_testing.serving import write_plugin

    write_plugin(tmp_path, "planting", "planting")
    (tmp_path / "planting.py").write_text(PLUGIN)
    with serve_agents(installed=["planting"]) as served:
        assert served.run("planted", "Hi").get_json()["content"] == "of a plugin"


def test_what_a_worker_reads_of_an_agent_counts_for_one_in_a_guest(own: Any) -> None:
    with serve_agents({"picky": own.picky}) as served:
        image = {"type": "image", "url": "https://example.com/a.png"}
        assert "no pictures" in served.run("picky", "Hi", media=image).get_json()["message"]
        session = served.session("picky")
        assert [served.run("picky", "Hi", session_id=session).get_json()["content"] for _ in range(2)] == ["0", "0"]


def test_processes_may_be_several(own: Any) -> None:
    with serve_agents({"kept": own.kept}, async_processes=3) as served:
        served.run("kept", "Hi")
        assert len(served.app.extensions["agentos"].activity.now().guests) == 3


def test_an_agent_that_is_nowhere_stops_the_start(own: Any) -> None:
    said = "agent 'lost' needs an event loop, and a guest process could not import it"
    with pytest.raises(ConfigError, match=said):
        refuse({"lost": own.Stateful("here alone")})


def test_one_of_a_function_is_nowhere_either() -> None:
    class Inner:
        async def stream(self, context: Any) -> Any:
            yield "never"

    with pytest.raises(ConfigError, match=r'`Guest\("package.module:name"\)`'):
        refuse({"inner": Inner()})


def test_a_method_of_an_object_of_a_module_is_a_tool(own: Any) -> None:
    with serve_agents(tools=[own.notes]) as served:
        answer = served.client.post("/api/v1/tools/notes_count/call", json={"arguments": {"text": "four"}})
        assert answer.get_json()["result"] == "4"


def test_an_async_tool_that_is_nowhere_is_refused() -> None:
    @tool
    async def inner(a: int) -> int:
        """Do."""
        return a

    with pytest.raises(PluginError, match="tool 'inner' is an `async def`, which a guest process calls"):
        refuse(tools=[inner])
    with pytest.raises(ConfigError, match="tool 'inner' is an `async def`"):
        refuse([Agent(id="a", model="scripted:echo", tools=[inner])])
