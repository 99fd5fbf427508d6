"""The names of schemas in the OpenAPI document: each class has its own, also where two plugins think of the same."""

from __future__ import annotations

from apispec.ext.marshmallow import resolver
from apispec.ext.marshmallow.common import resolve_schema_cls
from marshmallow import Schema


class SchemaNames:
    """Names classes in the order in which they are met: the core's first, then the plugins' by their names."""

    def __init__(self) -> None:
        self._names: dict[type[Schema], str] = {}
        self._taken: set[str] = set()

    def __call__(self, schema: type[Schema] | Schema | str) -> str:
        """Return a schema's name: that of its class, behind that of its package where another class has it."""
        (kind,) = found if isinstance(found := resolve_schema_cls(schema), list) else [found]
        if kind not in self._names:
            self._names[kind] = name = self._free(resolver(kind), kind.__module__)
            self._taken.add(name)
        return self._names[kind]

    def _free(self, name: str, module: str) -> str:
        if name not in self._taken:
            return name
        name = "".join(word.capitalize() for word in module.partition(".")[0].split("_")) + name
        number = 2
        free = name
        while free in self._taken:
            free, number = f"{name}{number}", number + 1
        return free
