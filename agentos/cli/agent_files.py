"""Files of agents: YAML or JSON, one agent or several, read strictly and within bounds."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click

from agentos.cli.values import json_reader
from agentos.domain.text import one_line
from agentos.errors import InvalidRequest
from agentos.strict_json import JSONRefused

MAX_SIZE = 32 * 1024**2
"""Bytes of one file."""

MAX_DEPTH = 64
SUFFIXES = (".yaml", ".yml", ".json")

_REFUSED = {
    "depth": "it is nested too deep",
    "key": "it has the key {} twice in one object",
    "text": "a text in it has U+0000, or half of a surrogate pair",
}


@dataclass(frozen=True, slots=True)
class AgentFile:
    """An agent's document, and where it stands: ``file 'agents.yaml', document 2``."""

    place: str
    document: Mapping[str, Any]


def read_agents(paths: Sequence[Path]) -> list[AgentFile]:
    """Return the agents that files and folders hold, in their order; ``-`` is standard input.

    Raises :class:`~agentos.errors.InvalidRequest` with the file and the document that is wrong.
    """
    return [agent for path in paths for file in _files(path) for agent in _read(file)]


def read_agent(path: Path) -> dict[str, Any]:
    """Return the one agent that a file holds."""
    found = list(_read(path))
    if len(found) != 1:
        raise InvalidRequest(
            f"file {str(path)!r} holds {len(found)} agents; accepted is one here ('agents import' takes several)"
        )
    return dict(found[0].document)


def _files(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(one for one in path.iterdir() if one.suffix in SUFFIXES and one.is_file())
    if not found:
        raise InvalidRequest(f"folder {str(path)!r} holds no file of agents; accepted are {', '.join(SUFFIXES)}")
    return found


def _read(path: Path) -> Iterator[AgentFile]:
    name = f"file {str(path)!r}"
    documents = _documents(name, _text(path))
    several = len([one for one in documents if one is not None]) > 1
    for number, document in enumerate(documents, 1):
        if document is None:  # nothing between two '---'
            continue
        place = f"{name}, document {number}" if several else name
        yield AgentFile(place, _plain(place, document))


def _documents(name: str, text: str) -> list[Any]:
    import yaml

    if text.lstrip().startswith(("{", "[")):
        # Nearly all JSON is YAML, but not the escapes of characters beyond U+FFFF.
        with suppress(json.JSONDecodeError):
            try:
                return [json_reader.read(text)]
            except JSONRefused as error:
                why = _REFUSED.get(error.reason, "the number {} is not accepted")
                raise InvalidRequest(f"{name} holds no agent: {why.format(one_line(error.found, 60))}") from error
    try:
        _check_events(text)
        return list(yaml.load_all(text, Loader=_loader()))
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise InvalidRequest(f"{name} does not hold an agent as YAML or JSON: {error}") from error


def _text(path: Path) -> str:
    try:
        if str(path) == "-":
            content = sys.stdin.buffer.read(MAX_SIZE + 1)
        else:
            with path.open("rb") as file:
                content = file.read(MAX_SIZE + 1)
        if len(content) > MAX_SIZE:
            raise InvalidRequest(f"file {str(path)!r} is too large; accepted are at most {MAX_SIZE} bytes")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRequest(f"file {str(path)!r} does not hold an agent as YAML or JSON: it is not UTF-8") from None
    except OSError as error:
        raise click.UsageError(f"File '{path}' cannot be read: {error.strerror}.") from error


def _plain(place: str, document: Any) -> dict[str, Any]:
    """Return a document as JSON has it: YAML also knows sets, bytes and infinity."""
    try:
        plain = json_reader.read(json.dumps(document, allow_nan=False, ensure_ascii=False))
    except JSONRefused:
        plain = None
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidRequest(f"{place} does not hold an agent as YAML or JSON: {error}") from error
    if not isinstance(plain, dict):
        raise InvalidRequest(
            f"{place} holds no agent; accepted is a YAML or JSON object with the fields of an agent, without U+0000"
        )
    return plain


def _check_events(text: str) -> None:
    """Raise ``ValueError`` for what would take much more memory than the text does: aliases and deep nesting."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(
                f"line {_line(event)} has the alias '*{event.anchor}'; aliases are not accepted, repeat the value"
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"line {_line(event)} is nested more than {MAX_DEPTH} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _line(part: Any) -> int:
    return int(part.start_mark.line) + 1


@cache
def _loader() -> Any:
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # found while it runs
        """Takes a date as text, and refuses keys that are no text or are given twice."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = set()
            for key, _ in node.value:
                line = _line(key)
                if key.tag != "tag:yaml.org,2002:str":
                    raise ValueError(f"line {line} has the key {key.value!s:.60}; accepted are texts, quoted if needed")
                if key.value in keys:
                    raise ValueError(f"line {line} has the key {key.value!r:.60} twice")
                keys.add(key.value)
            return super().construct_mapping(node, deep)

    Loader.add_constructor("tag:yaml.org,2002:timestamp", Loader.construct_yaml_str)
    return Loader
