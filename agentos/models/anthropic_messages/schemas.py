"""JSON schemas as the Messages API takes them: those of tools, and that of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

COMBINATORS = frozenset({"oneOf", "anyOf", "allOf"})
KEPT = frozenset({"type", "enum", "const", "$ref", "title", "description", "default", "format", "required"})
"""What the grammar of structured outputs takes beside the keywords that hold schemas
(https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations)."""
FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})


def tool_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a tool's arguments.

    The API refuses combinations of schemas at its top. Without them the tool takes less from the model than it says;
    its arguments are checked before it is called anyway.
    """
    return {"type": "object", **{name: value for name, value in schema.items() if name not in COMBINATORS}}


def answer_schema(schema: Any) -> Any:
    """Return the schema of an answer without what the grammar does not take, which is put into its description.

    Objects are closed. The run checks the answer by the whole schema.
    """
    if not isinstance(schema, Mapping):
        return schema
    found: dict[str, Any] = {}
    left: dict[str, Any] = {}
    for name, value in schema.items():
        if name in ("properties", "$defs", "definitions") and isinstance(value, Mapping):
            found[name] = {key: answer_schema(inner) for key, inner in value.items()}
        elif name in ("anyOf", "allOf") and isinstance(value, list | tuple):
            found[name] = [answer_schema(inner) for inner in value]
        elif name == "oneOf" and isinstance(value, list | tuple):
            found["anyOf"] = [answer_schema(inner) for inner in value]
        elif name == "items" and isinstance(value, Mapping):
            found[name] = answer_schema(value)
        elif (name in KEPT and (name != "format" or value in FORMATS)) or (name == "minItems" and value in (0, 1)):
            found[name] = value
        elif name not in ("additionalProperties", "$schema", "$id"):
            left[name] = value
    if schema.get("type") == "object" or "properties" in schema:
        found["additionalProperties"] = False
    if left:
        found["description"] = f"{schema.get('description') or ''}\n{_text(left)}".strip()
    return found


def in_words(schema: Mapping[str, Any]) -> str:
    """Return instructions to answer as a schema says."""
    return f"Answer with one JSON document and nothing else. It must follow this JSON schema:\n{_text(schema)}"


def _text(value: Any) -> str:
    return orjson.dumps(value, default=lambda other: dict(other)).decode()
