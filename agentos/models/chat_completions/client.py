"""The client of a server that speaks Chat Completions."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from agentos.errors import ExecutionError, ProviderError
from agentos.models.chat_completions.answer import Answer
from agentos.models.chat_completions.request import encode_request
from agentos.models.deltas import Delta, Finish
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
        self._headers = headers if callable(headers) else dict(headers or {})
        self._output_limit = output_limit
        self._transport = Transport(base_url, token_timeout=token_timeout, connect_timeout=connect_timeout, tls=tls)

    def stream(self, request: ModelRequest) -> Iterator[Delta]:
        """Yield the model's answer as it arrives; at its end the usage, if the server gave one, and the finish.

        Raises what :meth:`agentos.models.provider.ModelProvider.stream` may raise, and
        :class:`~agentos.errors.RunTimeout` once the request's deadline has passed.
        """
        body = encode_request(request, output_limit=self._output_limit)
        given = self._headers() if callable(self._headers) else self._headers
        headers = {**given, "Content-Type": "application/json", "Accept": "text/event-stream"}
        with self._transport.post("/chat/completions", body, headers, request=request) as response:
            secrets = _secrets(given)
            if response.status != 200:
                said = response.read(limit=MAX_ERROR_SIZE, seconds=ERROR_SECONDS)
                raise failure_for_status(response.status, response.headers, said, secrets=secrets)
            answer = Answer(secrets=secrets)
            try:
                yield from _deltas(response, answer)
            except ExecutionError:
                # Nothing that goes wrong after the finish takes the answer back.
                if answer.finish is None:
                    raise
                request.cancellation.check()
            if answer.usage is not None:
                yield answer.usage
            if answer.finish is None:
                raise ProviderError("the model server's answer ended without finishing")
            yield Finish(answer.finish)
            _drain(response)

    def close(self) -> None:
        """Let go of all connections."""
        self._transport.close()


def _deltas(response: Response, answer: Answer) -> Iterator[Delta]:
    begin = b""
    for piece in response:
        begin = (begin + piece).lstrip(b"\xef\xbb\xbf \t\r\n")
        if begin:
            break
    # Content types are not to be relied on: small servers send streams as text/plain, and errors as streams.
    if begin.startswith(b"{"):
        yield from answer.read_document(_rest(response, begin))
    elif begin.startswith(b"<"):
        raise ProviderError("the model server answered with a web page: check the base URL")
    else:
        yield from _streamed(response, begin, answer)


def _streamed(response: Response, begin: bytes, answer: Answer) -> Iterator[Delta]:
    parser = EventParser()
    hurried = False
    payloads = parser.feed(begin)
    while True:
        for payload in payloads:
            if payload == b"[DONE]":
                return
            yield from answer.read_chunk(payload)
        if answer.finish is not None and not hurried:
            response.hurry(LINGER_SECONDS)
            hurried = True
        piece = next(iter(response), None)
        if piece is None:
            break
        payloads = parser.feed(piece)
    for payload in parser.finish():
        if payload != b"[DONE]":
            yield from answer.read_chunk(payload)


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


def _secrets(headers: Mapping[str, str]) -> list[str]:
    return [
        word
        for name, value in headers.items()
        if any(part in name.lower() for part in ("auth", "key", "token", "secret"))
        for word in value.split()
        if len(word) >= 6
    ]
