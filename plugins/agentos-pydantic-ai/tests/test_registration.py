"""What the server has of this plugin: a registration, and a folder that it never imports."""

import ast
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import agentos_pydantic_ai

ADAPTER = Path(agentos_pydantic_ai.__file__).with_name("adapter")


def test_the_plugin_brings_one_adapter() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agentos", "plugins"],
        env={"PATH": os.environ["PATH"], "AGENTOS_PLUGINS": "pydantic-ai", "AGENTOS_DATABASE_URL": "memory://"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    (line,) = [line for line in done.stdout.splitlines() if "pydantic-ai" in line]
    assert "loaded" in line
    assert "guest adapter:pydantic-ai" in line


def test_it_is_found_by_its_entry_point() -> None:
    (found,) = entry_points(group="agentos", name="pydantic-ai")
    assert found.load() is agentos_pydantic_ai


def test_the_server_needs_no_framework() -> None:
    code = "import sys, agentos_pydantic_ai; sys.exit('pydantic_ai' in sys.modules)"
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
    assert imported - sys.stdlib_module_names == {"agentos_guest", "pydantic_ai", "pydantic_core"}
