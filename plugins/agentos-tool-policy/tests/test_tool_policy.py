"""The rules, the file they come from, and what a model reads of them."""

from __future__ import annotations

import logging
import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import agentos_tool_policy
import pytest
from agentos_tool_policy import ToolPolicyPlugin
from agentos_tool_policy.policy import load

from agentos import (
    Agent,
    Answer,
    Config,
    Pending,
    PluginError,
    RegisterModelProvider,
    ScriptedProvider,
    ToolCall,
    create_app,
    hookimpl,
)
from agentos.testing import call, run_agent

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


def approving(line: str) -> str:
    """Return a file with one rule that has calls approved, and this line."""
    return f'default = "allow"\n[[rules]]\naction = "approve"\n{line}\n'


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
    denied = load(file).decision(ToolCall("1", tool, "{}"), agent=agent, owner=owner)
    assert (denied and denied.reason) == objection


@pytest.mark.parametrize(("default", "objection"), [("allow", False), ("deny", True)])
def test_where_no_rule_matches_the_default_holds(file: Path, default: str, objection: bool) -> None:
    file.write_text(f'default = "{default}"')
    assert bool(load(file).decision(ToolCall("1", "t", "{}"), agent="a", owner="o")) is objection


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('default = "deny"\n[[rules]\n', "line 2"),
        ("", "default is None; accepted: 'allow' or 'deny'"),
        ('default = "maybe"', "default is 'maybe'; accepted: 'allow' or 'deny'"),
        ('default = "deny"\nrule = 1', "the file: 'rule' is not known; accepted: default, rules"),
        ('default = "deny"\nrules = 1', "rules are no list of tables"),
        ('default = "deny"\n[[rules]]\ntool = "a"', "rule 1: action is None; accepted: 'allow', 'deny', 'approve'"),
        ('default = "approve"', "default is 'approve'; accepted: 'allow' or 'deny'"),
        (approving('approver = "boss"'), "rule 1: approver is 'boss'; accepted: 'owner' or 'other'"),
        (approving('expires_in = "1h"'), "rule 1: expires_in is '1h'; accepted: a number of seconds"),
        (approving("expires_in = 0"), "rule 1: expires_in is 0; accepted: seconds"),
        (approving('on_expiry = "approve"'), "rule 1: on_expiry is 'approve'; accepted: 'reject' or 'fail'"),
        (approving('remember = "yes"'), "rule 1: remember is 'yes'; accepted: True or False"),
        (approving("message = 7"), "rule 1: the message is 7; accepted: a text"),
        (approving('name = "large transfers"'), "rule 1: name is 'large transfers'; accepted: 1 to 40 letters"),
        (approving('reason = "x"'), "rule 1: reason is not accepted with action = 'approve'; accepted: message"),
        (
            'default = "deny"\n[[rules]]\naction = "deny"\nmessage = "x"',
            "rule 1: message is accepted with action = 'appr",
        ),
        (approving("when = 7"), "rule 1: when is 7; accepted: a table of arguments"),
        (approving("when = {}"), "rule 1: when is {}; accepted: a table of arguments"),
        (approving("when = {amount = 7}"), "rule 1: when.amount is 7; accepted: a table with some of above, below"),
        (approving("when = {amount = {over = 7}}"), "rule 1: when.amount: 'over' is no comparison; accepted: above"),
        (approving('when = {to.country = {equals = "KP"}}'), 'put in quotes: "to.country"'),
        (approving('when = {"to..country" = {equals = "KP"}}'), "rule 1: when.to..country: the path is not accepted"),
        (approving('when = {amount = {above = "7"}}'), "rule 1: when.amount: above is '7'; accepted: a number"),
        (approving("when = {amount = {below = true}}"), "rule 1: when.amount: below is True; accepted: a number"),
        (approving("when = {amount = {equals = []}}"), "rule 1: when.amount: equals is []; accepted: a text, a number"),
        (approving("when = {to = {one_of = []}}"), "rule 1: when.to: one_of is []; accepted: a list"),
        (approving('when = {to = {none_of = "a"}}'), "rule 1: when.to: none_of is 'a'; accepted: a list"),
        (approving("when = {to = {matches = 7}}"), "rule 1: when.to: matches is 7; accepted: a pattern"),
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


