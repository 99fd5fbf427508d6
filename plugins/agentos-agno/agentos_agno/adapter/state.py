"""The state of our session and Agno's ``session_state`` are the same object; changes go back as a JSON Patch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agentos_guest import Run

_AGNO = frozenset({"current_user_id", "current_session_id", "current_run_id"})
"""Keys that Agno puts there for each run."""


def changes(run: Run, state: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return what a run did to its session's state, by its outermost keys. A run without a session keeps no state."""
    if run.session_id is None or state is None:
        return []
    after = as_json({name: value for name, value in state.items() if name not in _AGNO})
    before = dict(run.state)
    removed = [{"op": "remove", "path": _path(name)} for name in before if name not in after]
    set_ = [
        {"op": "add", "path": _path(name), "value": value}
        for name, value in after.items()
        if name not in before or before[name] != value
    ]
    return removed + set_


def as_json(value: Any) -> Any:
    """Return a value as JSON has it; what JSON does not know, such as a date, becomes its text."""
    return json.loads(json.dumps(value, default=str))


def _path(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")
