"""What all tests of an adapter alone use, in the environment of its framework: it is loaded as a guest process does."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentos_guest import Adapter, Answer, Event, Failed, ModelCall, Pause, Reasoning, ToolCall, Usage

REPOSITORY = Path(__file__).parents[3]


def load_adapter(framework: str) -> Adapter:
    """Return the adapter of a framework, by the name that its plugin registers."""
    module_name = framework.replace("-", "_")
    folder = REPOSITORY / f"plugins/agentos-{framework}/agentos_{module_name}/adapter"
    name, file = f"agentos_guest_adapter_{module_name}", folder / "__init__.py"
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[str(folder)])
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    adapter: Adapter = module.ADAPTER
    return adapter


@dataclass
class Outcome:
    """What a run said. ``pause`` and ``failed`` are how it ended, if it did not complete."""

    events: list[Event] = field(default_factory=list)
    custom: list[tuple[str, Any]] = field(default_factory=list)
    patches: list[Any] = field(default_factory=list)
    pause: Pause | None = None
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
    def usage(self) -> list[Usage]:
        return [event for event in self.events if isinstance(event, Usage)]

    @property
    def tokens(self) -> tuple[int, int]:
        return sum(usage.prompt for usage in self.usage), sum(usage.completion for usage in self.usage)

    @property
    def model_calls(self) -> list[ModelCall]:
        return [event for event in self.events if isinstance(event, ModelCall)]


def continued(paused: Outcome, answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what a run is given that continues, from what is left of it after JSON.

    ``answers`` are those of its actions, in their order.
    """
    assert paused.pause is not None
    actions = paused.pause.actions
    given = [Answer(action.key, action.kind, **answer) for action, answer in zip(actions, answers, strict=True)]
    return {"saved": json.loads(json.dumps(paused.pause.state)), "answers": given}
