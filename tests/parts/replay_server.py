"""A model server that plays recorded replies, one a request, and keeps what it was asked.

A reply is the text of an HTTP answer with LF: head, empty line, body. ``%%sleep S%%`` on a line of its own pauses,
``%%chunk%%…%%close%%`` is one chunk of a chunked body, behind which the connection closes. The connection closes behind
every reply. The last reply is played again and again.

    with ReplayServer(Path("cases/stop-in-every-chunk.http").read_text()) as server:
        client = ChatCompletions(server.url, token_timeout=5)
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterable
from typing import Any

from parts.socket_server import SocketServer

_DIRECTIVE = re.compile(r"%%sleep ([\d.]+)%%\n?|%%chunk%%(.*?)(?=%%close%%)|%%close%%\n?", re.DOTALL)


class ReplayServer(SocketServer):
    """``requests`` are the JSON bodies received, ``heads`` the heads before them."""

    def __init__(self, *replies: str) -> None:
        self.requests: list[dict[str, Any]] = []
        self.heads: list[str] = []
        self._replies = list(replies)
        super().__init__()
        self.url = f"http://{self.authority}/v1"

    def serve(self, sock: socket.socket) -> None:
        """Play the next reply."""
        head, body = _receive(sock)
        self.heads.append(head)
        self.requests.append(json.loads(body))
        reply = self._replies[min(len(self.requests), len(self._replies)) - 1]
        begin, _, rest = reply.partition("\n\n")
        sock.sendall(begin.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        place = 0
        for found in _DIRECTIVE.finditer(rest):
            sock.sendall(rest[place : found.start()].encode())
            place = found.end()
            if found[1] is not None:
                time.sleep(float(found[1]))
            elif found[2] is not None:
                chunk = found[2].encode()
                sock.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            else:
                return
        sock.sendall(rest[place:].encode("utf-8", "surrogateescape"))


def reply(body: str, *, status: str = "200 OK", content_type: str = "text/event-stream", head: str = "") -> str:
    """Return a reply with this body; ``head`` are more header lines, each with its LF."""
    return f"HTTP/1.1 {status}\nContent-Type: {content_type}\nConnection: close\n{head}\n{body}"


def events(*payloads: Any, done: bool = True) -> str:
    """Return a stream of events: objects become JSON, texts stay as they are."""
    lines = [one if isinstance(one, str) else json.dumps(one) for one in payloads]
    return "".join(f"data: {line}\n\n" for line in [*lines, *(["[DONE]"] if done else [])])


def chunk(delta: Any = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a ``chat.completion.chunk``; what is more stands beside the delta."""
    return {"choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish, **more}]}


def stream(deltas: Iterable[Any], finish: str | None = "stop", *more: Any) -> str:
    """Return a reply that streams these deltas, finishes, and ends in order."""
    return reply(events(*map(chunk, deltas), chunk({}, finish), *more))


def error(status: str, value: Any, head: str = "") -> str:
    """Return a reply that refuses; a value that is no text is sent as JSON."""
    text = isinstance(value, str)
    return reply(value if text else json.dumps(value), status=status, content_type="application/json", head=head)


def _receive(sock: socket.socket) -> tuple[str, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(sock)
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    while length and len(body) < int(length[1]):
        body += _some(sock)
    return head.decode("latin-1"), body


def _some(sock: socket.socket) -> bytes:
    data = sock.recv(65536)
    if not data:
        raise ConnectionResetError
    return data
