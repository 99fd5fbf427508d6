"""Content of messages in both dialects: parts of texts and attachments, and what they are here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from agentos import Media
from agentos.web import InvalidMedia, refuse, shown

_AUDIO_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg"}
AUDIO_FORMATS = {type: format for format, type in _AUDIO_TYPES.items()}


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says: its texts, one below the other, and its attachments."""

    text: str = ""
    media: tuple[Media, ...] = ()


def read_content(value: Any, where: str, *, media: bool = True) -> Content:
    """Return the content of a message: a text, parts, or nothing.

    ``media`` says whether attachments are accepted. Raises ``InvalidRequest`` or ``InvalidMedia`` naming the part.
    """
    if value is None:
        return Content()
    if isinstance(value, str):
        return Content(value)
    if not isinstance(value, list):
        refuse(where, f"is {shown(value)}; accepted is a text or a list of parts")
    texts: list[str] = []
    found: list[Media] = []
    for number, part in enumerate(value):
        place = f"{where}[{number}]"
        read = _read_part(part, place)
        if isinstance(read, str):
            texts.append(read)
        elif media:
            found.append(read)
        else:
            _refuse_media(place, "is an attachment; accepted is text, only a user's message has attachments")
    return Content("\n".join(texts), tuple(found))


def _read_part(part: Any, where: str) -> str | Media:
    if not isinstance(part, dict):
        refuse(where, f"is {shown(part)}; accepted is a part, an object")
    type = str(part.get("type"))
    if type in _TEXTS:
        return _text(part, _TEXTS[type], where)
    if type not in _MEDIA:
        refuse(f"{where}.type", f"is {shown(part.get('type'))}; accepted are {', '.join((*_TEXTS, *_MEDIA))}")
    return _MEDIA[type](part, where)


def _image_url(part: Mapping[str, Any], where: str) -> Media:
    """Read the chat dialect's image: the address in an object."""
    place = f"{where}.image_url"
    given = part.get("image_url")
    if not isinstance(given, dict):
        refuse(place, f"is {shown(given)}; accepted is an object with 'url'")
    return _at_url("image", _text(given, "url", place), f"{place}.url")


def _input_image(part: Mapping[str, Any], where: str) -> Media:
    if part.get("image_url") is None:
        _refuse_file_id(part, where, "image_url")
    return _at_url("image", _text(part, "image_url", where), f"{where}.image_url")


def _input_audio(part: Mapping[str, Any], where: str) -> Media:
    place = f"{where}.input_audio"
    given = part.get("input_audio")
    if not isinstance(given, dict):
        refuse(place, f"is {shown(given)}; accepted is an object with 'data' and 'format'")
    format = given.get("format")
    if not isinstance(format, str) or format not in _AUDIO_TYPES:
        refuse(f"{place}.format", f"is {shown(format)}; accepted are 'wav' and 'mp3'")
    return Media(type="audio", data=_text(given, "data", place), content_type=_AUDIO_TYPES[format])


def _file(part: Mapping[str, Any], where: str) -> Media:
    """Read the chat dialect's file: its fields in an object."""
    place = f"{where}.file"
    given = part.get("file")
    if not isinstance(given, dict):
        refuse(place, f"is {shown(given)}; accepted is an object with 'file_data' and 'filename'")
    return _read_file(given, place)


def _read_file(given: Mapping[str, Any], where: str) -> Media:
    name = given.get("filename")
    if name is not None and not isinstance(name, str):
        refuse(f"{where}.filename", f"is {shown(name)}; accepted is a text")
    if given.get("file_url") is not None:
        return _at_url("file", _text(given, "file_url", where), f"{where}.file_url", name=name)
    if given.get("file_data") is None:
        _refuse_file_id(given, where, "file_data")
    data = _text(given, "file_data", where)
    if data.startswith("data:"):
        return _at_url("file", data, f"{where}.file_data", name=name)
    return Media(type="file", data=data, content_type="application/pdf", name=name)


def _at_url(type: Any, url: str, where: str, *, name: str | None = None) -> Media:
    if not url.startswith("data:"):
        return Media(type=type, url=url, name=name)
    head, comma, data = url[len("data:") :].partition(",")
    content_type, *options = head.split(";")
    if not comma or "base64" not in options or not content_type:
        _refuse_media(where, "is a data: address that is not accepted; accepted is data:TYPE;base64,DATA")
    return Media(type=type, data=data, content_type=content_type, name=name)


def _text(part: Mapping[str, Any], name: str, where: str) -> str:
    value = part.get(name)
    if not isinstance(value, str):
        refuse(f"{where}.{name}", f"is {shown(value)}; accepted is a text")
    return value


def _refuse_file_id(given: Mapping[str, Any], where: str, accepted: str) -> NoReturn:
    if given.get("file_id") is not None:
        _refuse_media(f"{where}.file_id", f"is given; this server keeps no files, so send {accepted!r}")
    refuse(f"{where}.{accepted}", "is missing; needed is a text")


def _refuse_media(where: str, words: str) -> NoReturn:
    raise InvalidMedia(f"field {where!r} {words}", details={"fields": {where: words}})


_TEXTS = {"text": "text", "refusal": "refusal", "input_text": "text", "output_text": "text"}
_MEDIA: dict[str, Callable[[Mapping[str, Any], str], Media]] = {
    "image_url": _image_url,
    "input_image": _input_image,
    "input_audio": _input_audio,
    "file": _file,
    "input_file": _read_file,
}
