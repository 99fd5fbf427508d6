"""The body of an answer, read as it arrives. Its content type does not count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Protocol

from agentos.domain.usage import Usage
from agentos.errors import ExecutionError, ProviderError
from agentos.http.response import Response
from agentos.models.deltas import Delta, FinishReason
from agentos.models.wire.server_errors import clean
from agentos.models.wire.sse import EventParser

MAX_DOCUMENT_SIZE = 4 * 1024**2
FIELDS_OF_EVENTS = (b"data", b"event", b"id", b"retry", b":")


class AnswerDecoder(Protocol):
    """One answer in the format of its server, as it grows.

    ``finish`` and ``usage`` are what the server said last. ``failed`` means that the server itself said that its answer
    failed, ``done`` that it marked the end. ``form`` is what such an answer is called.
    """

    form: ClassVar[str]
    finish: FinishReason | None
    usage: Usage | None
    failed: bool
    done: bool
    secrets: Iterable[str]

    def read(self, data: bytes, said: list[Delta]) -> None:
        """Add to what was said: the data of an event."""

    def read_document(self, data: bytes, said: list[Delta]) -> None:
        """Read an answer that is not streamed, or one with a JSON document on each line."""

    def end(self) -> list[Delta]:
        """Return what is known only at the end, last the finish."""


def read_arrivals(response: Response, answer: AnswerDecoder, linger: float) -> Iterator[list[Delta]]:
    """Yield what arrives together, from a stream of events, a document, or lines of JSON.

    After the answer's finish, ``linger`` seconds are the longest wait for the next piece. Raises
    :class:`~agentos.errors.ProviderError` for a web page or plain text, and what the answer raises.
    """
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
        raise ProviderError(f"the model server answered with text that is not {answer.form}: {words}")
    else:
        yield from _streamed(response, begin, answer, linger)


def _streamed(response: Response, piece: bytes, answer: AnswerDecoder, linger: float) -> Iterator[list[Delta]]:
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
            response.tighten(linger)
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