@pytest.mark.parametrize(
    ("condition", "matching", "others", "unsure"),
    [
        (
            "amount = {above = 100}",
            ['{"amount": 100.5}', '{"amount": 101}'],
            ['{"amount": 100}'],
            ['{"amount": "101"}'],
        ),
        ("amount = {below = 0}", ['{"amount": -1}'], ['{"amount": 0}'], ['{"amount": true}', '{"amount": null}']),
        ("amount = {above = 10, below = 20}", ['{"amount": 15}'], ['{"amount": 10}', '{"amount": 20}'], ["{}"]),
        ("flag = {equals = true}", ['{"flag": true}'], ['{"flag": false}'], ["{}", '{"flag": 1}', '{"flag": "true"}']),
        ("count = {equals = 1}", ['{"count": 1}', '{"count": 1.0}'], ['{"count": 2}'], ["", '{"count": true}']),
        ('to = {one_of = ["ann", "bob"]}', ['{"to": "bob"}'], ['{"to": "Bob"}'], ['{"To": "bob"}', '{"to": 1}']),
        ('to = {none_of = ["ann", "bob"]}', ['{"to": "eve"}'], ['{"to": "bob"}'], ["{}"]),
        (
            'to = {matches = "*@bank.example"}',
            ['{"to": "a@bank.example"}'],
            ['{"to": "a@bank.example.org"}'],
            ['{"to": 7}'],
        ),
        (
            '"to.country" = {equals = "KP"}',
            ['{"to": {"country": "KP"}}'],
            ['{"to": {"country": "FR"}}'],
            ['{"to": {}}'],
        ),
        (
            '"to.country" = {equals = "KP"}',
            [],
            [],
            ['{"to": "KP"}', '{"to": [{"country": "KP"}]}', '{"to.country": "FR"}'],
        ),
        (
            '"rows.1.sum" = {above = 5}',
            ['{"rows": [{}, {"sum": 6}]}'],
            ['{"rows": [{}, {"sum": 5}]}'],
            ['{"rows": []}'],
        ),
        ('amount = {above = 5}\nto = {equals = "a"}', ['{"amount": 6, "to": "a"}'], ['{"amount": 6, "to": "b"}'], []),
    ],
)
def test_a_rule_may_depend_on_arguments_and_one_that_is_missing_does_not_help(
    file: Path, condition: str, matching: list[str], others: list[str], unsure: list[str]
) -> None:
    def matched(action: str, arguments: str) -> bool:
        default = "deny" if action == "allow" else "allow"
        file.write_text(f'default = "{default}"\n[[rules]]\naction = "{action}"\n[rules.when]\n{condition}\n')
        decision = load(file).decision(ToolCall("1", "t", arguments), agent="a", owner="o")
        return decision is None if action == "allow" else decision is not None

    for action in ("allow", "deny", "approve"):
        assert [matched(action, one) for one in matching] == [True] * len(matching)
        assert [matched(action, one) for one in others] == [False] * len(others)
        assert [matched(action, one) for one in unsure] == [action != "allow"] * len(unsure)


VALUES = {"text": '"b"', "number": "5", "boolean": "true", "null": "null", "list": '["a"]', "object": '{"a": 1}'}


