"""A door: a protocol of its own below a prefix, with its own form of errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import Response

from agentos.errors import PluginError

if TYPE_CHECKING:
    from marshmallow import Schema

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'+.^_`|~-]+")
_HEADER_PATTERN = re.compile(r"[A-Za-z0-9!#$%&'+.^_`|~-]+\*?")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReport:
    """An error that is about to be answered. ``details`` is JSON, ``retry_after`` is in seconds.

    ``code`` is what our own clients switch on; ``docs/reference/errors.md`` lists all. Secrets are redacted already.
    """

    status: int
    code: str
    phrase: str
    message: str
    request_id: str
    details: Mapping[str, Any] = field(default_factory=dict)
    retry_after: float | None = None


ErrorRenderer = Callable[[ErrorReport], Mapping[str, Any] | Response]
"""Gives an error a protocol's form: the JSON body, or a whole response.

The status is the error's own, unless the response has another one of an error: 400 or more.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What is the same for all operations of one protocol; made by :class:`~agentos.api.kit.routes.Routes`."""

    tag: str
    prefixes: tuple[str, ...]
    when_header: str | None
    render: ErrorRenderer | None
    error_schema: type[Schema] | None
    request_headers: tuple[str, ...] = ()
    response_headers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for prefix in self.prefixes:
            if not _PREFIX.fullmatch(prefix):
                raise PluginError(f"prefix {prefix!r:.100} of routes {self.tag!r} is not accepted: give one like '/v1'")
        self._check_headers("when_header", (self.when_header,) if self.when_header else (), _HEADER, "'x-name'")
        self._check_headers("cors_request_headers", self.request_headers, _HEADER_PATTERN, "'x-name' or 'x-name-*'")
        # A browser takes no patterns for these (Fetch, `Access-Control-Expose-Headers`).
        self._check_headers("cors_response_headers", self.response_headers, _HEADER, "'x-name', without '*'")

    @property
    def is_needed(self) -> bool:
        """Return whether anything was declared that other routes do not have."""
        return bool(self.prefixes or self.render or self.when_header or self.request_headers or self.response_headers)

    def covers(self, path: str) -> bool:
        """Return whether a path is the prefix, or below it."""
        return any(path == prefix or path.startswith(f"{prefix}/") for prefix in self.prefixes)

    def is_wanted(self, headers: Mapping[str, str]) -> bool:
        """Return whether a request has the header that tells this door from another; True without one."""
        return self.when_header is None or self.when_header in headers

    def _check_headers(self, option: str, names: Collection[str], form: re.Pattern[str], accepted: str) -> None:
        for name in names:
            if not form.fullmatch(name):
                raise PluginError(f"{option} of routes {self.tag!r} names {name!r:.100}; accepted is {accepted}")


def texts(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return one text or several as a tuple."""
    return (given,) if isinstance(given, str) else tuple(given)


def choose(doors: Sequence[Door], path: str, headers: Mapping[str, str]) -> Door | None:
    """Return the door of a path where there is no operation.

    One that asks for a header which the request has comes before one that asks for none; then the longest prefix wins.
    """
    found = [door for door in doors if door.covers(path) and door.is_wanted(headers)]
    return max(found, key=lambda door: (door.when_header is not None, _longest(door, path)), default=None)


def _longest(door: Door, path: str) -> int:
    return max(len(prefix) for prefix in door.prefixes if path == prefix or path.startswith(f"{prefix}/"))
