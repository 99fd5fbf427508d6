"""Drives the adapter without a guest process, in the environment of the framework."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# As the plugin registers it; CrewAI reads it when it is imported.
os.environ.update(CREWAI_DISABLE_TELEMETRY="true", CREWAI_TRACING_ENABLED="false", CREWAI_DISABLE_VERSION_CHECK="true")
STORAGE = tempfile.TemporaryDirectory(prefix="crewai-")
os.environ["CREWAI_STORAGE_DIR"] = STORAGE.name

from agentos_guest import Adapter, Event, Failed, ModelCall, Reasoning, Run, ToolCall, Usage  # noqa: E402

FOLDER = Path(__file__).parents[4] / "plugins/agentos-crewai/agentos_crewai/adapter"
NAME = "agentos_guest_adapter_crewai"


def _load() -> Adapter:
    """As a guest process loads it."""
    file = FOLDER / "__init__.py"
    spec = importlib.util.spec_from_file_location(NAME, file, submodule_search_locations=[str(FOLDER)])
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    adapter: Adapter = module.ADAPTER
    return adapter


ADAPTER = _load()


@dataclass
class Outcome:
    """What a run said. ``failed`` is how it ended, if it did not complete."""

    events: list[Event] = field(default_factory=list)
    custom: list[tuple[str, Any]] = field(default_factory=list)
    failed: Failed | None = None

    @property
    def text(self) -> str:
        return "".join(event for event in self.events if isinstance(event, str))

    @property
    def reasoning(self) -> str:
        return "".join(event.content for event in self.events if isinstance(event, Reasoning))

    @property
    def tool_calls(self) -> list[ToolCall]:
        return [event for event in self.events if isinstance(event, ToolCall)]

    @property
    def tokens(self) -> tuple[int, int]:
        usages = [event for event in self.events if isinstance(event, Usage)]
        return sum(usage.prompt for usage in usages), sum(usage.completion for usage in usages)

    @property
    def model_calls(self) -> list[ModelCall]:
        return [event for event in self.events if isinstance(event, ModelCall)]


async def drive(target: Any, text: str = "hello", **fields: Any) -> Outcome:
    outcome = Outcome()
    emit = lambda name, data: outcome.custom.append((name, data))  # noqa: E731
    try:
        async for event in ADAPTER.stream(target, Run("run_1", "agent", text, emit=emit, **fields)):
            outcome.events.append(event)
    except Failed as failed:
        outcome.failed = failed
    return outcome


def run(target: Any, text: str = "hello", **fields: Any) -> Outcome:
    return asyncio.run(drive(target, text, **fields))
