"""The kinds of values that arguments and options take."""

from __future__ import annotations

import base64
import mimetypes
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from agentos.domain.media import Media
from agentos.domain.text import is_clean
from agentos.domain.times import utc_now
from agentos.strict_json import JSONReader

json_reader = JSONReader(max_depth=64, integers=range(-(2**63), 2**64))

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Text(click.ParamType[str]):
    """A text that can be stored and sent: no U+0000, nothing that is not UTF-8."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text as it is."""
        text = str(value)
        if not is_clean(text):
            self.fail("it holds U+0000 or bytes that are not UTF-8", param, ctx)
        return text


class TextOrFile(Text):
    """A text, or ``@FILE`` for what a file holds (``@-``: standard input)."""

    name = "text|@file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, or the file's content."""
        text = str(value)
        return super().convert(self.read(text[1:], param, ctx) if text.startswith("@") else text, param, ctx)

    def read(self, path: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return what a file holds."""
        try:
            return sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
        except UnicodeDecodeError:
            self.fail(f"file {path!r} is not UTF-8", param, ctx)
        except OSError as error:
            self.fail(f"file {path!r} cannot be read: {error.strerror}", param, ctx)


class JSONObject(TextOrFile):
    """A JSON object, or ``@FILE`` for one in a file."""

    name = "json|@file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the object as a dict."""
        text = super().convert(value, param, ctx)
        found = json_or_text(text)
        if not isinstance(found, dict):
            self.fail(f"{text!r:.100} is not a JSON object", param, ctx)
        return found


class Pair(Text):
    """``KEY=VALUE``. The command decides what the value means."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return key and value, both text."""
        text = super().convert(value, param, ctx)
        key, separator, rest = text.partition("=")
        if not separator or not key:
            self.fail(f"{text!r:.100} is not KEY=VALUE", param, ctx)
        return key, rest


class Duration(click.ParamType[timedelta]):
    """A length of time: a number and one of s, m, h, d, w."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the length of time."""
        match = re.fullmatch(r"([0-9]{1,5})([smhdw])", value, re.ASCII)
        if match is None:
            self.fail(f"{value!r:.60} is not a duration: give a number and one of s, m, h, d, w, as in 30d", param, ctx)
        return timedelta(**{UNITS[match[2]]: int(match[1])})


class PointInTime(click.ParamType[datetime]):
    """A time: how long until then (``ahead``) or since then, a day, or a time of RFC 3339."""

    name = "when"

    def __init__(self, *, ahead: bool) -> None:
        self._sign = 1 if ahead else -1

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time, in UTC; a day means its beginning."""
        try:
            return utc_now() + self._sign * Duration().convert(value, param, ctx)
        except click.UsageError:
            pass
        try:
            time = datetime.fromisoformat(value)
            if time.tzinfo is None and len(value) > len("2027-01-31"):
                self.fail(f"{value!r:.60} has no time zone: end it with Z for UTC", param, ctx)
            return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r:.60} is no time: give 90d, 2027-01-31 or 2027-01-31T12:00:00Z", param, ctx)


class Image(click.ParamType[Media]):
    """An image: the path of a file, or an http(s) URL that the model's provider fetches."""

    name = "path|url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Media:
        """Return the attachment."""
        if re.match(r"https?://", value):
            return Media("image", url=value)
        content_type = mimetypes.guess_type(value)[0]
        if content_type is None or not content_type.startswith("image/"):
            self.fail(f"{value!r:.200} is no URL, and its ending is not that of an image (.png, .jpg, …)", param, ctx)
        try:
            data = Path(value).read_bytes()
        except OSError as error:
            self.fail(f"file {value!r} cannot be read: {error.strerror}", param, ctx)
        return Media("image", data=base64.b64encode(data).decode(), content_type=content_type, name=Path(value).name)


def json_or_text(raw: str) -> Any:
    """Return the JSON value that a text is, or the text itself where it is none that can be stored and sent."""
    try:
        return json_reader.read(raw)
    except ValueError:
        return raw
