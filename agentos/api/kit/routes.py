"""Declares the operations of the API, once for all: Flask serves them and the OpenAPI document describes them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeVar

import orjson
from flask import Response
from marshmallow import EXCLUDE, Schema

from agentos.api.kit.body import BodyReader, RawBody
from agentos.api.kit.callers import caller
from agentos.api.kit.current import this_app, this_request
from agentos.api.kit.doors import Door, ErrorRenderer, texts
from agentos.api.kit.ignored_fields import ignore_fields, name_ignored
from agentos.api.kit.path_parameters import PATH_PARAMETERS, PathParameter, names_in
from agentos.api.kit.query import read_query
from agentos.api.kit.schemas.loading import load
from agentos.errors import (
    AgentOSError,
    AuthenticationUnavailable,
    Forbidden,
    InternalError,
    InvalidRequest,
    PluginError,
    RateLimited,
    RequestTooLarge,
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

RUN_SOME = "agents:run:*"
"""The access of operations that run the agent which the body names: a caller needs the scope to run any one.

Whether it may run that one, ``server.runs.start`` asks.
"""

AUTHENTICATED = "authenticated"
"""The access of operations that every known caller may use, with any credential: it needs no scope."""

OPEN = (PUBLIC, PAGE)
"""The accesses that need no credential."""


@dataclass(frozen=True, slots=True)
class ResponseSpec:
    """What a successful response is; ``links`` are to operations that take its ids.

    ``schema`` describes its JSON; of several in a tuple, exactly one does.
    ``headers`` are always there, ``sometimes`` are not; both are described. ``content`` is what the document says of a
    media type that ``schema`` does not describe.
    """

    description: str
    schema: type[Schema] | tuple[type[Schema], ...] | None = None
    _: KW_ONLY
    media_types: Sequence[str] = ("application/json",)
    headers: Mapping[str, str] = field(default_factory=dict)
    sometimes: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    content: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation. ``path`` is as OpenAPI writes it; ``view`` is given its parts, ``query`` and ``body`` by name.

    ``access`` is the scope that a caller needs (``agents:run:{agent_id}`` is filled from the path), or
    :data:`AUTHENTICATED`, :data:`PAGE` or :data:`PUBLIC`. Of several scopes in a tuple, a caller needs any one. There
    is no default: each operation names it.
    A scope of a plugin's own is two words, as in ``metrics:read``. ``audit`` names what the operation does for the
    audit log, as in ``key.create``: each request has a line there, also a refused one.
    """

    method: str
    path: str
    view: View
    tag: str
    access: str | tuple[str, ...]
    responses: Mapping[int, ResponseSpec]
    query: Schema | None = None
    body: Schema | RawBody | None = None
    body_required: bool = True
    request_headers: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[type[AgentOSError], ...] = ()
    parameters: Mapping[str, PathParameter] = field(default_factory=lambda: PATH_PARAMETERS)
    door: Door | None = None
    audit: str | None = None
    ignores_fields: bool = field(init=False)
    """Whether a request may have fields or parameters that are not declared."""

    def __post_init__(self) -> None:
        is_open = any(isinstance(one, Schema) and one.unknown == EXCLUDE for one in (self.query, self.body))
        object.__setattr__(self, "ignores_fields", is_open)

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
    def scopes(self) -> tuple[str, ...]:
        """The scopes of which a caller needs one; empty for an operation that asks for none."""
        if self.access in (*OPEN, AUTHENTICATED):
            return ()
        return self.access if isinstance(self.access, tuple) else (self.access,)

    @property
    def description(self) -> str:
        """What the operation does: a sentence, a blank line, and the rest."""
        return inspect.getdoc(self.view) or ""

    @property
    def path_parameters(self) -> list[str]:
        """The names in braces, in their order."""
        return names_in(self.path)

    def serve(self, **path: str) -> Response:
        """Read the request as declared, and hand it to the view."""
        for name, value in path.items():
            self.parameters[name].check(value)
        if self.scopes:
            _require([scope.format(**path) for scope in self.scopes])
        given: dict[str, Any] = dict(path)
        request = this_request()
        query = read_query(request, self.query)
        if self.query is not None:
            given["query"] = query
        if self.body is not None:
            given["body"] = self._read_body()
        return name_ignored(self.view(**given)) if self.ignores_fields else self.view(**given)

    def _read_body(self) -> dict[str, Any] | bytes:
        reader: BodyReader = this_app().extensions["agentos.body"]
        if isinstance(self.body, RawBody):
            return reader.read_bytes(this_request(), self.body, required=self.body_required)
        assert self.body is not None
        values = reader.read_object(this_request(), required=self.body_required)
        if self.body.unknown == EXCLUDE:
            ignore_fields(self.body, values)
        return load(self.body, values)


