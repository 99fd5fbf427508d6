"""Parameters of an agent that say how a request is sent, and are not sent themselves; and how bodies become bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson

from agentos.errors import ProviderError

NAMES = frozenset({"dialect", "extra_body", "extra_headers", "extra_query"})
NEVER_IN_BODY = frozenset({"model", "messages", "stream"})
NEVER_IN_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect", "content-type"}
)


def extra_body(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is to be merged into the body last. Model, messages and streaming stay ours."""
    return {name: value for name, value in mapping(parameters, "extra_body").items() if name not in NEVER_IN_BODY}


def extra_headers(parameters: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the headers that go with this agent's requests alone."""
    given = mapping(parameters, "extra_headers")
    return {name: _text(value) for name, value in given.items() if name.lower() not in NEVER_IN_HEADERS}


def extra_query(parameters: Mapping[str, Any]) -> str:
    """Return the query that goes with this agent's requests alone, encoded."""
    given = mapping(parameters, "extra_query")
    lists = {name: value if isinstance(value, list | tuple) else [value] for name, value in given.items()}
    return urlencode({name: [*map(_text, values)] for name, values in lists.items()}, doseq=True)


def mapping(parameters: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a parameter that is an object, or an empty one; raise :class:`~agentos.errors.ProviderError`."""
    value = parameters.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ProviderError(f"the agent's parameter {name!r} is not accepted: give an object")
    return value


def encode_body(body: Mapping[str, Any]) -> bytes:
    """Return a body as JSON; raise :class:`~agentos.errors.ProviderError` for what is none."""
    try:
        return orjson.dumps(body, default=_plain)
    except TypeError as error:
        raise ProviderError("the agent's parameters, schema or messages cannot be written as JSON") from error


def _plain(value: Any) -> Any:
    """Let orjson write mappings that are no dict, such as frozen ones."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ProviderError("the agent's extra headers and query are not accepted: values are texts, numbers or booleans")
