"""The rules: what they match, and the file that they are read from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import Any

from agentos import Denied, Pending, PluginError, ToolCall
from agentos_tool_policy.conditions import Condition, read_conditions

DEFAULTS = ("allow", "deny")
ACTIONS = (*DEFAULTS, "approve")
_PATTERNS = ("agent", "tool", "owner")
_TERMS = ("name", "approver", "expires_in", "on_expiry", "remember", "message")
"""What a rule with ``action = "approve"`` may have besides."""
_RULE = ("action", *_PATTERNS, "when", "reason", *_TERMS)
_NAME = re.compile(r"[a-zA-Z0-9._-]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What to do with the calls that it matches. Its patterns know ``*``, ``?`` and ``[abc]``, and mind the case.

    Its conditions are about the call's arguments. A rule that allows needs to be sure of them; the others count also
    where an argument is missing or of another type, so that leaving one out is no way around them.
    """

    action: str
    agent: str = "*"
    tool: str = "*"
    owner: str = "*"
    when: tuple[Condition, ...] = ()
    reason: str | None = None
    pending: Pending | None = None
    """On which terms a call is approved, where the action is ``approve``."""

    def matches(self, agent: str, owner: str, call: ToolCall) -> bool:
        """Return whether a call is one of this rule's."""
        patterns = ((agent, self.agent), (call.name, self.tool), (owner, self.owner))
        if not all(fnmatchcase(value, pattern) for value, pattern in patterns):
            return False
        if not self.when:
            return True
        arguments = call.parsed_arguments
        return all(condition.holds(arguments, unsure=self.action != "allow") for condition in self.when)


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules in their order, and what holds where none of them matches."""

    default: str
    rules: tuple[Rule, ...]

    def decision(self, call: ToolCall, *, agent: str, owner: str) -> Denied | Pending | None:
        """Return why a call is not allowed, or what it waits for; the first rule that matches decides."""
        rule = next((rule for rule in self.rules if rule.matches(agent, owner, call)), Rule(action=self.default))
        if rule.action == "allow":
            return None
        return rule.pending or Denied(rule.reason or f"the server's policy does not allow tool {call.name!r} here")


def load(path: Path) -> Policy:
    """Read a policy; raise :class:`~agentos.errors.PluginError` that names the file, and the line or the field."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
        return _policy(document)
    except (OSError, ValueError) as error:
        raise PluginError(f"the tool policy {str(path)!r} (AGENTOS_TOOL_POLICY) is not accepted: {error}") from error


def _policy(document: Mapping[str, Any]) -> Policy:
    _check_names(document, ("default", "rules"), "the file")
    if document.get("default") not in DEFAULTS:
        raise ValueError(f"default is {document.get('default')!r}; accepted: 'allow' or 'deny'")
    rules = document.get("rules", [])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise ValueError("rules are no list of tables; each of them begins with a line [[rules]]")
    return Policy(document["default"], tuple(_rule(rule, f"rule {number}") for number, rule in enumerate(rules, 1)))


def _rule(table: Mapping[str, Any], where: str) -> Rule:
    _check_names(table, _RULE, where)
    action = table.get("action")
    if action not in ACTIONS:
        raise ValueError(f"{where}: action is {action!r}; accepted: {', '.join(map(repr, ACTIONS))}")
    for name in (*_PATTERNS, "reason"):
        value = table.get(name, "*")
        if not isinstance(value, str) or not value:
            raise ValueError(f"{where}: {name} is {value!r}; accepted: a text")
    when = read_conditions(table["when"], where) if "when" in table else ()
    pending = None
    if action == "approve":
        if "reason" in table:
            raise ValueError(f"{where}: reason is not accepted with action = 'approve'; accepted: message")
        pending = _pending(table, where)
    elif stray := [name for name in _TERMS if name in table]:
        raise ValueError(f"{where}: {stray[0]} is accepted with action = 'approve' only; the action is {action!r}")
    texts = {name: table[name] for name in (*_PATTERNS, "reason") if name in table}
    return Rule(action=action, when=when, pending=pending, **texts)


def _pending(table: Mapping[str, Any], where: str) -> Pending:
    name = table.get("name", "rule")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{where}: name is {name!r}; accepted: 1 to 40 letters (a-z, A-Z), digits, '.', '_' and '-'")
    # A remembered decision holds for this rule as it is: another limit in the file is another rule.
    rule = f"{name}-{sha256(repr(sorted(table.items())).encode()).hexdigest()[:12]}"
    try:
        return Pending(**{term: table[term] for term in _TERMS if term in table and term != "name"}, rule=rule)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error


def _check_names(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    for name in table:
        if name not in known:
            raise ValueError(f"{where}: {name!r} is not known; accepted: {', '.join(known)}")
