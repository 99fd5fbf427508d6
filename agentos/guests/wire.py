"""What travels between a worker and a guest process: frames of JSON on a Unix socket."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from agentos.storage.json_text import dumps, loads

VERSION = 1

LARGEST = 16 * 1024**2
"""Bytes of one frame's JSON."""

_PIECE = 16 * 1024
"""Bytes that are read at once: few enough that what they say is passed on in some milliseconds."""

_LENGTH = struct.Struct(">I")


class ProtocolError(Exception):
    """What came is no frame of this protocol."""


def encode(frame: Mapping[str, Any]) -> bytes:
    """Return a frame: 4 bytes of its length, most significant first, then its JSON. Raises ``ProtocolError``."""
    try:
        payload = orjson.dumps(frame, default=dict)
    except TypeError:  # an integer beyond 64 bits, or a half of a surrogate pair, which clients may send
        payload = dumps(frame).encode("ascii")
    if len(payload) > LARGEST:
        raise ProtocolError(f"a frame of {len(payload)} bytes is larger than {LARGEST}")
    return _LENGTH.pack(len(payload)) + payload


class FrameReader:
    """Reads frames. What arrived together is returned together."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""
        """The beginning of a frame that is not here in full."""
        self._broken: ProtocolError | None = None

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the frames that arrived, at least one, until the other side closes.

        Raises ``ProtocolError``, and ``OSError`` as the socket does.
        """
        while True:
            data = self._connection.recv(_PIECE)
            if not data:
                if self._rest:
                    raise ProtocolError("the connection ended within a frame")
                return
            if frames := self._frames(data):
                yield frames
            if self._broken is not None:
                raise self._broken

    def _frames(self, data: bytes) -> list[dict[str, Any]]:
        data = self._rest + data if self._rest else data
        frames: list[dict[str, Any]] = []
        try:
            self._rest = self._take(data, frames)
        except ProtocolError as error:  # what came before it was said
            self._broken = error
        return frames

    def _take(self, data: bytes, frames: list[dict[str, Any]]) -> bytes:
        """Add the frames of data, and return what is left."""
        start, end = 0, len(data)
        while end - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(data, start)
            if length > LARGEST:
                raise ProtocolError(f"a frame of {length} bytes is announced; the largest has {LARGEST}")
            begin = start + _LENGTH.size
            if end - begin < length:
                if length > _PIECE:
                    data, start, end = data[start:] + self._missing(length - (end - begin)), 0, length + _LENGTH.size
                    continue
                break
            frames.append(_parsed(data[begin : begin + length]))
            start = begin + length
        return data[start:]

    def _missing(self, count: int) -> bytes:
        """Return the rest of a large frame, read into one buffer."""
        buffer = bytearray(count)
        view, got = memoryview(buffer), 0
        while got < count:
            read = self._connection.recv_into(view[got:])
            if not read:
                raise ProtocolError("the connection ended within a frame")
            got += read
        return bytes(buffer)


def _parsed(payload: bytes) -> dict[str, Any]:
    try:
        frame = orjson.loads(payload)
    except orjson.JSONDecodeError:
        frame = _exact(payload)
    if not isinstance(frame, dict) or not isinstance(frame.get("kind"), str):
        raise ProtocolError("a frame is no object with a 'kind'")
    if frame["kind"] == "paused":  # its state is kept and given back as it is
        return dict(_exact(payload))
    return frame


def _exact(payload: bytes) -> Any:
    """Return JSON that orjson refuses or changes: halves of surrogate pairs, and integers beyond 64 bits."""
    try:
        return loads(payload.decode())
    except (ValueError, RecursionError):
        raise ProtocolError("a frame is no JSON") from None


def peer_of(connection: socket.socket) -> tuple[int, int]:
    """Return the process id and the user id of the other side of a Unix connection."""
    if hasattr(socket, "SO_PEERCRED"):
        pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return pid, uid
    # macOS: LOCAL_PEERCRED (xucred: version, uid, …) and LOCAL_PEERPID at the level SOL_LOCAL.
    credentials = connection.getsockopt(0, 0x001, 76)
    return struct.unpack("i", connection.getsockopt(0, 0x002, 4))[0], struct.unpack_from("2I", credentials)[1]
