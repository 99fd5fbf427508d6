"""One operation of the OpenAPI document for several doors at one address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentos.api.kit.declarations import is_page_alone
from agentos.api.kit.routes import Route


def merged(operations: Sequence[dict[str, Any]], routes: Sequence[Route]) -> dict[str, Any]:
    """Return one operation that says all that the doors' own say: a body or answer is as one of them has it."""
    if len(operations) == 1:
        return operations[0]
    first = dict(operations[0])
    first["tags"] = [tag for operation in operations for tag in operation["tags"]]
    first["description"] = " ".join(
        _told(operation, route) for operation, route in zip(operations, routes, strict=True)
    )
    if parameters := _parameters(operations, routes):
        first["parameters"] = parameters
    bodies = [operation["requestBody"] for operation in operations if "requestBody" in operation]
    if bodies:
        required = len(bodies) == len(operations) and all(body["required"] for body in bodies)
        first["requestBody"] = {"required": required, "content": _contents([body["content"] for body in bodies])}
    statuses = sorted({status for operation in operations for status in operation["responses"]})
    first["responses"] = {
        status: _response([one["responses"][status] for one in operations if status in one["responses"]])
        for status in statuses
    }
    return first


def _told(operation: dict[str, Any], route: Route) -> str:
    header = None if route.door is None else route.door.when_header
    when = f"With the header `{header}`" if header else "For browsers" if is_page_alone(route) else "Otherwise"
    return f"{when} (`{route.tag}`): {operation['summary']}. {operation.get('description', '')}".strip()


def _parameters(operations: Sequence[dict[str, Any]], routes: Sequence[Route]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for operation, route in zip(operations, routes, strict=True):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path" and route is not routes[0]:
                continue  # the same parts of the address, which may have other names there
            optional = parameter if parameter["in"] == "path" else {**parameter, "required": False}
            found.setdefault((parameter["in"], parameter["name"].lower()), optional)
        header = None if route.door is None else route.door.when_header
        if header:
            description = f"Asks for the protocol of `{route.tag}`."
            chosen = {"in": "header", "name": header, "schema": {"type": "string"}, "description": description}
            found.setdefault(("header", header.lower()), chosen)
    return list(found.values())


def _response(responses: Sequence[dict[str, Any]]) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    for response in responses:
        for name, header in response.get("headers", {}).items():
            everywhere = all(name in other.get("headers", {}) for other in responses)
            optional = {key: value for key, value in header.items() if key != "required"}
            headers.setdefault(name, header if everywhere or "$ref" in header else optional)
    described = {
        "description": "; ".join(dict.fromkeys(response["description"] for response in responses)),
        "headers": headers,
    }
    contents = [response["content"] for response in responses if "content" in response]
    return {**described, **({"content": _contents(contents)} if contents else {})}


def _contents(contents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    types = dict.fromkeys(media_type for content in contents for media_type in content)
    return {media_type: _content([one[media_type] for one in contents if media_type in one]) for media_type in types}


def _content(several: Sequence[dict[str, Any]]) -> dict[str, Any]:
    schemas: list[Any] = []
    for one in several:
        if one.get("schema") not in (*schemas, None):
            schemas.append(one["schema"])
    return dict(several[0]) if len(schemas) < 2 else {"schema": {"anyOf": schemas}}
