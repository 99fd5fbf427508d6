"""Reading query parameters: only known ones, each once."""

from __future__ import annotations

from typing import Any

from flask import Request
from marshmallow import Schema

from agentos.api.schemas.loading import load
from agentos.errors import InvalidRequest


def read_query(request: Request, schema: Schema | None) -> dict[str, Any]:
    """Return the query parameters that a schema accepts; without a schema there must be none."""
    if not request.args and schema is None:
        return {}
    known = {} if schema is None else {field.data_key or name: field for name, field in schema.load_fields.items()}
    values: dict[str, str] = {}
    for name, given in request.args.lists():
        if name not in known:
            accepted = f"known are {', '.join(known)}" if known else "none is accepted here"
            raise InvalidRequest(f"query parameter {name[:100]!r} is not known; {accepted}")
        if len(given) > 1:
            raise InvalidRequest(f"query parameter {name!r} is given {len(given)} times; once is accepted")
        if "\0" in given[0]:
            raise InvalidRequest(f"query parameter {name!r} holds the character U+0000, which is not accepted")
        values[name] = given[0]
    return {} if schema is None else load(schema, values, noun="query parameter")
