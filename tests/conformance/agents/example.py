"""The smallest value that follows a JSON schema, as a model would write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def example_of(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:
    """Return a value that follows a schema of the kind that pydantic writes. ``root`` has the ``$defs``."""
    root = schema if root is None else root
    if "$ref" in schema:
        return example_of(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], root)
    match schema.get("type"):
        case "object":
            return {name: example_of(part, root) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [example_of(schema["items"], root)]
        case "integer":
            return 7
        case "number":
            return 0.5
        case "boolean":
            return True
    return "text"
