"""The API as its own document describes it, asked by Schemathesis: every operation, made-up requests of all kinds.

What must hold of each answer: no 5xx, only statuses, headers and bodies that the document has for it; what the document
allows is accepted and what it does not is refused; what was deleted is gone and what was made is there, along the
document's links; and nothing answers without the credential that it says it needs.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from parts.application import SWEPT_PLUGINS, route_table
from parts.server import AgentOSServer
from parts.soak import SOAK, full

HERE = Path(__file__).parent
SETTINGS = {"AGENTOS_MODEL": "scripted:echo", "AGENTOS_SEARCH": "true"}
LONG = full(180, 7200)
PLUGINS = "calculator"
OPERATIONS = len(route_table((PLUGINS,), SWEPT_PLUGINS).operations)
DOCUMENTED_LINKS = """
[phases.stateful]
max-steps = 15
[phases.stateful.inference]
algorithms = []
"""
"""Long ways along the document's own links, without the many that Schemathesis infers."""


APP = f"""
import sys
sys.path.insert(0, {str(HERE.parent)!r})
from agentos.app import create_app
from parts.notes_plugin import NotesPlugin
app = create_app(plugins={{"notes": NotesPlugin()}})
"""
"""The server, with a plugin that has operations of its own."""


def _served(env: dict[str, str], cwd: Path) -> AgentOSServer:
    (cwd / "fuzzed.py").write_text(APP, "utf-8")
    return AgentOSServer(env, cwd=cwd, plugins=PLUGINS, app="fuzzed:app")


def _new_key(server: AgentOSServer, *scopes: str) -> str:
    command = [sys.executable, "-m", "flask", "agentos", "keys", "create", "fuzz", "--user", "fuzz", "--json"]
    command += [option for scope in scopes for option in ("--scope", scope)]
    done = subprocess.run(
        command, cwd=server.cwd, env=server.environment, capture_output=True, text=True, check=True, timeout=60
    )
    return str(json.loads(done.stdout)["key"])


def _ask(
    server: AgentOSServer, *, key: str, phases: str, examples: int, excluded: str | None = None, settings: str = ""
) -> str:
    """Run Schemathesis against a server and return its report, which is the message if it has found anything."""
    config = server.cwd / "schemathesis.toml"
    config.write_text((HERE / "schemathesis.toml").read_text("utf-8") + settings, "utf-8")
    served = requests.get(f"{server.url}/openapi.yaml", headers={"X-API-Key": key}, timeout=30)
    served.raise_for_status()
    document = server.cwd / "openapi.yaml"
    document.write_bytes(served.content)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"]
    command += [str(document), "--url", server.url, "--phases", phases, "--max-examples", str(examples), "--no-color"]
    command += ["--checks", "all"] if excluded is None else ["--exclude-checks", excluded]
    # The same requests in every run; a failure is shown for each operation, not for the first one alone.
    command += ["--generation-deterministic", "--continue-on-failure"]
    environment = server.environment | {"SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"), "AGENTOS_KEY": key}
    done = subprocess.run(command, cwd=server.cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def _number(pattern: str, report: str) -> int:
    """Return a number that a report tells: what was not asked cannot have failed."""
    found = re.search(pattern, report)
    assert found, report
    return int(found[1])


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[AgentOSServer]:
    """A server that asks for a key."""
    unlimited = dict.fromkeys(("RATE_LIMIT", "FAILED_AUTH_RATE_LIMIT", "MAX_RUNS_PER_OWNER"), "none")
    env = {**SETTINGS, "AGENTOS_AUTH": "api_key", **{f"AGENTOS_{name}": value for name, value in unlimited.items()}}
    with _served(env, tmp_path) as server:
        yield server


@pytest.mark.timeout(LONG)
def test_every_answer_is_as_documented_and_none_is_given_without_a_key(guarded: AgentOSServer) -> None:
    report = _ask(guarded, key=_new_key(guarded, "admin"), phases="examples,coverage,fuzzing", examples=full(5, 300))
    assert _number(r"Tested: +(\d+)", report) == OPERATIONS


@pytest.mark.timeout(LONG)
def test_what_is_made_is_there_and_what_is_deleted_is_gone_along_the_links(guarded: AgentOSServer) -> None:
    key = _new_key(guarded, "admin")
    report = _ask(guarded, key=key, phases="stateful", examples=full(15, 1000), settings=DOCUMENTED_LINKS)
    assert _number(r"API Links: +(\d+) covered", report) >= 10
    if SOAK:
        _ask(guarded, key=key, phases="stateful", examples=1000)


@pytest.mark.timeout(LONG)
def test_every_answer_is_as_documented_on_a_server_without_authentication(tmp_path: Path) -> None:
    with _served(SETTINGS, tmp_path) as server:
        # Anybody is let in here, knowingly: that a wrong key is not looked at is no failure.
        phases = "examples,coverage,fuzzing,stateful" if SOAK else "fuzzing"
        report = _ask(server, key="none", phases=phases, examples=full(3, 300), excluded="ignored_auth")
    assert _number(r"Tested: +(\d+)", report) == OPERATIONS
