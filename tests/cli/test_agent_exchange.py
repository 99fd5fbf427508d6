"""Agents as files: exported, imported, and the same afterwards."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agentos.cli.agent_files import read_agents
from agentos.cli.agent_yaml import agents_yaml
from agentos.storage.json_text import dumps

GUIDE = {
    "id": "guide",
    "model": "scripted:echo",
    "instructions": "Be brief.\n\n  - Ünïcödé: \U0001f600\n# no comment\nEnd",
    "parameters": {"temperature": 1.0, "stop": ["no", "1e3", "2020-01-01", "~"], "z": 1, "a": {"on": None}},
    "output_schema": {"type": "object", "properties": {"z": {}, "a": {}}},
}
CLERK = {"id": "clerk", "model": "scripted:echo"}


def stored(cli):
    """Return the definitions of all stored agents, with their versions."""
    agents = [one["id"] for one in cli.json("agents")["agents"] if one["source"] == "stored"]
    shown = {id: cli.json("agents", "show", id) for id in agents}
    return {id: (one["definition"], one["version"]) for id, one in shown.items()}


def write(folder, name, *documents):
    (folder / name).write_text("\n---\n".join(json.dumps(one, ensure_ascii=False) for one in documents), "utf-8")
    return str(folder / name)


@pytest.fixture
def guide_and_clerk(cli, tmp_path):
    cli.ok("agents", "import", write(tmp_path, "agents.json", GUIDE, CLERK))


def test_agents_come_back_as_they_were_exported(cli, tmp_path, guide_and_clerk):
    exported = cli.ok("agents", "export", "--all")
    before = stored(cli)
    assert before == {"guide": (GUIDE, 1), "clerk": (CLERK, 1)}
    assert list(before["guide"][0]["output_schema"]["properties"]) == ["z", "a"]
    for id in before:
        cli.ok("unregister", id)
    cli.ok("agents", "import", "-", input=exported)
    assert {id: one[0] for id, one in stored(cli).items()} == {"guide": GUIDE, "clerk": CLERK}
    assert cli.ok("agents", "export", "--all") == exported


def test_an_export_is_what_people_edit(cli, guide_and_clerk):
    exported = cli.ok("agents", "export", "guide", "clerk", "guide")
    first, second = exported.split("---\n")
    assert first.startswith(
        "id: guide\nmodel: scripted:echo\ninstructions: |-\n"
        "  Be brief.\n\n    - Ünïcödé: \U0001f600\n  # no comment\n  End\n"
    )
    assert second == "id: clerk\nmodel: scripted:echo\n"


def test_a_folder_has_a_file_for_each_agent(cli, tmp_path, guide_and_clerk):
    result = cli("agents", "export", "--all", "--directory", "made/here")
    assert (result.exit_code, result.stdout) == (0, "")
    assert sorted(one.name for one in (tmp_path / "made/here").iterdir()) == ["clerk.yaml", "guide.yaml"]
    done = cli.json("agents", "import", "made/here")["agents"]
    assert [(one["id"], one["action"], one["version"]) for one in done] == [
        ("clerk", "unchanged", 1),
        ("guide", "unchanged", 1),
    ]


def test_an_import_that_is_repeated_adds_no_version(cli, tmp_path, guide_and_clerk):
    path = write(tmp_path, "agents.yaml", {**GUIDE, "instructions": "New."}, CLERK, {**CLERK, "id": "new"})
    for expected in (["update", "unchanged", "create"], ["unchanged"] * 3):
        done = cli.json("agents", "import", path, "--comment", "release 7")["agents"]
        assert [one["action"] for one in done] == expected
    listed = cli.json("agents", "versions", "guide")["versions"]
    assert [(one["version"], one["author"], one["comment"]) for one in listed] == [
        (2, "operator", "release 7"),
        (1, "operator", None),
    ]


def test_a_dry_run_says_what_would_change_and_changes_nothing(cli, tmp_path, guide_and_clerk):
    before = stored(cli)
    path = write(tmp_path, "agents.yaml", {**GUIDE, "instructions": "New."}, {**CLERK, "id": "new"})
    result = cli("agents", "import", path, "--dry-run", "--prune")
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:]] == [
        ["guide", "update"],
        ["new", "create"],
        ["clerk", "delete"],
    ]
    assert "dry run" in result.stderr
    assert stored(cli) == before


def test_prune_deletes_what_is_in_none_of_the_files(cli, tmp_path, guide_and_clerk):
    cli.ok("agents", "import", write(tmp_path, "one.yaml", GUIDE))
    assert set(stored(cli)) == {"guide", "clerk"}
    cli.ok("agents", "import", str(tmp_path / "one.yaml"), "--prune")
    assert set(stored(cli)) == {"guide"}


def test_prune_without_any_agent_is_refused(cli, tmp_path, guide_and_clerk):
    said = cli.fails("agents", "import", write(tmp_path, "none.yaml"), "--prune")
    assert "the files hold no agent" in said
    assert set(stored(cli)) == {"guide", "clerk"}


def test_nothing_is_stored_unless_all_can_be(cli, tmp_path):
    good, wrong = CLERK, {**CLERK, "id": "wrong", "tools": ["hammer"]}
    path = write(tmp_path, "agents.yaml", good, wrong, {**CLERK, "id": "x", "max_turns": "many"}, {"id": "y"})
    other = write(tmp_path, "other.yaml", good)
    result = cli("agents", "import", path, other)
    assert result.exit_code == 1
    problems = result.stderr.splitlines()
    assert [problem.partition(":")[0] for problem in problems] == [
        f"file '{path}', document 2",
        f"file '{path}', document 3",
        f"file '{path}', document 4",
        f"file '{other}'",
        "Error",
    ]
    for problem, named in zip(
        problems, ["'hammer'", "'max_turns'", "'model'", "document 1 too", "4 of 5"], strict=True
    ):
        assert named in problem
    assert stored(cli) == {}


RACING = """
from agentos import MemoryStorage, hookimpl
from agentos.storage.memory.agents import MemoryAgentStore

