"""The rules, the file they come from, and what a model reads of them."""

from __future__ import annotations

import logging
import re
from importlib.metadata import entry_points
from pathlib import Path

import agentos_tool_policy
import pytest
from agentos_tool_policy import ToolPolicyPlugin
from agentos_tool_policy.policy import load

from agentos import Agent, Config, PluginError, RegisterModelProvider, ScriptedProvider, create_app, hookimpl
from agentos.testing import call

RULES = """
default = "deny"

[[rules]]
tool = "calculator"
action = "allow"

[[rules]]
agent = "clerk-*"
tool = "http_get"
owner = "acme"
action = "allow"

[[rules]]
tool = "http_*"
action = "deny"
reason = "no network here"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "policy.toml"


@pytest.mark.parametrize(
    ("agent", "tool", "owner", "objection"),
    [
        ("anybody", "calculator", "anybody", None),
        ("anybody", "Calculator", "anybody", "the server's policy does not allow tool 'Calculator' here"),
        ("clerk-1", "http_get", "acme", None),
        ("clerk-1", "http_get", "acme2", "no network here"),
        ("clerk", "http_get", "acme", "no network here"),
        ("clerk-1", "http_post", "acme", "no network here"),
        ("clerk-1", "shell", "acme", "the server's policy does not allow tool 'shell' here"),
    ],
)
def test_the_first_rule_that_matches_decides(
    file: Path, agent: str, tool: str, owner: str, objection: str | None
) -> None:
    file.write_text(RULES)
    assert load(file).objection(agent=agent, tool=tool, owner=owner) == objection


@pytest.mark.parametrize(("default", "objection"), [("allow", False), ("deny", True)])
def test_where_no_rule_matches_the_default_holds(file: Path, default: str, objection: bool) -> None:
    file.write_text(f'default = "{default}"')
    assert bool(load(file).objection(agent="a", tool="t", owner="o")) is objection


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('default = "deny"\n[[rules]\n', "line 2"),
        ("", "default is None; accepted: 'allow' or 'deny'"),
        ('default = "maybe"', "default is 'maybe'; accepted: 'allow' or 'deny'"),
        ('default = "deny"\nrule = 1', "the file: 'rule' is not known; accepted: default, rules"),
        ('default = "deny"\nrules = 1', "rules are no list of tables"),
        ('default = "deny"\n[[rules]]\ntool = "a"', "rule 1: action is None; accepted: 'allow' or 'deny'"),
        (f'{RULES}\n[[rules]]\naction = "deny"\ntools = "x"', "rule 4: 'tools' is not known; accepted: action, agent"),
        ('default = "deny"\n[[rules]]\naction = "deny"\ntool = ["a"]', "rule 1: tool is ['a']; accepted: a text"),
        ('default = "deny"\n[[rules]]\naction = "deny"\ntool = ""', "rule 1: tool is ''; accepted: a text"),
    ],
)
def test_a_mistake_in_the_file_is_named(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(PluginError, match=re.escape(said)) as raised:
        load(file)
    assert str(file) in raised.value.message


class Model:
    """Brings a model that calls one tool and then says something."""

    def __init__(self) -> None:
        self.provider = ScriptedProvider([[call("shout", '{"text": "hi"}')], "done"])

    @hookimpl
    def register_model_providers(self, register: RegisterModelProvider) -> None:
        register("test", lambda config: self.provider)


def shout(text: str) -> str:
    """Say it louder."""
    return text.upper()


def read_by_the_model(file: Path | None = None) -> str:
    """Run an agent that calls a tool, under the rules of a file; return what came of the call."""
    model = Model()
    app = create_app(
        Config(
            database_url="memory://", plugins=(), environ={} if file is None else {"AGENTOS_TOOL_POLICY": str(file)}
        ),
        agents={"clerk": Agent(id="clerk", model="test:model", tools=[shout])},
        plugins={"model": model, "tool-policy": ToolPolicyPlugin()},
    )
    try:
        answer = app.test_client().post("/api/v1/agents/clerk/run", json={"input": "go"})
        assert answer.status_code == 200
        return model.provider.requests[1].messages[-1].content
    finally:
        app.extensions["agentos"].close()


def test_without_a_file_every_call_is_made() -> None:
    assert read_by_the_model() == "HI"


def test_a_denied_call_is_not_made_and_its_reason_is_read_and_logged(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text('default = "allow"\n[[rules]]\ntool = "sh*"\nagent = "clerk"\naction = "deny"\nreason = "Whisper."')
    with caplog.at_level(logging.INFO, "agentos_tool_policy"):
        assert read_by_the_model(file) == "tool 'shout' was not called, it is denied: Whisper."
    (record,) = [one for one in caplog.records if one.name == "agentos_tool_policy"]
    assert (record.message, record.tool, record.agent_id) == ("tool call denied", "shout", "clerk")  # type: ignore[attr-defined]


def test_an_allowed_call_is_made(file: Path) -> None:
    file.write_text('default = "deny"\n[[rules]]\ntool = "shout"\naction = "allow"')
    assert read_by_the_model(file) == "HI"


@pytest.mark.parametrize("text", [None, "default = 1"])
def test_a_server_whose_policy_cannot_be_read_does_not_start(file: Path, text: str | None) -> None:
    if text is not None:
        file.write_text(text)
    with pytest.raises(PluginError, match=r"plugin 'tool-policy' is broken: the tool policy '.*policy\.toml'"):
        read_by_the_model(file)


def test_the_example_of_the_readme_is_a_policy(file: Path) -> None:
    readme = Path(__file__).parents[1].joinpath("README.md").read_text("utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    file.write_text(block)
    assert len(load(file).rules) == 3


def test_the_entry_point_is_the_plugin() -> None:
    found = [one for one in entry_points(group="agentos") if one.name == "tool-policy"]
    if not found:
        pytest.skip("agentos-server-tool-policy is not installed")
    assert found[0].load() is agentos_tool_policy.plugin
