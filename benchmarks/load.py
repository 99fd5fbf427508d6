"""The load program: asks for runs on kept connections, and checks and times each answer.

Run as a process of its own by :func:`benchmarks.processes.put`; takes a :class:`Load` as JSON on standard input and
writes what it saw to standard output.
"""

from __future__ import annotations

import asyncio
import sys
import time
from array import array
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

import orjson

from benchmarks.answers import Answer, Kind, Seen
from benchmarks.measure import cpu_seconds, percentile

SETTLE = 0.25
"""Seconds after the last answer in which the server's own end of the work still counts: its log is written then."""


@dataclass(kw_only=True)
class Load:
    """What to ask for: ``rounds`` requests on each of ``connections``, which begin ``stagger`` seconds apart.

    ``paths`` and ``bodies`` are dealt out to the connections in turn. ``expect`` says what an answer is: ``document``,
    ``run`` (our events), ``lines`` (those of the model, as the floor hands them on) or ``text`` (whatever holds its
    tokens), ``tokens`` how many it has; ``text`` what a document must hold, or what a token of ``text`` looks like.
    ``watch`` are processes whose CPU time is read before and after.
    """

    address: str
    paths: list[str]
    bodies: list[str]
    connections: int = 1
    rounds: int = 1
    stagger: float = 0
    expect: Kind = "document"
    tokens: int = 0
    text: str = ""
    method: str = "POST"
    content_type: str = "application/json"
    watch: list[int] = field(default_factory=list)
    timeout: float = 120

    def request(self, number: int) -> bytes:
        """Return the request of a connection."""
        body = self.bodies[number % len(self.bodies)].encode() if self.bodies else b""
        host = urlsplit(self.address).netloc
        head = f"{self.method} {self.paths[number % len(self.paths)]} HTTP/1.1\r\nHost: {host}\r\n"
        if body:
            head += f"Content-Type: {self.content_type}\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body


class Client(asyncio.Protocol):
    """One connection that asks, waits for the whole answer, and asks again."""

    def __init__(self, load: Load, seen: Seen, number: int, done: asyncio.Future[None]) -> None:
        self._load = load
        self._seen = seen
        self._request = load.request(number)
        self._left = load.rounds
        self.done = done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def ask(self) -> None:
        """Send the next request."""
        self._left -= 1
        self._answer = Answer(self._load.expect, self._load.tokens, self._seen, self._load.text)
        self._transport.write(self._request)

    def close(self) -> None:
        """Leave."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self.done.done() or not self._answer.feed(data):
            return
        if self._left:
            self.ask()
        else:
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Note an answer that was cut."""
        if not self.done.done():
            self._seen.errors.append(f"the connection was lost: {error}")
            self.done.set_result(None)


async def put(load: Load) -> dict[str, Any]:
    """Carry out the load and return what was seen."""
    loop = asyncio.get_running_loop()
    url = urlsplit(load.address)
    seen = Seen()
    clients = []
    for number in range(load.connections):
        client = Client(load, seen, number, loop.create_future())
        await loop.create_connection(partial(_given, client), url.hostname or "", url.port or 80)
        clients.append(client)
    await asyncio.sleep(SETTLE)  # for the server to take all connections
    cpu, own, began = cpu_seconds(load.watch), time.process_time(), time.perf_counter()
    for number, client in enumerate(clients):
        loop.call_later(number * load.stagger, client.ask)
    _, late = await asyncio.wait([client.done for client in clients], timeout=load.timeout)
    seen.errors += ["no end within the time"] * len(late)
    wall, own = time.perf_counter() - began, time.process_time() - own
    await asyncio.sleep(SETTLE)
    cpu = cpu_seconds(load.watch) - cpu
    for client in clients:
        client.close()
    return {
        "cpu": cpu,
        "own_cpu": own,
        "wall": wall,
        "requests": len(seen.latency),
        "whole": seen.whole,
        "tokens": seen.tokens,
        "events": seen.events,
        "token_bytes": seen.token_bytes,
        "read_bytes": seen.read_bytes,
        "errors": len(seen.errors),
        "first_errors": seen.errors[:3],
        "lost": seen.lost,
        "latency": _percentiles(seen.latency),
        "first_token": _percentiles(seen.first),
        "gap": _percentiles(seen.gaps),
    }


def _percentiles(values: array[float]) -> dict[str, float]:
    return {name: percentile(values, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1))}


def _given(client: Client) -> Client:
    return client


def encode(load: Load) -> bytes:
    """Return a load as the program reads it."""
    return orjson.dumps(asdict(load))


if __name__ == "__main__":
    import uvloop  # of the extra `bench`, which nothing else here needs

    sys.stdout.buffer.write(orjson.dumps(uvloop.run(put(Load(**orjson.loads(sys.stdin.buffer.read()))))))
