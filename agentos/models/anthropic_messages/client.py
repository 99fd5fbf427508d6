"""The client of a server that speaks Anthropic's Messages API."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from typing import Any, ClassVar, Literal

from agentos.errors import ContextTooLong, ExecutionError, ProviderError
from agentos.models.anthropic_messages.content import MEDIA_TYPES, check_media
from agentos.models.anthropic_messages.event_decoder import EventDecoder
from agentos.models.anthropic_messages.limits import accepted_limit
from agentos.models.anthropic_messages.parameters import limit_of
from agentos.models.anthropic_messages.refusals import leave_out, refused_names, refused_once
from agentos.models.anthropic_messages.request import request_body
from agentos.models.model_list import count_models
from agentos.models.request import ModelRequest
from agentos.models.servers.messages import MessagesDialect
from agentos.models.servers.table import server_for
from agentos.models.wire.arrivals import AnswerDecoder
from agentos.models.wire.client import Exchange, Headers, WireClient
from agentos.models.wire.dialects import dialect_of_agent
from agentos.models.wire.refusals import Refusals, is_refused_always, is_unknown
from agentos.models.wire.server_errors import ServerError

MOST_PAUSES = 16
"""How often one answer may go on with another request, where tools of the server take long."""
OLD_VERSION: Literal["2023-06-01"] = "2023-06-01"


class AnthropicMessages(WireClient):
    """Streams answers from ``{base_url}/v1/messages``. One instance serves many threads.

    ``headers`` are sent with every request, or are asked for before each; values of those that look like credentials
    never appear in an error. ``token_timeout`` is the longest silence in seconds, before the first byte and between
    two. ``dialect`` says how the server wants its requests; without it, the base URL decides.

    >>> server = AnthropicMessages("http://127.0.0.1:8000", token_timeout=60)
    >>> for delta in server.stream(request): ...  # doctest: +SKIP

    A provider that uses it has its ``media_types`` and ``check_media``.
    """

    path: ClassVar[str] = "/v1/messages"
    media_types = MEDIA_TYPES
    check_media = staticmethod(check_media)

    def __init__(
        self,
        base_url: str,
        headers: Headers | None = None,
        *,
        token_timeout: float,
        connect_timeout: float = 5.0,
        dialect: MessagesDialect | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        base_url = without_path(base_url)
        super().__init__(base_url, headers, token_timeout=token_timeout, connect_timeout=connect_timeout, tls=tls)
        self._base_url = base_url
        self._dialect = server_for(base_url).messages if dialect is None else dialect
        self._refusals = Refusals()

    def count_models(self, *, advice: str) -> str:
        """Return in a line how many models the server lists; ``advice`` ends the message of an error."""
        given = self._headers() if callable(self._headers) else self._headers
        headers = {**given, "anthropic-version": self._dialect.version}
        return count_models(self._base_url, headers, advice=advice, path="/v1/models")

    def _exchange(self, request: ModelRequest) -> Exchange:
        return _Exchange(request, self._dialect, self._refusals)


def without_path(base_url: str) -> str:
    """Return a base URL without ``/v1`` at its end: people name it with and without, as OpenAI's wants it."""
    address, mark, query = base_url.strip().partition("?")
    return address.rstrip("/").removesuffix("/messages").removesuffix("/v1") + mark + query


class _Exchange:
    """One call. Each refusal is answered once, and pauses are counted, so that there is an end."""

    def __init__(self, request: ModelRequest, dialect: MessagesDialect, refusals: Refusals) -> None:
        self._request = request
        self._refusals = refusals
        self._given = dialect_of_agent(request.parameters, dialect)
        self._limited = limit_of(request.parameters) is not None
        self._seen: set[str] = set()
        self._own: set[str] = set()
        self._refused_once: list[ServerError] = []
        self._pauses = 0
        self._decoder: EventDecoder | None = None
        self._betas = _betas(request.parameters)
        self._write()

    def _write(self) -> None:
        """Write the request anew, as far as the server is known to take it."""
        refused = self._refusals.of(self._request.model) | self._own
        self._dialect = self._given
        if "anthropic-version" in refused:
            self._dialect = replace(self._dialect, version=OLD_VERSION)
        if "output_config.format" in refused:
            self._dialect = replace(self._dialect, output_schema="instructions")
        body = request_body(self._request, self._dialect)
        self._refused = refused | self._refusals.of(self._request.model, {**body, **self._betas})
        self._body = leave_out(body, self._refused)
        for name in self._refused:
            if name.startswith("max_tokens:") and not self._limited:
                self._body["max_tokens"] = min(self._body["max_tokens"], int(name.partition(":")[2]))
        for error in self._refused_once:
            refused_once(error, self._body)

    def headers(self) -> Mapping[str, str]:
        betas = {} if "anthropic-beta" in self._refused else self._betas
        return {"anthropic-version": self._dialect.version, **betas}

    def body(self) -> Mapping[str, Any]:
        return self._body

    def decoder(self, secrets: Iterable[str]) -> AnswerDecoder:
        before = self._decoder
        self._decoder = EventDecoder(
            secrets=secrets,
            blocks=None if before is None else before.blocks,
            before=None if before is None else before.usage,
        )
        return self._decoder

    def adapt(self, error: ServerError, failure: ExecutionError) -> str | None:
        limit = None if self._limited else accepted_limit(error.words, self._body["max_tokens"])
        if limit is not None:
            if not isinstance(failure, ContextTooLong):
                self._refusals.add(self._request.model, f"max_tokens:{limit}")
            self._body["max_tokens"] = limit
            return "max_tokens"
        if isinstance(failure, ContextTooLong):
            return None
        if once := refused_once(error, self._body):
            self._refused_once.append(error)
            return self._first(once)
        sent = self.headers()
        can_change = {"anthropic-beta"} & sent.keys()
        can_change |= {"anthropic-version"} if sent["anthropic-version"] != OLD_VERSION else set()
        names = refused_names(error, self._body, can_change)
        if not names or self._first(names[0]) is None or self._pauses:
            return None
        self._remember(names[0], error, {**self._body, **self._betas}, set(names))
        self._write()
        return names[0]

    def _remember(self, name: str, error: ServerError, fields: Mapping[str, Any], named: Set[str]) -> None:
        if name == "output_config.format" and not is_unknown(error):
            self._own.add(name)  # it is this schema that the server does not take
        elif name not in fields or is_refused_always(error):
            self._refusals.add(self._request.model, name)
        else:
            self._own.add(name)
            self._refusals.add_for_values(self._request.model, name, fields, named)

    def continues(self, _: AnswerDecoder) -> bool:
        decoder = self._decoder
        if decoder is None or not decoder.paused or not decoder.blocks.fits or self._pauses >= MOST_PAUSES:
            return False
        self._pauses += 1
        content = decoder.blocks.sent_back()
        if self._pauses > 1:
            self._body["messages"].pop()
        self._body["messages"].append({"role": "assistant", "content": content})
        decoder.blocks.pause()
        return True

    def _first(self, name: str) -> str | None:
        """Return the name the first time, then None: what was refused again is not to be helped."""
        if name in self._seen:
            return None
        self._seen.add(name)
        return name


def _betas(parameters: Mapping[str, Any]) -> Mapping[str, str]:
    betas = parameters.get("betas")
    if not betas:
        return {}
    if not isinstance(betas, list | tuple) or not all(isinstance(one, str) for one in betas):
        raise ProviderError("the agent's parameter 'betas' is not accepted: give a list of texts")
    return {"anthropic-beta": ",".join(betas)}
