"""Declares the operations of the API, once for all: Flask serves them and the OpenAPI document describes them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeVar

import orjson
from flask import Blueprint, Response, current_app
from marshmallow import Schema

from agentos.api.kit.body import BodyReader
from agentos.api.kit.callers import caller
from agentos.api.kit.middleware import this_request
from agentos.api.kit.query import read_query
from agentos.api.kit.schemas.fields import MAX_ID
from agentos.api.kit.schemas.loading import load
from agentos.errors import (
    AgentNotFound,
    AgentOSError,
    AuthenticationUnavailable,
    Forbidden,
    InternalError,
    InvalidRequest,
    NotFound,
    RateLimited,
    RequestTooLarge,
    RunNotFound,
    SessionNotFound,
    StorageError,
    Unauthenticated,
    UnsupportedMediaType,
)
from agentos.services.services import Services

View = Callable[..., Response]
V = TypeVar("V", bound=View)

PUBLIC = "public"
"""The access of probes: they answer anybody without a credential, on a keyless server other machines too."""

PAGE = "page"
"""The access of pages for people: no credential. A keyless server refuses other machines and other sites' pages."""

OPEN = (PUBLIC, PAGE)
"""The accesses that need no credential."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class PathParameter:
    """A part of an address that names a thing, and what is answered when no such thing can be."""

    description: str
    missing: Callable[[str], NotFound]


PATH_PARAMETERS: Mapping[str, PathParameter] = {
    "agent_id": PathParameter("The agent's id.", AgentNotFound),
    "session_id": PathParameter("The session's id.", SessionNotFound),
    "run_id": PathParameter("The run's id.", RunNotFound),
    "number": PathParameter(
        "The attachment's place in `media`, counted from 0.",
        lambda number: NotFound(f"{number!r:.100} is no number of an attachment"),
    ),
    "asset": PathParameter("The file's name.", lambda name: NotFound(f"there is no file {name!r:.100}")),
}


@dataclass(frozen=True, slots=True)
class ResponseSpec:
    """What a successful response is; ``links`` are to operations that take its ids.

    ``headers`` are always there, ``sometimes`` are not; both are described. ``content`` is what the document says of a
    media type that ``schema`` does not describe.
    """

    description: str
    schema: type[Schema] | None = None
    _: KW_ONLY
    media_types: Sequence[str] = ("application/json",)
    headers: Mapping[str, str] = field(default_factory=dict)
    sometimes: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    content: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation. ``path`` is as OpenAPI writes it; ``view`` is given its parts, ``query`` and ``body`` by name.

    ``access`` is the scope that a caller needs (``agents:run:{agent_id}`` is filled from the path), or :data:`PAGE`, or
    :data:`PUBLIC`. There is no default: each operation names it.
    """

    method: str
    path: str
    view: View
    tag: str
    access: str
    responses: Mapping[int, ResponseSpec]
    query: Schema | None = None
    body: Schema | None = None
    body_required: bool = True
    request_headers: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[type[AgentOSError], ...] = ()

    @property
    def all_errors(self) -> tuple[type[AgentOSError], ...]:
        """The declared errors, and those that need not be: of all, of those with a body, of those not public."""
        errors = (*self.errors, InvalidRequest, InternalError)
        if self.body is not None:
            errors += (RequestTooLarge, UnsupportedMediaType)
        if self.access != PUBLIC:
            errors += (Forbidden, RateLimited)
        if self.access not in OPEN:  # whether a credential is valid is asked of the storage
            errors += (Unauthenticated, StorageError, AuthenticationUnavailable)
        return errors

    @property
    def operation_id(self) -> str:
        """The operation's name in the document."""
        return self.view.__name__

    @property
    def endpoint(self) -> str:
        """The operation's name in Flask."""
        return f"{self.tag}.{self.operation_id}"

    @property
    def scope(self) -> str | None:
        """The scope that a caller needs, if any."""
        return None if self.access in OPEN else self.access

    @property
    def description(self) -> str:
        """What the operation does: a sentence, a blank line, and the rest."""
        return inspect.getdoc(self.view) or ""

    @property
    def path_parameters(self) -> list[str]:
        """The names in braces, in their order."""
        return re.findall(r"{(\w+)}", self.path)

    def serve(self, **path: str) -> Response:
        """Read the request as declared, and hand it to the view."""
        for name, value in path.items():
            if len(value) > MAX_ID or _UNPRINTABLE.search(value):
                raise PATH_PARAMETERS[name].missing(value[:MAX_ID])
        if self.scope is not None:
            _require(self.scope.format(**path))
        given: dict[str, Any] = dict(path)
        request = this_request()
        query = read_query(request, self.query)
        if self.query is not None:
            given["query"] = query
        if self.body is not None:
            reader: BodyReader = current_app.extensions["agentos.body"]
            given["body"] = load(self.body, reader.read_object(request, required=self.body_required))
        return self.view(**given)


class Routes:
    """The operations of one resource. ``schemas`` are those that the document names, and no operation does.

    >>> routes = Routes("sessions", "Conversations that last.")
    >>> found = ResponseSpec("The session.")
    >>> @routes.get("/api/v1/sessions/{session_id}", access="sessions:read", responses={200: found})
    ... def get_session(session_id: str) -> Response: ...
    """

    def __init__(self, tag: str, description: str, *, schemas: Sequence[type[Schema]] = ()) -> None:
        self.tag = tag
        self.description = description
        self.schemas = schemas
        self.declared: list[Route] = []

    def get(self, path: str, **declaration: Any) -> Callable[[V], V]:
        """Declare a GET."""
        return self._declare("GET", path, **declaration)

    def post(self, path: str, **declaration: Any) -> Callable[[V], V]:
        """Declare a POST."""
        return self._declare("POST", path, **declaration)

    def put(self, path: str, **declaration: Any) -> Callable[[V], V]:
        """Declare a PUT."""
        return self._declare("PUT", path, **declaration)

    def delete(self, path: str, **declaration: Any) -> Callable[[V], V]:
        """Declare a DELETE."""
        return self._declare("DELETE", path, **declaration)

    def blueprint(self) -> Blueprint:
        """Return the operations as a Flask blueprint."""
        blueprint = Blueprint(self.tag, __name__)
        for route in self.declared:
            rule = re.sub(r"{(\w+)}", r"<\1>", route.path)
            blueprint.add_url_rule(rule, route.operation_id, route.serve, methods=[route.method])
        return blueprint

    def _declare(
        self,
        method: str,
        path: str,
        *,
        query: type[Schema] | None = None,
        body: type[Schema] | None = None,
        **declaration: Any,
    ) -> Callable[[V], V]:
        declaration |= {"query": query() if query else None, "body": body() if body else None}

        def declare(view: V) -> V:
            self.declared.append(Route(method=method, path=path, view=view, tag=self.tag, **declaration))
            return view

        return declare


def _require(scope: str) -> None:
    if not caller().may(scope):
        raise Forbidden(f"this needs a credential with scope {scope!r}")


def services() -> Services:
    """Return the services of the application that serves this request."""
    found: Services = current_app.extensions["agentos"]
    return found


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a value as JSON."""
    return Response(orjson.dumps(value), status, headers, content_type="application/json")
