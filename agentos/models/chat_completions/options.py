"""Parameters of an agent that say how a request is sent, and are not sent themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from agentos.errors import ProviderError
from agentos.models.chat_completions.dialect import Dialect

NAMES = frozenset({"dialect", "extra_body", "extra_headers", "extra_query"})
NEVER_IN_BODY = frozenset({"model", "messages", "stream"})
NEVER_IN_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect", "content-type"}
)


def dialect_of(parameters: Mapping[str, Any], dialect: Dialect) -> Dialect:
    """Return the dialect with the agent's own options."""
    options = _mapping(parameters, "dialect")
    if not options:
        return dialect
    try:
        return dialect.with_options(options)
    except ValueError as error:
        raise ProviderError(f"the agent's parameter 'dialect' is not accepted: {error}") from error


def extra_body(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is to be merged into the body last. Model, messages and streaming stay ours."""
    return {name: value for name, value in _mapping(parameters, "extra_body").items() if name not in NEVER_IN_BODY}


def extra_headers(parameters: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the headers that go with this agent's requests alone."""
    given = _mapping(parameters, "extra_headers")
    return {name: _text(value) for name, value in given.items() if name.lower() not in NEVER_IN_HEADERS}


def extra_query(parameters: Mapping[str, Any]) -> str:
    """Return the query that goes with this agent's requests alone, encoded."""
    given = _mapping(parameters, "extra_query")
    lists = {name: value if isinstance(value, list | tuple) else [value] for name, value in given.items()}
    return urlencode({name: [*map(_text, values)] for name, values in lists.items()}, doseq=True)


def _mapping(parameters: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = parameters.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ProviderError(f"the agent's parameter {name!r} is not accepted: give an object")
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ProviderError("the agent's extra headers and query are not accepted: values are texts, numbers or booleans")
