"""Database URLs: what they mean, and that no part of a password is ever said, whichever part cannot be read."""

import itertools
import json
import logging
import sys
from pathlib import Path

import pytest

from agentos.app import create_app
from agentos.config import Config
from agentos.errors import AgentOSError, ConfigError
from agentos.observability.logs import configure_logging
from agentos.storage.sqlalchemy import open_database
from agentos.storage.sqlalchemy.address import check_url
from agentos.storage.sqlalchemy.libpq import postgresql_address
from cli.conftest import CLI, cli
from parts.server import AgentOSServer

__all__ = ["cli"]

SECRET = "cAnaRy-zQwX"
HERE = "127.0.0.1:1"  # where nothing listens, so that each attempt ends at once

# A URL that is accepted, and what libpq is given beside the user `me` and the password.
ACCEPTED = {
    f"postgresql://me:{SECRET}@{HERE}/db": {},
    f"postgres://me:{SECRET}@{HERE}/db": {},
    f"postgresql+psycopg://me:{SECRET}@{HERE}/db": {},
    f"postgresql://me:@{SECRET}@{HERE}/db": {"password": f"@{SECRET}"},
    f"postgresql://me:x@{SECRET}@{HERE}/db": {"password": f"x@{SECRET}"},
    f"postgresql://me:{SECRET}/x@{HERE}/db": {"password": f"{SECRET}/x"},
    f"postgresql://me:x/{SECRET}@{HERE}/db": {"password": f"x/{SECRET}"},
    f"postgresql://me:{SECRET}?x@{HERE}/db": {"password": f"{SECRET}?x"},
    f"postgresql://me:x?{SECRET}=1@{HERE}/db": {"password": f"x?{SECRET}=1"},
    f"postgresql://me:{SECRET}#x@{HERE}/db": {"password": f"{SECRET}#x"},
    f"postgresql://me:#{SECRET}@{HERE}/db": {"password": f"#{SECRET}"},
    f"postgresql://me:x:{SECRET}@{HERE}/db": {"password": f"x:{SECRET}"},
    f"postgresql://me:x@y/{SECRET}@{HERE}/db": {"password": f"x@y/{SECRET}"},
    f"postgresql://me:x@y?{SECRET}@{HERE}/db": {"password": f"x@y?{SECRET}"},
    f"postgresql://me:{SECRET}%zz@{HERE}/db": {"password": f"{SECRET}%zz"},
    f"postgresql://me:{SECRET}%@{HERE}/db": {"password": f"{SECRET}%"},
    f"postgresql://me:{SECRET}%40@{HERE}/db": {"password": f"{SECRET}@"},
    f"postgresql://me:{SECRET} x@{HERE}/db": {"password": f"{SECRET} x"},
    f'postgresql://me:{SECRET}"x@{HERE}/db': {"password": f'{SECRET}"x'},
    f"postgresql://me:{SECRET}'x@{HERE}/db": {"password": f"{SECRET}'x"},
    f"postgresql://me:{SECRET}\\x@{HERE}/db": {"password": f"{SECRET}\\x"},
    f"postgresql://me:{SECRET}é@{HERE}/db": {"password": f"{SECRET}é"},
    f"postgresql://me:[{SECRET}@{HERE}/db": {"password": f"[{SECRET}"},
    f"postgresql://me:{SECRET}@[::1]:1/db": {"host": "::1", "port": "1"},
    f"postgresql://me:{SECRET}@{HERE},localhost:2/db": {
        "host": "127.0.0.1,localhost",
        "port": "1,2",
        "target_session_attrs": "read-write",
    },
    f"postgresql://me:{SECRET}@{HERE},localhost:2/db?target_session_attrs=any": {
        "host": "127.0.0.1,localhost",
        "port": "1,2",
        "target_session_attrs": "any",
    },
    f"postgresql:///db?host=127.0.0.1:1&host=localhost:2&user=me&password={SECRET}": {
        "host": "127.0.0.1,localhost",
        "port": "1,2",
        "target_session_attrs": "read-write",
    },
    f"postgresql:///db?host=/no/socket&user=me&password={SECRET}": {"host": "/no/socket", "port": None},
    f"postgresql://me:{SECRET}@%2Fno%2Fsocket/db": {"host": "/no/socket", "port": None},
    f"postgresql://{HERE}/db?user=me&password={SECRET}": {},
    f"postgresql://{HERE}/db?user=me&password=x+{SECRET}": {"password": f"x+{SECRET}"},
    f"postgresql://me:{SECRET}@{HERE}?dbname=db": {},
    f"postgresql://me:{SECRET}@{HERE}/db?sslmode=prefer&connect_timeout=2&application_name=a@b": {
        "sslmode": "prefer",
        "connect_timeout": "2",
        "application_name": "a@b",
    },
    f"postgresql://me:{SECRET}@{HERE}/db?passfile=/no/file&options=-c%20work_mem%3D1MB": {
        "passfile": "/no/file",
        "options": "-c work_mem=1MB",
    },
}

