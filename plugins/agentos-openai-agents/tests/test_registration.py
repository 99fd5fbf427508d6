"""What the server has of the adapter; its behaviour is tested where the SDK is, in ``tests/guests``."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import agentos_openai_agents

ADAPTER = Path(agentos_openai_agents.__file__).with_name("adapter")


def test_the_adapter_is_registered_with_tracing_switched_off() -> None:
    registered: list[tuple[Any, ...]] = []
    agentos_openai_agents.register_guest_adapters(
        lambda name, path, *, framework, environment: registered.append((name, path, framework, environment))
    )
    assert registered == [
        ("openai-agents", ADAPTER, "agents.run_state", {"OPENAI_AGENTS_DISABLE_TRACING": "true"}),
    ]
    assert (ADAPTER / "__init__.py").is_file()


def test_the_server_imports_nothing_of_the_sdk() -> None:
    program = "import agentos_openai_agents, sys; print([name for name in sys.modules if name.startswith('agents')])"
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout == "[]\n"


def test_the_adapter_imports_nothing_of_the_server() -> None:
    for file in ADAPTER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {name.partition(".")[0] for name in names} & {"agentos", "agentos_openai_agents"}, file.name
