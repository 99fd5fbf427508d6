"""A server for tests that speaks bytes: it accepts connections on a free port, and serves each in a thread."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self


class SocketServer:
    """Listens on 127.0.0.1 from construction until :meth:`stop`. A subclass says what it does in :meth:`serve`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.authority = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def serve(self, sock: socket.socket) -> None:
        """Serve a connection, which is closed afterwards."""
        raise NotImplementedError

    def stop(self) -> None:
        """Close the listener and wait for the threads."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(sock,), daemon=True))
                self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(10)
        with sock, suppress(OSError):
            self.serve(sock)
