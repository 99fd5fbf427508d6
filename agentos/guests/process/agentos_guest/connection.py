"""One accepted connection: reads frames, and writes them without waiting."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from typing import Any

from agentos_guest.forks import forget, keep_from_children
from agentos_guest.wire import Frame, encode, framed, read_frame

HIGH_WATER = 64 * 1024
"""Bytes that may wait to be sent before the agent has to wait too."""


class Connection:
    """Frames of one worker. Writing to a connection that is gone does nothing: its reading side ends the work."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        writer.transport.set_write_buffer_limits(high=HIGH_WATER)
        self.socket: Any = writer.get_extra_info("socket")
        """For its descriptor and its options."""
        keep_from_children(self.socket)

    async def receive(self) -> Frame | None:
        """Return the next frame, ``None`` at the end. Raises ``ProtocolError`` and ``OSError``."""
        return await read_frame(self._reader)

    def send(self, frame: Frame) -> None:
        """Send a frame. Raises :class:`~agentos_guest.wire.TooLarge`."""
        self._write(encode(frame))

    def send_json(self, data: bytes) -> None:
        """Send a frame of this JSON. Raises :class:`~agentos_guest.wire.TooLarge`."""
        self._write(framed(data))

    def _write(self, data: bytes) -> None:
        if not self._writer.transport.is_closing():
            self._writer.write(data)

    async def drain(self) -> None:
        """Wait while too much waits to be sent."""
        with contextlib.suppress(OSError):
            await self._writer.drain()

    async def close(self) -> None:
        """Send what waits, and close."""
        try:
            with contextlib.suppress(OSError):
                self._writer.close()
                await self._writer.wait_closed()
        finally:
            forget(self.socket)

    def is_ours(self) -> bool:
        """Return whether the other side runs as the same user. True where the system does not say."""
        option = getattr(socket, "SO_PEERCRED", None)
        if option is None:
            return True
        credentials = self.socket.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i"))
        _, user, _ = struct.unpack("3i", credentials)
        return bool(user == os.getuid())
