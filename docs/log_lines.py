"""Finds every line that the server and the plugins beside it write to the log, by reading the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

GUESTS = ROOT / "agentos" / "guests" / "process"
"""Runs in processes of its own; what it writes is in the log as the line of a guest."""

LEVELS = {
    "debug": "debug",
    "info": "info",
    "warning": "warning",
    "error": "error",
    "exception": "error",
    "critical": "critical",
}

COUNTED = ("lines", "repeated", "failures", "refusals")

MAKERS = ("logging.getLogger", "EventLogger")
"""What makes a logger of a name."""

LOGS = ("log", "logger", *COUNTED)
"""What the things that write lines are called, without underscores before it."""

WORDS = {
    ("agentos.observability.slow", "self._message"): ("slow request", "slow tool call", "slow statement"),
    ("agentos.periodic_thread", "self.failure"): (),
    ("agentos.observability.audit", "message"): ("ACTION OUTCOME",),
    ("agentos.serving.watchdog", "_message(holder)"): ("… held this worker; no other request went on meanwhile",),
    ("agentos.serving.deployment", "sentence"): ("(advice about a setting, as `agentos doctor` gives it)",),
}
"""The messages that are no literals; the failures of periodic threads stand where these are made."""

MORE = {
    "slow request": ("method", "route", "status", "request_id"),
    "slow tool call": ("tool", "run_id", "agent_id", "session_id", "request_id", "by", "call_id"),
    "slow statement": ("statement", "dialect"),
    "model call completed": ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens"),
    "… held this worker; no other request went on meanwhile": ("seconds", "tool", "held_by", "run_id", "stack"),
    "model call failed": ("reason",),
    "deciding hook failed": ("tool", "run_id", "agent_id"),
    "plugin denied": ("tool", "run_id", "agent_id"),
    "a guest process broke its protocol": ("guest", "run_id", "agent_id"),
    "a guest process refused to run an agent": ("guest", "run_id", "agent_id", "code", "reason", "error", "traceback"),
    "agent raised in its guest process": ("guest", "run_id", "agent_id"),
    "guest process connected": ("guest", "number", "python", "frameworks"),
    "a guest process speaks another version of the protocol": ("guest", "number"),
    "a guest process has ended": ("guest", "number"),
    "a guest process is killed": ("guest", "number"),
    "a guest process could not be started": ("guest", "number"),
    "a guest process cannot be reached": ("guest", "number"),
    "a process of another user is at a guest's socket": ("guest", "number"),
    "a guest process did not start in time": ("guest", "number"),
    "watching a guest process met a bug": ("guest", "number"),
    "a guest wrote": (
        "guest",
        "number",
        "run_id",
        "agent_id",
        "guest_pid",
        "text",
        "guest_logger",
        "error",
        "traceback",
    ),
    "lines of a guest were left out": ("guest", "number", "run_id", "agent_id", "guest_pid"),
}
"""Fields that are given in another place than the line."""

OF_ANOTHER = {("agentos.plugins.decisions", "call.failures"): "agentos.plugins.hook_call"}
"""The loggers of lines that are written for another module."""

PASSED_ON = ("agentos.observability.repeated", "agentos.serving.logger")
"""Modules that pass on the lines of others."""


@dataclass(frozen=True, order=True)
class Line:
    """A line: its logger, level, message and the names of its fields."""

    logger: str
    message: str
    level: str
    fields: tuple[str, ...]


def find() -> list[Line]:
    """Return all lines, sorted. Raises ``ValueError`` for one with a message that this module cannot read."""
    modules = trees()
    returned = {name: fields for tree in modules.values() for name, fields in _returned(tree)}
    return sorted({line for module, tree in modules.items() for line in _Module(module, tree, returned).lines()})


def trees() -> dict[str, ast.Module]:
    """Return the code of the server and of the plugins beside it, by module."""
    own = [file for file in (ROOT / "agentos").rglob("*.py") if GUESTS not in file.parents]
    files = [*sorted(own), *sorted(ROOT.glob("plugins/*/agentos_*/**/*.py"))]
    return {_module(file): ast.parse(file.read_text("utf-8")) for file in files}


def _module(file: Path) -> str:
    parts = list(file.relative_to(ROOT).with_suffix("").parts)
    parts = parts[2:] if parts[0] == "plugins" else parts
    return ".".join(part for part in parts if part != "__init__")


def _returned(tree: ast.Module) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the functions that return the fields of lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in ("log_fields", "fields", "_of_call"):
            dicts = [found for found in ast.walk(node) if isinstance(found, ast.Dict)]
            is_property = any(ast.unparse(one) == "property" for one in node.decorator_list)
            yield (
                f"{node.name}{'' if is_property else '()'}",
                tuple(dict.fromkeys(key for one in dicts for key in _keys(one))),
            )


def render() -> list[str]:
    """Return the lines as Markdown: a table for each logger."""
    rows: list[str] = []
    lines = find()
    for logger in dict.fromkeys(line.logger for line in lines):
        rows += [f"### {logger}", "", "| message | level | fields |", "|---|---|---|"]
        for line in lines:
            if line.logger == logger:
                fields = ", ".join(f"`{name}`" for name in line.fields)
                rows.append(f"| {line.message} | {line.level} | {fields} |")
        rows.append("")
    return rows


def _keys(node: ast.Dict) -> list[str]:
    return [key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]


class _Module:
    def __init__(self, name: str, tree: ast.Module, returned: dict[str, tuple[str, ...]]) -> None:
        self._name, self._tree, self._returned = name, tree, returned
        self._logger = name
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in MAKERS and node.args:
                given = node.args[0]
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    self._logger = given.value
                elif isinstance(given, ast.Name) and given.id == "AUDIT":
                    self._logger = "agentos.audit"

    def lines(self) -> Iterator[Line]:
        if self._name in PASSED_ON:
            return
        for scope in ast.walk(self._tree):
            if isinstance(scope, ast.FunctionDef | ast.Module):
                for node in _own(scope):
                    if isinstance(node, ast.Call):
                        yield from self._of_call(node, scope)
                    elif isinstance(node, ast.Assign) and _is_failure(node):
                        yield Line(self._logger, _text(node.value), "warning", ("repeated",))

    def _of_call(self, call: ast.Call, scope: ast.AST) -> Iterator[Line]:
        function = call.func
        if not isinstance(function, ast.Attribute) or function.attr not in (*LEVELS, "log"):
            return
        if ast.unparse(function.value).rpartition(".")[2].lstrip("_") not in LOGS:
            return
        arguments = call.args[1:] if function.attr == "log" else call.args
        level = LEVELS.get(function.attr) or self._levels(call.args[0], scope)
        options = {one.arg: one.value for one in call.keywords}
        fields = list(self._fields(options["extra"], scope)) if "extra" in options else []
        counted = ["repeated"] if ast.unparse(function.value).rpartition(".")[2].lstrip("_") in COUNTED else []
        for message in self._messages(arguments[0], scope):
            words = re.sub("%[rsd]", "…", message)
            names = dict.fromkeys([*MORE.get(words, ()), *fields, *counted])
            logger = OF_ANOTHER.get((self._name, ast.unparse(function.value)), self._logger)
            yield Line(logger, words, level, tuple(names))

    def _messages(self, node: ast.expr, scope: ast.AST) -> Iterator[str]:
        mapped = WORDS.get((self._name, ast.unparse(node)))
        if mapped is not None:
            yield from mapped
        elif isinstance(node, ast.Constant):
            yield str(node.value)
        elif isinstance(node, ast.JoinedStr):
            yield _text(node)
        elif isinstance(node, ast.Name) and (values := _assigned(node.id, scope)):
            for value in values:
                yield _text(value)
        elif isinstance(node, ast.Name):
            yield f"({node.id})"
        else:
            raise ValueError(f"{self._name}, line {node.lineno}: the message {ast.unparse(node)} cannot be read")

    def _levels(self, node: ast.expr, scope: ast.AST) -> str:
        values = _assigned(node.id, scope) if isinstance(node, ast.Name) else [node]
        names = [one.attr.lower() for value in values for one in ast.walk(value) if isinstance(one, ast.Attribute)]
        return " or ".join(dict.fromkeys(name for name in names if name in LEVELS)) or "any"

    def _fields(self, node: ast.expr, scope: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant):
                    yield str(key.value)
                elif key is None:
                    yield from self._fields(value, scope)
        elif isinstance(node, ast.Name):
            for value in _assigned(node.id, scope) or _assigned(node.id, self._tree):
                yield from self._fields(value, scope)
        elif isinstance(node, ast.BinOp):
            yield from self._fields(node.left, scope)
            yield from self._fields(node.right, scope)
        elif isinstance(node, ast.Call):
            yield from self._returned.get(f"{ast.unparse(node.func).rpartition('.')[2]}()", ())
        elif isinstance(node, ast.DictComp) and isinstance(node.generators[0].iter, ast.Call):
            called = node.generators[0].iter.func
            if isinstance(called, ast.Attribute):
                yield from self._fields(called.value, scope)
        elif isinstance(node, ast.Attribute):
            yield from self._returned.get(node.attr, ())


def _is_failure(node: ast.Assign) -> bool:
    """Return whether this is the line of a periodic thread that does not get on."""
    return ast.unparse(node.targets[0]) == "failure" and isinstance(node.value, ast.Constant)


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield what is in a function, or in a module, and in no function within."""
    for node in ast.iter_child_nodes(scope):
        if not isinstance(node, ast.FunctionDef):
            yield node
            yield from _own(node)


def _assigned(name: str, scope: ast.AST) -> list[ast.expr]:
    found: list[ast.expr] = []
    for node in ast.walk(scope):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            targets = [node.target]
        value = getattr(node, "value", None)
        if isinstance(value, ast.expr) and any(ast.unparse(one) == name for one in targets):
            found.append(value)
    return found


def _text(node: ast.expr) -> str:
    """Return a text with a sign for what is put into it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else f"({ast.unparse(node)})"
