"""The client of a server that speaks Chat Completions."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from agentos.errors import ContextTooLong, ExecutionError, ProviderError, ProviderUnavailable
from agentos.models.chat_completions.answer import Answer
from agentos.models.chat_completions.dialect import Dialect, dialect_for
from agentos.models.chat_completions.options import extra_of
from agentos.models.chat_completions.refusals import STATUSES, Refusals, leave_out, refused_field
from agentos.models.chat_completions.request import encode_body, request_body
from agentos.models.deltas import Arrival, Delta
from agentos.models.request import ModelRequest
from agentos.models.transport import EventParser, Extra, Response, Transport, failure_for_status
from agentos.models.transport.server_errors import clean, read_error

logger = logging.getLogger(__name__)

MAX_ERROR_SIZE = 64 * 1024
MAX_DOCUMENT_SIZE = 4 * 1024**2
ERROR_SECONDS = 5.0
LINGER_SECONDS = 10.0
"""How long the next piece may take after the model has said that it finished: usage, more text, or the end."""
DRAIN_SECONDS = 0.1
FIELDS_OF_EVENTS = (b"data", b"event", b"id", b"retry", b":")


class ChatCompletions:
    """Streams answers from ``{base_url}/chat/completions``. One instance serves many threads.

    ``headers`` are sent with every request, or are asked for before each; values of those that look like credentials
    never appear in an error. ``token_timeout`` is the longest silence in seconds, before the first byte and between
    two. ``dialect`` says how the server wants its requests; without it, the base URL decides.

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
        dialect: Dialect | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        # Asked for anew before each call, or made once.
        self._given = (lambda: _Headers(headers())) if callable(headers) else _Headers(headers or {})
        self._dialect = dialect_for(base_url) if dialect is None else dialect
        self._refusals = Refusals()
        self._linger = min(LINGER_SECONDS, token_timeout)
        self._transport = Transport(base_url, token_timeout=token_timeout, connect_timeout=connect_timeout, tls=tls)
        self._host = urlsplit(base_url.strip()).hostname

    def stream(self, request: ModelRequest) -> Iterator[Arrival]:
        """Yield the model's answer as it arrives, what arrived together in one list.

        Tool calls come at its end, each whole, then fields to return, the usage, if the server gave one, and the
        finish. An optional field that the server refuses is left out, and the call is made again.

        Raises what :meth:`agentos.models.provider.ModelProvider.stream` may raise, and
        :class:`~agentos.errors.RunTimeout` once the request's deadline has passed.
        """
        given = self._given() if callable(self._given) else self._given
        extra = extra_of(request.parameters)
        secrets = given.secrets if extra is None else [*given.secrets, *_secrets(extra.headers)]
        body = request_body(request, self._dialect)
        while True:
            leave_out(body, self._refusals.of(request.model))
            field = None
            with self._post(body, given, extra, request) as response:
                if 200 <= response.status < 300:
                    yield from self._answer(request, response, secrets)
                    return
                said = response.read(limit=MAX_ERROR_SIZE, seconds=ERROR_SECONDS)
                request.cancellation.check()
                failure = failure_for_status(response.status, response.headers, said, secrets=secrets)
                if response.status in STATUSES and type(failure) is ProviderError:
                    error = read_error(said)
                    field = refused_field(error, body)
                if field is None:
                    logger.warning("model %r at %s: %s", request.model, self._host, failure.message)
                    raise failure
            # Each round takes a field out of the body, so that there is an end.
            self._refusals.add(request.model, field)
            words = clean(error.words, secrets)
            logger.warning("model %r at %s refuses %r, which is left out: %s", request.model, self._host, field, words)

    def close(self) -> None:
        """Let go of all connections."""
        self._transport.close()

    def _post(self, body: Mapping[str, Any], given: _Headers, extra: Extra | None, request: ModelRequest) -> Any:
        return self._transport.post("/chat/completions", encode_body(body), given.sent, request=request, extra=extra)

    def _answer(self, request: ModelRequest, response: Response, secrets: Iterable[str]) -> Iterator[Arrival]:
        answer = Answer(secrets=secrets, tools=[tool.name for tool in request.tools])
        spoken = False
        try:
            for said in _arrivals(response, answer, self._linger):
                yield said
                spoken = True
        except ExecutionError as error:
            if answer.failed:
                logger.warning("model %r at %s: %s", request.model, self._host, error.message)
            if spoken and isinstance(error, ContextTooLong):
                # A shorter conversation would be answered from the beginning, behind what was said already.
                raise ProviderError(error.message) from error
            # What goes wrong behind the finish does not take the answer back, unless the server itself says so.
            if answer.finish is None or answer.failed:
                raise
            request.cancellation.check()
        if answer.finish is None:
            if not spoken:
                raise ProviderUnavailable("the model server ended its answer before the first piece")
            if answer.usage is not None:
                yield answer.usage
            raise ProviderError("the model server's answer ended without finishing")
        yield answer.end()
        _drain(response)


def _arrivals(response: Response, answer: Answer, linger: float) -> Iterator[list[Delta]]:
    begin = b""
    for piece in response:
        begin = (begin + piece).lstrip(b"\xef\xbb\xbf \t\r\n")
        if begin and not any(name.startswith(begin) for name in FIELDS_OF_EVENTS):
            break
    # Content types are not to be relied on: small servers send streams as text/plain, and errors as streams.
    if begin.startswith((b"{", b"[")):
        said: list[Delta] = []
        try:
            answer.read_document(_rest(response, begin), said)
        finally:
            if said:
                yield said
    elif begin.startswith(b"<"):
        raise ProviderError("the model server answered with a web page: check the base URL")
    elif begin and not begin.startswith(FIELDS_OF_EVENTS):
        answer.failed = True
        words = clean(_rest(response, begin).decode("utf-8", "replace"), answer.secrets)
        raise ProviderError(f"the model server answered with text that is not a chat completion: {words}")
    else:
        yield from _streamed(response, begin, answer, linger)


def _streamed(response: Response, piece: bytes, answer: Answer, linger: float) -> Iterator[list[Delta]]:
    parser = EventParser()
    while True:
        said: list[Delta] = []
        over = not piece
        payloads = parser.feed(piece) if piece else parser.finish()
        try:
            for payload in payloads:
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
        if over or answer.done:
            return
        if payloads and answer.finish is not None:
            response.hurry(linger)
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
        self.secrets = _secrets(given)


def _secrets(headers: Mapping[str, str]) -> list[str]:
    return [
        word
        for name, value in headers.items()
        if any(part in name.lower() for part in ("auth", "key", "token", "secret"))
        for word in value.split()
        if len(word) >= 6
    ]
