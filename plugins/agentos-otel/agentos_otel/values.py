"""Names and values as OTLP has them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Protocol

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from agentos import __version__
from agentos_otel.variables import pairs

Value = str | bool | int | float | Sequence[str]
Attributes = Mapping[str, Value | None]
"""What has no value is left out."""


class KeyValues(Protocol):
    """The attributes of a message."""

    def add(self) -> KeyValue:
        """Add one and return it."""


LONGEST = 8192
"""Characters of a text, unless ``OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`` says another length."""

MOST_VALUES = 100
"""Texts of a list."""

SCOPE = InstrumentationScope(name="agentos", version=__version__)


def add_attributes(to: KeyValues, attributes: Attributes, length: int = LONGEST) -> None:
    """Add attributes to those of a message; their texts are cut.

    In place, because messages that are made apart and given to their owner are copied, which takes four times as long.
    """
    for name, value in attributes.items():
        if value is None:
            continue
        added = to.add()
        added.key = name
        if isinstance(value, str):
            added.value.string_value = cut(value, length)
        elif isinstance(value, bool):
            added.value.bool_value = value
        elif isinstance(value, int):
            added.value.int_value = value
        elif isinstance(value, float):
            added.value.double_value = value
        else:
            values = added.value.array_value
            values.SetInParent()  # an empty list too
            for one in value[:MOST_VALUES]:
                values.values.add().string_value = cut(one, length)


def cut(text: str, length: int = LONGEST) -> str:
    """Return the beginning of a text, without what UTF-8 cannot carry."""
    text = text[:length]
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def resource_of(environ: Mapping[str, str]) -> Resource:
    """Return what all that a process sends says of it; what the variables name comes first."""
    found = {"service.name": "agentos", "service.version": __version__, "service.instance.id": str(uuid.uuid4())}
    found |= pairs(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    name = environ.get("OTEL_SERVICE_NAME", "").strip()
    resource = Resource()
    add_attributes(resource.attributes, {**found, "service.name": name or found["service.name"]})
    return resource
