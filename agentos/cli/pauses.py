"""Says what a paused run waits for, and how it is answered; for the commands that meet one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from agentos.cli.output import json_text, printable
from agentos.domain.text import one_line

PAUSED = 3
"""The exit code of a command that shows a run to a person, when the run has paused."""

SHOWN = 200
"""Characters that are shown of a call's arguments, and of the message to the person who answers."""

WAITS_FOR = {
    "approval": ("approval of", "a caller with scope runs:approve"),
    "input": ("an answer to", "a caller who may run the agent"),
    "client_tool": ("the result of", "the client that started the run"),
}
"""What each kind of action waits for, and who gives it."""


def pending_line(action: Mapping[str, Any]) -> str:
    """Return one line that says what an action waits for, from whom, and until when."""
    arguments = action["arguments"]
    text = arguments if isinstance(arguments, str) else json_text(arguments)
    what, who = WAITS_FOR.get(action["kind"], (action["kind"], "a caller"))
    if action.get("approver") == "other":
        who = "another person than the owner, with scope runs:approve:any"
    until = f", until {action['expires_at']}" if "expires_at" in action else ""
    why = f": {one_line(action['message'], SHOWN)}" if "message" in action else ""
    return f"{action['id']} {what} {one_line(action['tool_name'])}({one_line(text, SHOWN)}) by {who}{until}{why}"


def decision_line(decision: Mapping[str, Any]) -> str:
    """Return one line that says what was decided or answered, by whom, when, and from where."""
    said = decision.get("decision") or ("failed" if "error" in decision else "answered")
    tool = decision.get("tool_name")
    about = f" {one_line(tool)}({_short(decision.get('arguments'))})" if tool else ""
    edited = f" with {_short(decision['edited_arguments'])}" if "edited_arguments" in decision else ""
    given = f": {_short(decision['output'])}" if "output" in decision else ""
    how = " (remembered)" if "remembered" in decision else " for the session" if "remember" in decision else ""
    who = f" by {one_line(decision['answered_by'])}" if "answered_by" in decision else ""
    when = f" at {decision['answered_at']}" if "answered_at" in decision else ""
    where = f" from {one_line(decision['address'])}" if "address" in decision else ""
    why = next((f": {one_line(decision[name], SHOWN)}" for name in ("message", "error") if name in decision), "")
    return f"{decision['id']} {said}{about}{edited}{how}{who}{when}{where}{given}{why}"


def _short(value: Any) -> str:
    return one_line(value if isinstance(value, str) else json_text(value), SHOWN)


def say_paused(run_id: str, pending: Sequence[Mapping[str, Any]]) -> None:
    """Say on standard error that a run has paused, what it waits for, and how it is answered."""
    answers = [{"id": action["id"], **_example(action["kind"])} for action in pending]
    kinds = {action["kind"] for action in pending}
    words = ["approve ID", "reject ID"] if "approval" in kinds else []
    words += ["answer ID VALUE"] if kinds != {"approval"} else []
    commands = " or ".join(f"'agentos approvals {one}'" for one in words)
    lines = [
        f"Paused: run {run_id} is saved and waits for {len(pending)} answer{'s' * (len(pending) != 1)}:",
        *(f"  {pending_line(action)}" for action in pending),
        f"Answer with {commands},",
        f"or with POST /api/v1/runs/{run_id}/resume, as in",
        f"  {json_text({'answers': answers})}",
        f"'agentos runs show {run_id}' shows this again, 'agentos runs cancel {run_id}' ends the run.",
    ]
    for line in lines:
        click.echo(printable(line), err=True)


def _example(kind: str) -> dict[str, str]:
    return {"decision": "approve"} if kind == "approval" else {"output": "…"}