REFUSED = [
    f"postgresql://me:{SECRET}%ff@{HERE}/db",
    f"postgresql://me:{SECRET}%00@{HERE}/db",
    f"postgresql://me:{SECRET}\n@{HERE}/db",
    f"postgresql://me:{SECRET}@127.0.0.1:x/db",
    f"postgresql://me:{SECRET}@127.0.0.1:{SECRET}/db",
    f"postgresql://me:{SECRET}@127.0.0.1:0/db",
    f"postgresql://me:{SECRET}@127.0.0.1:99999/db",
    f"postgresql://me:{SECRET}@127.0.0.1:-1/db",
    f"postgresql://me:{SECRET}@[::1/db",
    f"postgresql://me:{SECRET}@[::1]x:1/db",
    f"postgresql://me:{SECRET}@::1:5432/db",
    f"postgresql://me:{SECRET}@[{SECRET}@x]/db",
    f"postgresql://me:{SECRET}@a b/db",
    f"postgresql://me:{SECRET}@{HERE}",
    f"postgresql://me:{SECRET}@{HERE}/",
    f"postgresql://me:{SECRET}@{HERE}/db?nonsense=1",
    f"postgresql://me:{SECRET}@{HERE}/db?{SECRET}=1",
    f"postgresql://me:{SECRET}@{HERE}/db?{SECRET}",
    f"postgresql://me:{SECRET}@{HERE}/db?sslmode={SECRET}",
    f"postgresql://me:{SECRET}@{HERE}/db?target_session_attrs=standby",
    f"postgresql://me:{SECRET}@{HERE}/db?connect_timeout={SECRET}",
    f"postgresql://me:{SECRET}@{HERE}/db?port={SECRET}",
    f"postgresql://me:{SECRET}@{HERE}/db?password={SECRET}&password={SECRET}",
    f"postgresql://me:{SECRET}@{HERE}/db?host=a:1&host=b:{SECRET}",
    f"postgresql://me:{SECRET}@{HERE}/db?application_name=%ff{SECRET}",
    f"postgresql://me:{SECRET}",
    f"postgresql://me:{SECRET}/db",
    f"postgresql://me:{SECRET}#@/db#x",
    f"postgresql:///me:{SECRET}@{HERE}/d/b",
    f"postgresql:/me:{SECRET}@{HERE}/db",
    f"postgresql:me:{SECRET}@{HERE}/db",
    f"me:{SECRET}@{HERE}/db",
    f"//me:{SECRET}@{HERE}/db",
    f"://me:{SECRET}@{HERE}/db",
    f"{SECRET}",
    f"host=127.0.0.1 user=me password={SECRET}",
    f" postgresql ://me:{SECRET}@{HERE}/db",
    f"mysql://me:{SECRET}@{HERE}/db",
    f"postgresql+asyncpg://me:{SECRET}@{HERE}/db",
    f"sqlite:///x.db?password={SECRET}",
    f"sqlite://me:{SECRET}@{HERE}/db",
]
ALL = [*ACCEPTED, *REFUSED]


_numbers = itertools.count()


def unique(url: str) -> str:
    """Return the URL with a password that no test before had: what is known as a secret once is hidden everywhere."""
    return url.replace(SECRET, f"cAnaRy-{next(_numbers)}-zQwX")


