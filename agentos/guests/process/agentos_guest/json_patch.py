"""JSON Patch (RFC 6902) of the session's state, so that an agent sees what it changed. The worker checks it again."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any


def apply_patch(document: Mapping[str, Any], patch: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a patch makes of an object, which stays as it is. Raises ``ValueError`` if it does not apply."""
    root: dict[str, Any] = {"": copy.deepcopy(dict(document))}
    for number, operation in enumerate(patch):
        try:
            _apply(root, operation)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ValueError(f"operation {number} of the patch ({dict(operation)!r:.200}) does not apply") from error
    if not isinstance(root[""], dict):
        raise ValueError("the patch makes the state something else than an object")
    return root[""]


def _apply(root: dict[str, Any], operation: Mapping[str, Any]) -> None:
    op, path = operation["op"], _parts(operation["path"])
    if op == "add":
        _add(root, path, copy.deepcopy(operation["value"]))
    elif op == "remove":
        _take(root, path)
    elif op == "replace":
        _take(root, path)
        _add(root, path, copy.deepcopy(operation["value"]))
    elif op == "move":
        _add(root, path, _take(root, _parts(operation["from"])))
    elif op == "copy":
        _add(root, path, copy.deepcopy(_get(root, _parts(operation["from"]))))
    elif op == "test":
        if _get(root, path) != operation["value"]:
            raise ValueError("another value is there")
    else:
        raise ValueError(f"{op!r} is no operation")


def _parts(pointer: str) -> list[str]:
    # The first part is the place of the document itself.
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")]


def _get(root: Any, path: Sequence[str]) -> Any:
    found = root
    for part in path:
        found = found[_index(part)] if isinstance(found, list) else found[part]
    return found


def _take(root: Any, path: Sequence[str]) -> Any:
    parent = _get(root, path[:-1])
    return parent.pop(_index(path[-1]) if isinstance(parent, list) else path[-1])


def _add(root: Any, path: Sequence[str], value: Any) -> None:
    parent, last = _get(root, path[:-1]), path[-1]
    if not isinstance(parent, list):
        parent[last] = value
        return
    place = len(parent) if last == "-" else _index(last)
    if place > len(parent):
        raise IndexError(last)
    parent.insert(place, value)


def _index(part: str) -> int:
    if not part.isascii() or not part.isdigit():
        raise ValueError(f"{part!r} is no index")
    return int(part)
