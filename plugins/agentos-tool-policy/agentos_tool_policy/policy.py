"""The rules: what they match, and the file that they are read from."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from agentos import PluginError

ACTIONS = ("allow", "deny")
_RULE = ("action", "agent", "tool", "owner", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What to do with the calls that it matches. Its patterns know ``*``, ``?`` and ``[abc]``, and mind the case."""

    action: str
    agent: str = "*"
    tool: str = "*"
    owner: str = "*"
    reason: str | None = None

    def matches(self, agent: str, tool: str, owner: str) -> bool:
        """Return whether a call is one of this rule's."""
        return fnmatchcase(agent, self.agent) and fnmatchcase(tool, self.tool) and fnmatchcase(owner, self.owner)


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules in their order, and what holds where none of them matches."""

    default: str
    rules: tuple[Rule, ...]

    def objection(self, *, agent: str, tool: str, owner: str) -> str | None:
        """Return why a call is not allowed; ``None`` if it is. The first rule that matches decides."""
        rule = next((rule for rule in self.rules if rule.matches(agent, tool, owner)), Rule(action=self.default))
        if rule.action == "allow":
            return None
        return rule.reason or f"the server's policy does not allow tool {tool!r} here"


def load(path: Path) -> Policy:
    """Read a policy; raise :class:`~agentos.errors.PluginError` that names the file, and the line or the field."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
        return _policy(document)
    except (OSError, ValueError) as error:
        raise PluginError(f"the tool policy {str(path)!r} (AGENTOS_TOOL_POLICY) is not accepted: {error}") from error


def _policy(document: Mapping[str, Any]) -> Policy:
    _check_names(document, ("default", "rules"), "the file")
    if document.get("default") not in ACTIONS:
        raise ValueError(f"default is {document.get('default')!r}; accepted: 'allow' or 'deny'")
    rules = document.get("rules", [])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise ValueError("rules are no list of tables; each of them begins with a line [[rules]]")
    return Policy(document["default"], tuple(_rule(rule, f"rule {number}") for number, rule in enumerate(rules, 1)))


def _rule(table: Mapping[str, Any], where: str) -> Rule:
    _check_names(table, _RULE, where)
    if table.get("action") not in ACTIONS:
        raise ValueError(f"{where}: action is {table.get('action')!r}; accepted: 'allow' or 'deny'")
    for name, value in table.items():
        if not isinstance(value, str) or not value:
            raise ValueError(f"{where}: {name} is {value!r}; accepted: a text")
    return Rule(**table)


def _check_names(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    for name in table:
        if name not in known:
            raise ValueError(f"{where}: {name!r} is not known; accepted: {', '.join(known)}")
