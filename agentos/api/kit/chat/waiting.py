"""What a client is shown of a run that waits for a person: a text, since its protocol has no other place for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentos.domain.pending import PendingKind


def waiting_text(template: str | None, run_id: str, pending: Sequence[Mapping[str, Any]]) -> str:
    """Return a text that says what a run waits for and where that is answered; empty without a template."""
    if template is None:
        return ""
    lines = [_line(action) for action in pending if action["kind"] != PendingKind.CLIENT_TOOL]
    # What a tool or a plugin says comes last, so that nothing in it is replaced.
    whole = template.replace("\\n", "\n").replace("{run_id}", run_id)
    return whole.replace("{waiting}", "\n".join(lines))


def _line(action: Mapping[str, Any]) -> str:
    message = action.get("message")
    name = action.get("tool_name")
    id = action["id"]
    if action["kind"] == PendingKind.APPROVAL:
        return f"- The tool `{name}` needs an approval (`{id}`)" + (f": {message}" if message else ".")
    return f"- {'The agent' if name is None else f'The tool `{name}`'} asks (`{id}`): {message}"
