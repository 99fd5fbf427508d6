"""Conditions on the arguments of a call: ``when`` of a rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

Compare = Callable[[Any, Any], bool | None]
"""Compares an argument with what the file says; ``None`` where the argument is of another type."""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _above(value: Any, limit: Any) -> bool | None:
    return value > limit if _is_number(value) else None


def _below(value: Any, limit: Any) -> bool | None:
    return value < limit if _is_number(value) else None


def _kind(value: object) -> str | None:
    """Return which of the types of JSON that a file can compare with a value has."""
    # 1 and 1.0 are one JSON number; true is none, though Python takes it for 1.
    if isinstance(value, bool):
        return "boolean"
    if _is_number(value):
        return "number"
    return "text" if isinstance(value, str) else None


def _equals(value: Any, other: Any) -> bool | None:
    return _one_of(value, (other,))


def _one_of(value: Any, known: Any) -> bool | None:
    # A list or object might be what the file means in another form: a list of paths where it names one path.
    same = [one for one in known if _kind(one) == _kind(value)]
    return value in same if same else None


def _none_of(value: Any, known: Any) -> bool | None:
    found = _one_of(value, known)
    return None if found is None else not found


def _matches(value: Any, pattern: Any) -> bool | None:
    return fnmatchcase(value, pattern) if isinstance(value, str) else None


_PLAIN = (str, int, float, bool)


def _is_list(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, _PLAIN) for one in value)


_COMPARISONS: Mapping[str, tuple[Compare, Callable[[object], bool], str]] = {
    "above": (_above, _is_number, "a number"),
    "below": (_below, _is_number, "a number"),
    "equals": (_equals, lambda value: isinstance(value, _PLAIN), "a text, a number, true or false"),
    "one_of": (_one_of, _is_list, "a list of texts, numbers, true and false"),
    "none_of": (_none_of, _is_list, "a list of texts, numbers, true and false"),
    "matches": (_matches, lambda value: isinstance(value, str) and value != "", "a pattern with *, ? and [abc]"),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """Comparisons of one argument, all of which have to hold. ``path`` leads to it; ``*`` is each item of a list."""

    path: tuple[str, ...]
    comparisons: tuple[tuple[str, Any], ...]

    def holds(self, arguments: Mapping[str, Any], *, unsure: bool) -> bool:
        """Return whether it holds. Of several items, one is enough with ``unsure``, else all of them have to.

        ``unsure`` is also what counts for an argument that is not there, and for one of another type.
        """
        found = _values(arguments, self.path)
        if not found:
            return unsure
        results = [self._holds(value, unsure) for value in found]
        return any(results) if unsure else all(results)

    def _holds(self, value: Any, unsure: bool) -> bool:
        if value is _MISSING:
            return unsure
        results = (_COMPARISONS[name][0](value, given) for name, given in self.comparisons)
        return all(unsure if result is None else result for result in results)


_MISSING = object()


def _values(value: Any, path: tuple[str, ...]) -> list[Any]:
    """Return what is at a path; ``_MISSING`` stands for what is not there."""
    if not path:
        return [value]
    first, rest = path[0], path[1:]
    if isinstance(value, list):
        if first == "*":
            return [found for item in value for found in _values(item, rest)]
        if first.isdecimal() and int(first) < len(value):
            return _values(value[int(first)], rest)
    elif isinstance(value, dict) and first in value:
        return _values(value[first], rest)
    return [_MISSING]


def read_conditions(when: object, where: str) -> tuple[Condition, ...]:
    """Return the conditions of a rule; raise ``ValueError`` that names the rule and what is wrong."""
    if not isinstance(when, dict) or not when:
        raise ValueError(
            f"{where}: when is {when!r}; accepted: a table of arguments, as when = {{amount = {{above = 100}}}}"
        )
    return tuple(_condition(path, given, f"{where}: when.{path}") for path, given in when.items())


def _condition(path: str, given: object, where: str) -> Condition:
    steps = tuple(path.split("."))
    if not all(steps):
        raise ValueError(f'{where}: the path is not accepted; accepted: names with dots between them, as "to.country"')
    known = ", ".join(_COMPARISONS)
    if not isinstance(given, dict) or not given:
        raise ValueError(f"{where} is {given!r}; accepted: a table with some of {known}")
    for name, value in given.items():
        if name not in _COMPARISONS:
            raise ValueError(
                f"{where}: {name!r} is no comparison; accepted: {known}. A path with dots is put in quotes:"
                f' "{path}.{name}"'
            )
        _, accepts, accepted = _COMPARISONS[name]
        if not accepts(value):
            raise ValueError(f"{where}: {name} is {value!r}; accepted: {accepted}")
    return Condition(steps, tuple(given.items()))
