"""``data``: all that an owner has is deleted, after a question."""


def test_all_of_an_owner_is_deleted(cli):
    cli.ok("chat", "assistant", input="Hello\n")
    cli.ok("run", "assistant", "Hello")
    assert cli.json("data", "delete", "anonymous", "--yes") == {
        "sessions": 1,
        "runs": 2,
        "attachments": 0,
        "aliases": 0,
        "records": 0,
    }
    assert cli.json("sessions", "list")["count"] == 0
    assert cli.json("runs", "list")["count"] == 0


def test_another_owner_or_user_keeps_everything(cli):
    cli.ok("run", "assistant", "Hello")
    for others in (("alice",), ("anonymous", "--user", "ann")):
        assert cli.json("data", "delete", *others, "--yes") == {
            "sessions": 0,
            "runs": 0,
            "attachments": 0,
            "aliases": 0,
            "records": 0,
        }
    assert cli.json("runs", "list")["count"] == 1


def test_it_asks_first_and_a_no_deletes_nothing(cli):
    cli.ok("run", "assistant", "Hello")
    refused = cli("data", "delete", "anonymous", input="n\n")
    assert refused.exit_code == 1
    assert "Delete all sessions, runs and attachments of owner 'anonymous'?" in refused.output
    assert cli.json("runs", "list")["count"] == 1
    said = cli.ok("data", "delete", "anonymous", input="y\n")
    assert said.endswith("Deleted 0 sessions, 1 runs and 0 attachments of owner 'anonymous'.\n")


def test_without_an_answer_nothing_is_deleted(cli):
    cli.ok("run", "assistant", "Hello")
    assert cli("data", "delete", "anonymous", input="").exit_code == 1
    assert cli.json("runs", "list")["count"] == 1
