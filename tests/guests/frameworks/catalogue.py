"""The frameworks: folders with a lock of the framework and with agents, and how each is hosted."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

FRAMEWORKS = Path(__file__).parent
THIS_PYTHON = "{}.{}".format(*sys.version_info)

LIMIT_SECONDS = 400.0
"""The limit of one framework: three times what it takes on a machine that has nothing else to do."""


@dataclass(frozen=True, kw_only=True)
class Framework:
    """A folder. Its name is that of the plugin whose adapter runs its agents.

    ``at_once`` are the numbers of runs that are started together. ``pythons`` are the versions that the suite runs on.
    ``deadline`` is the seconds that a run has which is not streamed: enough for a process to start, where a cancelled
    run ends its process.
    """

    name: str
    at_once: tuple[int, ...] = (20, 100)
    processes: int = 1
    exclusive: bool = False
    deadline: int = 4
    pythons: tuple[str, ...] = (THIS_PYTHON,)

    @property
    def folder(self) -> Path:
        """Where its agents are."""
        return FRAMEWORKS / self.name

    @property
    def module(self) -> str:
        """The module of its agents: ``agents`` is also the name of a framework."""
        return "hosted" if (self.folder / "hosted.py").exists() else "agents"

    @property
    def has_own_tests(self) -> bool:
        """Whether its folder has tests of the adapter alone."""
        return any(self.folder.glob("test_*.py"))

    def not_offered(self) -> dict[str, str]:
        """Return the agents that it has not, each with the reason. The module cannot be imported here."""
        for node in ast.parse((self.folder / f"{self.module}.py").read_text("utf-8")).body:
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            if (
                isinstance(node, (ast.Assign, ast.AnnAssign))
                and getattr(target, "id", "") == "NOT_OFFERED"
                and node.value
            ):
                return dict(ast.literal_eval(node.value))
        return {}


CATALOGUE = {
    framework.name: framework
    for framework in (
        Framework(name="pydantic-ai", pythons=("3.11", "3.12", "3.13")),
        Framework(name="langgraph"),
        Framework(name="openai-agents"),
        Framework(name="agno"),
        # A process takes 300 MB and has one run at a time.
        Framework(name="crewai", at_once=(4, 20), processes=4, exclusive=True, deadline=25),
    )
}
AGENTS = (
    *("words", "tools", "failing_tool", "history", "attachments", "slow", "busy", "silent", "flood", "secret"),
    *("reasons", "structured", "approval", "question"),
)
"""What each framework's module has, unless it says why not."""
