"""What differs between two JSON objects: additions, removals and replacements, each with the value that was there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two objects differ: the keys that lead to it, and what is there in each of them."""

    op: Literal["add", "remove", "replace"]
    keys: tuple[str, ...]
    old: Any = None
    new: Any = None

    @property
    def path(self) -> str:
        """The place as a JSON pointer (RFC 6901)."""
        return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in self.keys)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Return in what two objects differ, by their keys. A list counts as one value; the order of keys does not count.

    >>> [(one.op, one.path) for one in differences({"a": {"b": 1}, "c": [1]}, {"a": {"b": 2}, "d": [1]})]
    [('replace', '/a/b'), ('remove', '/c'), ('add', '/d')]
    """
    return list(_differences(old, new, ()))


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[Difference]:
    for key in dict.fromkeys([*old, *new]):
        keys = (*place, key)
        if key not in new:
            yield Difference("remove", keys, old=old[key])
        elif key not in old:
            yield Difference("add", keys, new=new[key])
        elif isinstance(old[key], Mapping) and isinstance(new[key], Mapping):
            yield from _differences(old[key], new[key], keys)
        elif _text(old[key]) != _text(new[key]):
            yield Difference("replace", keys, old=old[key], new=new[key])


# 1, 1.0 and true are equal in Python.
_text = json.JSONEncoder(sort_keys=True, default=dict).encode
