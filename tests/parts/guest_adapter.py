"""What the server has of an adapter's plugin: a registration, and a folder that only guests load."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar


class GuestAdapterPlugin:
    """Derive a test class from it. What the adapter does is tested where its framework is, in ``tests/guests``.

    ``imports`` are the packages that the adapter needs, besides those of Python.
    """

    plugin: ClassVar[ModuleType]
    name: ClassVar[str]
    framework: ClassVar[str]
    environment: ClassVar[Mapping[str, str]] = {}
    imports: ClassVar[set[str]]

    @property
    def folder(self) -> Path:
        return Path(str(self.plugin.__file__)).with_name("adapter")

    def test_it_registers_its_adapter(self) -> None:
        registered: list[Any] = []

        def register(name: str, path: Path, *, framework: str, environment: Mapping[str, str] | None = None) -> None:
            registered.append((name, path, framework, environment or {}))

        self.plugin.register_guest_adapters(register)
        assert registered == [(self.name, self.folder, self.framework, self.environment)]
        assert (self.folder / "__init__.py").is_file()

    def test_the_server_loads_it_by_its_entry_point(self) -> None:
        (found,) = entry_points(group="agentos", name=self.name)
        assert found.load() is self.plugin
        done = subprocess.run(
            [sys.executable, "-m", "agentos", "plugins"],
            env={"PATH": os.environ["PATH"], "AGENTOS_PLUGINS": self.name, "AGENTOS_DATABASE_URL": "memory://"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        (line,) = [line for line in done.stdout.splitlines() if f"guest adapter:{self.name}" in line]
        assert "loaded" in line

    def test_the_server_imports_nothing_of_its_framework(self) -> None:
        foreign = self.imports | {self.framework.partition(".")[0]}
        code = f"import sys, {self.plugin.__name__}; print(sorted({foreign!r} & set(sys.modules)))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout == "[]\n"

    def test_the_adapter_imports_nothing_of_the_server(self) -> None:
        imported: set[str] = set()
        for file in self.folder.glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.level == 0:
                    imported.add(str(node.module).partition(".")[0])
                elif isinstance(node, ast.Import):
                    imported |= {alias.name.partition(".")[0] for alias in node.names}
        assert imported - sys.stdlib_module_names == self.imports
