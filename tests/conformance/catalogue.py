"""The suites: folders below ``suites/``, each with a ``suite.ini`` that says what it needs."""

from __future__ import annotations

import importlib.util
from configparser import ConfigParser
from dataclasses import dataclass, field
from pathlib import Path

SUITES = Path(__file__).parent / "suites"
SHARED = Path(__file__).parent / "shared"
"""What suites share: modules of Python, and of Node.js."""
ROOT = Path(__file__).parents[2]

LIMIT_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A folder of tests of one client.

    ``agents`` is a module of ``conformance.agents``, or empty. ``plugins`` are the installed plugins that its server
    loads, ``env`` the settings of its server. ``environment`` is the folder that says which packages the client needs.
    ``sources`` is a package of ours for Node.js: the suite is its tests, and its own lock says what it needs.
    ``needs`` are modules that the server needs: without them the suite is skipped.
    """

    name: str
    folder: Path
    environment: Path
    sources: Path
    agents: str = ""
    plugins: tuple[str, ...] = ("openai-api",)
    limit: float = LIMIT_SECONDS
    env: dict[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()

    @property
    def is_node(self) -> bool:
        """Whether its tests run in Node.js and not in Python."""
        return (self.packages / "package.json").exists()

    @property
    def packages(self) -> Path:
        """The folder that names its packages for Node.js, if it has any."""
        return self.environment if self.sources == self.folder else self.sources

    def missing(self) -> list[str]:
        """Return what it needs and this environment has not."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


def suites(root: Path = SUITES) -> dict[str, Suite]:
    """Return all suites below a folder by their names."""
    return {file.parent.name: read(file) for file in sorted(root.glob("*/suite.ini"))}


def read(file: Path) -> Suite:
    """Return the suite that a ``suite.ini`` describes."""
    parser = ConfigParser(interpolation=None, comment_prefixes=("#",), default_section="")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # variables have capitals
    parser.read(file, "utf-8")
    given = dict(parser["suite"])
    folder = file.parent
    found = Suite(
        name=folder.name,
        folder=folder,
        environment=folder.parent / given.pop("environment", folder.name),
        sources=ROOT / given.pop("sources") if "sources" in given else folder,
        agents=given.pop("agents", ""),
        plugins=tuple(given.pop("plugins", "openai-api").split()),
        limit=float(given.pop("limit", LIMIT_SECONDS)),
        needs=tuple(given.pop("needs", "").split()),
        env=dict(parser["env"]) if parser.has_section("env") else {},
    )
    if given:
        raise ValueError(
            f"{file}: {', '.join(given)} is not known; known are agents, environment, limit, needs, plugins, sources"
        )
    return found
