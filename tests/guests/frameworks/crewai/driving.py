"""Drives the adapter without a guest process, in the environment of the framework."""

from __future__ import annotations

import asyncio
import os
import tempfile
from typing import Any

# As the plugin registers it; CrewAI reads it when it is imported.
os.environ.update(CREWAI_DISABLE_TELEMETRY="true", CREWAI_TRACING_ENABLED="false", CREWAI_DISABLE_VERSION_CHECK="true")
STORAGE = tempfile.TemporaryDirectory(prefix="crewai-")
os.environ["CREWAI_STORAGE_DIR"] = STORAGE.name

from adapter_driver import Outcome, load_adapter  # noqa: E402
from agentos_guest import Failed, Run  # noqa: E402

ADAPTER = load_adapter("crewai")


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
