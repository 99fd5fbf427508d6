"""What the server has of this plugin: a registration, and a folder that it never imports."""

import ast
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import agentos_langgraph

ADAPTER = Path(agentos_langgraph.__file__).with_name("adapter")


def test_the_plugin_brings_one_adapter() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agentos", "plugins"],
        env={"PATH": os.environ["PATH"], "AGENTOS_PLUGINS": "langgraph", "AGENTOS_DATABASE_URL": "memory://"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    (line,) = [line for line in done.stdout.splitlines() if "langgraph" in line]
    assert "loaded" in line
    assert "guest adapter:langgraph" in line


def test_it_is_found_by_its_entry_point() -> None:
    (found,) = entry_points(group="agentos", name="langgraph")
    assert found.load() is agentos_langgraph


def test_the_server_needs_no_framework() -> None:
    code = "import sys, agentos_langgraph; sys.exit('langgraph' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_the_adapter_imports_nothing_of_the_server() -> None:
    files = sorted(ADAPTER.glob("*.py"))
    assert ADAPTER / "__init__.py" in files
    imported = {
        name.partition(".")[0]
        for file in files
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and node.level == 0
            else []
        )
    }
    assert imported - sys.stdlib_module_names == {"agentos_guest", "langchain_core", "langgraph", "pydantic"}
