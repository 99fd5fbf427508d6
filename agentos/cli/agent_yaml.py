"""Writes agents as YAML that people edit: long texts as blocks, keys in their order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from agentos.domain.text import CONTROL


def agent_yaml(document: Mapping[str, Any]) -> str:
    """Return an agent's document as YAML; reading it gives the same document."""
    import yaml

    text: str = yaml.dump(
        dict(document),
        Dumper=_dumper(),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=100_000,  # a text is not wrapped: a change of one word is then a change of one line
    )
    return text


def agents_yaml(documents: Iterable[Mapping[str, Any]]) -> str:
    """Return agents as the documents of one YAML file."""
    return "---\n".join(map(agent_yaml, documents))


@cache
def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Indents lists, and never writes an alias: some readers refuse them, and so do we."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: ARG002
            return super().increase_indent(flow, False)

    def text(dumper: Any, value: str) -> Any:
        style = None
        if CONTROL.search(value.replace("\n", "").replace("\t", "")):
            style = '"'  # which has escapes: some of these are ends of lines in YAML, and a terminal obeys others
        elif "\n" in value and not value[0].isspace():
            # A block that begins with a space or an empty line needs a hint that not every reader knows.
            style = "|"
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper
