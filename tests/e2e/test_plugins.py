"""Adding a tool to a deployment: pip install and a restart."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from parts.client import Client
from parts.model_server import ModelServer
from parts.server import ROOT, AgentOSServer

README = (ROOT / "README.md").read_text("utf-8")


def _block(first_line: str) -> str:
    """Return the README's code block that begins with this line."""
    match = re.search(rf"```\w+\n({re.escape(first_line)}\n.*?)```", README, re.DOTALL)
    assert match, f"the README has no block that begins with {first_line!r}"
    return match[1]


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Return the Python of a new environment that has all that ours has, and into which plugins can be installed."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True, timeout=60)
    python = tmp_path / "venv" / "bin" / "python"
    command = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()
    Path(site, "ours.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    return python


def _install(project: Path, python: Path) -> None:
    """Install a plugin with nothing from elsewhere: what builds it is there, out of the lock."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", str(project)]
    command += ["--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run(command, check=True, timeout=120)


@pytest.mark.timeout(240)
def test_a_new_plugin_is_installed_and_used_after_a_restart(tmp_path: Path, environment: Path) -> None:
    project = tmp_path / "agentos-dice"
    project.mkdir()
    (project / "dice.py").write_text(_block("# dice.py"))
    (project / "pyproject.toml").write_text(_block("# pyproject.toml"))
    command = [str(environment), "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"]

    with ModelServer() as model:
        settings = {"AGENTOS_MODEL": "scripted:echo", "OPENAI_BASE_URL": model.url}
        with AgentOSServer(settings, cwd=tmp_path, workers=1, command=command) as server:
            client = Client(server.url)
            assert "roll_dice" not in [tool["name"] for tool in client.get("/tools")["tools"]]
            refused = client.request("POST", "/agents", {"id": "g", "model": "openai:tools", "tools": ["roll_dice"]})
            assert refused.status_code == 400
            assert "roll_dice" in refused.json()["message"]

        _install(project, environment)

        with AgentOSServer(settings, cwd=tmp_path, workers=1, command=command) as server:
            client = Client(server.url)
            tools = {tool["name"]: tool["source"] for tool in client.get("/tools")["tools"]}
            assert tools["roll_dice"] == "dice"
            agent = client.register(model="openai:tools", tools=["roll_dice"])
            events = list(client.stream(f"/agents/{agent}/run/stream", {"input": "roll"}))
            calls = [event.data for event in events if event.type == "tool_call"]
            assert [call["tool_name"] for call in calls] == ["roll_dice"] * 2
            assert events[-1].type in ("complete", "error")


def test_a_broken_plugin_is_reported_by_name_and_the_server_serves(tmp_path: Path, environment: Path) -> None:
    project = tmp_path / "agentos-broken"
    project.mkdir()
    (project / "broken_plugin.py").write_text("raise RuntimeError('no licence')\n")
    (project / "setup.cfg").write_text(
        "[metadata]\nname = agentos-broken\nversion = 1\n[options]\npy_modules = broken_plugin\n"
        "[options.entry_points]\nagentos = broken = broken_plugin\n"
    )
    (project / "setup.py").write_text("from setuptools import setup\n\nsetup()\n")
    _install(project, environment)

    command = [str(environment), "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"]
    with AgentOSServer({"AGENTOS_MODEL": "scripted:echo"}, cwd=tmp_path, workers=1, command=command) as server:
        client = Client(server.url)
        plugins = {plugin["name"]: plugin for plugin in client.get("/plugins")["plugins"]}
        assert plugins["broken"]["status"] == "failed"
        # A server without keys answers its own machine alone, so the caller operates it.
        assert "no licence" in plugins["broken"]["error"]
        assert "no licence" in server.log()
        assert client.post("/agents/assistant/run", {"input": "still here"})["content"] == "still here"

    strict = {"AGENTOS_MODEL": "scripted:echo", "AGENTOS_PLUGINS_STRICT": "1"}
    server = AgentOSServer(strict, cwd=tmp_path, workers=1, command=command, wait=False)
    assert server.process.wait(60) != 0
    assert "plugin 'broken' is broken" in server.log()
