"""``flask agentos register --guest``, and files of agents with ``guest``."""

import json
import sys

import pytest


def definition(cli, agent_id):
    from agentos.cli.opening import opened

    with opened() as services:
        return services.agents.get(agent_id).document


def test_each_option_of_a_guest_is_stored(cli, tmp_path):
    said = cli.ok(
        *("register", "triage", "--guest", "support.agents:triage", "--guest-python", sys.executable),
        *("--guest-processes", "2", "--guest-exclusive", "--guest-environment", "A_KEY", "--guest-environment", "B"),
        *("--guest-path", str(tmp_path), "--guest-directory", str(tmp_path), "--guest-memory", str(2**30)),
        *("--description", "Sorts.", "--model", "openai:x"),
    )
    assert said == "Registered agent triage.\n"
    assert definition(cli, "triage") == {
        "id": "triage",
        "description": "Sorts.",
        "model": "openai:x",
        "guest": {
            "target": "support.agents:triage",
            "processes": 2,
            "exclusive": True,
            "environment": ["A_KEY", "B"],
            "path": [str(tmp_path)],
            "directory": str(tmp_path),
            "memory_limit": 2**30,
        },
    }


def test_paths_are_those_of_the_folder_of_the_command(cli, tmp_path):
    cli.ok("register", "a", "--guest", "m:a", "--guest-python", "venv/bin/python", "--guest-path", "lib")
    guest = definition(cli, "a")["guest"]
    assert (guest["python"], guest["path"]) == (str(tmp_path / "venv/bin/python"), [str(tmp_path / "lib")])


def test_a_file_may_hold_a_guest_and_options_win(cli, tmp_path):
    (tmp_path / "agent.yaml").write_text("id: a\nguest: {target: 'm:a', processes: 2}\n")
    cli.ok("register", "--from-file", "agent.yaml", "--guest-processes", "3")
    assert definition(cli, "a")["guest"] == {"target": "m:a", "processes": 3}
    (tmp_path / "short.yaml").write_text("id: b\nguest: m:b\n")
    cli.ok("register", "--from-file", "short.yaml")
    assert definition(cli, "b")["guest"] == {"target": "m:b"}


def test_guests_are_exported_and_imported_as_they_are(cli, tmp_path):
    cli.ok("register", "a", "--guest", "m:a", "--guest-python", "/srv/venv/bin/python")
    (tmp_path / "out.yaml").write_text(cli.ok("agents", "export", "a"))
    cli.ok("unregister", "a")
    assert json.loads(cli.ok("agents", "import", "out.yaml", "--json"))["agents"][0]["action"] == "create"
    assert definition(cli, "a")["guest"] == {"target": "m:a", "python": "/srv/venv/bin/python"}
    assert json.loads(cli.ok("agents", "import", "out.yaml", "--json"))["agents"][0]["action"] == "unchanged"


def test_an_agent_becomes_a_guest_and_goes_back_on_this_machine(cli):
    cli.ok("register", "a", "--model", "scripted:echo")
    cli.ok("register", "a", "--guest", "m:a", "--update")
    assert cli.ok("agents", "rollback", "a", "1").startswith("Rolled back agent a to version 1")
    assert cli.ok("agents", "rollback", "a", "2").startswith("Rolled back agent a to version 2")
    assert definition(cli, "a")["guest"] == {"target": "m:a"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--guest", "support"], "the guest's target is 'support'; accepted is a module and an attribute"),
        (["--guest", "m:a", "--guest-processes", "0"], "processes of guest 'm:a' is 0; accepted is a number from 1"),
        (["--guest", "m:a", "--guest-environment", "A=1"], "environment of guest 'm:a' is 'A'; accepted is names"),
        (["--guest", "m:a", "--tool", "add"], "unknown field 'tools' in the agent; known are id, name, description"),
        (["--guest", "m:a", "--allow-override", "model"], "has 'model', which no run may override"),
    ],
)
def test_a_guest_that_cannot_be_is_refused(cli, arguments, expected):
    assert expected in cli.fails("register", "a", *arguments)


def test_options_of_a_guest_need_one(cli):
    assert "Give --guest MODULE:NAME" in cli.fails("register", "a", "--guest-exclusive", code=2)


@pytest.mark.parametrize(
    ("guest", "expected"),
    [
        ("{python: /usr/bin/python3}", "the agent's guest's 'target' is missing"),
        ("{target: 'm:a', colour: red}", "unknown field 'colour' in the agent's guest; known are target, python"),
        ("{target: 'm:a', processes: many}", "the agent's guest's 'processes' is 'many'; accepted is a whole number"),
        ("{target: 'm:a', python: python3}", "python of guest 'm:a' is 'python3'; accepted is an absolute path"),
        ("7", "the agent's 'guest' is 7; accepted is an object with 'target'"),
    ],
)
def test_a_file_with_a_guest_that_cannot_be_is_refused(cli, tmp_path, guest, expected):
    (tmp_path / "agent.yaml").write_text(f"id: a\nguest: {guest}\n")
    assert expected in cli.fails("register", "--from-file", "agent.yaml")
