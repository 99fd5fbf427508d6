"""The OpenAPI document as YAML, written in pieces so that nothing else has to wait for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import indent
from typing import Any

import yaml

from agentos.api.kit.openapi import document, no_pause
from agentos.api.kit.routes import Routes

PIECEMEAL = ("paths", "components")
"""Parts of the document that are written entry by entry: to write all of them at once takes a fifth of a second."""


def render_yaml(resources: Sequence[Routes], *, pause: Callable[[], None] = no_pause) -> str:
    """Return the document as YAML, the same text at every call. ``pause`` is called every few milliseconds."""
    lines: list[str] = []
    for name, value in document(resources, pause=pause).items():
        if name not in PIECEMEAL:
            lines.append(_yaml({name: value}))
            continue
        lines.append(f"{name}:\n")
        for key, inner in value.items():
            if name == "paths":
                lines.append(_yaml({key: inner}, depth=1))
                pause()
                continue
            lines.append(f"  {key}:\n")
            for inner_name, one in inner.items():
                lines.append(_yaml({inner_name: one}, depth=2))
                pause()
    return "".join(lines)


def _yaml(value: dict[str, Any], *, depth: int = 0) -> str:
    width = 120 - 2 * depth
    return indent(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width), "  " * depth)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and nothing as an alias."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
