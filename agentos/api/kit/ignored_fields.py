"""Fields of a request that nothing reads: a door accepts what its protocol's clients send, and says what it ignores."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from flask import Response
from marshmallow import EXCLUDE, Schema, fields

from agentos.api.kit.current import request_notes

HEADER = "X-Ignored-Fields"
"""The header that names them in the answer."""

MOST = 20
"""Names that are kept of one request; a body may have a hundred thousand."""

LONGEST = 100
_NOTE = "ignored_fields"
_SAFE = re.compile(r"[^A-Za-z0-9_.\[\]$-]")


def ignore_fields(schema: Schema, values: Mapping[str, Any]) -> None:
    """Note which of a request's values the schema does not know."""
    _note(_unknown(schema, values, ""))


def note_ignored(*names: str) -> None:
    """Name fields that a view has read and does not follow, in the answer's header, behind those that are unknown.

    For operations that read their body or query with an ``OpenRequestSchema``.
    """
    if names:
        noted = ignored_fields()
        _note(name[:LONGEST] for name in dict.fromkeys(names) if name[:LONGEST] not in noted)


def ignored_fields() -> tuple[str, ...]:
    """Return what this request's body and query have that their open schemas do not know, as ``tools[0].strict``.

    At most 20 are named. What stands in the body comes after what stands in the query.
    """
    found: tuple[str, ...] = request_notes().get(_NOTE, ())
    return found


def name_ignored(response: Response) -> Response:
    """Name the ignored fields in the answer's header."""
    if names := ignored_fields():
        response.headers[HEADER] = ", ".join(_SAFE.sub("?", name) for name in names)
    return response


def _note(names: Iterator[str]) -> None:
    noted = ignored_fields()
    if new := tuple(islice(names, MOST - len(noted))):
        request_notes()[_NOTE] = noted + new


@lru_cache(maxsize=512)  # of schemas, which an application makes once
def _known(schema: Schema) -> Mapping[str, fields.Field[Any]]:
    return {field.data_key or name: field for name, field in schema.load_fields.items()}


def _unknown(schema: Schema, values: Mapping[str, Any], path: str) -> Iterator[str]:
    known = _known(schema)
    for name, value in values.items():
        where = f"{path}{name}"[:LONGEST]
        if name not in known:
            if schema.unknown == EXCLUDE:
                yield where
        else:
            yield from _within(known[name], value, where)


def _within(field: fields.Field[Any], value: Any, path: str) -> Iterator[str]:
    if isinstance(field, fields.List) and isinstance(value, list):
        for number, item in enumerate(value):
            yield from _within(field.inner, item, f"{path}[{number}]"[:LONGEST])
    elif isinstance(field, fields.Nested) and isinstance(value, dict):
        yield from _unknown(field.schema, value, f"{path}.")
