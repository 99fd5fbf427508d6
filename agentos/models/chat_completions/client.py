"""The client of a server that speaks Chat Completions."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from agentos.errors import ContextTooLong, ExecutionError
from agentos.models.chat_completions.chunk_decoder import ChunkDecoder
from agentos.models.chat_completions.messages import MEDIA_TYPES, check_media
from agentos.models.chat_completions.refusals import leave_out, refused_fields
from agentos.models.chat_completions.request import request_body
from agentos.models.request import ModelRequest
from agentos.models.servers.chat import Dialect
from agentos.models.servers.table import dialect_for
from agentos.models.wire.arrivals import AnswerDecoder
from agentos.models.wire.client import Exchange, Headers, WireClient
from agentos.models.wire.refusals import Refusals, is_refused_always
from agentos.models.wire.server_errors import ServerError


class ChatCompletions(WireClient):
    """Streams answers from ``{base_url}/chat/completions``. One instance serves many threads.

    ``headers`` are sent with every request, or are asked for before each; values of those that look like credentials
    never appear in an error. ``token_timeout`` is the longest silence in seconds, before the first byte and between
    two. ``dialect`` says how the server wants its requests; without it, the base URL decides.

    >>> server = ChatCompletions("http://127.0.0.1:8000/v1", token_timeout=60)
    >>> for delta in server.stream(request): ...  # doctest: +SKIP

    A provider that uses it has its ``media_types`` and ``check_media``.
    """

    path: ClassVar[str] = "/chat/completions"
    media_types = MEDIA_TYPES
    check_media = staticmethod(check_media)

    def __init__(
        self,
        base_url: str,
        headers: Headers | None = None,
        *,
        token_timeout: float,
        connect_timeout: float = 5.0,
        dialect: Dialect | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(base_url, headers, token_timeout=token_timeout, connect_timeout=connect_timeout, tls=tls)
        self._dialect = dialect_for(base_url) if dialect is None else dialect
        self._refusals = Refusals()

    def _exchange(self, request: ModelRequest) -> Exchange:
        return _Exchange(request, self._dialect, self._refusals)


class _Exchange:
    """One call. Each request takes another refused field out of the body, so that there is an end."""

    def __init__(self, request: ModelRequest, dialect: Dialect, refusals: Refusals) -> None:
        self._request = request
        self._refusals = refusals
        self._body = request_body(request, dialect)
        self._refused: set[str] = set()

    def headers(self) -> Mapping[str, str]:
        return {}

    def body(self) -> Mapping[str, Any]:
        # What this call had refused stays out, also where it is no more than a value of it that was refused.
        self._refused |= self._refusals.of(self._request.model, self._body)
        leave_out(self._body, self._refused)
        return self._body

    def decoder(self, secrets: Iterable[str]) -> AnswerDecoder:
        return ChunkDecoder(secrets=secrets, tools=[tool.name for tool in self._request.tools])

    def adapt(self, error: ServerError, failure: ExecutionError) -> str | None:
        named = [] if isinstance(failure, ContextTooLong) else refused_fields(error, self._body)
        if not named or named[0] in self._refused:
            return None
        field = named[0]
        if field not in self._body or is_refused_always(error):
            self._refusals.add(self._request.model, field)
        else:
            self._refusals.add_for_values(self._request.model, field, self._body, set(named))
        self._refused.add(field)
        return field

    def continues(self, _: AnswerDecoder) -> bool:
        return False
