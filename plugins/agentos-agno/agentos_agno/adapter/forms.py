"""What Agno asks people for, as a JSON Schema, and their answers as Agno's values.

One field is answered by its value, several by an object with their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentos_guest import Failed

_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "str": "string", "list": "array", "dict": "object"}


def message(requirement: Any) -> str:
    """Return the question. A field of a tool often has no words but its name."""
    if requirement.needs_user_feedback:
        return "\n".join(question.question for question in requirement.user_feedback_schema)
    return "\n".join(
        field.description or f"{requirement.tool_execution.tool_name}: {field.name}" for field in _open(requirement)
    )


def schema(requirement: Any) -> dict[str, Any]:
    """Return what an answer must fit."""
    if requirement.needs_user_feedback:
        fields = {question.question: _choice(question) for question in requirement.user_feedback_schema}
    else:
        fields = {field.name: _field(field) for field in _open(requirement)}
    if len(fields) == 1:
        return next(iter(fields.values()))
    return {"type": "object", "properties": fields, "required": [*fields], "additionalProperties": False}


def fill(requirement: Any, output: Any) -> None:
    """Put an answer where Agno reads it. Raises ``Failed`` for one that leaves a field without a value."""
    if requirement.needs_user_feedback:
        asked = [question.question for question in requirement.user_feedback_schema]
        chosen = _by_name(requirement, asked, output)
        requirement.provide_user_feedback(
            {name: value if isinstance(value, list) else [str(value)] for name, value in chosen.items()}
        )
        return
    values = _by_name(requirement, [field.name for field in _open(requirement)], output)
    for fields in (requirement.user_input_schema, requirement.tool_execution.user_input_schema):
        for field in fields or ():
            field.value = values.get(field.name, field.value)
    requirement.tool_execution.answered = True


def _open(requirement: Any) -> list[Any]:
    """Return the fields that a person fills in. Where the model filled in all of them, a person may change them."""
    every = list(requirement.user_input_schema or ())
    return [field for field in every if field.value is None] or every


def _by_name(requirement: Any, names: list[str], output: Any) -> dict[str, Any]:
    values = {names[0]: output} if len(names) == 1 and not isinstance(output, Mapping) else output
    missing = [name for name in names if not isinstance(values, Mapping) or values.get(name) is None]
    if missing:
        asking = requirement.tool_execution.tool_name
        raise Failed(f"the answer for {asking} has no value for {missing[0]!r:.100}; it needs {names!r:.300}")
    return dict(values)


def _field(field: Any) -> dict[str, Any]:
    name = field.field_type if isinstance(field.field_type, str) else getattr(field.field_type, "__name__", "")
    kind = {"type": _TYPES[name]} if name in _TYPES else {}
    return {**kind, **({"description": field.description} if field.description else {})}


def _choice(question: Any) -> dict[str, Any]:
    labels = [option.label for option in question.options or ()]
    one: dict[str, Any] = {"type": "string", "enum": labels} if labels else {"type": "string"}
    return {"type": "array", "items": one} if question.multi_select else one
