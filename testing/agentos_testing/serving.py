"""Starts servers of a program, or of a module's agents, as they are deployed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from agentos_testing.process import ServerProcess

PROGRAM = """\"\"\"Serves the agents of a module.\"\"\"
import {module}
from agentos import Agent, AgentOS

server = AgentOS()
for value in vars({module}).values():
    if isinstance(value, Agent):
        server.register_agent(value)
"""


class Serve:
    """Starts servers and ends them with the block. ``folder`` gets their databases and logs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ends = ExitStack()
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def __call__(
        self,
        program: str | Path | None = None,
        *,
        agents: str | Path | None = None,
        plugins: Mapping[str, str] | None = None,
        installed: Iterable[str] = (),
        workers: int = 1,
        env: Mapping[str, str] | None = None,
        wait: bool = True,
    ) -> ServerProcess:
        """Start a server on a free loopback port, and return it when it is ready.

        ``program`` is a file with an :class:`~agentos.AgentOS` named ``server``, or ``module:name``. ``agents`` is a
        file or module instead, and each :class:`~agentos.Agent` in it is served. Without either, only what plugins
        bring is there. ``plugins`` are added as if they were installed: by name, each the module, or ``module:name``,
        that an entry point would give. ``installed`` are names of installed plugins to load as well; no others are.
        ``env`` is the server's settings, by their variables. Its database is an SQLite file in the test's folder.
        """
        if program is not None and agents is not None:
            raise TypeError("program and agents were both given; accepted is one of them")
        self._count += 1
        folder = self._folder / f"server-{self._count}"
        folder.mkdir()
        paths = [str(folder)]
        environment = {
            "AGENTOS_DATABASE_URL": f"sqlite:///{folder}/agentos.db",
            "AGENTOS_PLUGINS": ",".join([*(plugins or {}), *installed]) or "none",
            "FLASK_SKIP_DOTENV": "1",
        }
        if (given := program or agents) is not None:
            module = _module_of(given, paths)
            if agents is not None:
                (folder / "program_of_agents.py").write_text(PROGRAM.format(module=module), "utf-8")
                module = "program_of_agents"
            environment["AGENTOS_APP"] = module if ":" in module else f"{module}:server"
        for name, target in (plugins or {}).items():
            write_plugin(folder, name, target)
        environment["PYTHONPATH"] = os.pathsep.join([*paths, *_own_paths()])
        server = ServerProcess(
            [sys.executable, "-m", "agentos", "serve"],
            {**environment, **(env or {})},
            cwd=folder,
            workers=workers,
            wait=wait,
        )
        self._ends.callback(server.kill)
        return server


def _module_of(given: str | Path, paths: list[str]) -> str:
    """Return the name of a module; the folder of a file is added to the paths where it is found."""
    if not str(given).endswith(".py"):
        return str(given)
    file = Path(given).resolve()
    if not file.is_file():
        raise FileNotFoundError(f"there is no program {str(given)!r}; give a file, as in 'server.py', or 'module:name'")
    paths.append(str(file.parent))
    return file.stem


def write_plugin(folder: Path, name: str, target: str) -> None:
    """Write what pip would write of a plugin: the metadata of a distribution, version 1.0, with one entry point.

    ``target`` is its module, or ``module:name``. The plugin is there for a process that has the folder on its path.
    """
    metadata = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
    (metadata / "entry_points.txt").write_text(f"[agentos]\n{name} = {target}\n", "utf-8")


def _own_paths() -> list[str]:
    """Return where the test finds its own modules, without those of the installation."""
    installation = tuple({sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix})
    return [path for path in sys.path if path and os.path.isdir(path) and not path.startswith(installation)]
