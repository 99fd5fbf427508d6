"""The client of a server that speaks Chat Completions."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from agentos.errors import ExecutionError, ProviderError
from agentos.models.chat_completions.answer import Answer
from agentos.models.chat_completions.request import encode_request
from agentos.models.deltas import Arrival, Delta, Finish
from agentos.models.request import ModelRequest
from agentos.models.transport import EventParser, Response, Transport, failure_for_status

MAX_ERROR_SIZE = 64 * 1024
MAX_DOCUMENT_SIZE = 4 * 1024**2
ERROR_SECONDS = 5.0
LINGER_SECONDS = 2.0
"""How long the usage and the end of the stream may take after the model has said that it finished."""
DRAIN_SECONDS = 0.1

OutputLimit = Literal["max_tokens", "max_completion_tokens"]


class ChatCompletions:
    """Streams answers from ``{base_url}/chat/completions``. One instance serves many threads.

    ``headers`` are sent with every request, or are asked for before each; values of those that look like credentials
    never appear in an error. ``token_timeout`` is the longest silence in seconds, before the first byte and between
    two. ``output_limit`` is what the server calls the parameter ``max_output_tokens``.

    >>> server = ChatCompletions("http://127.0.0.1:8000/v1", token_timeout=60)
    >>> for delta in server.stream(request): ...  # doctest: +SKIP
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
        *,
        token_timeout: float,
        connect_timeout: float = 5.0,
        output_limit: OutputLimit = "max_tokens",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        # Asked for anew before each call, or made once.
        self._given = (lambda: _Headers(headers())) if callable(headers) else _Headers(headers or {})
        self._output_limit = output_limit
        self._transport = Transport(base_url, token_timeout=token_timeout, connect_timeout=connect_timeout, tls=tls)

    def stream(self, request: ModelRequest) -> Iterator[Arrival]:
        """Yield the model's answer as it arrives, what arrived together in one list.

        At its end come the usage, if the server gave one, and the finish.

        Raises what :meth:`agentos.models.provider.ModelProvider.stream` may raise, and
        :class:`~agentos.errors.RunTimeout` once the request's deadline has passed.
        """
        body = encode_request(request, output_limit=self._output_limit)
        given = self._given() if callable(self._given) else self._given
        with self._transport.post("/chat/completions", body, given.sent, request=request) as response:
            if response.status != 200:
                said = response.read(limit=MAX_ERROR_SIZE, seconds=ERROR_SECONDS)
                raise failure_for_status(response.status, response.headers, said, secrets=given.secrets)
            answer = Answer(secrets=given.secrets)
            try:
                yield from _arrivals(response, answer)
            except ExecutionError:
                # Nothing that goes wrong after the finish takes the answer back.
                if answer.finish is None:
                    raise
                request.cancellation.check()
            if answer.finish is None:
                if answer.usage is not None:
                    yield answer.usage
                raise ProviderError("the model server's answer ended without finishing")
            finish = Finish(answer.finish)
            yield finish if answer.usage is None else [answer.usage, finish]
            _drain(response)

    def close(self) -> None:
        """Let go of all connections."""
        self._transport.close()


def _arrivals(response: Response, answer: Answer) -> Iterator[list[Delta]]:
    begin = b""
    for piece in response:
        begin = (begin + piece).lstrip(b"\xef\xbb\xbf \t\r\n")
        if begin:
            break
    # Content types are not to be relied on: small servers send streams as text/plain, and errors as streams.
    if begin.startswith(b"{"):
        said: list[Delta] = []
        answer.read(_rest(response, begin), said, "message")
        if said:
            yield said
    elif begin.startswith(b"<"):
        raise ProviderError("the model server answered with a web page: check the base URL")
    else:
        yield from _streamed(response, begin, answer)


def _streamed(response: Response, piece: bytes, answer: Answer) -> Iterator[list[Delta]]:
    parser = EventParser()
    hurried = False
    while True:
        said: list[Delta] = []
        over = not piece
        try:
            for payload in parser.feed(piece) if piece else parser.finish():
                if payload == b"[DONE]":
                    over = True
                    break
                answer.read(payload, said)
        except ExecutionError:
            # What was said before the failure was said.
            if said:
                yield said
            raise
        if said:
            yield said
        if over:
            return
        if answer.finish is not None and not hurried:
            response.hurry(LINGER_SECONDS)
            hurried = True
        piece = response.receive()


def _rest(response: Response, begin: bytes) -> bytes:
    document = [begin]
    size = len(begin)
    for piece in response:
        document.append(piece)
        size += len(piece)
        if size > MAX_DOCUMENT_SIZE:
            raise ProviderError(f"the model server sent a document of more than {MAX_DOCUMENT_SIZE} bytes")
    return b"".join(document)


def _drain(response: Response) -> None:
    """Read the end of the body, which comes with the last event or right behind it, to keep the connection."""
    if not response.complete:
        response.read(limit=MAX_ERROR_SIZE, seconds=DRAIN_SECONDS)


class _Headers:
    """What goes with a request, and the words in it that nobody may read."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.sent = {**given, "Content-Type": "application/json", "Accept": "text/event-stream"}
        self.secrets = [
            word
            for name, value in given.items()
            if any(part in name.lower() for part in ("auth", "key", "token", "secret"))
            for word in value.split()
            if len(word) >= 6
        ]
