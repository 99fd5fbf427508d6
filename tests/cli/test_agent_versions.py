"""Versions of stored agents on the command line."""

import pytest


@pytest.fixture
def guide(cli):
    """An agent with two versions."""
    cli.ok("register", "guide", "--model", "scripted:echo", "--instructions", "Be brief.\nAlways.", "--comment", "new")
    said = cli.ok("register", "guide", "--model", "scripted:echo", "--instructions", "Be kind.\nAlways.", "--update")
    assert said == "Updated agent guide.\n"


def test_versions_are_listed_with_author_and_comment(cli, guide):
    listed = cli.json("agents", "versions", "guide")
    assert [(one["version"], one["author"], one["comment"]) for one in listed["versions"]] == [
        (2, "operator", None),
        (1, "operator", "new"),
    ]
    table = cli.ok("agents", "versions", "guide").splitlines()
    assert table[0].split() == ["VERSION", "TIME", "AUTHOR", "COMMENT"]
    assert table[2].split()[-2:] == ["operator", "new"]


def test_an_update_with_the_same_definition_adds_no_version(cli, guide):
    said = cli.ok("register", "guide", "--model", "scripted:echo", "--instructions", "Be kind.\nAlways.", "--update")
    assert said == "Unchanged: agent guide.\n"
    assert cli.json("agents", "versions", "guide")["count"] == 2


def test_a_diff_shows_the_last_change_or_any(cli, guide):
    last = cli.ok("agents", "diff", "guide")
    assert last == "replace /instructions\n  -Be brief.\n  +Be kind.\n   Always.\n"
    assert cli.ok("agents", "diff", "guide", "1") == last
    assert "  -Be kind.\n  +Be brief.\n" in cli.ok("agents", "diff", "guide", "2", "1")
    assert cli.json("agents", "diff", "guide")["changes"][0]["old"] == "Be brief.\nAlways."
    same = cli("agents", "diff", "guide", "2", "2")
    assert (same.stdout, same.stderr) == ("", "Versions 2 and 2 are the same.\n")


def test_a_diff_shows_objects_line_by_line_and_obeys_no_terminal_codes(cli):
    for schema in ('{"type": "object", "title": "a"}', '{"type": "object", "title": "\\u001b[2J"}'):
        cli.ok("register", "a", "--model", "scripted:echo", "--output-schema", schema, "--update")
    shown = cli.ok("agents", "diff", "a")
    assert shown == "replace /output_schema/title\n  -a\n  +\\x1b[2J\n"


def test_a_rollback_adds_a_version(cli, guide):
    said = cli.ok("agents", "rollback", "guide", "1", "--comment", "too kind")
    assert said == "Rolled back agent guide to version 1; that is version 3 now.\n"
    assert cli.json("agents", "show", "guide")["definition"]["instructions"] == "Be brief.\nAlways."
    newest = cli.json("agents", "versions", "guide")["versions"][0]
    assert (newest["version"], newest["author"], newest["comment"]) == (3, "operator", "too kind")
    again = cli.ok("agents", "rollback", "guide", "1")
    assert again == "Agent guide is as version 1 already; it stays version 3.\n"


@pytest.mark.parametrize("command", [["rollback", "guide", "7"], ["diff", "guide", "7"], ["diff", "guide", "1", "7"]])
def test_a_version_that_is_not_there_is_named(cli, guide, command):
    assert "agent 'guide' has no version 7" in cli.fails("agents", *command)


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "9" * 30])
def test_a_version_is_a_number(cli, guide, number):
    assert "N" in cli.fails("agents", "rollback", "guide", "--", number, code=2)


def test_an_agent_in_code_has_no_versions(cli):
    result = cli("agents", "versions", "assistant")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Agent assistant is in code: it has no versions." in result.stderr
    assert "is in code" in cli.fails("agents", "diff", "assistant")
    assert "read-only" in cli.fails("agents", "rollback", "assistant", "1")


def test_an_unknown_agent_is_named(cli):
    for command in (["versions"], ["diff"], ["rollback"]):
        arguments = [*command, "nobody", *(["1"] if command == ["rollback"] else [])]
        assert "agent with ID 'nobody' not found" in cli.fails("agents", *arguments)
