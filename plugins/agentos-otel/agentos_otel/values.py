"""Names and values as OTLP has them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from agentos import __version__
from agentos_otel.variables import pairs

Value = str | bool | int | float | Sequence[str]
Attributes = Mapping[str, Value | None]
"""What has no value is left out."""

LONGEST = 8192
"""Characters of a text, unless ``OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`` says another length."""

MOST_VALUES = 100
"""Texts of a list."""

SCOPE = InstrumentationScope(name="agentos", version=__version__)


def key_values(attributes: Attributes, length: int = LONGEST) -> list[KeyValue]:
    """Return attributes; their texts are cut."""
    return [
        KeyValue(key=name, value=_any_value(value, length)) for name, value in attributes.items() if value is not None
    ]


def cut(text: str, length: int = LONGEST) -> str:
    """Return the beginning of a text, without what UTF-8 cannot carry."""
    text = text[:length]
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def resource_of(environ: Mapping[str, str]) -> Resource:
    """Return what all that a process sends says of it; what the variables name comes first."""
    found = {"service.name": "agentos", "service.version": __version__, "service.instance.id": str(uuid.uuid4())}
    found |= pairs(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    name = environ.get("OTEL_SERVICE_NAME", "").strip()
    return Resource(attributes=key_values({**found, "service.name": name or found["service.name"]}))


def _any_value(value: Value, length: int) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=cut(value, length))
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    texts = [AnyValue(string_value=cut(one, length)) for one in value[:MOST_VALUES]]
    return AnyValue(array_value=ArrayValue(values=texts))
