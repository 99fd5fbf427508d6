"""`agentos doctor --find-models`, with real sockets."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agentos.cli.model_servers import find_model_servers, usual_ports

Answers = dict[str, tuple[int, Any]]


@pytest.fixture
def listen() -> Iterator[Callable[[Answers], int]]:
    """Serve these paths on a port of this machine; others are 404."""
    servers = []

    def start(answers: Answers) -> int:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = answers.get(self.path, (404, "not here"))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

            def log_message(self, *_: Any) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_port

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def models(*names: str) -> Answers:
    return {"/v1/models": (200, {"object": "list", "data": [{"id": name} for name in names]})}


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        (models("qwen3:4b", "gemma"), ["qwen3:4b", "gemma"]),
        (models(), []),
        ({"/v1/models": (200, {"object": "list", "data": None})}, []),
        ({**models("x"), "/health": (200, {"status": "ok"})}, ["x"]),
        ({**models("x"), "/health": (200, {"service": "agentos"})}, None),
        ({"/v1/models": (401, {"error": "key"})}, None),
        ({"/v1/models": (200, b"<html>")}, None),
        ({"/v1/models": (200, ["x"])}, None),
        ({"/v1/models": (200, {"data": "x"})}, None),
        ({}, None),
    ],
)
def test_what_answers_like_a_model_server_is_found(listen, answers: Answers, found: list[str] | None) -> None:
    servers = find_model_servers({"Ollama": listen(answers)})
    assert [list(server.models) for server in servers] == ([] if found is None else [found])


def test_the_two_settings_are_printed(cli, listen, monkeypatch) -> None:
    port = listen(models("nomic-embed-text", "qwen3:4b"))
    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{port}")
    printed = cli("doctor", "--find-models").stdout
    (line,) = [line for line in printed.splitlines() if f"Ollama (port {port})" in line]
    assert f"OPENAI_BASE_URL=http://127.0.0.1:{port}/v1 AGENTOS_MODEL=openai:qwen3:4b" in line
    assert "Ollama" not in cli("doctor").stdout


def test_what_a_server_says_does_not_reach_the_terminal_as_it_is(listen) -> None:
    (server,) = find_model_servers({"LM Studio": listen(models("\x1b[31mred\nok"))})
    assert "\x1b" not in server.description
    assert "\n" not in server.description


def test_a_port_where_nothing_listens_is_nothing() -> None:
    assert find_model_servers({"llama.cpp": 1}) == []


@pytest.mark.parametrize(
    ("variable", "port"),
    [
        ("", 11434),
        ("0.0.0.0:11435", 11435),
        ("http://127.0.0.1:11436/", 11436),
        ("127.0.0.1", 11434),
        (":99999", 11434),
    ],
)
def test_ollamas_own_variable_names_its_port(variable: str, port: int) -> None:
    assert usual_ports({"OLLAMA_HOST": variable})["Ollama"] == port
