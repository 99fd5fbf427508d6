"""Writes the OpenAPI document from the declared routes; nothing in it is written twice. Needs no server."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema

from agentos._version import __version__
from agentos.api.kit import ignored_fields
from agentos.api.kit.body import RawBody
from agentos.api.kit.errors import CAUSE_STATUS, FINAL, LATER, SHOULD_RETRY, class_status
from agentos.api.kit.path_parameters import names_in, shape_of
from agentos.api.kit.routes import AUTHENTICATED, ResponseSpec, Route, Routes
from agentos.api.kit.schema_names import SchemaNames
from agentos.api.kit.schemas.errors import ErrorSchema
from agentos.api.kit.shared_operations import merged
from agentos.errors import AgentOSError, SessionBusy

DESCRIPTION = """\
Hosts AI agents behind one API: sessions that last, answers that stream, runs that are kept.

- Every answer carries `X-Request-ID`: the caller's own if it sent a sane one (1 to 128 letters, digits, `.`, `_`, `-`),
  else a new one.
- Every error is JSON of the shape `Error`.
- A field or query parameter that is not documented is refused; nothing is coerced.
- Times are RFC 3339 in UTC. Ids are opaque.
"""

SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or a token of the identity provider that the server trusts.",
    },
    "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}


SHAPES: dict[str, dict[str, str]] = {
    "Idempotency-Key": {"pattern": "^[!-~]{1,255}$"},
    "Last-Event-ID": {"pattern": "^[0-9]{1,18}$"},
}
"""What request headers hold, where not any text can be one."""


def no_pause() -> None:
    """Do nothing: most callers have nothing else to do."""


def document(resources: Sequence[Routes], *, pause: Callable[[], None] = no_pause) -> dict[str, Any]:
    """Return the OpenAPI document of these resources, in this version of the server.

    ``pause`` is called every few milliseconds.
    """
    names = SchemaNames()
    plugin = MarshmallowPlugin(schema_name_resolver=names)
    spec = APISpec(
        title="AgentOS",
        version=__version__,
        openapi_version="3.1.0",
        info={"description": DESCRIPTION, "license": {"name": "MIT", "identifier": "MIT"}},
        servers=[{"url": "/"}],
        plugins=[plugin],
    )
    by_name: list[type[Schema]] = [ErrorSchema, *(schema for resource in resources for schema in resource.schemas)]
    for schema in by_name:  # all others come in with the routes that use them
        spec.components.schema(names(schema), schema=schema)
    for resource in resources:
        spec.tag({"name": resource.tag, "description": resource.description})
    for path, operations in _paths(resources, plugin):
        spec.path(path, operations=operations)
        pause()
    for name, scheme in SECURITY.items():
        spec.components.security_scheme(name, scheme)
    spec.components.header("X-Request-ID", _header("The request's id; the server's log has it too.", required=True))
    described: dict[str, Any] = spec.to_dict()
    schemas = described["components"]["schemas"]
    _describe_schemas(schemas, _converter(plugin))
    codes = schemas[names(ErrorSchema)]["properties"]["code"]["enum"]
    codes += sorted({error.code for error in _declared_errors(resources)} - set(codes))
    return {name: described[name] for name in ("openapi", "info", "servers", "tags", "paths", "components")}


def _declared_errors(resources: Sequence[Routes]) -> Iterator[type[AgentOSError]]:
    for resource in resources:
        for route in resource.declared:
            yield from route.errors


def _paths(resources: Sequence[Routes], plugin: MarshmallowPlugin) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each path, in the order of its first operation, with those of its operations that stand together."""
    ids = _operation_ids(resources)
    together: dict[tuple[str, str], list[Route]] = {}
    for resource in resources:
        for route in resource.declared:
            together.setdefault((route.method, shape_of(route.path)), []).append(route)
    paths: dict[str, str] = {}
    for (method, shape), routes in together.items():
        operations = [_operation(route, plugin, ids) for route in routes]
        path = paths.setdefault(shape, routes[0].path)
        for operation in operations:
            _rename_parts(operation, path)
        yield path, {method.lower(): merged(operations, routes)}


def _rename_parts(operation: dict[str, Any], path: str) -> None:
    """Name the parts of an operation's address as the path does: one document has one path of each shape."""
    parts = [parameter for parameter in operation.get("parameters", ()) if parameter["in"] == "path"]
    for parameter, name in zip(parts, names_in(path), strict=True):
        parameter["name"] = name


def _operation_ids(resources: Sequence[Routes]) -> dict[tuple[str, str], str]:
    """Return the name of each operation, by the names of its resource and its function: no two may be the same."""
    ids: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for resource in resources:
        for route in resource.declared:
            name = route.operation_id
            ids[resource.tag, name] = f"{resource.tag}_{name}" if name in taken else name
            taken.add(ids[resource.tag, name])
    return ids


