"""The one part of the encoding of Protocol Buffers that puts encoded messages into another one."""

from __future__ import annotations

LENGTH_DELIMITED = 2


def field(number: int, encoded: bytes) -> bytes:
    """Return a field that holds an encoded message."""
    return _varint(number << 3 | LENGTH_DELIMITED) + _varint(len(encoded)) + encoded


def _varint(value: int) -> bytes:
    pieces = bytearray()
    while value > 0x7F:
        pieces.append(value & 0x7F | 0x80)
        value >>= 7
    pieces.append(value)
    return bytes(pieces)
