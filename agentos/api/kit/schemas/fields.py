"""The fields of schemas: strict types that coerce nothing, and that say what was given and what is accepted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, missing, pre_load

MAX_ID = 255
MAX_UNKNOWN = 20


class _Names(frozenset[str]):
    """The names of a schema's own fields.

    marshmallow goes through them for ``field.name``, which would be one of a nested schema, at each field that is
    given. There is none: each schema knows its own.
    """

    def __iter__(self) -> Iterator[str]:
        return iter(())


class RequestSchema(Schema):
    """What a request holds; a field that is not declared is refused."""

    class Meta:  # noqa: D106  # marshmallow's own
        unknown = RAISE

    @cached_property
    def _optional(self) -> _Names:
        """The fields that a request need not have, and that say nothing then."""
        fields = self.load_fields.items()
        return _Names(name for name, field in fields if not field.required and field.load_default is missing)

    def load(self, data: Any, *, partial: Any = None, **options: Any) -> Any:
        """Load values. Optional fields that are not among them cost nothing then: a protocol has dozens.

        marshmallow calls them ``partial``.
        """
        return super().load(data, partial=partial or self._optional, **options)

    @pre_load
    def refuse_many_unknown(self, values: Any, **_: Any) -> Any:
        """Refuse a body of a hundred thousand unknown fields for the first: to describe each would take seconds."""
        if self.unknown == RAISE and isinstance(values, dict) and len(values) > len(self.load_fields) + MAX_UNKNOWN:
            known = {field.data_key or name for name, field in self.load_fields.items()}
            raise ValidationError({next(name for name in values if name not in known): ["Unknown field."]})
        return values


class OpenRequestSchema(RequestSchema):
    """What a request of another protocol holds; fields that are not declared are ignored, and named in the answer.

    Our own API refuses them. A protocol's clients send what this server has no use for.
    """

    class Meta:  # noqa: D106  # marshmallow's own
        unknown = EXCLUDE


def shown(value: object) -> str:
    """Return a value as an error message shows it: always short."""
    match value:
        case str():
            return repr(value) if len(value) <= 80 else f"a text of {len(value)} characters"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict():
            return "an object"
        case list():
            return "a list"
        case _:
            return repr(value)[:40]


class StrictField(fields.Field[Any]):
    """A field that takes values as they are or refuses them; ``accepts`` says in words which it takes.

    A subclass checks in ``_fits``; one that converts overrides ``_deserialize``. ``schema`` is the field's JSON schema.
    ``optional`` is about answers, ``required`` and ``default`` about requests; ``key`` is its name in JSON where Python
    cannot have it.
    """

    def __init__(
        self,
        description: str,
        accepts: str,
        schema: Mapping[str, Any],
        *,
        required: bool = False,
        nullable: bool = False,
        optional: bool = False,
        default: Any = missing,
        example: Any = None,
        key: str | None = None,
    ) -> None:
        shown_schema = {"description": description, "optional": optional, **schema}
        if example is not None:
            shown_schema["examples"] = [example]
        super().__init__(
            required=required,
            allow_none=nullable,
            load_default=default,
            data_key=key,
            metadata=shown_schema,
            error_messages={
                "required": f"is missing; needed is {accepts}",
                "null": f"is null; accepted is {accepts}",
            },
        )
        self.accepts = accepts + (", or null" if nullable else "")

    def _fits(self, value: Any) -> bool:  # noqa: ARG002  # for those that check
        return True

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if not self._fits(value):
            raise self._refused(value)
        return value

    def _refused(self, value: object) -> ValidationError:
        return ValidationError(f"is {shown(value)}; accepted is {self.accepts}")


class StrictString(StrictField):
    """A text of a bounded length."""

    def __init__(
        self,
        description: str,
        *,
        least: int = 0,
        most: int | None = None,
        pattern: str | None = None,
        words: str | None = None,
        format: str | None = None,
        **options: Any,
    ) -> None:
        schema: dict[str, Any] = {"type": "string"}
        bounds = (("minLength", least or None), ("maxLength", most), ("pattern", pattern), ("format", format))
        schema |= {key: value for key, value in bounds if value is not None}
        if words is None:
            words = "a text" if most is None else f"a text of {least} to {most} characters"
        super().__init__(description, words, schema, **options)
        self._least, self._most = least, most
        self._pattern = None if pattern is None else re.compile(pattern)

    def _fits(self, value: Any) -> bool:
        if not isinstance(value, str) or not _within(len(value), self._least, self._most):
            return False
        # JSON schema's patterns are ECMA's: unanchored, and their `$` is the very end, which Python's is not.
        return self._pattern is None or (bool(self._pattern.search(value)) and not value.endswith("\n"))


class Choice(StrictField):
    """One of a few words."""

    def __init__(self, description: str, choices: Iterable[str], **options: Any) -> None:
        self._choices = [str(choice) for choice in choices]  # members of an enumeration too
        words = " or ".join(repr(choice) for choice in self._choices)
        accepted = [*self._choices, None] if options.get("nullable") else self._choices
        super().__init__(description, words, {"type": "string", "enum": accepted}, **options)

    def _fits(self, value: Any) -> bool:
        return isinstance(value, str) and value in self._choices


class StrictBoolean(StrictField):
    """True or false; neither 1 nor "true" is."""

    def __init__(self, description: str, **options: Any) -> None:
        super().__init__(description, "true or false", {"type": "boolean"}, **options)

    def _fits(self, value: Any) -> bool:
        return isinstance(value, bool)


class StrictInteger(StrictField):
    """A whole number in a range; 3.0 is none."""

    def __init__(self, description: str, *, least: int = 0, most: int | None = None, **options: Any) -> None:
        words = f"a whole number from {least}" + ("" if most is None else f" to {most}")
        schema = {"type": "integer", "minimum": least} | ({} if most is None else {"maximum": most})
        super().__init__(description, words, schema, **options)
        self._least, self._most = least, most

    def _fits(self, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and _within(value, self._least, self._most)


class Object(StrictField):
    """Any JSON object."""

    def __init__(self, description: str, **options: Any) -> None:
        schema = {"type": "object", "additionalProperties": True}
        super().__init__(description, "an object", schema, **options)

    def _fits(self, value: Any) -> bool:
        return isinstance(value, dict)


class StringList(StrictField):
    """A list of texts."""

    def __init__(self, description: str, *, most: int | None = None, each: int | None = None, **options: Any) -> None:
        words = "a list of texts" if most is None else f"a list of at most {most} texts of 1 to {each} characters"
        item = {"type": "string"} | ({} if each is None else {"minLength": 1, "maxLength": each})
        schema = {"type": "array", "items": item} | ({} if most is None else {"maxItems": most})
        super().__init__(description, words, schema, **options)
        self._most, self._each = most, each

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[str]:
        if not isinstance(value, list) or (self._most is not None and len(value) > self._most):
            raise self._refused(value)
        for number, item in enumerate(value):
            if not isinstance(item, str) or (self._each is not None and not 1 <= len(item) <= self._each):
                raise ValidationError({number: [f"is {shown(item)}; accepted is {self.accepts}"]})
        return value


def _within(size: int, least: int, most: int | None) -> bool:
    return least <= size and (most is None or size <= most)


def id_field(description: str, **options: Any) -> StrictString:
    """Return the field of an id: an opaque text of 1 to 255 characters."""
    return StrictString(description, least=1, most=MAX_ID, **options)


def metadata_field(description: str, **options: Any) -> Object:
    """Return the field of an object that is kept for the client, up to a size that the server's settings decide.

    :mod:`agentos.services.size_limits` checks it, for a schema knows no settings.
    """
    return Object(f"{description} At most `AGENTOS_MAX_METADATA_SIZE` as JSON (64 KiB by default).", **options)
