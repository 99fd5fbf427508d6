"""The answer to a call: its body in pieces, and what it means when they stop coming."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress

from urllib3.exceptions import HTTPError, InvalidChunkLength, ProtocolError, SSLError
from urllib3.response import HTTPResponse

from agentos.cancellation import Cancellation
from agentos.errors import ExecutionError, ProviderError, ProviderUnavailable
from agentos.models.transport.connection import READ_SIZE
from agentos.models.transport.pace import Pace


class Response:
    """A status, headers, and a body that arrives in pieces: iterate over it once."""

    def __init__(self, response: HTTPResponse, pace: Pace, cancellation: Cancellation) -> None:
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers
        self.complete = False
        self._pace = pace
        self._cancellation = cancellation
        self._pieces = self._receive(response)

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def hurry(self, seconds: float) -> None:
        """Let the rest of the body take no longer than this."""
        self._pace.hurry(seconds)

    def read(self, *, limit: int, seconds: float) -> bytes:
        """Return as much of the body as arrives within both bounds, without complaint if that is not all."""
        self._pace.hurry(seconds)
        body = b""
        with suppress(ExecutionError):
            for piece in self._pieces:
                body += piece
                if len(body) >= limit:
                    break
        return body[:limit]

    def _receive(self, response: HTTPResponse) -> Iterator[bytes]:
        try:
            for piece in response.read_chunked(READ_SIZE) if response.chunked else _read(response):
                # What had arrived before a cut can still be read, but nobody wants it any more.
                self._cancellation.check()
                yield piece
            self.complete = True
        except (HTTPError, http.client.HTTPException, OSError) as error:
            if _is_end(error):
                return
            raise named(error) from error


def _read(response: HTTPResponse) -> Iterator[bytes]:
    while piece := response.read1(READ_SIZE):
        yield piece


def _is_end(error: Exception) -> bool:
    """Tell whether a body just stopped, without its announced end: like a body of unknown length, it is over then."""
    if not isinstance(error, ProtocolError):
        return False
    cause = error.__cause__
    return cause is None or (
        isinstance(cause, http.client.IncompleteRead) and not isinstance(cause, InvalidChunkLength)
    )


def named(error: Exception) -> ExecutionError:
    """Return what a failure of the connection means to a run."""
    cause = error.__cause__ if isinstance(error, ProtocolError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ProviderUnavailable("the model server's certificate is not trusted")
    if isinstance(cause, ConnectionRefusedError):
        return ProviderUnavailable("the model server cannot be reached: the connection was refused")
    if isinstance(cause, ConnectionError):
        return ProviderUnavailable("the connection to the model server was lost")
    if isinstance(cause, OSError | SSLError):
        return ProviderUnavailable("the model server cannot be reached, or the connection to it was broken")
    return ProviderError("the model server answered what is not HTTP")