def _operation(route: Route, plugin: MarshmallowPlugin, ids: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    summary, _, rest = route.description.partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": ids[route.tag, route.operation_id],
        "tags": [route.tag],
        "summary": summary.replace("\n", " ").rstrip("."),
    }
    if rest:
        operation["description"] = rest.replace("\n", " ")
    # For these kinds of scheme the list holds the "roles" that are needed (OpenAPI 3.1, Security Requirement Object).
    operation["security"] = [{name: [scope]} for scope in route.scopes for name in SECURITY]
    if route.access == AUTHENTICATED:
        operation["security"] = [{name: []} for name in SECURITY]
    if parameters := _parameters(route, plugin):
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {
            "required": route.body_required,
            "content": _body(route.body),
        }
    operation["responses"] = {
        **{str(status): _response(response, route, ids) for status, response in route.responses.items()},
        **_errors(route, taken=set(route.responses)),
    }
    return operation


def _body(body: Schema | RawBody) -> dict[str, Any]:
    if not isinstance(body, RawBody):
        return {"application/json": {"schema": type(body)}}
    described = {"description": body.description} if body.description else {}
    return {
        media_type: {"schema": {"type": "string", "format": "binary", **described}} for media_type in body.media_types
    }


def _parameters(route: Route, plugin: MarshmallowPlugin) -> list[dict[str, Any]]:
    in_path = [
        _parameter("path", name, route.parameters[name].description, route.parameters[name].pattern)
        for name in route.path_parameters
    ]
    in_header = [_parameter("header", *header) for header in route.request_headers.items()]
    in_query = [] if route.query is None else _converter(plugin).schema2parameters(route.query, location="query")
    return in_path + in_query + in_header


def _parameter(place: str, name: str, description: str, pattern: str | None = None) -> dict[str, Any]:
    required = {"required": True} if place == "path" else {}
    schema = {"type": "string", **(SHAPES.get(name, {}) if pattern is None else {"pattern": pattern})}
    return {"in": place, "name": name, **required, "schema": schema, "description": description}


def _response(spec: ResponseSpec, route: Route, ids: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    ignored = {ignored_fields.HEADER: "Fields and parameters that were ignored."} if route.ignores_fields else {}
    described: dict[str, Any] = {
        "description": spec.description,
        "headers": _headers(spec.headers, {**spec.sometimes, **ignored}),
    }
    if spec.schema is not None or spec.media_types != ("application/json",):
        described["content"] = {media_type: _content(media_type, spec) for media_type in spec.media_types}
    if spec.links:
        described["links"] = {
            name: {"operationId": ids.get((route.tag, name), name), "parameters": dict(parameters)}
            for name, parameters in spec.links.items()
        }
    return described


def _content(media_type: str, spec: ResponseSpec) -> dict[str, Any]:
    if media_type in spec.content:
        return dict(spec.content[media_type])
    if media_type == "application/json":
        return {"schema": {"oneOf": [*spec.schema]} if isinstance(spec.schema, tuple) else spec.schema}
    if media_type == "application/yaml":
        return {"schema": {"type": "object"}}
    return {"schema": {"type": "string"}}


def _errors(route: Route, *, taken: set[int]) -> dict[str, Any]:
    codes: dict[int, list[str]] = {}
    for error in route.all_errors:
        if error.code == "EXECUTION_ERROR":
            for cause, status in CAUSE_STATUS.items():
                codes.setdefault(status, []).append(f"`EXECUTION_ERROR` ({cause})")
        else:
            status = class_status(error)
            if status not in taken and f"`{error.code}`" not in codes.setdefault(status, []):
                codes[status].append(f"`{error.code}`")
    return {str(status): _error(status, codes[status], _error_schema(route)) for status in sorted(codes)}


def _error_schema(route: Route) -> Any:
    if route.door is None or route.door.render is None:
        return ErrorSchema
    return {"type": "object"} if route.door.error_schema is None else route.door.error_schema


def _error(status: int, codes: list[str], schema: Any) -> dict[str, Any]:
    later = {"Retry-After": "Seconds after which it is worth trying again."}
    always = later if status in LATER else {}
    if status == 401:
        always = {"WWW-Authenticate": "How to say who calls (RFC 6750)."}
    sometimes = later if f"`{SessionBusy.code}`" in codes else {}
    if final := [cause for cause in FINAL if f"`EXECUTION_ERROR` ({cause})" in codes]:
        always, sometimes = {}, {**later, SHOULD_RETRY: f"`false` for {final[0]}: trying again does not help."}
    return {
        "description": ", ".join(codes),
        "headers": _headers(always, sometimes),
        "content": {"application/json": {"schema": schema}},
    }


def _headers(always: Mapping[str, str], sometimes: Mapping[str, str]) -> dict[str, Any]:
    own = {name: _header(description, required=True) for name, description in always.items()}
    own |= {name: _header(description) for name, description in sometimes.items()}
    return {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}, **own}


def _header(description: str, *, required: bool = False) -> dict[str, Any]:
    return {"description": description, **({"required": True} if required else {}), "schema": {"type": "string"}}


def _describe_schemas(schemas: dict[str, Any], converter: OpenAPIConverter) -> None:
    """Add what marshmallow has no word for: a schema's docstring, and its ``extra`` JSON schema."""
    for key, name in converter.refs.items():
        schema = key[0]
        schemas[name]["description"] = (inspect.getdoc(getattr(schema, "event", schema)) or "").replace("\n", " ")
        schemas[name].update(getattr(schema, "extra", {}))


def _converter(plugin: MarshmallowPlugin) -> OpenAPIConverter:
    assert plugin.converter is not None, "the plugin belongs to a specification"
    return plugin.converter
