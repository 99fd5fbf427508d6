"""Settings of plugins under the real server: every worker reads the same, and the start says what nothing reads."""

import sys
from pathlib import Path
from typing import Any

import pytest

from parts.server import AgentOSServer

PLUGIN = """
import logging

from agentos import hookimpl, kinds

@hookimpl
def register_settings(register):
    register("units_name", str, "metric", "Units of the answers.")
    register("units_count", int, 1, "A number.")
    register("units_key", str, None, "A key.", secret=True)

@hookimpl
def register_tools(register, config):
    read = dict(config.plugin_settings)
    logging.getLogger("agentos").info("units", extra={"read": read["units_name"], "units": read["units_count"]})
    logging.getLogger("agentos").info("the secret is %s", read["units_key"])
"""

PROGRAM = """
from agentos import AgentOS, Config

server = AgentOS(Config(plugin_settings={"units_name": "given"}))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with an installed plugin, as pip would leave it."""
    metadata = tmp_path / "units-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: units\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[agentos]\nunits = units\n")
    (tmp_path / "units.py").write_text(PLUGIN)
    return tmp_path


def messages(server: AgentOSServer, start: str) -> list[dict[str, Any]]:
    return [record for record in server.records() if record["message"].startswith(start)]


def test_two_workers_read_the_same_and_what_nothing_reads_is_said_once(folder: Path) -> None:
    (folder / "agentos.toml").write_text("units_count = 7\n")
    (folder / "key").write_text("bilby-bilby\n")
    environment = {
        "AGENTOS_UNITS_NAME": "imperial",
        "AGENTOS_UNITS_NAMES": "x",
        "AGENTOS_UNITS_KEY_FILE": str(folder / "key"),
    }
    with AgentOSServer(environment, cwd=folder, plugins="units", workers=2) as server:
        read = [(line["read"], line["units"]) for line in messages(server, "units")]
        server.wait_for(lambda: messages(server, "AGENTOS_UNITS"))  # the last worker says it once it is ready
        warnings = [line["message"] for line in messages(server, "AGENTOS_UNITS")]
        log = server.log()
    assert read == [("imperial", 7)] * 2
    assert warnings == [
        "AGENTOS_UNITS_NAMES is no setting of AgentOS, nor of a plugin that is loaded; did you mean AGENTOS_UNITS_NAME?"
    ]
    assert len(messages(server, "the secret is ***")) == 2
    assert "bilby" not in log


def test_an_unknown_name_in_the_file_ends_the_start_in_one_line(folder: Path) -> None:
    (folder / "agentos.toml").write_text("units_counts = 7\n")
    server = AgentOSServer({}, cwd=folder, plugins="units", workers=2, wait=False)
    assert server.process.wait(60) != 0
    last = server.log().splitlines()[-1]
    assert "configuration file agentos.toml has unknown settings units_counts; known: " in last


def test_values_given_in_code_reach_the_workers_of_a_program(folder: Path) -> None:
    (folder / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "agentos", "serve", "--app", "program:server", "--workers", "1"]
    with AgentOSServer({}, cwd=folder, plugins="units", workers=1, command=command) as server:
        assert [line["read"] for line in messages(server, "units")] == ["given"]
