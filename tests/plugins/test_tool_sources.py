"""Sources of tools that come and go: how agents name them, what models see, and what a failing source costs."""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from agentos import Agent, Denied, ToolSource, ToolSpec, hookimpl
from agentos.errors import ConfigError
from agentos.models.scripted import call
from agentos.tools import sources
from parts.waiting import until

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


def spec(name: str, description: str = "Do it.") -> ToolSpec:
    return ToolSpec(name, description, TEXT)


class Office(ToolSource):
    """Has the tools that a test gives it, and remembers its calls."""

    def __init__(self, *tools: Any, before: Callable[[], Any] = bool) -> None:
        self.tools: Sequence[Any] = tools
        self.before = before
        self.lists = self.closed = 0
        self.calls: list[tuple[str, Mapping[str, Any], str]] = []

    def list(self) -> Sequence[ToolSpec]:
        self.lists += 1
        self.before()
        return self.tools

    def call(self, name: str, arguments: Mapping[str, Any], context: Any) -> str:
        self.calls.append((name, arguments, context.owner))
        return f"{name} did {arguments['text']}"

    def close(self) -> None:
        self.closed += 1


class Brings:
    """A plugin with sources."""

    def __init__(self, **found: ToolSource) -> None:
        self.found = found

    @hookimpl
    def register_tool_sources(self, register: Any, config: Any) -> None:
        for name, source in self.found.items():
            register(name, source)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    # The times have no settings, and are too long for a test.
    monkeypatch.setattr(sources, "FRESH_FOR", 0.1)
    monkeypatch.setattr(sources, "LIST_SECONDS", 0.3)


def fail() -> None:
    raise RuntimeError("its socket at 10.0.0.7 is closed")


def offered(served: Any) -> list[str]:
    """Return the tools that the model was offered last."""
    return [one.name for one in served.provider.requests[-1].tools]


def write(text: str = "a letter", id: str = "1") -> Any:
    return call("office_write", json.dumps({"text": text}), id=id)


def test_an_agent_names_one_tool_of_a_source_and_its_model_calls_it(serve) -> None:
    office = Office(spec("write", "Write a letter."), spec("read"))
    served = serve([write()], "done", tools=["office/write"], plugins={"office": Brings(office=office)})
    assert served.run("Hi").status_code == 200
    assert office.calls == [("write", {"text": "a letter"}, "anonymous")]
    assert served.provider.requests[-1].messages[-1].content == "write did a letter"
    (tool,) = served.provider.requests[0].tools
    assert (tool.name, tool.description, tool.parameters) == ("office_write", "Write a letter.", TEXT)


def test_a_star_stands_for_all_tools_of_a_source(serve) -> None:
    plugins = {"office": Brings(office=Office(spec("write"), spec("read")), other=Office(spec("write")))}
    served = serve(tools=["office/*", "office/read"], plugins=plugins)
    assert served.run("Hi").status_code == 200
    assert sorted(offered(served)) == ["office_read", "office_write"]


def test_arguments_are_checked_as_for_every_tool(serve) -> None:
    office = Office(spec("write"))
    wrong = call("office_write", '{"text": 5}')
    served = serve([wrong], "done", tools=["office/*"], plugins={"office": Brings(office=office)})
    served.run("Hi")
    assert office.calls == []
    assert "text" in served.provider.requests[-1].messages[-1].content


def test_a_policy_is_asked_before_they_are_called(serve) -> None:
    class Policy:
        @hookimpl
        def before_tool_call(self, call: Any) -> Denied | None:
            return Denied("not today") if call.name == "office_write" else None

    office = Office(spec("write"))
    plugins = {"office": Brings(office=office), "policy": Policy()}
    served = serve([write()], "done", tools=["office/*"], plugins=plugins)
    served.run("Hi")
    assert office.calls == []


def test_tools_come_and_go_while_the_server_runs(serve) -> None:
    office = Office(spec("write"))
    served = serve(tools=["office/*"], plugins={"office": Brings(office=office)})
    served.run("Hi")
    office.tools = (spec("read"), spec("file"))

    def comes() -> bool:
        served.run("Hi")
        return sorted(offered(served)) == ["office_file", "office_read"]

    until(comes)


