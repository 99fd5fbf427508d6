"""A server that asks nobody for a key starts on this machine's addresses alone, however it is started."""

import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import urllib.request
from pathlib import Path

import psutil
import pytest

from parts.server import KEPT, ROOT, AgentOSServer

GUNICORN = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"]
FLASK = str(Path(sysconfig.get_path("scripts")) / "flask")
PROGRAM = "from agentos import AgentOS, Config\nif __name__ == '__main__':\n    AgentOS(Config(address=':0')).start()\n"


def refused(tmp_path: Path, *command: str, fds: tuple[int, ...] = (), lines: int = 1, **env: str) -> str:
    """Start what must refuse to serve, and return the last of its ``lines``."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {
        "PYTHONPATH": str(ROOT),
        "AGENTOS_PLUGINS": "none",
        "AGENTOS_DATABASE_URL": "memory://",
        "AGENTOS_WORKERS": "1",
        **env,
    }
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, pass_fds=fds
    )
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert "Traceback" not in done.stderr
    assert "worker" not in done.stderr.lower().replace("using worker: worker", "")
    *log, last = done.stderr.splitlines()
    assert len(log) == lines - 1, done.stderr
    assert all(json.loads(line)["level"] == "info" for line in log)
    assert last.startswith("Error: ")
    assert "flask agentos keys create" in last
    assert "AGENTOS_AUTH=api_key" in last
    assert "AGENTOS_ALLOW_ANONYMOUS=1" in last
    return last


@pytest.mark.parametrize(
    ("options", "env", "address"),
    [
        ((), {"AGENTOS_ADDRESS": "0.0.0.0:0"}, "0.0.0.0:0"),
        ((), {"AGENTOS_ADDRESS": ":0"}, ":0"),
        (("-b", "0.0.0.0:0"), {}, "0.0.0.0:0"),
        (("-b", "127.0.0.1:0", "-b", "[::]:0"), {"AGENTOS_ALLOW_ANONYMOUS": "0"}, "[::]:0"),
    ],
)
def test_gunicorn_refuses_another_address(tmp_path, options, env, address):
    # "Starting gunicorn" comes before it, and no "Listening at".
    assert address in refused(tmp_path, *GUNICORN, *options, lines=2, **env)


def test_gunicorn_refuses_a_socket_that_it_inherits(tmp_path):
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        number = listener.fileno()
        last = refused(tmp_path, *GUNICORN, "-b", f"fd://{number}", fds=(number,), lines=4)
        assert f"0.0.0.0:{listener.getsockname()[1]}" in last


def test_serve_refuses_another_address_in_one_line(tmp_path):
    assert "Error: :0 can be reached" in refused(tmp_path, FLASK, "agentos", "serve", "--address", ":0")


def test_a_program_refuses_another_address_in_one_line(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    assert "Error: :0 can be reached" in refused(tmp_path, sys.executable, "program.py")


@pytest.mark.parametrize("env", [{"AGENTOS_ALLOW_ANONYMOUS": "1"}, {"AGENTOS_AUTH": "api_key"}])
def test_it_starts_there_once_that_is_allowed_or_keys_are_asked_for(serve, env):
    server = serve(env={"AGENTOS_ADDRESS": "0.0.0.0:0", **env}, wait=False)
    server.wait_for(lambda: "worker ready" in server.log(), 30, "ready")
    port = server.url.rpartition(":")[2]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=10) as response:
        assert response.status == 200


def test_a_unix_socket_may_be_listened_on(tmp_path):
    command = [*GUNICORN, "-b", f"unix:{tmp_path}/agentos.sock"]
    server = AgentOSServer({"AGENTOS_DATABASE_URL": "memory://"}, cwd=tmp_path, command=command, wait=False)
    try:
        server.wait_for(lambda: "worker ready" in server.log(), 30, "ready")
        assert [ask_unix(tmp_path / "agentos.sock", host) for host in ("localhost", "example.com")] == [200, 403]
    finally:
        server.kill()


OTHERS: list[tuple[int, str]] = [
    (200, ""),
    (200, "X-Forwarded-For: 127.0.0.1\r\nVia: 1.1 local\r\n"),
    (200, "Origin: {url}\r\nSec-Fetch-Site: same-origin\r\n"),
    (403, "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 198.51.100.7\r\n"),
    (403, "Forwarded: for=127.0.0.1\r\nForwarded: for=198.51.100.7\r\n"),
    (403, "cf-connecting-ip: 198.51.100.7\r\n"),
    (403, "X-Forwarded-Proto: https\r\n"),
    (403, "Via: 1.1 proxy\r\n"),
    (403, "Origin: http://localhost:3000\r\n"),
    (403, "Origin: {url}\r\nOrigin: https://evil.example.com\r\n"),
    (403, "Sec-Fetch-Site: cross-site\r\n"),
    (403, "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n"),
]


def test_the_real_server_refuses_proxies_and_pages_from_elsewhere(tmp_path):
    with AgentOSServer({"AGENTOS_DATABASE_URL": "memory://"}, cwd=tmp_path, workers=1, plugins="none") as server:
        assert [ask_tcp(server.url, headers) for _, headers in OTHERS] == [status for status, _ in OTHERS]


def ask_tcp(url: str, headers: str) -> int:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = f"POST /api/v1/agents/assistant/run HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
        body = "Content-Type: application/json\r\nContent-Length: 14\r\n\r\n" + '{"input": "x"}'
        connection.sendall(f"{head}{headers.format(url=url)}{body}".encode())
        return int(connection.makefile("rb").readline().split()[1])


def ask_unix(path: Path, host: str) -> int:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(path))
        connection.sendall(f"GET /api/v1/agents HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return int(connection.makefile("rb").readline().split()[1])


def test_the_first_thing_to_try_has_a_key_where_one_is_asked_for(serve):
    server = serve(env={"AGENTOS_AUTH": "api_key"})
    server.wait_for(server.output, what="printing its first line")
    assert '/run -H "Authorization: Bearer $KEY" -H' in server.output()


def test_a_reload_that_would_open_it_ends_it(serve, tmp_path):
    (tmp_path / "agentos.toml").write_text('auth = ["api_key"]\n')
    server = serve(env={"AGENTOS_ADDRESS": "0.0.0.0:0"}, wait=False)
    server.wait_for(lambda: "worker ready" in server.log(), 30, "ready")
    (worker,) = [psutil.Process(pid) for pid in server.worker_pids()]

    (tmp_path / "agentos.toml").write_text("auth = []\n")
    server.process.send_signal(signal.SIGHUP)

    assert server.process.wait(20) == 1
    worker.wait(20)  # It sees that the master is gone.
    assert server.log().count("worker ready") == 1
    assert any(line.startswith("Error: 0.0.0.0:") for line in server.log().splitlines())
