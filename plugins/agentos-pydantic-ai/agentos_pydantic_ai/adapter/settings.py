"""Parameters of a run as settings of the framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NAMES = {
    "stop": "stop_sequences",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "reasoning_effort": "thinking",
}
"""Parameters that have another name there. Other names are passed on: ``temperature``, ``openai_user`` …"""


def model_settings(parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the ``model_settings`` of a run."""
    settings = {_NAMES.get(name, name): value for name, value in parameters.items()}
    if isinstance(settings.get("stop_sequences"), str):
        settings["stop_sequences"] = [settings["stop_sequences"]]
    return settings or None
