"""An adapter in a folder, with a file beside it."""

from collections.abc import AsyncIterator
from typing import Any

import toy_framework
from agentos_guest import Action, Adapter, Event, Pause, Run
from agentos_guest_adapter_toy_framework.adapter_words import shout


class ToyAdapter(Adapter):
    name = "toy-framework"

    def accepts(self, target: object) -> bool:
        return isinstance(target, toy_framework.ToyAgent)

    async def load(self, target: Any, saved: Any) -> Any:
        return saved["turn"] + 1

    async def stream(self, target: Any, run: Run) -> AsyncIterator[Event]:
        yield shout(f"{target.text} {run.input}")
        if run.input == "pause" and not run.resumed:
            raise Pause([Action("k1", "approval", "c1", "pay", {"amount": 5})], {"turn": 1})
        if run.input == "no json":
            raise Pause([Action("k1", "approval")], object())
        if run.resumed:
            yield f" {run.saved} {run.answers[0].approved} {run.answers[0].arguments}"

    def describe(self, target: Any) -> dict[str, Any]:
        return {"name": "Toy", "model": "toy:1", "tools": ["pay"]}


ADAPTER = ToyAdapter()
