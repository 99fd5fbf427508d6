"""What a ``$ref`` within a schema names: its root, a JSON pointer, or an anchor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from agentos.json_schema.places import inner_schemas


class Targets:
    """The schemas of one document that can be referred to. Nothing outside of the document is ever looked for."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._anchors: dict[str, Any] = {}
        self._schemas: set[int] = set()
        waiting: list[Any] = [document]
        while waiting:
            schema = waiting.pop()
            if isinstance(schema, Mapping):
                self._schemas.add(id(schema))
                if isinstance(anchor := schema.get("$anchor"), str):
                    self._anchors[anchor] = schema
                waiting += [inner for _, inner in inner_schemas(schema)]

    def find(self, reference: str) -> Any:
        """Return the schema that a reference names; raise ``LookupError`` where it names none."""
        if not reference.startswith("#"):
            raise LookupError(reference)
        fragment = unquote(reference[1:])
        if fragment and not fragment.startswith("/"):
            return self._anchors[fragment]
        found: Any = self._document
        for part in fragment.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            found = found[int(name)] if isinstance(found, list) and name.isdecimal() else found[name]
        if not isinstance(found, bool) and id(found) not in self._schemas:
            raise LookupError(reference)
        return found
