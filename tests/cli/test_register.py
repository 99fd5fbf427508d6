import json

import pytest

from agentos.cli.opening import opened
from agentos.cli.pages import PAGE

YAML = """
id: support
model: scripted:echo
instructions: Be kind.
parameters:
  temperature: 0.2
  stop: [END]
history_turns: 3
"""


def definition(cli, agent_id):
    return cli.json("agents", "show", agent_id)["definition"]


def test_every_option_ends_up_in_the_definition(cli, tmp_path):
    (tmp_path / "words.txt").write_text("Be brief.\nAlways.")
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    said = cli.ok(
        *("register", "support", "--model", "scripted:echo", "--name", "Support", "--description", "Helps."),
        *("--instructions", "@words.txt", "--param", "temperature=0.5", "--param", "stop=[1, 2]", "--param", "x=a=b"),
        *("--output-schema", "@schema.json", "--output-retries", "2", "--history-turns", "0", "--max-turns", "4"),
        *("--concurrency", "interrupt", "--retry-on-crash"),
        *("--allow-override", "seed", "--allow-override", "instructions"),
    )
    assert said == "Registered agent support.\n"
    assert definition(cli, "support") == {
        "id": "support",
        "model": "scripted:echo",
        "name": "Support",
        "description": "Helps.",
        "instructions": "Be brief.\nAlways.",
        "parameters": {"temperature": 0.5, "stop": [1, 2], "x": "a=b"},
        "output_schema": {"type": "object"},
        "output_retries": 2,
        "history_turns": 0,
        "max_turns": 4,
        "concurrency": "interrupt",
        "retry_on_crash": True,
        "allow_overrides": ["seed", "instructions"],
    }


def test_tools_that_a_person_approves_are_named(cli, scripted_agents):
    cli.ok("register", "careful", "--model", "scripted:echo", "--tool", "add", "--approve", "add")
    assert definition(cli, "careful")["approve"] == ["add"]
    said = cli.fails("register", "odd", "--model", "scripted:echo", "--tool", "add", "--approve", "sub")
    assert "agent 'odd' has 'sub' in 'approve', which is none of its tools" in said


def test_a_file_can_allow_no_overrides_at_all(cli, tmp_path):
    (tmp_path / "agent.yaml").write_text("id: a\nmodel: scripted:echo\nallow_overrides: []\n")
    cli.ok("register", "--from-file", str(tmp_path / "agent.yaml"))
    assert definition(cli, "a")["allow_overrides"] == []
    said = cli.fails("register", "b", "--model", "scripted:echo", "--allow-override", "model")
    assert "allow_overrides of agent 'b' has 'model', which no run may override" in said


def test_max_steps_is_another_name_of_max_turns(cli, tmp_path):
    cli.ok("register", "a", "--model", "scripted:echo", "--max-steps", "4")
    assert definition(cli, "a")["max_turns"] == 4
    (tmp_path / "agent.yaml").write_text("id: b\nmodel: scripted:echo\nmax_steps: 5\n")
    cli.ok("register", "--from-file", str(tmp_path / "agent.yaml"))
    assert definition(cli, "b")["max_turns"] == 5


def test_a_schema_that_is_not_accepted_is_refused_with_its_place(cli):
    schema = '{"properties": {"a": {"$ref": "https://example.com/b"}}}'
    said = cli.fails("register", "a", "--model", "scripted:echo", "--output-schema", schema)
    assert "at '/properties/a/$ref': it leads out of the schema" in said


def test_tools_are_named_one_by_one(cli, install_plugin):
    install_plugin(
        "adder",
        "from agentos.hookspecs import hookimpl\n"
        "def add(a: int, b: int) -> int:\n    '''Add.'''\n    return a + b\n"
        "@hookimpl\ndef register_tools(register):\n    register(add)\n",
    )
    cli.ok("register", "sum", "--model", "scripted:echo", "--tool", "add")
    assert definition(cli, "sum")["tools"] == ["add"]
    assert "wants tool 'subtract', which is not installed" in cli.fails(
        "register", "less", "--model", "scripted:echo", "--tool", "subtract"
    )


