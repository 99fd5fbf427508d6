"""The client of a server that speaks Chat Completions."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from agentos.errors import ContextTooLong, ExecutionError, ProviderError, ProviderUnavailable
from agentos.http.client import HTTPClient
from agentos.http.response import Response
from agentos.models.chat_completions.arrivals import read_arrivals
from agentos.models.chat_completions.chunk_decoder import ChunkDecoder
from agentos.models.chat_completions.dialect import Dialect, dialect_for
from agentos.models.chat_completions.messages import MEDIA_TYPES, check_media
from agentos.models.chat_completions.options import extra_headers, extra_query
from agentos.models.chat_completions.refusals import STATUSES, Refusals, leave_out, refused_field
from agentos.models.chat_completions.request import encode_body, request_body
from agentos.models.deltas import Arrival
from agentos.models.request import ModelRequest
from agentos.models.wire.failures import failure_for_status, to_provider_error
from agentos.models.wire.server_errors import clean, read_error

logger = logging.getLogger(__name__)

MAX_ERROR_SIZE = 64 * 1024
ERROR_SECONDS = 5.0
MAX_REST = 64 * 1024
DRAIN_SECONDS = 0.1
LINGER_SECONDS = 10.0
"""How long the next piece may take after the model has said that it finished: usage, more text, or the end."""


class ChatCompletions:
    """Streams answers from ``{base_url}/chat/completions``. One instance serves many threads.

    ``headers`` are sent with every request, or are asked for before each; values of those that look like credentials
    never appear in an error. ``token_timeout`` is the longest silence in seconds, before the first byte and between
    two. ``dialect`` says how the server wants its requests; without it, the base URL decides.

    >>> server = ChatCompletions("http://127.0.0.1:8000/v1", token_timeout=60)
    >>> for delta in server.stream(request): ...  # doctest: +SKIP

    A provider that uses it has its ``media_types`` and ``check_media``.
    """

    media_types = MEDIA_TYPES
    check_media = staticmethod(check_media)

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
        self._headers = headers or {}
        self._dialect = dialect_for(base_url) if dialect is None else dialect
        self._refusals = Refusals()
        self._linger = min(LINGER_SECONDS, token_timeout)
        self._http = HTTPClient(
            base_url, silence=token_timeout, connect_timeout=connect_timeout, tls=tls, to_error=to_provider_error
        )
        self._host = urlsplit(base_url.strip()).hostname

    def stream(self, request: ModelRequest) -> Iterator[Arrival]:
        """Yield the model's answer as it arrives, what arrived together in one list.

        Tool calls come at its end, each whole, then fields to return, the usage, if the server gave one, and the
        finish. An optional field that the server refuses is left out, and the call is made again.

        Raises what :meth:`agentos.models.provider.ModelProvider.stream` may raise, and
        :class:`~agentos.errors.RunTimeout` once the request's deadline has passed.
        """
        given = self._headers() if callable(self._headers) else self._headers
        extra = extra_headers(request.parameters)
        headers = {**given, "Content-Type": "application/json", "Accept": "text/event-stream", **extra}
        secrets = [*_secrets(given), *_secrets(extra)]
        body = request_body(request, self._dialect)
        while True:
            leave_out(body, self._refusals.of(request.model))
            field = None
            with self._http.request(
                "POST",
                "/chat/completions",
                headers,
                encode_body(body),
                query=extra_query(request.parameters),
                deadline=request.deadline,
                cancellation=request.cancellation,
            ) as response:
                if 200 <= response.status < 300:
                    yield from self._answer(request, response, secrets)
                    return
                said = response.read_some(limit=MAX_ERROR_SIZE, seconds=ERROR_SECONDS)
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
        """Close all connections."""
        self._http.close()

    def _answer(self, request: ModelRequest, response: Response, secrets: Iterable[str]) -> Iterator[Arrival]:
        answer = ChunkDecoder(secrets=secrets, tools=[tool.name for tool in request.tools])
        spoken = False
        try:
            for said in read_arrivals(response, answer, self._linger):
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
        if not response.complete:
            # The end of the body comes with the last event or right behind it. Read, the connection can be kept.
            response.read_some(limit=MAX_REST, seconds=DRAIN_SECONDS)


def _secrets(headers: Mapping[str, str]) -> list[str]:
    """Return the words in headers that look like credentials."""
    return [
        word
        for name, value in headers.items()
        if any(part in name.lower() for part in ("auth", "key", "token", "secret"))
        for word in value.split()
        if len(word) >= 6
    ]
