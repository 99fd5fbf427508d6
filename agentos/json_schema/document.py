"""A schema as a document: what a ``$ref`` within it names (its root, a JSON pointer or an anchor), and its patterns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from agentos.json_schema.patterns import Pattern
from agentos.json_schema.places import all_schemas
from agentos.json_schema.violation import Path
from agentos.json_schema.work import PATTERN, Work


class Document:
    """A schema with all schemas in it. Nothing outside of it is ever looked for."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self.work = Work(10**9)  # counts what compiling it costs
        self.schemas: dict[int, Mapping[str, Any]] = {}  # those that are objects, by their id()
        self.paths: dict[int, Path] = {}
        for path, one in all_schemas(root):
            if isinstance(one, Mapping):
                self.schemas[id(one)] = one
                self.paths[id(one)] = path
        self._anchors = {one["$anchor"]: one for one in self.schemas.values() if isinstance(one.get("$anchor"), str)}
        self._patterns: dict[str, Pattern] = {}

    def find(self, reference: str) -> Any:
        """Return the schema that a reference names; raise ``LookupError`` where it names none."""
        if not reference.startswith("#"):
            raise LookupError(reference)
        fragment = unquote(reference[1:])
        if fragment and not fragment.startswith("/"):
            return self._anchors[fragment]
        found: Any = self._root
        for part in fragment.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            found = found[int(name)] if isinstance(found, list) and name.isdecimal() else found[name]
        if not isinstance(found, bool) and id(found) not in self.schemas:
            raise LookupError(reference)
        return found

    def pattern(self, pattern: str) -> Pattern:
        """Return the automaton of a regular expression; the same one for the same text."""
        known = self._patterns.get(pattern)
        if known is None:
            known = self._patterns[pattern] = Pattern(pattern)
            self.work.spend(PATTERN)
        return known