@pytest.mark.parametrize(("name", "text"), [("agent.yaml", YAML), ("agent.json", '{"id": "support", "model": "a:b"}')])
def test_options_win_over_the_file(cli, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    cli.ok("register", "other", "--from-file", name, "--model", "scripted:echo", "--param", "temperature=1")
    stored = definition(cli, "other")
    assert (stored["id"], stored["model"], stored["parameters"]["temperature"]) == ("other", "scripted:echo", 1)


def test_a_file_is_enough(cli, tmp_path):
    (tmp_path / "agent.yaml").write_text(YAML)
    shown = cli.json("register", "--from-file", "agent.yaml")
    assert (shown["id"], shown["source"]) == ("support", "stored")
    assert shown["definition"]["parameters"] == {"temperature": 0.2, "stop": ["END"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1, 2]", "holds no agent"),
        ("model: [", "does not hold an agent as YAML or JSON"),
        ("{id: a, model: 'scripted:echo', since: !!set {x}}", "is not JSON serializable"),
        ("{id: a, model: 'scripted:echo', metadata: {x: .inf}}", "does not hold an agent"),
        ('{"id": "a", "model": "scripted:echo", "name": "\\u0000"}', "holds no agent"),
        ("{id: a, model: 'scripted:echo', colour: red}", "unknown field 'colour'"),
        ("{id: a, model: 'scripted:echo', parameters: hot}", "'parameters'"),
        ("{id: a, model: 7}", "'model' is 7"),
    ],
)
def test_a_file_that_is_no_agent_is_refused(cli, tmp_path, text, expected):
    (tmp_path / "agent.yaml").write_text(text)
    assert expected in cli.fails("register", "--from-file", "agent.yaml", "--param", "a=1")
    assert [agent["id"] for agent in cli.json("agents")["agents"]] == ["assistant"]


def test_a_file_that_is_not_there_is_a_usage_error(cli):
    assert "'nowhere.yaml' cannot be read" in cli.fails("register", "--from-file", "nowhere.yaml", code=2)
    assert "'nowhere' cannot be read" in cli.fails("register", "a", "--instructions", "@nowhere", code=2)


def test_an_agent_needs_an_id_and_a_model(cli):
    assert "Missing the agent's ID" in cli.fails("register", "--model", "scripted:echo", code=2)
    assert "'model' is missing" in cli.fails("register", "support")
    assert "there is no model provider 'nobody'" in cli.fails("register", "support", "--model", "nobody:x")


def test_update_replaces_the_whole_definition(cli):
    cli.ok("register", "support", "--model", "scripted:echo", "--instructions", "Be kind.")
    assert "already registered" in cli.fails("register", "support", "--model", "scripted:echo")
    assert cli.ok("register", "support", "--model", "scripted:echo", "--name", "S", "--update").startswith("Updated")
    assert definition(cli, "support") == {"id": "support", "model": "scripted:echo", "name": "S"}


def test_update_registers_what_is_not_there(cli):
    assert cli.ok("register", "support", "--model", "scripted:echo", "--update").startswith("Registered")


def test_an_agent_of_code_is_read_only(cli):
    assert "read-only" in cli.fails("register", "assistant", "--model", "scripted:echo", "--update")
    assert "read-only" in cli.fails("unregister", "assistant")


def test_unregister_deletes_the_agent(cli):
    cli.ok("register", "support", "--model", "scripted:echo")
    assert cli.ok("unregister", "support") == "Unregistered agent support.\n"
    assert "agent with ID 'support' not found" in cli.fails("unregister", "support")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--param", "hot", "'hot' is not KEY=VALUE"),
        ("--param", "=1", "'=1' is not KEY=VALUE"),
        ("--max-turns", "0", "0 is not in the range x>=1"),
        ("--output-schema", "[]", "'[]' is not a JSON object"),
        ("--concurrency", "wait", "'wait' is not one of 'enqueue', 'reject', 'interrupt', 'rollback'"),
    ],
)
def test_a_wrong_option_is_a_usage_error(cli, option, value, said):
    refusal = cli.fails("register", "support", "--model", "scripted:echo", option, value, code=2)
    assert refusal.startswith(f"Error: Invalid value for '{option}'")
    assert f"': {said}" in refusal


