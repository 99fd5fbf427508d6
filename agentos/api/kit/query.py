"""Reading query parameters: only known ones, each once."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from flask import Request
from marshmallow import EXCLUDE, Schema

from agentos.api.kit.ignored_fields import ignore_fields
from agentos.api.kit.schemas.fields import shown
from agentos.api.kit.schemas.loading import load
from agentos.errors import InvalidRequest


def read_query(request: Request, schema: Schema | None) -> dict[str, Any]:
    """Return the query parameters that a schema accepts; without a schema there must be none.

    A schema that is open ignores those that it does not know.
    """
    if not request.args:
        return {} if schema is None else dict(_absent(schema))
    is_open = schema is not None and schema.unknown == EXCLUDE
    known = {} if schema is None else {field.data_key or name: field for name, field in schema.load_fields.items()}
    values: dict[str, str] = {}
    for name, given in request.args.lists():
        if name not in known:
            if is_open:
                continue
            accepted = f"known are {', '.join(known)}" if known else "none is accepted here"
            raise InvalidRequest(f"query parameter {name[:100]!r} is not known; {accepted}")
        if len(given) > 1:
            raise InvalidRequest(f"query parameter {name!r} is given {len(given)} times; once is accepted")
        if "\0" in given[0]:
            raise InvalidRequest(f"query parameter {name!r} holds the character U+0000, which is not accepted")
        values[name] = given[0]
    if schema is None:
        return {}
    if is_open:
        ignore_fields(schema, request.args)
    return load(schema, values, noun="query parameter")


@lru_cache(100)  # there are as many schemas as operations
def _absent(schema: Schema) -> dict[str, Any]:
    """Return what a query without parameters says, which is always the same."""
    return load(schema, {}, noun="query parameter")


def read_last_event_id(request: Request, after: int) -> int:
    """Return the number of the last event that a client has seen: its ``Last-Event-ID``, else ``after``.

    A header before ``after`` is refused: no client can have gone back by reconnecting.
    """
    given = request.headers.get("Last-Event-ID")
    if given is None:
        return after
    if not re.fullmatch(r"[0-9]{1,18}", given, re.ASCII):
        raise InvalidRequest(
            f"Last-Event-ID is {shown(given)}; accepted is the 'id' of an event, a whole number from 0"
        )
    number = int(given)
    if number < after:
        raise InvalidRequest(
            f"Last-Event-ID is {number} and query parameter 'after' is {after}; accepted is one of them, or a"
            " Last-Event-ID that is not before 'after'"
        )
    return number
