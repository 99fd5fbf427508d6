"""Why a request was not made, or was not answered. What that means to a run or a client is decided by the caller."""

from __future__ import annotations


class OutboundRefused(ValueError):
    """The request is not made, or not any further. The message says why, for the one who gave the URL."""


class OutboundFailed(RuntimeError):
    """The request was allowed and did not succeed; the message says why."""


class NotHTTP(Exception):
    """The server's bytes are not HTTP/1.1, or leave in doubt what they mean. The text says what was found."""


class TooMuch(NotHTTP):
    """The server sends more bytes than are accepted."""


class DeadlinePassed(TimeoutError):
    """The whole call took too long."""


class ServerSilent(TimeoutError):
    """Nothing came from the server for ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the server was silent for {seconds:g} s")
        self.seconds = seconds