def test_it_is_the_same_for_a_stored_agent(serve) -> None:
    office = Office(spec("write"))
    served = serve(plugins={"office": Brings(office=office)})
    document = {"id": "clerk", "model": "test:model", "tools": ["office/*"]}
    assert served.client.post("/api/v1/agents", json=document).status_code == 201
    served.client.post("/api/v1/agents/clerk/run", json={"input": "Hi"})
    assert offered(served) == ["office_write"]
    office.tools = ()

    def gone() -> bool:
        served.client.post("/api/v1/agents/clerk/run", json={"input": "Hi"})
        return offered(served) == []

    until(gone)


def test_a_list_is_kept_for_a_while(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "FRESH_FOR", 60)
    office = Office(spec("write"))
    served = serve(tools=["office/*"], plugins={"office": Brings(office=office)})
    for _ in range(5):
        served.run("Hi")
    assert office.lists == 1


def test_nothing_is_listed_before_a_run_needs_it(serve) -> None:
    office = Office(spec("write"))
    served = serve(tools=["office/*"], plugins={"office": Brings(office=office)})
    served.services.start()
    assert office.lists == 0


@pytest.mark.parametrize("before", [fail, lambda: time.sleep(1)])
def test_a_source_that_fails_costs_its_tools_alone_and_is_named_in_the_log(serve, log_records, before) -> None:
    plugins = {"office": Brings(office=Office(spec("write"), before=before)), "shop": Brings(shop=Office(spec("buy")))}
    served = serve(tools=["office/*", "shop/*"], plugins=plugins)
    assert served.run("Hi").status_code == 200
    assert offered(served) == ["shop_buy"]
    (record,) = [one for one in log_records("agentos.tools") if one.levelno == logging.ERROR]
    assert (record.plugin, record.tool_source) == ("office", "office")
    assert [one["name"] for one in served.client.get("/api/v1/tools").json["tools"]] == ["shop/buy"]


def test_a_tool_that_is_named_and_missing_fails_the_run_before_it_begins(serve) -> None:
    office = Office(spec("write"), spec("read"))
    served = serve(tools=["office/copy"], plugins={"office": Brings(office=office)})
    answer = served.run("Hi")
    assert (answer.status_code, answer.json["details"]["cause"]) == (500, "AGENT_FAILED")
    said = "agent 'scripted' cannot run: tool source 'office' has no tool 'copy' now; it has read, write"
    assert answer.json["message"] == said
    assert answer.json["details"]["retryable"] is True
    assert served.client.get("/api/v1/runs").json["runs"] == []


def test_a_tool_of_a_source_that_fails_says_so_without_its_words(serve) -> None:
    office = Office(spec("write"), before=fail)
    served = serve(tools=["office/write"], plugins={"office": Brings(office=office)})
    message = served.run("Hi").json["message"]
    assert message == "tool source 'office' cannot list its tools now; the server's log has the reason"


def test_a_source_that_failed_comes_back(serve) -> None:
    office = Office(spec("write"), before=fail)
    served = serve(tools=["office/write"], plugins={"office": Brings(office=office)})
    assert served.run("Hi").status_code == 500
    office.before = bool
    until(lambda: served.run("Hi").status_code == 200)


def test_a_slow_list_is_asked_for_by_one_run_while_the_others_have_the_one_before(serve) -> None:
    office, asked, go = Office(spec("write")), threading.Event(), threading.Event()
    served = serve(tools=["office/*"], plugins={"office": Brings(office=office)})
    served.run("Hi")
    sources.LIST_SECONDS = 10

    def slowly() -> None:
        asked.set()
        go.wait(10)

    office.before = slowly
    time.sleep(0.15)
    waiting = threading.Thread(target=served.run, args=("first",))
    waiting.start()
    assert asked.wait(10)
    began = time.monotonic()
    assert served.run("second").status_code == 200
    assert time.monotonic() - began < 5
    assert (offered(served), office.lists) == (["office_write"], 2)
    go.set()
    waiting.join(10)


class Breaks(Mapping[str, Any]):
    """A schema that cannot be read."""

    def __getitem__(self, name: str) -> Any:
        raise RuntimeError("not today")

    def __iter__(self) -> Any:
        raise RuntimeError("not today")

    def __len__(self) -> int:
        return 1


DEEP = {"type": "object", "properties": {"text": {"type": "string", "pattern": "(a|" * 210 + "b" + ")" * 210}}}


