"""The fields that have other fields in them, and those that only answers have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from agentos.api.kit.schemas.fields import StrictField, shown


class ResponseSchema(Schema):
    """What an answer holds; every field is always there unless it is declared ``optional``. Never used to load."""

    class Meta:  # noqa: D106  # marshmallow's own
        unknown = EXCLUDE

    def on_bind_field(self, _: str, field_obj: fields.Field[Any]) -> None:
        """Make the field required in the document."""
        field_obj.required = not field_obj.metadata.get("optional", False)


class Seconds(StrictField):
    """A time span; in answers alone."""

    def __init__(self, description: str, **options: Any) -> None:
        super().__init__(description, "seconds", {"type": "number", "minimum": 0}, **options)


class Time(StrictField):
    """A point in time; in answers alone."""

    def __init__(self, description: str, **options: Any) -> None:
        schema = {"type": "string", "format": "date-time"}
        super().__init__(description, "a time", schema, example="2026-11-22T12:00:00.123456Z", **options)


class Raw(StrictField):
    """A value that is checked elsewhere, or that may be anything; ``schema`` is what the document says."""

    def __init__(self, description: str, schema: Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(description, "any JSON", schema or {}, **options)


class Nested(fields.Nested):
    """An object with fields of its own."""

    def __init__(self, schema: type[Schema], description: str = "", *, optional: bool = False, **options: Any) -> None:
        metadata: dict[str, Any] = {"description": description} if description else {}
        if optional:
            metadata["optional"] = True
        super().__init__(
            schema, metadata=metadata, error_messages={"null": "is null; accepted is an object"}, **options
        )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError(f"is {shown(value)}; accepted is an object")
        return super()._deserialize(value, *args, **kwargs)


class NestedList(fields.List[Any]):
    """A list of objects with fields of their own; in answers alone."""

    def __init__(self, schema: type[Schema], description: str = "", *, optional: bool = False) -> None:
        metadata: dict[str, Any] = {"optional": optional} | ({"description": description} if description else {})
        super().__init__(fields.Nested(schema), metadata=metadata)


class ObjectList(fields.List[Any]):
    """A list of objects with fields of their own, as a request has it."""

    def __init__(
        self,
        schema: type[Schema],
        description: str,
        *,
        least: int = 0,
        most: int,
        required: bool = False,
        nullable: bool = False,
    ) -> None:
        self._accepts = f"a list of {least} to {most} objects"
        self._least, self._most = least, most
        super().__init__(
            Nested(schema),
            required=required,
            allow_none=nullable,
            metadata={"description": description, "minItems": least, "maxItems": most},
            error_messages={
                "required": f"is missing; needed is {self._accepts}",
                "null": f"is null; accepted is {self._accepts}",
            },
        )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError(f"is {shown(value)}; accepted is {self._accepts}")
        if not self._least <= len(value) <= self._most:
            raise ValidationError(f"has {len(value)} items; accepted is {self._accepts}")
        return super()._deserialize(value, *args, **kwargs)
