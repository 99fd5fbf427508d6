"""What the server has of the adapter; its behaviour is tested where CrewAI is, in ``tests/guests``."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import agentos_crewai

OFF = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "CREWAI_DISABLE_VERSION_CHECK": "true",
}
ADAPTER = Path(agentos_crewai.__file__).with_name("adapter")


def test_the_adapter_is_registered_with_telemetry_switched_off() -> None:
    registered: list[tuple[Any, ...]] = []
    agentos_crewai.register_guest_adapters(
        lambda name, path, *, framework, environment: registered.append((name, path, framework, environment))
    )
    assert registered == [
        ("crewai", ADAPTER, "crewai", OFF),
    ]
    assert (ADAPTER / "__init__.py").is_file()


def test_the_server_imports_nothing_of_crewai() -> None:
    program = "import agentos_crewai, sys; print([name for name in sys.modules if name.startswith('crewai')])"
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout == "[]\n"


def test_the_adapter_imports_nothing_of_the_server() -> None:
    for file in ADAPTER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {name.partition(".")[0] for name in names} & {"agentos", "agentos_crewai"}, file.name