@pytest.mark.parametrize(
    "bad",
    [
        "write",
        {"name": "write"},
        ToolSpec("x" * 80, "", TEXT),
        ToolSpec("write", "", {"type": "string"}),
        ToolSpec("write", "", DEEP),
        ToolSpec("write", "", Breaks()),
    ],
)
def test_a_tool_that_cannot_be_one_is_left_out_and_the_others_stay(serve, log_records, bad: Any) -> None:
    served = serve(tools=["office/*"], plugins={"office": Brings(office=Office(bad, spec("read")))})
    assert served.run("Hi").status_code == 200
    assert offered(served) == ["office_read"]
    assert [one["name"] for one in served.client.get("/api/v1/tools").json["tools"]] == ["office/read"]
    (record,) = [one for one in log_records("agentos.tools.sources") if one.levelno == logging.WARNING]
    assert (record.plugin, record.tool_source) == ("office", "office")


def test_names_that_models_do_not_take_are_changed_for_them_alone(serve) -> None:
    office = Office(spec("files.write"))
    turns = ([call("office_files_write", '{"text": "x"}')], "done")
    served = serve(*turns, tools=["office/files.write"], plugins={"office": Brings(office=office)})
    served.run("Hi")
    assert office.calls == [("files.write", {"text": "x"}, "anonymous")]


@pytest.mark.parametrize("wanted", ["none/write", "none/*", "/write", "office/"])
def test_an_agent_of_code_that_names_no_source_stops_the_start(serve, wanted: str) -> None:
    with pytest.raises(ConfigError, match="agent 'scripted' wants"):
        serve(tools=[wanted], plugins={"office": Brings(office=Office())})


def test_an_agent_over_http_that_names_no_source_is_refused_with_those_there_are(serve) -> None:
    served = serve(plugins={"office": Brings(office=Office())})
    document = {"id": "clerk", "model": "test:model", "tools": ["none/write"]}
    answer = served.client.post("/api/v1/agents", json=document)
    assert answer.status_code == 400
    assert "tool source 'none' is not installed; installed are office" in answer.json["message"]


def test_the_list_of_tools_has_them_as_agents_name_them(serve) -> None:
    plugins = {"office": Brings(office=Office(spec("write", "Write a letter.")))}
    (tool,) = serve(plugins=plugins).client.get("/api/v1/tools").json["tools"]
    named = {"name": "office/write", "description": "Write a letter.", "source": "office"}
    assert tool == {**named, "parameters": TEXT, "approval": "never", "isolated": False, "timeout": None}


@pytest.mark.parametrize("name", ["", "a/b", "a b", "x" * 33, 5])
def test_a_name_that_cannot_be_one_makes_the_plugin_broken(serve, name: Any) -> None:
    class Plugin:
        @hookimpl
        def register_tool_sources(self, register: Any) -> None:
            register(name, Office())

    reports = serve(plugins={"office": Plugin()}).services.plugins.reports
    (report,) = [one for one in reports if one.name == "office"]
    assert report.status == "failed"
    assert "accepted are 1 to 32 of letters, digits, '_' and '-'" in str(report.error)


def test_what_is_no_source_makes_the_plugin_broken(serve) -> None:
    reports = serve(plugins={"office": Brings(office=object())}).services.plugins.reports  # type: ignore[arg-type]
    (report,) = [one for one in reports if one.name == "office"]
    assert "is a object; accepted: an agentos.ToolSource" in str(report.error)


def test_sources_are_closed_once_with_the_worker(serve) -> None:
    office = Office()
    served = serve(plugins={"office": Brings(office=office)})
    for _ in range(2):
        served.services.close()
    assert office.closed == 1


COMMANDS = """
import agentos
from agentos import ToolSource, ToolSpec


class Office(ToolSource):
    def list(self):
        return [ToolSpec("write", "Write a letter.", {"type": "object", "properties": {"text": {"type": "string"}}})]

    def call(self, name, arguments, context):
        return f"{name} did {arguments['text']}"


@agentos.hookimpl
def register_tool_sources(register):
    register("office", Office())
"""


def test_commands_list_show_and_call_them(cli, install_plugin) -> None:
    install_plugin("office", COMMANDS)
    assert "office/write" in cli.ok("tools", "list")
    assert json.loads(cli.ok("tools", "schema", "office/write"))["description"] == "Write a letter."
    assert cli.ok("tools", "call", "office/write", "--arg", "text=x").strip() == "write did x"


def test_an_agent_without_sources_is_prepared_once(serve) -> None:
    served = serve(agents={"plain": Agent(id="plain", model="test:model")})
    agents = served.services.agents
    assert agents.resolve("plain") is agents.resolve("plain")
