"""What a crew is given: the values of the placeholders in its templates, and the conversation."""

from __future__ import annotations

import json
import re
from typing import Any

from agentos_guest import Failed, Run

PLACEHOLDER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
OURS = frozenset({"input", "history", "crew_chat_messages"})


def inputs_of(crew: Any, run: Run) -> dict[str, Any]:
    """Return the inputs of a run.

    ``{input}`` is what the user says, ``{history}`` is the conversation before as text, and every other name is a field
    of the run's ``metadata``. If the crew needs one name only that is not there, that is what the user says. What no
    template names reaches the tasks as messages. Raises ``Failed`` if values are missing.
    """
    names = {name for name in crew.fetch_inputs() if PLACEHOLDER.fullmatch(name)}
    given = {name: value for name, value in run.metadata.items() if name not in OURS and value is not None}
    inputs = {**given, "input": run.input, "history": _history(run)}
    missing = sorted(names - inputs.keys())
    if len(missing) == 1 and "input" not in names:
        inputs[missing[0]] = run.input
    elif missing:
        raise Failed(f"this crew needs {', '.join(missing)}: give them in the run's metadata")
    messages = [] if "history" in names else _messages(run)
    if not missing and "input" not in names:
        messages.append({"role": "user", "content": run.input})
    if messages:
        inputs["crew_chat_messages"] = json.dumps(messages)
    return inputs


def _messages(run: Run) -> list[dict[str, str]]:
    said = [message for message in run.history if message.role in ("user", "assistant") and message.content]
    return [{"role": message.role, "content": message.content} for message in said]


def _history(run: Run) -> str:
    return "\n".join(f"{message['role'].capitalize()}: {message['content']}" for message in _messages(run))
