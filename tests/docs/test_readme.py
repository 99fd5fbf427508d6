"""The README's blocks, run as they stand."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from parts.client import Client
from parts.server import ROOT, AgentOSServer

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
SHELL = [text for language, text in BLOCKS if language == "sh"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentOSServer]:
    with AgentOSServer({"AGENTOS_MODEL": "scripted:echo"}, cwd=tmp_path_factory.mktemp("readme")) as server:
        yield server


def _run(server: AgentOSServer, script: str) -> str:
    """Run a block of the README in bash, against the server that runs here instead of on the port it names."""
    here = script.replace("http://127.0.0.1:8080", server.url)
    environment = server.environment | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", here],
        cwd=server.cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{here}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_there_is_a_test_here_for_every_block() -> None:
    # The tool plugin's two blocks are built, installed and used by tests/e2e/test_plugins.py.
    assert [language for language, _ in BLOCKS] == ["sh", "json", "sh", "sh", "sh", "python", "ini", "python"]


def test_the_first_curl_gets_an_answer_of_the_shape_that_is_shown(server: AgentOSServer) -> None:
    answer = json.loads(_run(server, SHELL[0]))
    shown = json.loads(next(text for language, text in BLOCKS if language == "json"))
    assert set(shown) <= set(answer)
    assert (answer["status"], answer["content"]) == ("completed", "Write one sentence about the sea.")


def test_the_stream_ends_with_complete(server: AgentOSServer) -> None:
    events = re.findall(r"^event: (\w+)$", _run(server, SHELL[1]), re.MULTILINE)
    assert events[0] == "run_start"
    assert events[-1] == "complete"


def test_the_command_line_registers_and_runs_an_agent(server: AgentOSServer) -> None:
    assert "The sea" in _run(server, SHELL[2])


def test_the_project_is_written(server: AgentOSServer) -> None:
    assert "agentos serve --reload" in _run(server, SHELL[3])
    assert (server.cwd / "shop" / "server.py").exists()


def test_the_agent_in_code_serves(tmp_path: Path) -> None:
    program = next(text for language, text in BLOCKS if language == "python" and "AgentOS" in text)
    (tmp_path / "server.py").write_text(program.replace("127.0.0.1:9090", "127.0.0.1:0"))
    with AgentOSServer({}, cwd=tmp_path, workers=2, command=[sys.executable, "server.py"]) as server:
        client = Client(server.url)
        assert client.post("/agents/shop/run", {"input": "Open?"})["content"] == "Open?"
        assert client.get("/agents/shop")["tools"] == ["opening_hours"]
