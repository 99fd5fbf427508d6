"""A start that fails ends in one line, `Error: …`, whichever way the server is started."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from parts.ahead import done_ahead
from parts.server import KEPT, ROOT
from parts.soak import SOAK

PROGRAM = "from agentos import AgentOS, Config\nif __name__ == '__main__':\n    AgentOS(Config()).start()\n"
BIN = Path(sys.executable).parent


def _recipe() -> str:
    """Return what `make run` executes, as a script."""
    recipe = re.search(r"^run:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    lines = (
        recipe[1].replace("\t@", "").replace("$(BIN)", str(BIN)).replace("gunicorn.conf.py", f"{ROOT}/gunicorn.conf.py")
    )
    return f"set -e\n{lines}"


WAYS: Mapping[str, list[str]] = {
    "serve": [sys.executable, "-m", "agentos", "serve"],
    "gunicorn": [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"],
    "program": [sys.executable, "server.py"],
    "make run": ["sh", "-c", _recipe()],
}

ANYWHERE = {"AGENTOS_ALLOW_ANONYMOUS": "1"}

FAILURES: dict[str, tuple[dict[str, str], str]] = {
    "a bad setting": ({"AGENTOS_WORKERS": "many"}, "setting 'workers' (from AGENTOS_WORKERS) is 'many'"),
    "a bad address": ({"AGENTOS_ADDRESS": "here"}, "setting 'address' (from AGENTOS_ADDRESS) is 'here'"),
    "a model without provider": ({"AGENTOS_MODEL": "gpt"}, "accepted: provider:name"),
    "a configuration file that is no TOML": ({"AGENTOS_CONFIG": "bad.toml"}, "bad.toml cannot be read"),
    "a configuration file with an unknown setting": ({"AGENTOS_CONFIG": "unknown.toml"}, "unknown settings wokers"),
    "a configuration file that is missing": ({"AGENTOS_CONFIG": "missing.toml"}, "missing.toml cannot be read"),
    "a line of .env": ({"FLASK_SKIP_DOTENV": ""}, "line 1 of .env is not accepted"),
    "a database of no backend": ({"AGENTOS_DATABASE_URL": "mysql://u:hunter2-hunter2@h/d"}, "begins with 'mysql'"),
    "a database without a scheme": ({"AGENTOS_DATABASE_URL": "hunter2-hunter2"}, "AGENTOS_DATABASE_URL has no scheme"),
    "a database address that cannot be read": (
        {"AGENTOS_DATABASE_URL": "postgresql://u:hunter2-hunter2@h:port/d"},
        "AGENTOS_DATABASE_URL",
    ),
    "a database that is not there": (
        {"AGENTOS_DATABASE_URL": "postgresql://u:hunter2-hunter2@127.0.0.1:1/d"},
        "the database did not take or give the data; try again later: OperationalError: connection failed",
    ),
    "a database in a missing folder": ({"AGENTOS_DATABASE_URL": "sqlite:////nowhere/a.db"}, "names a file in /nowhere"),
    "a database where nothing can be written": ({"AGENTOS_DATABASE_URL": "sqlite:////proc/a.db"}, "/proc"),
    "an address of another machine": (
        {**ANYWHERE, "AGENTOS_ADDRESS": "192.0.2.1:8080"},
        "this machine does not have the address 192.0.2.1",
    ),
    "an unknown host": (
        {**ANYWHERE, "AGENTOS_ADDRESS": "no-such-host.invalid:8080"},
        "the host name is not known",
    ),
    "other machines without keys": ({"AGENTOS_ADDRESS": ":0"}, "AGENTOS_AUTH=api_key"),
    "an unknown executor": ({"AGENTOS_EXECUTOR": "celery"}, "AGENTOS_EXECUTOR is 'celery', which is not installed"),
    "an unknown authenticator": ({"AGENTOS_AUTH": "ldap"}, "AGENTOS_AUTH names 'ldap', which is not installed"),
    "tokens without a key": ({"AGENTOS_AUTH": "jwt"}, "AGENTOS_JWT_"),
    "an unknown model provider": (
        {"AGENTOS_MODEL": "nothing:x"},
        "AGENTOS_MODEL is 'nothing:x': there is no model provider 'nothing'",
    ),
    "a missing plugin": (
        {"AGENTOS_PLUGINS": "nothere", "AGENTOS_PLUGINS_STRICT": "1"},
        "plugin 'nothere' is broken: AGENTOS_PLUGINS names it, but it is not installed",
    ),
}

IN_EVERY_WAY = ("a bad setting", "a database that is not there", "other machines without keys", "a missing plugin")
"""One of what is found in the settings, in the first worker, by the master, and while the application is made."""


def _starts() -> Iterator[tuple[str, str]]:
    """Yield what is tried: these in every way, each other failure in one; under ``make soak`` all in every way."""
    ways = list(WAYS)
    for number, failure in enumerate(FAILURES):
        for way in ways if SOAK or failure in IN_EVERY_WAY else [ways[number % len(ways)]]:
            yield failure, way


OF_THE_COMMAND_ALONE: dict[str, tuple[dict[str, str], str]] = {
    "a program that is missing": ({"AGENTOS_APP": "nowhere:server"}, "No module named 'nowhere'"),
    "a program that breaks": ({"AGENTOS_APP": "broken:server"}, "RuntimeError: no licence (broken.py, line 1)"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return filled(tmp_path)


def filled(tmp_path: Path) -> Path:
    """Return a folder with programs and files that a start may stumble over."""
    (tmp_path / "server.py").write_text(PROGRAM)
    (tmp_path / "broken.py").write_text("raise RuntimeError('no licence')\n")
    (tmp_path / "bad.toml").write_text("workers = =\n")
    (tmp_path / "unknown.toml").write_text("wokers = 2\n")
    (tmp_path / ".env").write_text("hunter2-hunter2\n")
    return tmp_path


def start(folder: Path, way: str, env: Mapping[str, str], **options) -> tuple[str, float]:
    """Start what must fail; return the last line of standard error, and the seconds that it took."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {
        "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT))),
        "AGENTOS_ADDRESS": "127.0.0.1:0",
        "AGENTOS_PLUGINS": "none",
        "AGENTOS_DATABASE_URL": f"sqlite:///{folder}/a.db",
        "FLASK_SKIP_DOTENV": "1",
        **env,
    }
    began = time.monotonic()
    done = subprocess.run(WAYS[way], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, **options)
    seconds = time.monotonic() - began
    assert done.returncode not in (0, -9), done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert "hunter2-hunter2" not in done.stderr
    assert "curl" not in done.stdout
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert errors == done.stderr.splitlines()[-1:], done.stderr
    return errors[0], seconds


