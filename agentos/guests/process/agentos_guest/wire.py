"""Frames: four bytes with the length, then a JSON object with its ``kind``."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

VERSION = 1
LARGEST = 16 * 1024**2
"""Bytes of the JSON of one frame."""

Frame = Mapping[str, Any]

_LENGTH = 4
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class ProtocolError(Exception):
    """What came is no frame; the text says why."""


class TooLarge(ValueError):
    """A frame would be larger than the protocol allows."""


def encode(frame: Frame) -> bytes:
    """Return a frame's bytes, of JSON as :func:`dumps` makes it. Raises :class:`TooLarge`."""
    return framed(dumps(frame))


def framed(data: bytes) -> bytes:
    """Return the bytes of a frame of JSON. Raises :class:`TooLarge`."""
    if len(data) > LARGEST:
        raise TooLarge(f"{len(data)} bytes are more than the {LARGEST} that one frame may have")
    return len(data).to_bytes(_LENGTH, "big") + data


def dumps(value: Any) -> bytes:
    """Return a value's JSON. What is none, which a framework may put into arguments or results, becomes text.

    Raises what the code of such a value raises.
    """
    try:
        text = _encode(value)
    except (TypeError, ValueError, RecursionError):
        text = _encode(plain(value))
    # A lone surrogate, which a model can make, is no UTF-8, and the worker would refuse the frame.
    return text.encode("utf-8", "replace")


def is_json(value: Any) -> bool:
    """Return whether a value is JSON as it is."""
    try:
        _encode(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def has_large_integer(value: Any) -> bool:
    """Return whether a JSON value has an integer beyond 64 bits, which a worker's JSON cannot hold."""
    if isinstance(value, int):
        return not _is_64_bits(value)
    if isinstance(value, dict):
        return any(map(has_large_integer, value.values()))
    return isinstance(value, (list, tuple)) and any(map(has_large_integer, value))


async def read_frame(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """Return the next frame, ``None`` at the end. Raises :class:`ProtocolError` for anything else, and ``OSError``."""
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH), "big")
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise ProtocolError("the connection ended inside of a frame") from None
    if length > LARGEST:
        raise ProtocolError(f"a frame of {length} bytes was announced; accepted are at most {LARGEST}")
    try:
        frame = json.loads(await reader.readexactly(length))
    except asyncio.IncompleteReadError:
        raise ProtocolError("the connection ended inside of a frame") from None
    except (ValueError, RecursionError):
        raise ProtocolError("a frame is no JSON") from None
    if not isinstance(frame, dict) or not isinstance(frame.get("kind"), str):
        raise ProtocolError("a frame is no JSON object with a kind")
    return frame


def plain(value: Any, depth: int = 0) -> Any:
    """Return the JSON value that is nearest to a value of Python."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if _is_64_bits(value) else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth > 32:
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(one, depth + 1) for key, one in value.items()}
    if isinstance(value, (Sequence, set, frozenset)) and not isinstance(value, (bytes, bytearray)):
        return [plain(one, depth + 1) for one in value]
    dump = getattr(value, "model_dump", None)  # of pydantic, which most frameworks use
    if callable(dump) and not isinstance(value, type):
        return plain(dump(mode="json"), depth + 1)
    if is_dataclass(value) and not isinstance(value, type):
        # Not by asdict, which copies what is inside, and a lock cannot be copied.
        return {one.name: plain(getattr(value, one.name, None), depth + 1) for one in fields(value)}
    return str(value)


def _is_64_bits(value: int) -> bool:
    return -(2**63) <= value < 2**64
