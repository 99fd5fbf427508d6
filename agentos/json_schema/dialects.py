"""The versions of JSON Schema that are accepted, by ``$schema``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Dialect:
    """A version: the keywords of other versions that it does not know."""

    unknown: frozenset[str] = frozenset()
    lonely_references: bool = False
    """True where nothing counts that stands beside a ``$ref``."""


_NEW = frozenset({"prefixItems"})
_NEWER = _NEW | {"dependentRequired", "dependentSchemas"}

DRAFT_2020 = Dialect(frozenset({"additionalItems", "dependencies"}))
DIALECTS: Mapping[str, Dialect] = {
    "https://json-schema.org/draft/2020-12/schema": DRAFT_2020,
    "https://json-schema.org/draft/2019-09/schema": Dialect(_NEW | {"dependencies"}),
    "http://json-schema.org/draft-07/schema": Dialect(_NEWER, lonely_references=True),
    "http://json-schema.org/draft-06/schema": Dialect(_NEWER | {"if"}, lonely_references=True),
}


def dialect_of(schema: Mapping[str, Any]) -> Dialect:
    """Return the version that a schema names, 2020-12 where it names none; raise ``KeyError`` for others."""
    named = schema.get("$schema")
    if named is None:
        return DRAFT_2020
    return DIALECTS[str(named).removesuffix("#")]
