"""What the clients of all wire formats do: call, read, let go, and call again with what the server takes."""

from __future__ import annotations

import logging
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import ClassVar, Protocol
from urllib.parse import urlsplit

from agentos.errors import ContentFiltered, ContextTooLong, ExecutionError, ProviderError, ProviderUnavailable
from agentos.http.client import HTTPClient
from agentos.http.response import Response
from agentos.models.deltas import Arrival
from agentos.models.request import ModelRequest
from agentos.models.wire.arrivals import AnswerDecoder, read_arrivals
from agentos.models.wire.failures import failure_for_status, to_provider_error
from agentos.models.wire.options import encode_body, extra_headers, extra_query
from agentos.models.wire.refusals import STATUSES
from agentos.models.wire.server_errors import ServerError, clean, read_error

logger = logging.getLogger(__name__)

MAX_ERROR_SIZE = 64 * 1024
ERROR_SECONDS = 5.0
MAX_REST = 64 * 1024
DRAIN_SECONDS = 0.1
LINGER_SECONDS = 10.0
"""How long the next piece may take after the model has said that it finished: usage, more text, or the end."""

Headers = Mapping[str, str] | Callable[[], Mapping[str, str]]
"""Headers of every request, or a function that gives them before each."""


class Exchange(Protocol):
    """One call to a model in the format of its server; it may take several requests."""

    def headers(self) -> Mapping[str, str]:
        """Return the headers of the format itself."""

    def body(self) -> Mapping[str, object]:
        """Return the body of the next request."""

    def decoder(self, secrets: Iterable[str]) -> AnswerDecoder:
        """Return what reads the answer to it."""

    def adapt(self, error: ServerError, failure: ExecutionError) -> str | None:
        """Change the next request so that the server may take it; return what it refused, or None.

        ``failure`` is a :class:`~agentos.errors.ProviderError` or :class:`~agentos.errors.ContextTooLong`. Each change
        must bring an end nearer: the request is sent again and again while there are any.
        """

    def continues(self, answer: AnswerDecoder, /) -> bool:
        """Tell whether another request continues an answer that ended, and prepare it."""


class WireClient(ABC):
    """Streams answers from ``{base_url}{path}``. One instance serves many threads.

    ``headers`` are sent with every request, or are asked for before each; values of those that look like credentials
    never appear in an error. ``token_timeout`` is the longest silence in seconds, before the first byte and between
    two.
    """

    path: ClassVar[str]

    def __init__(
        self,
        base_url: str,
        headers: Headers | None = None,
        *,
        token_timeout: float,
        connect_timeout: float = 5.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._headers = headers or {}
        self._linger = min(LINGER_SECONDS, token_timeout)
        self._http = HTTPClient(
            base_url, silence=token_timeout, connect_timeout=connect_timeout, tls=tls, to_error=to_provider_error
        )
        self._host = urlsplit(base_url.strip()).hostname

    @abstractmethod
    def _exchange(self, request: ModelRequest) -> Exchange:
        """Return the call in the format of the server."""

    def stream(self, request: ModelRequest) -> Iterator[Arrival]:
        """Yield the model's answer as it arrives, what arrived together in one list.

        Tool calls come at its end, each whole, then fields to return, the usage, if the server gave one, and the
        finish. What the server refuses and need not be is left out, and the call is made again.

        Raises what :meth:`agentos.models.provider.ModelProvider.stream` may raise, and
        :class:`~agentos.errors.RunTimeout` once the request's deadline has passed.
        """
        given = self._headers() if callable(self._headers) else self._headers
        extra = extra_headers(request.parameters)
        common = {**given, "Content-Type": "application/json", "Accept": "text/event-stream"}
        secrets = [*_secrets(given), *_secrets(extra)]
        exchange = self._exchange(request)
        spoken = False
        while True:
            with self._http.request(
                "POST",
                self.path,
                {**common, **exchange.headers(), **extra},
                encode_body(exchange.body()),
                query=extra_query(request.parameters),
                deadline=request.deadline,
                cancellation=request.cancellation,
            ) as response:
                if 200 <= response.status < 300:
                    answer = exchange.decoder(secrets)
                    spoken = yield from self._answer(request, response, answer, spoken)
                    if exchange.continues(answer):
                        continue
                    try:
                        last = answer.end()
                    except ContentFiltered:
                        if answer.usage is not None:
                            yield [answer.usage]  # a refusal is paid for, too
                        raise
                    yield last
                    _drain(response)
                    return
                said = response.read_some(limit=MAX_ERROR_SIZE, seconds=ERROR_SECONDS)
                request.cancellation.check()
                failure = failure_for_status(response.status, response.headers, said, secrets=secrets)
                error = read_error(said)
                refused = None
                if response.status in STATUSES and type(failure) in (ProviderError, ContextTooLong):
                    refused = exchange.adapt(error, failure)
                if refused is None:
                    logger.warning("model %r at %s: %s", request.model, self._host, failure.message)
                    raise _too_late(failure) if spoken else failure
            words = clean(error.words, secrets)
            logger.warning(
                "model %r at %s refuses %r, which is left out: %s", request.model, self._host, refused, words
            )

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _answer(
        self, request: ModelRequest, response: Response, answer: AnswerDecoder, spoken: bool
    ) -> Generator[Arrival, None, bool]:
        """Yield what an answer says up to its end; return whether anything was said, here or before."""
        try:
            for said in read_arrivals(response, answer, self._linger):
                yield said
                spoken = True
        except ExecutionError as error:
            if answer.failed:
                logger.warning("model %r at %s: %s", request.model, self._host, error.message)
            # What goes wrong behind the finish does not take the answer back, unless the server itself says so.
            if answer.finish is None or answer.failed or (spoken and isinstance(error, ContextTooLong)):
                if spoken and answer.usage is not None:  # before the first piece, the call may be made again
                    yield [answer.usage]
                raise (_too_late(error) if spoken else error) from error.__cause__
            request.cancellation.check()
        if answer.finish is None:
            if not spoken:
                raise ProviderUnavailable("the model server ended its answer before the first piece")
            if answer.usage is not None:
                yield answer.usage
            raise ProviderError("the model server's answer ended without finishing")
        return spoken


def _too_late(error: ExecutionError) -> ExecutionError:
    """Return an error as it is once something was said.

    A shorter conversation would be answered from the beginning, behind what was said already.
    """
    return ProviderError(error.message) if isinstance(error, ContextTooLong) else error


def _drain(response: Response) -> None:
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
