"""What the server has of Agno: a folder that guests load. Tests of its behaviour are in ``tests/guests``, with Agno."""

import ast
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import agentos_agno

ADAPTER = Path(agentos_agno.__file__).with_name("adapter")


def test_the_adapter_is_registered_with_telemetry_switched_off() -> None:
    registered: list[tuple[Any, ...]] = []
    agentos_agno.register_guest_adapters(
        lambda name, path, *, framework, environment: registered.append((name, path, framework, environment))
    )
    assert registered == [("agno", ADAPTER, "agno", {"AGNO_TELEMETRY": "false"})]
    assert (ADAPTER / "__init__.py").is_file()


def test_the_server_loads_the_plugin_by_its_entry_point() -> None:
    (found,) = entry_points(group="agentos", name="agno")
    assert found.load() is agentos_agno
    done = subprocess.run(
        [sys.executable, "-m", "agentos", "plugins"],
        env={"PATH": os.environ["PATH"], "AGENTOS_PLUGINS": "agno", "AGENTOS_DATABASE_URL": "memory://"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    (line,) = [line for line in done.stdout.splitlines() if "guest adapter:agno" in line]
    assert "loaded" in line


def test_neither_imports_the_other() -> None:
    imported: set[str] = set()
    for file in ADAPTER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(str(node.module).partition(".")[0])
            elif isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
    assert imported - sys.stdlib_module_names == {"agentos_guest", "agno", "pydantic"}
    program = "import agentos_agno, sys; print(sorted({'agno', 'agentos_guest'} & set(sys.modules)))"
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout == "[]\n"
