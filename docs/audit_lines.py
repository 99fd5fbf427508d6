"""What the reference says of the audit log: its fields, and the operations and commands that have lines there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from log_lines import trees

FIELDS = {
    "action": "What was to be done, as above.",
    "outcome": "`done`. `refused`: not accepted, so nothing changed. `failed`: the server could not do it, or only a"
    " part.",
    "object": "The id of the key, agent, run, session or remembered decision, or the owner of deleted data. Of"
    " several ids in a path, all with slashes. At most 255 characters. A whole key is never in it.",
    "by": "The credential, as `key:4f…`; `anonymous` without authentication; `operator` for commands; `server` and"
    " `expiry` for what the server does by itself. Left out if the caller has no valid credential.",
    "owner": "The owner that the credential belongs to.",
    "door": "`http`, `cli`, or `server`.",
    "address": "Where the request came from; behind a proxy as `AGENTOS_PROXY_HOPS` says. Not for commands.",
    "user": "The operating system's user who called the command.",
    "request_id": "The id of the request, as in its other lines and in its answer.",
    "code": "The error's code, if it was not done. See [errors](errors.md).",
    "repeated": "How many lines of this action and outcome were left out since the one before. Only where the request"
    " was refused before its caller was known, and not for its credential.",
    "details": "Of a key: `name`, `owner`, `scopes`. Of an agent: `version`, and `to` of a rollback. Of answers:"
    " `answers`, each with the `id` of the action and `approve`, `reject`, `output` or `error` (of an expiry:"
    " `reject` or `fail`). Of deleted data: how much. Never what was said, nor a key.",
}


COMMANDS = {
    "key.create": ["keys create"],
    "key.revoke": ["keys revoke"],
    "agent.create": ["register", "agents import"],
    "agent.update": ["register --update", "agents import"],
    "agent.delete": ["unregister", "agents import --prune"],
    "agent.rollback": ["agents rollback"],
    "approval.answer": ["approvals approve", "approvals reject", "approvals answer"],
    "rule.revoke": ["approvals rules revoke"],
    "session.delete": ["sessions delete"],
    "run.delete": ["runs delete"],
    "data.delete": ["data delete"],
    "data.prune": ["prune", "sessions prune"],
}
"""The commands with lines in the audit log; tests/cli/test_audit.py calls each."""


def audited() -> dict[str, list[str]]:
    """Return the actions of the audit log, each with the operations and commands that do it."""
    found = {action: [f"`agentos {command}`" for command in commands] for action, commands in COMMANDS.items()}
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for action, way in _audited(node):
                    found.setdefault(action, []).append(way)
    return {action: sorted(dict.fromkeys(ways)) for action, ways in found.items()}


def _audited(call: ast.Call) -> Iterator[tuple[str, str]]:
    options = {one.arg: one.value for one in call.keywords}
    function = ast.unparse(call.func)
    if function.startswith("routes.") and "audit" in options and isinstance(options["audit"], ast.Constant):
        path = call.args[0]
        assert isinstance(path, ast.Constant)
        yield str(options["audit"].value), f"`{function.removeprefix('routes.').upper()} {path.value}`"
    elif function == "log_operation" and call.args and isinstance(call.args[0], ast.Constant):
        yield str(call.args[0].value), "the server itself"
