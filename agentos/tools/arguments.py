"""The arguments of a tool call: from the text that a model wrote to what the function is called with.

Every refusal is an :class:`~agentos.errors.InvalidRequest` whose message the model reads and can act on.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import orjson

from agentos.domain.text import clean, is_clean, shorten
from agentos.errors import InvalidRequest
from agentos.json_schema.validator import Validator
from agentos.json_schema.work import TooMuchWork, Work
from agentos.tools.wording import accepted_by, problem_of, shown

MAX_SIZE = 256 * 1024
"""Most characters of JSON that one call may have."""

MAX_DEPTH = 32
"""Most levels of arrays and objects inside each other."""

_MAX_PROBLEMS = 5
# With the closing quote optional a string always matches, so that no text makes the search slow.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def parse_arguments(text: str) -> dict[str, Any]:
    """Return the object that the text is; an empty text is ``{}``.

    Raises ``ValueError`` saying what is wrong: with JSON that is broken, no object, too long (:data:`MAX_SIZE`), too
    deep (:data:`MAX_DEPTH`), that names a key twice, or holds what JSON or a database has no place for: ``NaN``,
    numbers beyond 64 bits or beyond a float, U+0000, lone surrogates.
    """
    if len(text) > MAX_SIZE:
        raise ValueError(f"they have {len(text)} characters, at most {MAX_SIZE} are accepted")
    if not text.strip():
        return {}
    work = Work()
    _check_depth(text, work)
    try:
        value = json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, work), parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        near = shown(text[max(0, error.pos - 20) : error.pos + 20])
        raise ValueError(f"they are not valid JSON: {error.msg} at character {error.pos}, near {near}") from error
    if not isinstance(value, dict):
        raise ValueError(f"they are {shown(value)}, not a JSON object")
    if _is_suspect(text, value):
        _check_values(value, work)
    work.spend(len(text) // 64)  # what C computed without giving way
    return value


class ArgumentReader:
    """Checks the arguments of one tool; its schema is compiled once."""

    def __init__(
        self,
        tool: str,
        parameters: Mapping[str, Any],
        convert: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None,
    ) -> None:
        self._tool = tool
        self._parameters = parameters
        self._validator = Validator(parameters)
        self._convert = convert

    def parse(self, text: str) -> dict[str, Any]:
        """Return the JSON object that a model wrote, not yet checked against the schema."""
        try:
            return parse_arguments(text)
        except ValueError as error:
            raise self._refusal(str(error)) from error

    def read(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Check an object against the schema and return what the function is to be called with."""
        try:
            found = list(islice(self._validator.violations(arguments), _MAX_PROBLEMS))
        except TooMuchWork:
            raise self._refusal("they take too long to check; give less") from None
        except RecursionError:
            raise self._refusal("they are nested too deeply") from None
        problems = [problem_of(violation) for violation in found]
        if problems:
            raise self._refusal("; ".join(problems))
        if self._convert is None:
            return dict(arguments)
        try:
            return self._convert(arguments)
        except ValueError as error:
            raise self._refusal(str(error)) from error

    def _refusal(self, problem: str) -> InvalidRequest:
        return InvalidRequest(
            clean(
                f"arguments of tool {self._tool!r} are not accepted: {shorten(problem, 2000)}."
                f" Accepted: {shorten(accepted_by(self._parameters), 1000)}"
            )
        )


def _check_depth(text: str, work: Work) -> None:
    # Deep nesting ends json.loads with a RecursionError, or worse; so it is looked for before.
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for number, match in enumerate(_STRING_OR_BRACKET.finditer(text)):
        if number % 512 == 0:
            work.spend(512)
        first = text[match.start()]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"they are nested more than {MAX_DEPTH} levels deep")
        elif first in "]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]], work: Work) -> dict[str, Any]:
    work.spend()
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"key {shown(twice)} is there more than once")
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


def _is_suspect(text: str, value: Any) -> bool:
    """Tell quickly whether values have to be looked at one by one, which nearly none have to."""
    try:
        written = orjson.dumps(value)  # refuses lone surrogates and whole numbers beyond 64 bits
    except TypeError:
        return True
    # orjson writes infinity as null.
    return b"\\u0000" in written or written.count(b"null") != text.count("null")


def _check_values(value: Any, work: Work) -> None:
    work.spend()
    if isinstance(value, str):
        if not is_clean(value):
            raise ValueError(f"the string {shown(clean(value))} holds U+0000 or half of a surrogate pair")
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise ValueError("a whole number is beyond 64 bits")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number is too large")
    elif isinstance(value, list):
        for item in value:
            _check_values(item, work)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_values(name, work)
            _check_values(item, work)
