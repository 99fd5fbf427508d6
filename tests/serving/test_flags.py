"""A flag of gunicorn that breaks a promise is refused at the start, by whichever way it comes."""

import os
import subprocess
import sys

import gunicorn.config
import pytest

from agentos.config import Config
from agentos.serving.flags import REFUSED as REFUSED_FLAGS
from agentos.serving.flags import refusals
from parts.server import KEPT, ROOT

CONF = ROOT / "gunicorn.conf.py"
STARTED = "started as it should"

REFUSED = [
    ("--preload", "do not survive the fork"),
    ("--max-requests 100", "cuts the streams that are open"),
    ("--max-requests 100 --max-requests-jitter 10", "cuts the streams that are open"),
    ("-k sync", "only AgentOS's own worker"),
    ("-k gthread", "only AgentOS's own worker"),
    ("-k gevent", "only AgentOS's own worker"),
    ("-k sync --threads 8", "only AgentOS's own worker"),
    ("-k nothing.like.it", "only AgentOS's own worker"),
    ("--reuse-port", "those in the queue of a worker that dies are lost"),
    ("--timeout 0", "never replaced"),
    ("--timeout 2", "only has much to do"),
    ("--graceful-timeout 5", "AGENTOS_DRAIN_TIMEOUT"),
    ("--http-parser fast", "smuggled"),
    ("--http-parser auto", "smuggled"),
    ("--permit-obsolete-folding", "smuggled"),
    ("--strip-header-spaces", "smuggled"),
    ("--header-map dangerous", "X_Real_IP"),
    ("--forwarder-headers SCRIPT_NAME", "AGENTOS_ROOT_PATH"),
    ("--protocol uwsgi", "HTTP/1.1 alone"),
    ("--limit-request-line 0", "take all memory"),
    ("--limit-request-field_size 0", "take all memory"),
]

ALLOWED = [
    "",
    "-b 127.0.0.1:0",
    "--workers 1",
    "--threads 8",
    "--max-requests-jitter 10",
    "--max-requests 0",
    "--no-sendfile",
    "--timeout 300",
    "--graceful-timeout 60",
    "--keep-alive 5",
    "--worker-connections 100",
    "--backlog 64",
    "--limit-request-line 4094",
    "--log-level warning",
    "--forwarded-allow-ips 10.0.0.5",
    "--proxy-protocol v1",
    "-k agentos.serving.worker.Worker",
    "--header-map refuse",
]

ENDS = f"""
exec(open({str(CONF)!r}).read())
_starting = on_starting
def on_starting(server):
    _starting(server)
    print({STARTED!r}, flush=True)
    raise SystemExit(0)
"""


@pytest.fixture
def start(tmp_path):
    """Start gunicorn as far as its master's first step, and return its outcome."""
    (tmp_path / "ends.py").write_text(ENDS)
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {"PYTHONPATH": str(ROOT), "AGENTOS_PLUGINS": "none", "AGENTOS_ADDRESS": "127.0.0.1:0"}
    environment |= {"AGENTOS_DATABASE_URL": "sqlite:///never.db"}

    def run(*options: str, conf: str = "ends.py", **env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gunicorn", "-c", str(tmp_path / conf), *options, "wsgi:app"]
        return subprocess.run(
            command, cwd=tmp_path, env=environment | env, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def check_refused(done: subprocess.CompletedProcess[str], flag: str, promise: str, folder) -> None:
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"Error: gunicorn's {flag} is ")
    assert "which is not accepted: " in line
    assert promise in line
    assert not (folder / "never.db").exists()  # the application was not loaded


@pytest.mark.parametrize(("options", "promise"), REFUSED, ids=[options for options, _ in REFUSED])
def test_it_is_refused(start, tmp_path, options, promise) -> None:
    flag = options.split()[0]
    check_refused(start(*options.split()), {"-k": "--worker-class"}.get(flag, flag), promise, tmp_path)


@pytest.mark.parametrize("options", ALLOWED)
def test_it_is_allowed(start, options) -> None:
    done = start(*options.split())
    assert (done.returncode, done.stdout.strip()) == (0, STARTED), done.stderr


def test_http_2_is_refused_where_its_package_is_installed() -> None:
    cfg = gunicorn.config.Config()
    cfg.settings["http_protocols"].value = ["h2", "h1"]  # gunicorn itself refuses it where there is none
    assert any("AgentOS's worker speaks HTTP/1.1 alone" in one for one in refusals(cfg, Config(environ={})))


@pytest.mark.parametrize("flag", [one.flag for one in REFUSED_FLAGS])
def test_the_documentation_names_it(flag: str) -> None:
    assert f"`{flag}`" in (ROOT / "docs" / "how-to" / "in-your-own-project.md").read_text()


def test_it_is_refused_in_the_environment(start, tmp_path) -> None:
    check_refused(start(GUNICORN_CMD_ARGS="--preload"), "--preload", "do not survive the fork", tmp_path)


def test_it_is_refused_in_a_configuration_file(start, tmp_path) -> None:
    (tmp_path / "own.py").write_text(f"{ENDS}\nmax_requests = 1000\n")
    check_refused(start(conf="own.py"), "--max-requests", "cuts the streams", tmp_path)


def test_it_is_refused_with_another_logger_too(start) -> None:
    done = start("--max-requests", "1", "--logger-class", "gunicorn.glogging.Logger")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Error: gunicorn's --max-requests is 1, ")


def test_each_has_its_own_sentence(start) -> None:
    done = start("--preload", "--max-requests", "1")
    first, second = done.stderr.splitlines()
    assert "--preload" in first
    assert "--max-requests" in second


def test_the_drain_decides_how_long_the_master_waits(start) -> None:
    assert start("--graceful-timeout", "8", AGENTOS_DRAIN_TIMEOUT="2.5").returncode == 0
    assert start("--graceful-timeout", "7", AGENTOS_DRAIN_TIMEOUT="2.5").returncode == 1