class Store(MemoryAgentStore):
    def add(self, agent, **how):
        return None if agent.id == "taken" else super().add(agent, **how)

class Racing(MemoryStorage):
    def __init__(self):
        super().__init__()
        self.agents = Store(self.rows)

@hookimpl
def register_storage_backends(register):
    register("racing", lambda url, config: Racing())
"""


def test_an_import_that_meets_another_process_says_how_far_it_came(cli, tmp_path, install_plugin, monkeypatch):
    install_plugin("racing", RACING)
    monkeypatch.setenv("AGENTOS_DATABASE_URL", "racing://x")
    path = write(tmp_path, "agents.yaml", CLERK, {**CLERK, "id": "taken"}, {**CLERK, "id": "later"})
    said = cli.fails("agents", "import", path)
    assert "the import stopped at agent 'taken': agent 'taken' is already registered" in said
    assert "Changed before it: clerk. Import again" in said


def test_an_agent_of_code_is_not_replaced_by_a_file(cli, tmp_path):
    result = cli("agents", "import", write(tmp_path, "a.yaml", {**CLERK, "id": "assistant"}))
    assert result.exit_code == 1
    assert "agent 'assistant' is read-only" in result.stderr


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BOMB, "line 2 has the alias '*a'; aliases are not accepted"),
        ("id: a\nmodel: x:y\nid: b\n", "line 3 has the key 'id' twice"),
        ("id: a\nmodel: scripted:echo\nmetadata: {on: 1}\n", "line 3 has the key on; accepted are texts"),
        ("id: a\nmodel: scripted:echo\nmetadata:\n  <<: {a: 1}\n", "line 4 has the key <<"),
        ("id: a\nmetadata: !!set {x}\nmodel: scripted:echo\n", "not JSON serializable"),
        ('{"id": "a", "id": "b"}', "holds no agent: it has the key id twice"),
        ("[" * 70 + "]" * 70, "holds no agent: it is nested too deep"),
        ("x: " + "[" * 70 + "]" * 70, "nested more than 64 levels deep"),
        ("x: " + "{" * 100_000, "nested more than 64 levels deep"),
        ("!!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: !!binary aGk=\n", "bytes"),
        ("a: .inf\n", "not JSON compliant"),
        ('a: "\\0"\n', "without U+0000"),
        ("- id: a\n", "holds no agent"),
        ("just text", "holds no agent"),
        ("a: [", "does not hold an agent as YAML or JSON"),
        (b"\xff\xfe\x00", "it is not UTF-8"),
    ],
)
@pytest.mark.parametrize("command", [["agents", "import"], ["register", "--from-file"]])
def test_a_file_that_is_no_agent_is_refused_with_its_name(cli, tmp_path, command, content, said):
    path = tmp_path / "agents.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = cli(*command, str(path))
    assert result.exit_code == 1
    assert said in result.stderr
    assert f"file '{path}'" in result.stderr


def test_what_yaml_takes_for_another_type_is_refused_by_its_field_and_a_date_is_a_text(cli, tmp_path):
    (tmp_path / "a.yaml").write_text("id: a\nname: no\nmodel: scripted:echo\n")
    result = cli("agents", "import", "a.yaml")
    assert "file 'a.yaml': the agent's 'name' is False; accepted is a text" in result.stderr
    (tmp_path / "a.yaml").write_text("id: a\nmodel: scripted:echo\nmetadata: {since: 2020-01-01}\n")
    cli.ok("agents", "import", "a.yaml")
    assert stored(cli)["a"][0]["metadata"] == {"since": "2020-01-01"}


def test_what_is_refused_is_said_without_the_secrets_in_it(cli, tmp_path):
    (tmp_path / "a.yaml").write_text("id: a\nmodel: sk-0123456789abcdef\n")
    result = cli("agents", "import", "a.yaml")
    assert "file 'a.yaml': model 'sk-***' of agent 'a' is not accepted" in result.stderr


def test_json_may_have_escapes_that_yaml_does_not_know(cli, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({**CLERK, "name": "\U0001f600"}))
    cli.ok("agents", "import", "a.json")
    assert stored(cli)["clerk"][0]["name"] == "\U0001f600"


def test_a_file_that_is_too_large_is_refused(cli, tmp_path):
    path = tmp_path / "agents.yaml"
    with path.open("wb") as file:
        file.truncate(33 * 1024**2)
    assert "too large" in cli.fails("agents", "import", str(path))


@pytest.mark.parametrize("given", [[], ["--all", "guide"]])
def test_an_export_names_agents_or_takes_all(cli, given):
    assert "or give --all" in cli.fails("agents", "export", *given, code=2)


def test_what_cannot_be_exported_or_imported_is_named(cli, tmp_path):
    assert "'assistant' is in code" in cli.fails("agents", "export", "assistant")
    assert "agent with ID 'nobody' not found" in cli.fails("agents", "export", "nobody")
    assert "cannot be read" in cli.fails("agents", "import", "missing.yaml", code=2)
    (tmp_path / "empty").mkdir()
    assert "holds no file of agents" in cli.fails("agents", "import", "empty")


def test_register_takes_one_agent_of_a_file(cli, tmp_path):
    path = write(tmp_path, "two.yaml", GUIDE, CLERK)
    assert "holds 2 agents; accepted is one" in cli.fails("register", "--from-file", path)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab:\n -#é\"'", max_size=4), inner, max_size=3),
    max_leaves=6,
)
TEXTS = st.text(st.sampled_from(list("ab \n\t#:-'\"|>%@\r\x85\u2028\ufeff\x1b\U0001f600")), max_size=30)


@settings(max_examples=200, deadline=None)
@given(
    documents=st.lists(
        st.dictionaries(st.sampled_from(["id", "instructions", "é"]), JSON | TEXTS, min_size=1), max_size=3
    )
)
def test_every_document_comes_back_from_its_yaml(tmp_path_factory, documents):
    path = tmp_path_factory.mktemp("yaml") / "agents.yaml"
    path.write_text(agents_yaml(documents), "utf-8", newline="")
    assert [dumps(one.document) for one in read_agents([path])] == [dumps(one) for one in documents]
    assert [dumps(one) for one in yaml.safe_load_all(path.read_bytes())] == [dumps(one) for one in documents]