class Routes:
    """The operations of one resource or protocol. ``schemas`` are those that the document names, and no operation does.

    >>> routes = Routes("sessions", "Conversations that last.")
    >>> found = ResponseSpec("The session.")
    >>> @routes.get("/api/v1/sessions/{session_id}", access="sessions:read", responses={200: found})
    ... def get_session(session_id: str) -> Response: ...

    ``agent_id``, ``session_id`` and ``run_id`` may stand in a path as they are; ``path_parameters`` declares others.

    With ``prefix`` or ``error_renderer`` it is a *door*: a protocol of its own. The renderer gives each error its form:
    those of the operations, those before them (authentication, limits, the body), and those of unknown paths below the
    prefix. ``error_schema`` describes the form. Two doors may have the same path if ``when_header`` of one names a
    header that its clients send. ``cors_request_headers`` (also as ``x-name-*``) may be sent by pages of the origins in
    ``AGENTOS_ALLOW_ORIGINS``, and ``cors_response_headers`` may be read by them.
    """

    def __init__(
        self,
        tag: str,
        description: str,
        *,
        schemas: Sequence[type[Schema]] = (),
        path_parameters: Mapping[str, PathParameter] | None = None,
        prefix: str | Sequence[str] = (),
        error_renderer: ErrorRenderer | None = None,
        error_schema: type[Schema] | None = None,
        when_header: str | None = None,
        cors_request_headers: Sequence[str] = (),
        cors_response_headers: Sequence[str] = (),
    ) -> None:
        self.tag = tag
        self.description = description
        self.schemas = schemas
        self.parameters: Mapping[str, PathParameter] = {**PATH_PARAMETERS, **(path_parameters or {})}
        self.declared: list[Route] = []
        door = Door(
            tag=tag,
            prefixes=texts(prefix),
            render=error_renderer,
            error_schema=error_schema,
            when_header=when_header,
            request_headers=texts(cors_request_headers),
            response_headers=texts(cors_response_headers),
        )
        self.door = door if door.is_needed else None

    def get(self, path: str, **declaration: Any) -> Callable[[V], V]:
        """Declare a GET; the keywords are the fields of :class:`Route`, with ``query`` and ``body`` as classes."""
        return self._declare("GET", path, **declaration)

    def post(self, path: str, **declaration: Any) -> Callable[[V], V]:
        """Declare a POST."""
        return self._declare("POST", path, **declaration)

    def put(self, path: str, **declaration: Any) -> Callable[[V], V]:
        """Declare a PUT."""
        return self._declare("PUT", path, **declaration)

    def patch(self, path: str, **declaration: Any) -> Callable[[V], V]:
        """Declare a PATCH."""
        return self._declare("PATCH", path, **declaration)

    def delete(self, path: str, **declaration: Any) -> Callable[[V], V]:
        """Declare a DELETE."""
        return self._declare("DELETE", path, **declaration)

    def _declare(
        self,
        method: str,
        path: str,
        *,
        query: type[Schema] | None = None,
        body: type[Schema] | RawBody | None = None,
        **declaration: Any,
    ) -> Callable[[V], V]:
        if undeclared := [name for name in names_in(path) if name not in self.parameters]:
            raise PluginError(
                f"path {path!r:.200} of routes {self.tag!r} has the parameter {undeclared[0]!r}, which is not declared;"
                " give Routes(path_parameters={…}) a PathParameter of that name"
            )
        declaration |= {
            "query": query() if query else None,
            "body": body() if isinstance(body, type) else body,
            "parameters": self.parameters,
            "door": self.door,
        }

        def declare(view: V) -> V:
            self.declared.append(Route(method=method, path=path, view=view, tag=self.tag, **declaration))
            return view

        return declare


def _require(scopes: Sequence[str]) -> None:
    who = caller()
    if not any(who.may_run_some if scope == RUN_SOME else who.may(scope) for scope in scopes):
        raise Forbidden(f"this needs a credential with scope {' or '.join(map(repr, scopes))}")


def services() -> Services:
    """Return the services of the application that serves this request."""
    found: Services = this_app().extensions["agentos"]
    return found


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a value as JSON."""
    return Response(orjson.dumps(value), status, headers, content_type="application/json")
