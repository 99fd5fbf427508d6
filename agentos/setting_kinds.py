"""What values the settings accept, and how each is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind:
    """What values a setting accepts, in words, and the function that checks and converts one.

    ``parse`` takes a text (environment), a TOML value (file) or a Python value (``Config(...)``), and raises
    ``ValueError``, ``KeyError`` or ``TypeError`` for what is not accepted.
    """

    accepts: str
    parse: Callable[[Any], Any]


class Refusal(ValueError):
    """Says in words of its own why a value is not accepted, without showing what may be secret in it."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many things in so many seconds."""

    count: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.count}/{self.seconds:g}s"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value.strip()


def _matching(pattern: str, value: Any) -> str:
    text = _text(value)
    if not re.fullmatch(pattern, text):
        raise ValueError(value)
    return text


def optional(parse: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """Let ``None`` and the empty text through as ``None``."""
    return lambda value: None if value is None or value == "" else parse(value)


def switchable(parse: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """Let ``None``, the empty text, ``none`` and ``off`` through as ``None``: no limit."""
    words = ("", "none", "off")
    return lambda value: None if value is None or str(value).strip().lower() in words else parse(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"[+-]?[0-9]{1,15}", str(value).strip()):
        raise ValueError(value)
    return int(str(value).strip())


def _decimal(value: Any) -> float:
    if isinstance(value, bool) or not isfinite(number := float(str(value).strip())):
        raise ValueError(value)
    return number


def _flag(value: Any) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    return words[str(value).strip().lower()]


def _number(value: Any, least: float, most: float) -> float:
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", str(value).strip()):
        raise ValueError(value)
    number = float(str(value).strip())
    if not least <= number <= most:
        raise ValueError(value)
    return number


def _size(value: Any) -> int:
    units = {"": 1, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
    match = re.fullmatch(r"([0-9]{1,12}) ?([a-z]*)", str(value).strip().lower())
    if match is None:
        raise ValueError(value)
    size = int(match[1]) * units[match[2]]
    if not 1024 <= size <= 1024**3:
        raise ValueError(value)
    return size


def _names(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    return tuple(stripped for item in items if (stripped := _text(item)))


def _plugin_names(value: Any) -> tuple[str, ...]:
    names = _names(value)
    return () if names == ("none",) else names


def _address(value: Any) -> str:
    host, separator, port = _text(value).rpartition(":")
    if not separator or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535 or "/" in host:
        raise ValueError(value)
    return f"{host}:{int(port)}"


def _path_prefix(value: Any) -> str | None:
    return _matching(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}){0,8}", _text(value).rstrip("/")) or None


def _hosts(value: Any) -> tuple[str, ...]:
    pattern = r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:]+:[0-9a-f:.]*"
    return tuple(_matching(pattern, name.lower()) for name in _names(value))


def _rate(value: Any) -> Rate:
    if isinstance(value, Rate):
        if value.count < 1 or not value.seconds > 0:
            raise ValueError(value)
        return value
    units = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    words = r"([0-9]{1,9}) ?(?:/|per) ?([0-9]{0,6}) ?(seconds?|minutes?|hours?|days?|[smhd])"
    match = re.fullmatch(words, _text(value).lower())
    if match is None or not int(match[1]) or (match[2] and not int(match[2])):
        raise ValueError(value)
    return Rate(int(match[1]), int(match[2] or 1) * units[match[3][0]])


def _origins(value: Any) -> tuple[str, ...]:
    return tuple(_matching(r"\*|https?://[A-Za-z0-9.\-\[\]:]+", origin) for origin in _names(value))


def one_of(*choices: str) -> Kind:
    """Accept one of a few words."""
    return Kind(" or ".join(choices), lambda value: choices[choices.index(str(value).strip().lower())])


def whole(least: int, most: int) -> Kind:
    """Accept a whole number in a range."""

    def parse(value: Any) -> int:
        number = _number(value, least, most)
        if not number.is_integer():
            raise ValueError(value)
        return int(number)

    return Kind(f"a whole number from {least} to {most}", parse)


def seconds(least: float, most: float) -> Kind:
    """Accept a time in a range."""
    return Kind(f"seconds, from {least:.15g} to {most:.15g}", lambda value: _number(value, least, most))


def or_none(kind: Kind) -> Kind:
    """Accept what ``kind`` accepts, and the words ``none`` and ``off``, which give ``None``: no limit."""
    return Kind(f"{kind.accepts}, or none", switchable(kind.parse))


TEXT = Kind("a text", _text)
INTEGER = Kind("a whole number", _integer)
NUMBER = Kind("a number", _decimal)
OPTIONAL_TEXT = Kind("a text", optional(_text))
FLAG = Kind("1 or 0 (also true/false, yes/no, on/off)", _flag)
SIZE = Kind("bytes, or a number with KiB, MiB or GiB, from 1 KiB to 1 GiB", _size)
NAMES = Kind("names, separated by commas", _names)
ADDRESS = Kind("host:port, or :port for all interfaces, IPv4 and IPv6", _address)
PATH_PREFIX = Kind("a path like /agents, of letters, digits, '-', '_', '.' and '~'", optional(_path_prefix))
ORIGINS = Kind("origins like https://app.example.com, separated by commas, or *", _origins)
HOSTS = Kind("host names and addresses, separated by commas; *.example.com for all below it", _hosts)
OPTIONAL_COUNT = or_none(whole(1, 1_000_000))
RATE = Kind("requests and a time, as in 100/minute, 10/s or 500/15m", _rate)
OPTIONAL_RATE = or_none(RATE)
OPTIONAL_MODEL = Kind("provider:name, as in openai:gpt-5-mini", optional(partial(_matching, r"[^:\s]+:\S.*")))
OPTIONAL_MEMBER = Kind(
    "module:name, as in server:server", optional(partial(_matching, r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*"))
)
PLUGINS = Kind("names of plugins, separated by commas, or none", optional(_plugin_names))

OF_TYPE: dict[type, Kind] = {str: TEXT, int: INTEGER, float: NUMBER, bool: FLAG}
"""The kind that each type stands for."""
