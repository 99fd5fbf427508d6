"""Blocks of content, and what they are here: texts and attachments."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from agentos import Media
from agentos.web import InvalidMedia, refuse, shown

IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")

Piece = str | Media


@dataclass(slots=True)
class Content:
    """Texts, one below the other, and attachments."""

    texts: list[str] = field(default_factory=list)
    media: list[Media] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All texts that are not empty."""
        return "\n".join(text for text in self.texts if text)

    def add(self, pieces: Sequence[Piece]) -> None:
        """Add what a block says."""
        for piece in pieces:
            if isinstance(piece, str):
                self.texts.append(piece)
            else:
                self.media.append(piece)


def blocks_of(value: Any, where: str) -> list[tuple[Mapping[str, Any], str]]:
    """Return the blocks of a content, each with its place: a text is one block. Raises ``InvalidRequest``."""
    if isinstance(value, str):
        return [({"type": "text", "text": value}, where)]
    if not isinstance(value, list):
        refuse(where, f"is {shown(value)}; accepted is a text or a list of blocks")
    found: list[tuple[Mapping[str, Any], str]] = []
    for number, block in enumerate(value):
        place = f"{where}[{number}]"
        if not isinstance(block, dict):
            refuse(place, f"is {shown(block)}; accepted is a block, an object")
        found.append((block, place))
    return found


def read_block(block: Mapping[str, Any], where: str, *, others: Sequence[str] = ()) -> Sequence[Piece]:
    """Return what a block of a user says. Raises ``InvalidRequest`` or ``InvalidMedia`` naming the field.

    ``others`` are the types that are accepted in its place too, for the message.
    """
    type = block.get("type")
    read = _BLOCKS.get(type) if isinstance(type, str) else None
    if read is None:
        refuse(f"{where}.type", f"is {shown(type)}; accepted are {', '.join((*_BLOCKS, *others))}")
    return read(block, where)


def read_text(given: Mapping[str, Any], name: str, where: str, *, optional: bool = False) -> str:
    """Return a field that is a text."""
    value = given.get(name)
    if value is None and optional:
        return ""
    if not isinstance(value, str):
        refuse(f"{where}.{name}", f"is {shown(value)}; needed is a text")
    return value


def _text(block: Mapping[str, Any], where: str) -> Sequence[Piece]:
    return [read_text(block, "text", where)]


def _image(block: Mapping[str, Any], where: str) -> Sequence[Piece]:
    source, place = _source(block, where)
    match source.get("type"):
        case "base64":
            return [_data("image", source, place, IMAGE_TYPES)]
        case "url":
            return [Media(type="image", url=read_text(source, "url", place))]
        case other:
            raise _source_error(other, place, "'base64' and 'url'")


def _document(block: Mapping[str, Any], where: str) -> Sequence[Piece]:
    source, place = _source(block, where)
    title = read_text(block, "title", where, optional=True)
    context = read_text(block, "context", where, optional=True)
    before = [text for text in (context,) if text]
    match source.get("type"):
        case "base64" if source.get("media_type") == "text/plain":
            return [*_titled(title), *before, _decoded(source, place)]
        case "base64":
            return [*before, _data("file", source, place, ("application/pdf",), name=title or None)]
        case "url":
            return [*before, Media(type="file", url=read_text(source, "url", place), name=title or None)]
        case "text":
            return [*_titled(title), *before, read_text(source, "data", place)]
        case "content":
            inner = blocks_of(source.get("content"), f"{place}.content")
            return [*_titled(title), *before, *(piece for one, at in inner for piece in read_block(one, at))]
        case other:
            raise _source_error(other, place, "'base64', 'url', 'text' and 'content'")


def _search_result(block: Mapping[str, Any], where: str) -> Sequence[Piece]:
    head = [read_text(block, name, where) for name in ("title", "source")]
    inner = blocks_of(block.get("content"), f"{where}.content")
    return [*head, *(piece for one, at in inner for piece in _text(one, at))]


def _tool_reference(block: Mapping[str, Any], where: str) -> Sequence[Piece]:
    return [f"The tool {read_text(block, 'tool_name', where)}"]


def _titled(title: str) -> list[str]:
    return [title] if title else []


def _source(block: Mapping[str, Any], where: str) -> tuple[Mapping[str, Any], str]:
    source, place = block.get("source"), f"{where}.source"
    if not isinstance(source, dict):
        refuse(place, f"is {shown(source)}; needed is an object with 'type'")
    return source, place


def _data(
    type: Literal["image", "file"],
    source: Mapping[str, Any],
    where: str,
    accepted: Sequence[str],
    *,
    name: str | None = None,
) -> Media:
    media_type = source.get("media_type")
    if not isinstance(media_type, str) or media_type not in accepted:
        raise _media_error(f"{where}.media_type", f"is {shown(media_type)}; accepted are {', '.join(accepted)}")
    return Media(type=type, data=read_text(source, "data", where), content_type=media_type, name=name)


def _decoded(source: Mapping[str, Any], where: str) -> str:
    try:
        return base64.b64decode(read_text(source, "data", where), validate=True).decode()
    except ValueError as error:  # what is no base64, and what is no UTF-8
        raise _media_error(f"{where}.data", "is no text in base64; accepted is UTF-8") from error


def _source_error(type: Any, where: str, accepted: str) -> InvalidMedia:
    advice = "; this server keeps no files" if type == "file" else ""
    return _media_error(f"{where}.type", f"is {shown(type)}; accepted are {accepted}{advice}")


def _media_error(where: str, words: str) -> InvalidMedia:
    return InvalidMedia(f"field {where!r} {words}", details={"fields": {where: words}})


_BLOCKS: Mapping[str, Callable[[Mapping[str, Any], str], Sequence[Piece]]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
    "tool_reference": _tool_reference,
}


def compact(value: Mapping[str, Any]) -> str:
    """Return an object as JSON."""
    return orjson.dumps(value).decode()