def is_clean(text: str) -> bool:
    return "canary" not in text.lower() and "zqwx" not in text.lower()


@pytest.mark.parametrize("url", ACCEPTED)
def test_a_url_says_what_libpq_is_given(url: str) -> None:
    expected = {"host": "127.0.0.1", "port": "1", "user": "me", "password": SECRET, "dbname": "db", **ACCEPTED[url]}
    given = postgresql_address(url)
    assert given.parameters == {name: value for name, value in expected.items() if value is not None}
    assert is_clean(repr(given))
    check_url(url)


def test_the_table_is_long_enough() -> None:
    assert len(ALL) >= 70


@pytest.mark.parametrize("url", REFUSED)
def test_what_cannot_be_read_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_database(unique(url))
    assert is_clean(refused.value.message)
    for part in ("AGENTOS_DATABASE_URL", "; "):
        assert part in refused.value.message or "whole number" in refused.value.message
    assert refused.value.__cause__ is None, "a cause would be in a traceback"


def test_a_parameter_that_may_be_the_end_of_a_password_is_not_named() -> None:
    with pytest.raises(ConfigError) as refused:
        open_database(f"postgresql://me:x@y?canary=1@{HERE}/db")
    assert is_clean(refused.value.message)
    with pytest.raises(ConfigError, match="'sslmod'"):
        open_database(f"postgresql://me:x@{HERE}/db?sslmod=require")


@pytest.mark.parametrize("url", ALL)
def test_no_command_says_a_password(cli: CLI, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTOS_DATABASE_URL", unique(url))
    for command in (("config", "--json"), ("db", "upgrade"), ("db", "current"), ("doctor", "--timeout", "1")):
        result = cli(*command)
        assert is_clean(result.output + result.stderr), command
        assert result.exit_code == (0 if command[0] == "config" else 1)
    if url in REFUSED:
        assert "AGENTOS_DATABASE_URL" in result.stdout


@pytest.mark.parametrize("url", ALL)
def test_no_answer_and_no_log_line_says_a_password(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    config = Config(environ={}, database_url=unique(url), migrate=False, plugins=(), debug=True, log_content=True)
    assert is_clean(repr(config))
    root = logging.getLogger()
    level = root.level
    configure_logging(config, stream=sys.stderr)
    try:
        app = create_app(config)
    except AgentOSError as error:
        assert url in REFUSED
        logging.getLogger("agentos").exception("cannot start")
        answers = [error.message]
    else:
        client = app.test_client()
        answers = [client.get(path).text for path in ("/ready", "/api/v1/sessions")]
        assert client.get("/ready").status_code == 503
        app.extensions["agentos"].close()
    finally:
        root.setLevel(level)
        for handler in [one for one in root.handlers if getattr(one, "agentos", False)]:
            root.removeHandler(handler)
    log = capsys.readouterr().err
    assert log
    assert is_clean(log + json.dumps(answers))


@pytest.mark.parametrize("url", [REFUSED[0], REFUSED[3], REFUSED[8], REFUSED[15]])
def test_a_server_that_cannot_start_says_so_in_one_line(tmp_path: Path, url: str) -> None:
    server = AgentOSServer({"AGENTOS_DATABASE_URL": url}, cwd=tmp_path, plugins="none", wait=False)
    try:
        assert server.process.wait(60) == 1
    finally:
        server.kill()
    lines = [line for line in server.log().splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    assert "AGENTOS_DATABASE_URL" in lines[0]
    assert "Traceback" not in server.log()
    assert is_clean(server.log() + server.output())


def test_a_server_that_finds_no_database_says_no_password(tmp_path: Path) -> None:
    url = f"postgresql://me:x/{SECRET}@{HERE}/db?application_name=a@b"
    server = AgentOSServer({"AGENTOS_DATABASE_URL": url}, cwd=tmp_path, plugins="none", wait=False)
    try:
        assert server.process.wait(60) != 0
    finally:
        server.kill()
    assert "Connection refused" in server.log()
    assert is_clean(server.log() + server.output())


@pytest.mark.parametrize("url", ["mongodb://db/x", "redis://db"])
def test_the_scheme_of_a_plugin_is_left_to_it(url: str) -> None:
    check_url(url)
