"""``keys``: made once, listed without their secrets, revoked."""

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from agentos.services.keys import CLIENT_SCOPES

KEY = re.compile(r"aos_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")


@pytest.fixture(autouse=True)
def in_force(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_AUTH", "api_key")


def listed(cli):
    return cli.json("keys", "list")["keys"]


def test_a_key_is_printed_alone_and_the_rest_beside_it(cli):
    result = cli("keys", "create", "backend")
    assert result.exit_code == 0
    match = KEY.fullmatch(result.stdout.removesuffix("\n"))
    assert match
    assert result.stderr == (
        f"Key {match[1]} of user backend may agents:read, agents:run, sessions:read, sessions:write, runs:read,"
        " runs:cancel and never expires. Keep it now: it is not shown again, and the server has only its hash.\n"
    )


def test_as_json_a_key_comes_with_all_that_is_known_of_it(cli):
    result = cli("keys", "create", "backend", "--user", "acme", "--scope", "agents:read", "--json")
    assert result.stderr == ""
    made = cli.json("keys", "create", "backend", "--user", "acme", "--scope", "agents:read")
    assert set(made) == {"id", "key", "name", "user", "scopes", "created_at", "expires_at"}
    assert made["id"] == KEY.fullmatch(made["key"])[1]
    assert (made["name"], made["user"], made["scopes"], made["expires_at"]) == (
        "backend",
        "acme",
        ["agents:read"],
        None,
    )
    assert abs(datetime.fromisoformat(made["created_at"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_without_a_word_a_key_is_its_own_user_and_may_what_clients_do(cli):
    made = cli.json("keys", "create", "backend")
    assert made["user"] == "backend"
    assert made["scopes"] == list(CLIENT_SCOPES)
    assert not {"admin", "agents:write"} & set(made["scopes"])


@pytest.mark.parametrize("ending", [[], ["revoke"], ["expire"]])
def test_a_second_key_of_a_name_needs_its_user(cli, ending):
    first = cli.json("keys", "create", "laptop", "--expires", "1d")
    if ending == ["revoke"]:
        cli.ok("keys", "revoke", first["id"])
    if ending == ["expire"]:
        with closing(sqlite3.connect("agentos.db")) as connection, connection:
            connection.execute("UPDATE api_keys SET expires_at = created_at")
    said = cli.fails("keys", "create", "laptop")
    assert f"the name 'laptop' is used by key {first['id']} of user 'laptop'" in said
    assert "Give --user laptop for a key that shares" in said
    assert "another name for a key with sessions and runs of its own" in said
    assert len(listed(cli)) == 1
    assert cli.json("keys", "create", "laptop", "--user", "laptop")["user"] == "laptop"
    assert cli.json("keys", "create", "laptop 2")["user"] == "laptop 2"


@pytest.mark.parametrize(
    ("first", "name", "choice"),
    [
        (["ci", "--user", "bob"], "bob", "--user bob "),
        (["ci", "--user", "bob"], "ci", "--user bob "),
        (["my laptop"], "my laptop", "--user 'my laptop' "),
    ],
)
def test_a_name_is_used_by_keys_of_the_name_and_of_the_user(cli, first, name, choice):
    cli.ok("keys", "create", *first)
    assert choice in cli.fails("keys", "create", name)
    assert len(listed(cli)) == 1


def test_what_was_made_without_keys_is_shared_by_choice_alone(cli):
    assert "Give --user anonymous" in cli.fails("keys", "create", "anonymous")
    assert cli.json("keys", "create", "anonymous", "--user", "anonymous")["user"] == "anonymous"


def test_scopes_come_with_commas_and_again(cli):
    made = cli.json(
        "keys", "create", "a", "--scope", "runs:read, agents:run:helper", "--scope", "admin", "--scope", "admin"
    )
    assert made["scopes"] == ["runs:read", "admin", "agents:run:helper"]


@pytest.mark.parametrize(
    ("given", "expires_at"),
    [
        ("2099-01-31", "2099-01-31T00:00:00.000000Z"),
        ("2099-01-31T12:00:00Z", "2099-01-31T12:00:00.000000Z"),
        ("2099-01-31T12:00:00+02:00", "2099-01-31T10:00:00.000000Z"),
    ],
)
def test_a_key_expires_at_a_time(cli, given, expires_at):
    assert cli.json("keys", "create", "a", "--expires", given)["expires_at"] == expires_at
    assert listed(cli)[0]["expires_at"] == expires_at


def test_a_key_expires_after_a_time(cli):
    made = cli.json("keys", "create", "a", "--expires", "90d")
    life = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert abs(life - timedelta(days=90)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (["a", "--scope", "everything"], "unknown scopes 'everything'; accepted are agents:read, agents:write", 1),
        (["a", "--scope", ""], "unknown scopes ''; accepted are", 1),
        (["a", "--user", ""], "owner '' is not accepted", 1),
        ([""], "name '' is not accepted", 1),
        (["a\tb"], "name 'a\\tb' is not accepted", 1),
        (["a", "--expires", "2020-01-01"], "is over; give one that is to come", 1),
        (["a", "--expires", "0d"], "is over; give one that is to come", 1),
        (["a", "--expires", "tomorrow"], "'tomorrow' is no time: give 90d, 2027-01-31 or 2027-01-31T12:00:00Z", 2),
        (["a", "--expires", "2099-02-30"], "is no time", 2),
        (["a", "--expires", "2099-01-31T12:00:00"], "has no time zone: end it with Z for UTC", 2),
        (["a", "--expires", "0001-01-01T00:00:00+14:00"], "is no time", 2),
        ([], "Missing argument 'NAME'", 2),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(cli, arguments, said, code):
    assert said in cli.fails("keys", "create", *arguments, code=code)
    assert listed(cli) == []


def test_keys_are_listed_with_how_they_stand_and_without_their_secrets(cli):
    made = [cli.json("keys", "create", name, "--expires", "1d")["key"] for name in ("old", "stolen", "good")]
    ids = [KEY.fullmatch(key)[1] for key in made]
    with closing(sqlite3.connect("agentos.db")) as connection, connection:
        connection.execute("UPDATE api_keys SET expires_at = created_at WHERE name = 'old'")
    cli.ok("keys", "revoke", ids[1])
    keys = listed(cli)
    assert [(key["id"], key["name"], key["status"]) for key in keys] == [
        (ids[0], "old", "expired"),
        (ids[1], "stolen", "revoked"),
        (ids[2], "good", "active"),
    ]
    assert [key["revoked_at"] is not None for key in keys] == [False, True, False]
    assert set(keys[0]) == {
        *("id", "name", "user", "scopes", "created_at", "expires_at", "revoked_at", "status"),
    }
    table = cli.ok("keys", "list")
    assert [line.split()[:4] for line in table.splitlines()] == [
        ["ID", "NAME", "USER", "STATUS"],
        [ids[0], "old", "old", "expired"],
        [ids[1], "stolen", "stolen", "revoked"],
        [ids[2], "good", "good", "active"],
    ]
    for key in made:
        assert key[21:] not in table + str(keys)


def test_no_keys_is_said_beside_the_output(cli):
    result = cli("keys", "list")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No keys.\n")


def test_a_key_is_revoked_by_its_id_or_itself(cli):
    first, second = (cli.json("keys", "create", "a", "--user", "a") for _ in range(2))
    assert cli.ok("keys", "revoke", first["id"]) == f"Revoked key {first['id']}, a.\n"
    assert cli.ok("keys", "revoke", second["key"]) == f"Revoked key {second['id']}, a.\n"
    assert [key["status"] for key in listed(cli)] == ["revoked", "revoked"]


def test_revoking_what_is_not_there_fails(cli):
    assert "API key with ID 'nowhere' not found" in cli.fails("keys", "revoke", "nowhere")


@pytest.mark.parametrize(("auth", "advice"), [("", "api_key"), ("jwt", "api_key,jwt")])
def test_a_key_that_the_server_will_not_ask_for_is_made_with_a_warning(cli, monkeypatch, auth, advice):
    monkeypatch.setenv("AGENTOS_AUTH", auth)
    monkeypatch.setenv("AGENTOS_JWT_ALGORITHMS", "HS256")
    monkeypatch.setenv("AGENTOS_JWT_KEY", "s" * 32)
    result = cli("keys", "create", "a", "--json")
    assert result.exit_code == 0
    assert result.stderr == (
        "Warning: AGENTOS_AUTH does not name api_key, so that the server does not know this key; start it with"
        f" AGENTOS_AUTH={advice}.\n"
    )
    assert result.stdout.startswith("{")


def test_a_key_that_ends_with_the_command_is_made_with_a_warning(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_DATABASE_URL", "memory://")
    assert cli("keys", "create", "a").stderr.startswith("Warning: what is in memory:// ends with this command")


def test_a_key_of_the_command_line_opens_the_server(cli):
    from agentos import Config, create_app

    key = cli.ok("keys", "create", "backend", "--scope", "agents:read").strip()
    app = create_app(Config())
    try:
        client = app.test_client()
        assert client.get("/api/v1/agents").status_code == 401
        assert client.get("/api/v1/agents", headers={"Authorization": f"Bearer {key}"}).status_code == 200
        cli.ok("keys", "revoke", key)
        assert client.get("/api/v1/agents", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    finally:
        app.extensions["agentos"].close()