@pytest.mark.parametrize(
    ("comparison", "kinds"),
    [
        ("above = 1", {"number"}),
        ("below = 9", {"number"}),
        ('matches = "*"', {"text"}),
        ('equals = "b"', {"text"}),
        ("equals = 5.0", {"number"}),
        ("equals = true", {"boolean"}),
        ('one_of = ["a", "b", 5]', {"text", "number"}),
        ('none_of = ["a", 1]', {"text", "number"}),
        ("none_of = [false]", {"boolean"}),
    ],
)
@pytest.mark.parametrize("action", ["allow", "deny", "approve"])
@pytest.mark.parametrize("kind", VALUES)
def test_an_argument_of_another_type_is_no_way_around_a_rule(
    file: Path, comparison: str, kinds: set[str], action: str, kind: str
) -> None:
    default = "deny" if action == "allow" else "allow"
    file.write_text(f'default = "{default}"\n[[rules]]\naction = "{action}"\nwhen = {{to = {{{comparison}}}}}')
    decision = load(file).decision(ToolCall("1", "t", f'{{"to": {VALUES[kind]}}}'), agent="a", owner="o")
    matched = decision is None if action == "allow" else decision is not None
    assert matched is (kind in kinds or action != "allow")


@pytest.mark.parametrize(
    ("items", "allowed", "denied"),
    [("[1, 2]", False, False), ("[9, 9]", True, True), ("[1, 9]", False, True), ("[]", False, True)],
)
def test_of_many_items_one_is_enough_to_deny_and_all_are_needed_to_allow(
    file: Path, items: str, allowed: bool, denied: bool
) -> None:
    call = ToolCall("1", "t", f'{{"rows": {items}}}')
    for action, default, expected in (("allow", "deny", allowed), ("deny", "allow", denied)):
        file.write_text(f'default = "{default}"\n[[rules]]\naction = "{action}"\nwhen = {{"rows.*" = {{above = 5}}}}')
        decision = load(file).decision(call, agent="a", owner="o")
        assert (decision is None if action == "allow" else decision is not None) is expected


def test_a_rule_says_on_which_terms_a_call_is_approved(file: Path) -> None:
    terms = 'approver = "other"\nexpires_in = 60\non_expiry = "fail"\nremember = true\nmessage = "Who?"\nname = "large"'
    file.write_text(approving(terms))
    pending = load(file).decision(ToolCall("1", "t", "{}"), agent="a", owner="o")
    assert isinstance(pending, Pending)
    assert re.fullmatch("large-[0-9a-f]{12}", pending.rule)
    assert pending == Pending(
        "Who?", approver="other", expires_in=60, on_expiry="fail", remember=True, rule=pending.rule
    )


def test_what_is_remembered_for_a_rule_does_not_hold_for_another_form_of_it(file: Path) -> None:
    rules = set()
    for limit in (100, 100, 200):
        file.write_text(approving(f"name = 'large'\nremember = true\nwhen = {{amount = {{above = {limit}}}}}"))
        pending = load(file).decision(ToolCall("1", "t", '{"amount": 500}'), agent="a", owner="o")
        assert isinstance(pending, Pending)
        rules.add(pending.rule)
    assert len(rules) == 2


def test_a_call_that_a_rule_has_approved_waits_and_then_runs(file: Path) -> None:
    file.write_text(
        approving('tool = "shout"\napprover = "other"\nwhen = {text = {matches = "h*"}}\nmessage = "Loud?"')
    )
    agent = Agent(id="clerk", model="test:model", tools=[shout])
    given: dict[str, Any] = {
        "turns": [[call("shout", '{"text": "hi"}')], "done"],
        "plugins": {"tool-policy": ToolPolicyPlugin()},
        "environ": {"AGENTOS_TOOL_POLICY": str(file)},
    }
    (action,) = run_agent(agent, "go", **given).pending
    assert (action.approver, action.message) == ("other", "Loud?")
    assert str(action.rule).startswith("plugin:tool-policy:rule-")
    run = run_agent(agent, "go", answers=lambda _: Answer(decision="approve"), **given)
    assert run.tool_calls[0].result == "HI"


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
    file.write_text("".join(re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)))
    assert len(load(file).rules) == 5


def test_the_entry_point_is_the_plugin() -> None:
    found = [one for one in entry_points(group="agentos") if one.name == "tool-policy"]
    if not found:
        pytest.skip("agentos-server-tool-policy is not installed")
    assert found[0].load() is agentos_tool_policy.plugin
