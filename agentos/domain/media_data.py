"""The bytes of attachments and their base64, piece by piece: no attachment holds a worker for long."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Iterator

PIECE = 768 * 1024
"""Bytes of a piece. A multiple of three, so that the base64 of the pieces, joined, is that of the whole."""

REST = 0.0001
"""More than nothing: a cooperative worker's ``sleep(0)`` lets neither timers nor sockets have their turn."""

_CHARACTERS = PIECE // 3 * 4


def decoded_size(data: str) -> int:
    """Return how many bytes a base64 text stands for, without decoding it."""
    return len(data) * 3 // 4 - data[-2:].count("=")


def decoded(data: str) -> Iterator[bytes]:
    """Yield the bytes of a base64 text in pieces, and let others have their turn between two of them.

    Raises ``ValueError`` for what is not base64 (RFC 4648, standard alphabet, with padding).
    """
    for start in range(0, len(data), _CHARACTERS):
        if start:
            time.sleep(REST)
        piece = data[start : start + _CHARACTERS]
        if start + _CHARACTERS < len(data) and piece.endswith("="):
            raise ValueError("there is padding before the end")
        yield b64decode(piece, validate=True)


def encoded(content: bytes) -> str:
    """Return bytes as base64; lets others have their turn between two pieces."""
    view, pieces = memoryview(content), list[str]()
    for start in range(0, len(content), PIECE):
        if start:
            time.sleep(REST)
        pieces.append(b64encode(view[start : start + PIECE]).decode("ascii"))
    return "".join(pieces)
