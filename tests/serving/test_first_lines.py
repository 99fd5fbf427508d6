"""What a start prints: the model where it is a toy, and a command that works."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from parts.server import AgentOSServer

PROGRAM = """
from agentos import Agent, AgentOS, Config

class Greeter:
    name = "Greeter"
    description = ""
    def stream(self, context):
        yield "Hello"

server = AgentOS(Config(assistant=False))
{register}
if __name__ == "__main__":
    server.start()
"""


def lines(tmp_path: Path, env: dict[str, str], program: str | None = None) -> tuple[list[str], str]:
    """Start a server; return what it printed, and what the printed command answers."""
    command = None
    if program is not None:
        (tmp_path / "server.py").write_text(PROGRAM.format(register=program))
        command = [sys.executable, "server.py"]
    with AgentOSServer(env, cwd=tmp_path, workers=1, plugins="none", command=command) as server:
        server.wait_for(lambda: "curl" in server.output(), what="printing")
        printed = server.output().splitlines()
        answered = subprocess.run(shlex.split(printed[-1]), capture_output=True, text=True, timeout=30).stdout
    return printed, answered


@pytest.mark.parametrize(
    ("model", "toy"),
    [("scripted:echo", "scripted:echo, a script without a model"), ("here:model", None)],
)
def test_the_model_is_named_where_a_better_one_is_easily_had(tmp_path: Path, model: str, toy: str | None) -> None:
    printed, _ = lines(tmp_path, {"AGENTOS_MODEL": model, "AGENTOS_PROVIDERS": "here=http://127.0.0.1:9/v1"})
    assert len(printed) == (1 if toy is None else 2)
    if toy is not None:
        assert f"Agent assistant uses {toy}." in printed[0]
        for way in ("OPENAI_API_KEY", "OPENAI_BASE_URL=http://127.0.0.1:11434/v1 AGENTOS_MODEL=openai:NAME"):
            assert way in printed[0]


@pytest.mark.parametrize(
    ("program", "content"),
    [
        ('server.register_agent("a", Agent(id="a", model="scripted:echo"))', "Write one sentence about the sea."),
        ('server.register_agent("greeter", Greeter())', "Hello"),
    ],
)
def test_the_command_runs_an_agent_of_the_program(tmp_path: Path, program: str, content: str) -> None:
    printed, answered = lines(tmp_path, {}, program)
    assert json.loads(answered)["content"] == content
    assert ("scripted" in printed[0]) == ("scripted" in program)
