"""Parameters that are pydantic models: described and checked by themselves. They are known by their two methods."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from agentos.json_schema.document import Document
from agentos.json_schema.patterns import Pattern, PatternRefused
from agentos.json_schema.places import INNER
from agentos.tools.shapes import Shape, UnsupportedAnnotation
from agentos.tools.wording import MAX_PROBLEMS, place_of


def is_model(annotation: type) -> bool:
    """Tell whether a class is a pydantic model, or a class that works like one."""
    return hasattr(annotation, "model_json_schema") and hasattr(annotation, "model_validate")


def model(annotation: Any) -> Shape:
    """Return the shape of a model: what its ``model_json_schema`` says, and what its ``model_validate`` returns.

    Whether members that it does not know are refused is the model's own setting.
    """
    try:
        document = annotation.model_json_schema()
        schema = _inlined(document, Document(document), ())
    except UnsupportedAnnotation as error:
        raise UnsupportedAnnotation(f"{annotation.__name__} {error}") from None
    except Exception as error:  # a model's own code
        raise UnsupportedAnnotation(f"{annotation.__name__} has no JSON schema: {error}") from error

    def convert(value: Any, path: str) -> Any:
        try:
            return annotation.model_validate(value)
        except Exception as error:  # a model's own code
            raise ValueError(_problem(error, path)) from error

    return Shape(schema, convert)


def _inlined(schema: Any, definitions: Document, parents: tuple[str, ...]) -> Any:
    """Return a schema with what it refers to in the place of each ``$ref``."""
    if not isinstance(schema, Mapping):
        return schema
    inlined: dict[str, Any] = {}
    reference = schema.get("$ref")
    if reference in parents:
        raise UnsupportedAnnotation("contains itself; a tool's parameters have a fixed depth")
    if reference is not None:
        inlined = _inlined(definitions.find(reference), definitions, (*parents, reference))
    for keyword, value in schema.items():
        # A discriminator names definitions, which are gone then.
        if keyword in ("$ref", "$defs", "definitions", "discriminator") or (
            keyword == "pattern" and not _is_bounded(value)
        ):
            continue
        place = INNER.get(keyword)
        if place == "map":
            value = {name: _inlined(one, definitions, parents) for name, one in value.items()}
        elif isinstance(value, list) and place is not None:
            value = [_inlined(one, definitions, parents) for one in value]
        elif place is not None:
            value = _inlined(value, definitions, parents)
        inlined[keyword] = value
    return inlined


def _is_bounded(pattern: str) -> bool:
    # pydantic writes (?!…) for a Decimal, which we cannot search for in bounded time. The model itself checks it.
    try:
        Pattern(pattern)
    except PatternRefused:
        return False
    return True


def _problem(error: Exception, path: str) -> str:
    # pydantic's own text has several lines, quotes what was given and links to its website.
    errors = getattr(error, "errors", None)
    if not callable(errors):
        return f"{path} is not accepted: {error}"
    problems = [(place_of((path, *one["loc"])), one["msg"]) for one in islice(errors(), MAX_PROBLEMS)]
    return "; ".join(f"{place} is not accepted: {message}" for place, message in problems)