def test_agents_are_listed_with_their_source(cli):
    cli.ok("register", "support", "--model", "scripted:echo")
    listed = cli.json("agents")
    assert [(agent["id"], agent["source"]) for agent in listed["agents"]] == [
        ("assistant", "core"),
        ("support", "stored"),
    ]
    assert listed["count"] == 2
    assert cli.json("agents", "list") == listed
    assert [line.split()[0] for line in cli.ok("agents").splitlines()] == ["ID", "assistant", "support"]


def test_an_agent_is_shown_with_what_is_known_of_it(cli):
    cli.ok("register", "support", "--model", "scripted:echo", "--instructions", "Be kind.", "--param", "a=1")
    shown = cli.ok("agents", "show", "support")
    assert 'parameters:   {"a": 1}' in shown
    assert shown.endswith("instructions:\nBe kind.\n")
    assert "model:        scripted:echo" in cli.ok("agents", "show", "assistant")
    assert "not found" in cli.fails("agents", "show", "nobody")


def test_json_belongs_behind_the_command(cli):
    assert "behind the command" in cli.fails("agents", "--json", "list", code=2)
    assert json.loads(cli.ok("agents", "--json"))["count"] == 1


def test_whether_runs_start_over_is_taken_from_the_file_unless_the_options_say_it(cli, tmp_path):
    (tmp_path / "a.json").write_text('{"id": "a", "model": "scripted:echo", "retry_on_crash": true}')
    cli.ok("register", "--from-file", "a.json")
    assert definition(cli, "a")["retry_on_crash"] is True
    cli.ok("register", "--from-file", "a.json", "--update", "--no-retry-on-crash")
    assert "retry_on_crash" not in definition(cli, "a")


EXTRAS = {"extra_headers": {"X-Title": "Support"}, "extra_query": {"v": "1"}, "extra_body": {"top_k": 5}}


def test_extra_headers_query_and_body_can_be_given(cli):
    options = [part for name, value in EXTRAS.items() for part in ("--param", f"{name}={json.dumps(value)}")]
    cli.ok("register", "support", "--model", "scripted:echo", *options)
    assert definition(cli, "support")["parameters"] == EXTRAS
    assert "extra_headers" in cli.ok("register", "--help")
    cli.ok("register", "support", "--model", "scripted:echo", *options[:2], "--update")
    assert definition(cli, "support")["parameters"] == {"extra_headers": {"X-Title": "Support"}}


@pytest.mark.parametrize(
    "name", ["Authorization", "api-key", "X-API-Key", "Cookie", "proxy-authorization", "X-Auth-Token"]
)
@pytest.mark.parametrize("option", ["extra_headers", "extra_query"])
def test_a_secret_is_refused_there_and_belongs_into_the_settings(cli, tmp_path, option, name):
    parameters = {option: {name: "quokka"}}
    (tmp_path / "a.json").write_text(json.dumps({"id": "a", "model": "scripted:echo", "parameters": parameters}))
    for given in (
        ("--from-file", "a.json"),
        ("a", "--model", "scripted:echo", "--param", f"{option}={json.dumps({name: 'quokka'})}"),
    ):
        said = cli.fails("register", *given)
        assert repr(name) in said
        assert "server's settings" in said
        assert "quokka" not in said


def test_a_secret_in_an_extra_body_is_not_shown(cli):
    cli.ok("register", "a", "--model", "scripted:echo", "--param", 'extra_body={"api_key": "quokka", "top_k": 5}')
    for form in ((), ("--json",)):
        shown = cli.ok("agents", "show", "a", *form)
        assert "quokka" not in shown
        assert "top_k" in shown


def test_all_agents_are_listed_however_many_pages_they_take(cli):
    cli.ok("db", "upgrade")
    with opened() as services:
        for number in range(PAGE + 20):
            services.agents.register({"id": f"agent-{number:04}", "model": "scripted:echo"})
    listed = cli.json("agents")["agents"]
    assert [agent["id"] for agent in listed] == [*(f"agent-{number:04}" for number in range(PAGE + 20)), "assistant"]
