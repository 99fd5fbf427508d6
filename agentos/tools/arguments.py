"""The arguments of a tool call: from the text that a model wrote to what the function is called with.

Every refusal is an :class:`~agentos.errors.InvalidRequest` with a message that the model reads and can act on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agentos.domain.text import clean, shorten
from agentos.errors import InvalidRequest
from agentos.json_schema.validator import Validator
from agentos.json_schema.work import TooMuchWork
from agentos.strict_json import JSONReader, JSONRefused
from agentos.tools.wording import MAX_PROBLEMS, accepted_by, problem_of, shown

MAX_SIZE = 256 * 1024  # most characters of JSON that one call may have
MAX_DEPTH = 32  # most levels of arrays and objects inside each other

_reader = JSONReader(max_depth=MAX_DEPTH, integers=range(-(2**63), 2**64))


def parse_arguments(text: str) -> dict[str, Any]:
    """Return the object that the text is; an empty text is ``{}``.

    Raises ``ValueError`` saying what is wrong: with JSON that is broken, no object, too long (:data:`MAX_SIZE`), too
    deep (:data:`MAX_DEPTH`), or that :class:`~agentos.strict_json.JSONReader` refuses.
    """
    if len(text) > MAX_SIZE:
        raise ValueError(f"they have {len(text)} characters, at most {MAX_SIZE} are accepted")
    if not text.strip():
        return {}
    try:
        value = _reader.read(text)
    except json.JSONDecodeError as error:
        near = shown(text[max(0, error.pos - 20) : error.pos + 20])
        raise ValueError(f"they are not valid JSON: {error.msg} at character {error.pos}, near {near}") from error
    except JSONRefused as error:
        raise ValueError(_problem(error)) from error
    if not isinstance(value, dict):
        raise ValueError(f"they are {shown(value)}, not a JSON object")
    return value


@dataclass(eq=False)
class ArgumentReader:
    """Checks the arguments of one tool; its schema is compiled once."""

    tool: str
    parameters: Mapping[str, Any]
    convert: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        self._validator = Validator(self.parameters)

    def parse(self, text: str) -> dict[str, Any]:
        """Return the JSON object that a model wrote, not yet checked against the schema."""
        try:
            return parse_arguments(text)
        except ValueError as error:
            raise self._refusal(str(error)) from error

    def read(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Check an object against the schema and return what the function is to be called with."""
        try:
            found = self._validator.violations(arguments, MAX_PROBLEMS)
        except TooMuchWork:
            raise self._refusal("they take too long to check; give less") from None
        except RecursionError:
            raise self._refusal("they are nested too deeply") from None
        problems = [problem_of(violation) for violation in found]
        if problems:
            raise self._refusal("; ".join(problems))
        if self.convert is None:
            return dict(arguments)
        try:
            return self.convert(arguments)
        except ValueError as error:
            raise self._refusal(str(error)) from error

    def _refusal(self, problem: str) -> InvalidRequest:
        return InvalidRequest(
            clean(
                f"arguments of tool {self.tool!r} are not accepted: {shorten(problem, 2000)}."
                f" Accepted: {shorten(accepted_by(self.parameters), 1000)}"
            )
        )


def _problem(refused: JSONRefused) -> str:
    match refused.reason:
        case "key":
            return f"key {shown(refused.found)} is there more than once"
        case "constant":
            return f"{refused.found} is no JSON number"
        case "integer":
            return "a whole number is beyond 64 bits"
        case "number":
            return "a number is too large"
        case "text":
            return f"the string {shown(clean(refused.found))} holds U+0000 or half of a surrogate pair"
        case _:
            return f"they are nested more than {MAX_DEPTH} levels deep"