@pytest.fixture(scope="module")
def starts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., tuple[str, float]]]:
    """Return the starts of ``test_it_is_one_line``: most of a start is another process's work."""

    def work(way: str, failure: str) -> tuple[str, float]:
        return start(filled(tmp_path_factory.mktemp("start")), way, FAILURES[failure][0])

    with done_ahead(request, "test_it_is_one_line", work) as result:
        yield result


@pytest.mark.parametrize(("failure", "way"), list(_starts()))
def test_it_is_one_line(starts: Callable[..., tuple[str, float]], way: str, failure: str) -> None:
    assert FAILURES[failure][1] in starts(way=way, failure=failure)[0]


@pytest.mark.parametrize("way", ["serve", "gunicorn"])
@pytest.mark.parametrize("failure", OF_THE_COMMAND_ALONE)
def test_a_program_that_is_named_and_cannot_be_used_is_one_line(folder: Path, way: str, failure: str) -> None:
    env, said = OF_THE_COMMAND_ALONE[failure]
    assert said in start(folder, way, env)[0]


@pytest.fixture
def taken() -> Iterator[int]:
    """A port where another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("way", WAYS)
def test_a_port_in_use_is_named_at_once(folder: Path, way: str, taken: int) -> None:
    line, seconds = start(folder, way, {"AGENTOS_ADDRESS": f"127.0.0.1:{taken}"})
    assert f"port {taken} is in use" in line
    assert seconds < 4.5 or way == "make run"  # gunicorn alone repeats it for five seconds


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who may not use port 80")
def test_a_port_that_needs_a_privilege_is_named(folder: Path) -> None:
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
        pytest.skip("here any user may use port 80")
    program = (
        "from agentos.serving.ports import check_addresses\n"
        "from agentos.errors import ConfigError\n"
        "import os; os.setgroups([]); os.setuid(65534)\n"
        "try: check_addresses([('127.0.0.1', 80)])\n"
        "except ConfigError as error: print(error.message)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert "this user may not use port 80" in done.stdout


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("Config(workers='many')", "setting 'workers' (from given) is 'many'"),
        ("AgentOS().register_agent('no id!', Agent(id='a', model='scripted:echo'))", "agent id 'no id!'"),
        ("Agent(id='a', model='scripted:echo', tools='calculator')", "tools"),
    ],
)
def test_an_error_in_the_program_names_its_line(folder: Path, code: str, said: str) -> None:
    (folder / "server.py").write_text(f"from agentos import Agent, AgentOS, Config\n\n{code}\n")
    line, _ = start(folder, "program", {})
    assert said in line
    assert line.endswith("(server.py, line 3)")


def test_another_error_of_the_program_keeps_its_traceback(folder: Path) -> None:
    (folder / "server.py").write_text("from agentos import AgentOS\n\nraise RuntimeError('mine')\n")
    done = subprocess.run([sys.executable, "server.py"], cwd=folder, capture_output=True, text=True, timeout=30)
    assert "Traceback" in done.stderr
    assert done.returncode == 1


def test_gunicorn_without_the_application_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WAYS, "gunicorn", [*WAYS["gunicorn"][:-1], "nothing:app"])
    assert "the application cannot be imported: No module named 'nothing'" in start(folder, "gunicorn", {})[0]
