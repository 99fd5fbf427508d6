"""Renders the reference of what plugins and programs import: each public name with its signature and docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

MODULES = ("agentos", "agentos.web", "agentos.testing")

GROUPS: Mapping[str, tuple[str, ...]] = {
    "The server": ("agentos.server", "agentos.app", "agentos.config", "agentos.services"),
    "Agents and runs": ("agentos.domain", "agentos.runtime", "agentos.execution.run_handle", "agentos.cancellation"),
    "Tools": ("agentos.tools",),
    "Models": ("agentos.models",),
    "Plugins and their settings": (
        "agentos.hookspecs",
        "agentos.registrations",
        "agentos.setting_kinds",
        "agentos.kinds",
    ),
    "Who calls": ("agentos.auth",),
    "Outgoing HTTP": ("agentos.http",),
    "Execution and storage": ("agentos.execution", "agentos.storage"),
    "Errors": ("agentos.errors",),
}
"""The groups of :mod:`agentos`, each with the modules that its names come from; the first that fits counts."""

LONGEST_LINE = 120
_TYPES_OF_THE_DOMAIN = ("Delta", "Arrival", "FinishReason", "RunEvent")


def render(doc: Callable[[object], str]) -> str:
    """Return the page. ``doc`` makes Markdown of a docstring."""
    parts = [
        "# API",
        "",
        "What plugins and programs may import. Everything else may change at any time: see"
        " [compatibility](../explanation/compatibility.md). [Hooks](hooks.md) has the hooks.",
        "",
    ]
    elsewhere: dict[int, str] = {}
    for name in MODULES:
        module = import_module(name)
        parts += [f"# {name}", "", _with_examples(doc(module)), ""]
        groups = _grouped(module) if name == "agentos" else {"": sorted(module.__all__, key=str.lower)}
        for title, names in groups.items():
            depth = "##" if not title else "###"
            parts += [f"## {title}", ""] if title else []
            if title == "Errors":
                parts += ["[Errors](errors.md) says which code and status each has.", ""]
            for one in names:
                thing = getattr(module, one)
                first = elsewhere.setdefault(id(thing), name)
                if first != name:
                    continue  # it is described where it comes first
                parts += _entry(one, thing, depth, doc)
            again = sorted(one for one in names if elsewhere[id(getattr(module, one))] != name)
            if again:
                parts += ["Also here, as in `agentos`: " + ", ".join(f"`{one}`" for one in again) + ".", ""]
    return "\n".join(parts).rstrip() + "\n"


def _grouped(module: ModuleType) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {title: [] for title in GROUPS}
    for name in sorted(module.__all__, key=str.lower):
        if name != "__version__":
            found[_group(name, getattr(module, name))].append(name)
    return found


def _group(name: str, thing: Any) -> str:
    if name in _TYPES_OF_THE_DOMAIN:
        return "Agents and runs" if name == "RunEvent" else "Models"
    origin = thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", "")
    for title, places in GROUPS.items():
        if any(f"{origin}.".startswith(f"{place}.") for place in places):
            return title
    return "Plugins and their settings"  # what comes from pluggy


def _entry(name: str, thing: Any, depth: str, doc: Callable[[object], str]) -> list[str]:
    parts = [f"{depth} {name}", ""]
    if isinstance(thing, ModuleType):
        return [*parts, _with_examples(doc(thing)), ""]
    if name == "hookimpl":
        return [*parts, "Mark a function, or a method, as the plugin's own for the hook of its name.", ""]
    if not callable(thing) or not hasattr(thing, "__name__"):
        return [*parts, "```text", _broken_line(f"{name} = {_value(thing)}"), "```", ""]
    keyword = "class" if isinstance(thing, type) else "def"
    parts += ["```text", f"{keyword} {name}{_signature(thing)}", "```", ""]
    text = _with_examples(doc(thing))
    # The docstring that a dataclass without one gets is its signature.
    if text and not (isinstance(thing, type) and text.startswith(f"{thing.__name__}(")):
        parts += [text, ""]
    if isinstance(thing, type) and not issubclass(thing, Exception):
        if issubclass(thing, Enum):
            parts += ["Values: " + ", ".join(f"`{one.value}`" for one in thing) + ".", ""]
        rows = [f"- `{member}`: {first}" for member, first in _members(thing, doc)]
        parts += [*rows, ""] if rows else []
    return parts


def _with_examples(text: str) -> str:
    """Give the examples of a docstring a fence."""
    return re.sub(r"^>>> .*(?:\n.+)*", lambda found: f"```pycon\n{found[0]}\n```", text, flags=re.MULTILINE)


def _members(kind: type, doc: Callable[[object], str]) -> Iterator[tuple[str, str]]:
    """Yield the public methods and properties of a class, each with the first paragraph of its docstring."""
    for name, member in vars(kind).items():
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if name.startswith("_") or not isinstance(function, FunctionType) or not function.__doc__:
            continue
        if kind.__name__.endswith("Contract") and name.startswith("test_"):
            continue  # the promises; there are many
        shown = name if isinstance(member, property) else f"{name}{_signature(function, own=True, short=True)}"
        yield shown, doc(function).split("\n\n")[0].replace("\n", " ")


def _signature(thing: Any, *, own: bool = False, short: bool = False) -> str:
    if isinstance(thing, type) and issubclass(thing, Enum):
        return ""
    if getattr(thing, "_is_protocol", False):
        if "__call__" not in vars(thing):
            return ""
        thing, own = vars(thing)["__call__"], True
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return ""
    parameters = list(signature.parameters.values())
    if own and parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    if short:  # names and defaults; the types are in the source
        parameters = [one.replace(annotation=inspect.Parameter.empty) for one in parameters]
        signature = signature.replace(return_annotation=inspect.Signature.empty)
    else:
        parameters = [one.replace(annotation=_Written(one.annotation)) for one in parameters]
        signature = signature.replace(return_annotation=_Written(signature.return_annotation))
    text = str(signature.replace(parameters=parameters))
    if isinstance(thing, type):
        text = text.removesuffix(" -> None")
    text = re.sub(r"<factory>", "…", text)
    text = re.sub(r"<([\w.]+)[^<>]*>", "…", text)
    return text if short else _broken(text)


class _Written(str):
    """An annotation as it is written in the source, without the quotes of a string."""

    __slots__ = ()

    def __new__(cls, annotation: Any) -> Any:
        return super().__new__(cls, annotation) if isinstance(annotation, str) else annotation

    def __repr__(self) -> str:
        return str(self)


def _broken(signature: str) -> str:
    """Break a long signature as the formatter does."""
    if len(signature) <= LONGEST_LINE - 20:
        return signature
    begin, _, rest = signature.partition("(")
    inside, _, end = rest.rpartition(")")
    lines, level, current = [], 0, ""
    for letter in inside:
        level += (letter in "([{") - (letter in ")]}")
        current += letter
        if letter == "," and not level:
            lines.append(current.strip())
            current = ""
    lines.append(f"{current.strip()},")
    return f"{begin}(\n" + "".join(f"    {line}\n" for line in lines) + f"){end}"


def _broken_line(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else text.replace(" | ", "\n    | ")


def _value(thing: Any) -> str:
    text = re.sub(r"\b(?:agentos|typing|collections\.abc)(?:\.[a-z_]+)*\.(?=[A-Z])", "", str(thing))
    return repr(thing)[:200] if isinstance(thing, str | bytes) else re.sub(r" at 0x[0-9a-f]+", "", text)
