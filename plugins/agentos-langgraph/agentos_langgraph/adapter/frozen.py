"""A graph's state as JSON that comes back as it was, perhaps in another process, days later.

Kept are values alone: JSON, tuples, sets, bytes, times, numbers, messages of LangChain, and instances of pydantic
models, dataclasses, named tuples and enumerations that stand in a module. Nothing is pickled. Reading imports no module
and calls no method of the agent's classes, so a state that was changed in the database cannot run code.
"""

from __future__ import annotations

import base64
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

from langchain_core import messages as langchain_messages
from langchain_core.messages import BaseMessage
from langgraph.types import Interrupt, Overwrite, Send
from pydantic import BaseModel

KIND = "$"
"""The key by which an object of ours is told from one of the state."""

# Those of the framework are named and not addressed: they may move between its versions.
_FRAMEWORK: dict[str, Any] = {
    kind.__name__: kind
    for kind in vars(langchain_messages).values()
    if isinstance(kind, type) and issubclass(kind, BaseMessage)
}
_FRAMEWORK |= {"Send": Send, "Interrupt": Interrupt, "Overwrite": Overwrite}

_TEXTS: dict[type, tuple[str, Callable[[Any], str], Callable[[str], Any]]] = {
    datetime: ("datetime", datetime.isoformat, datetime.fromisoformat),
    date: ("date", date.isoformat, date.fromisoformat),
    time: ("time", time.isoformat, time.fromisoformat),
    Decimal: ("decimal", str, Decimal),
    UUID: ("uuid", str, UUID),
    bytes: ("bytes", lambda value: base64.b64encode(value).decode("ascii"), base64.b64decode),
    timedelta: (
        "timedelta",
        lambda value: f"{value.days}:{value.seconds}:{value.microseconds}",
        lambda text: _delta(text),
    ),
}
_FROM_TEXT = {name: read for name, _, read in _TEXTS.values()}
_GROUPS: dict[type, str] = {tuple: "tuple", set: "set", frozenset: "frozenset"}
_FROM_GROUP: dict[str, Callable[[list[Any]], Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset}


class Refused(Exception):
    """A value that cannot be kept, or can no longer be read: ``place`` is where in the state, as ``plan.steps[0]``."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place or 'it'} {reason}")
        self.place = place
        self.reason = reason

    def within(self, place: str) -> Refused:
        """Return the same of a value that stands at ``place``."""
        return Refused(place + self.place, self.reason)


def freeze(value: Any, place: str = "") -> Any:
    """Return the value as JSON. Raises :class:`Refused`."""
    kind = type(value)
    if value is None or kind in (str, bool, int):
        return value
    if isinstance(value, str) and not isinstance(value, Enum):
        return str.__str__(value)  # `message.text` of LangChain is a subclass.
    if kind is float:
        return value if value - value == 0 else {KIND: "float", "value": repr(value)}
    if kind is list:
        return [freeze(item, f"{place}[{number}]") for number, item in enumerate(value)]
    if kind in _GROUPS:
        return {KIND: _GROUPS[kind], "value": [freeze(item, f"{place}[{n}]") for n, item in enumerate(value)]}
    if kind in _TEXTS:
        name, write, _ = _TEXTS[kind]
        return {KIND: name, "value": write(value)}
    if kind in (dict, OrderedDict):
        return _freeze_dict(value, place)
    if isinstance(value, Path):
        return {KIND: "path", "value": str(value)}
    return _freeze_object(value, place)


def thaw(value: Any, place: str = "") -> Any:
    """Return what :func:`freeze` was given. Raises :class:`Refused`."""
    if isinstance(value, list):
        return [thaw(item, place) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(KIND)
    if kind is None:
        return {key: thaw(item, f"{place}.{key}") for key, item in value.items()}
    content = value["value"]
    if kind in _FROM_TEXT:
        return _FROM_TEXT[kind](content)
    if kind in _FROM_GROUP:
        return _FROM_GROUP[kind](thaw(content, place))
    if kind == "float":
        return float(content)
    if kind == "path":
        return Path(content)
    if kind == "dict":
        return {thaw(key, place): thaw(item, f"{place}[{key!r}]") for key, item in content}
    if kind == "object":
        return _thaw_object(value, place)
    raise Refused(place, f"is of the unknown kind {kind!r}")


def _delta(text: str) -> timedelta:
    days, seconds, microseconds = map(int, text.split(":"))
    return timedelta(days, seconds, microseconds)


def _freeze_dict(value: dict[Any, Any], place: str) -> Any:
    if KIND not in value and all(type(key) is str for key in value):
        return {key: freeze(item, f"{place}.{key}") for key, item in value.items()}
    return {
        KIND: "dict",
        "value": [[freeze(key, place), freeze(item, f"{place}[{key!r}]")] for key, item in value.items()],
    }


def _freeze_object(value: Any, place: str) -> Any:
    kind = type(value)
    content = _content(value, kind)
    if content is None:
        raise Refused(
            place,
            f"is of the type {kind.__module__}.{kind.__qualname__}. A state may hold JSON, tuples, sets, bytes, dates, "
            "messages, pydantic models, dataclasses, named tuples and enumerations",
        )
    name = f"{kind.__module__}:{kind.__qualname__}"
    if _FRAMEWORK.get(kind.__name__) is kind:
        name = kind.__name__
    elif _class(name) is not kind:
        raise Refused(place, f"is of the type {name.replace(':', '.')}, a class that cannot be found by its name")
    frozen = {key: freeze(item, f"{place}.{key}") for key, item in content.items()}
    return {KIND: "object", "class": name, "value": frozen}


def _content(value: Any, kind: type) -> dict[str, Any] | None:
    """Return the fields of an instance, or ``None`` for a type that is not kept."""
    if isinstance(value, type):
        return None
    if isinstance(value, BaseModel):
        return {**value.__dict__, **(value.__pydantic_extra__ or {})}
    if isinstance(value, Enum):
        return {"name": value.name}
    if isinstance(value, Send):
        return {"node": value.node, "arg": value.arg}
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value) if hasattr(value, field.name)}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return dict(zip(kind._fields, value, strict=True))
    return None


def _thaw_object(value: dict[str, Any], place: str) -> Any:
    name: str = value["class"]
    kind: Any = _FRAMEWORK.get(name) or _class(name)
    shown = name.replace(":", ".")
    if kind is None:
        raise Refused(place, f"is of the type {shown}, which does not exist any more")
    content = {key: thaw(item, f"{place}.{key}") for key, item in value["value"].items()}
    if name in _FRAMEWORK:
        return kind(**content)
    if issubclass(kind, Enum):
        if content["name"] not in kind.__members__:
            raise Refused(place, f"is {shown}.{content['name']}, which does not exist any more")
        return kind[content["name"]]
    if issubclass(kind, BaseModel):
        needed = {key for key, field in kind.model_fields.items() if field.is_required()}
        known = None if kind.model_config.get("extra") == "allow" else set(kind.model_fields)
        _compare(set(content), needed, known, shown, place)
        return kind.model_construct(**content)
    if is_dataclass(kind):
        needed = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}
        _compare(set(content), needed, {field.name for field in fields(kind)}, shown, place)
        return _dataclass(kind, content)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        needed = set(kind._fields) - set(kind._field_defaults)
        _compare(set(content), needed, set(kind._fields), shown, place)
        return kind._make({**kind._field_defaults, **content}[field] for field in kind._fields)
    raise Refused(place, f"is of the type {shown}, which is no longer a model, dataclass, named tuple or enumeration")


def _dataclass(kind: Any, content: dict[str, Any]) -> Any:
    made = object.__new__(kind)
    for field in fields(kind):
        if field.name in content:
            value = content[field.name]
        elif field.default is not MISSING:
            value = field.default
        elif field.default_factory is not MISSING:
            value = field.default_factory()
        else:
            continue
        object.__setattr__(made, field.name, value)  # A frozen one has no other way.
    return made


def _compare(given: set[str], needed: set[str], known: set[str] | None, shown: str, place: str) -> None:
    if missing := needed - given:
        raise Refused(place, f"is of the type {shown}, which now needs {', '.join(sorted(missing))}")
    if known is not None and (gone := given - known):
        raise Refused(place, f"is of the type {shown}, which no longer has {', '.join(sorted(gone))}")


def _class(name: str) -> type | None:
    """Return the class at ``module:qualified.name``, if its module is loaded: this imports nothing."""
    module, _, path = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None
