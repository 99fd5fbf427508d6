"""Reading the JSON body of a request: of the right type, no larger than allowed, in time."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import flask
from flask import Flask, Request

from agentos.api.kit.client import ReadDeadline, client_of
from agentos.api.kit.schemas.fields import shown
from agentos.errors import AgentOSError, InvalidRequest, RequestTooLarge, UnsupportedMediaType
from agentos.fair_lock import LOOP_TURN
from agentos.strict_json import LARGE, JSONReader, JSONRefused

PIECE = 64 * 1024
MAX_DEPTH = 64
MAX_VALUES = 100_000
"""Values in one body; a body of 10 MiB could otherwise hold millions, and take a second and 250 MB to decode."""

_reader = JSONReader(max_depth=MAX_DEPTH, max_values=MAX_VALUES)


@dataclass(frozen=True, slots=True)
class RawBody:
    """Declares a body that a view is given as bytes. ``media_types`` are those that are accepted, ``*/*`` for any."""

    media_types: Sequence[str] = ("application/octet-stream",)
    description: str = ""


class BodyReader:
    """Reads bodies of at most ``limit`` bytes that arrive within ``seconds``."""

    def __init__(self, *, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds

    def read_object(self, request: Request, *, required: bool = True) -> dict[str, Any]:
        """Return the body as a JSON object; ``{}`` for an empty one that is not required.

        Raises ``InvalidRequest``, :class:`~agentos.errors.RequestTooLarge` or
        :class:`~agentos.errors.UnsupportedMediaType`.
        """
        length = self._length(request)
        has_body = _has_body(request, length)
        if has_body:
            _check_json(request)
        raw = self._read(request, length) if has_body else b""
        if not raw.strip():
            if required:
                raise InvalidRequest("the body is empty; accepted is a JSON object")
            return {}
        value = _decode(raw)
        if len(raw) > LARGE:
            time.sleep(LOOP_TURN)  # between what it took to decode it and what it will take to check it
        if not isinstance(value, dict):
            raise InvalidRequest(f"the body is {shown(value)}; accepted is a JSON object")
        return value

    def read_bytes(self, request: Request, declared: RawBody, *, required: bool = True) -> bytes:
        """Return the body as it is. Raises what :meth:`read_object` raises."""
        length = self._length(request)
        if not _has_body(request, length):
            if required:
                raise InvalidRequest(f"the body is empty; accepted is {' or '.join(declared.media_types)}")
            return b""
        _check_type(request, declared.media_types)
        return self._read(request, length)

    def replace_stream(self, request: Request) -> None:
        """Read the body now, under the server's limits, for a view that reads the request by itself."""
        length = self._length(request)
        if _has_body(request, length):
            raw = self._read(request, length)
            request.environ["CONTENT_LENGTH"] = str(len(raw))
            request.stream = BytesIO(raw)

    def _length(self, request: Request) -> int | None:
        length = request.content_length
        if length is not None and length > self._limit:
            raise self._too_large()
        return length

    def _read(self, request: Request, length: int | None) -> bytes:
        # A chunked body has no length: one byte more than the limit is asked for, and says whether there is more.
        pieces: list[bytes] = []
        left = self._limit + 1 if length is None else length
        with client_of(request.environ).read_deadline(self._seconds) as deadline:
            while left:
                piece = self._read_piece(request, min(PIECE, left), deadline)
                if not piece:
                    break
                pieces.append(piece)
                left -= len(piece)
        if deadline.expired:
            raise InvalidRequest(f"the body did not arrive within {self._seconds:g} s")
        if length is None and not left:
            raise self._too_large()
        raw = b"".join(pieces)
        if length is not None and left:
            raise InvalidRequest(f"the body ended after {len(raw)} of its {length} bytes")
        return raw

    @staticmethod
    def _read_piece(request: Request, size: int, deadline: ReadDeadline) -> bytes:
        try:
            return bytes(request.stream.read(size))
        except AgentOSError:
            raise
        except Exception as error:  # the WSGI server's own errors, of wrong chunks or a connection that is gone
            if deadline.expired:
                return b""
            raise InvalidRequest("the body cannot be read: its framing is wrong, or the connection was lost") from error

    def _too_large(self) -> RequestTooLarge:
        return RequestTooLarge(
            f"the body is larger than {self._limit} bytes, which is the most that this server accepts"
            " (AGENTOS_MAX_REQUEST_SIZE)"
        )


def limit_plain_bodies(app: Flask, reader: BodyReader, endpoints: Set[str]) -> None:
    """Have the bodies of plugins' plain blueprints read under the server's limits too, before their views."""
    if not endpoints:
        return

    @app.before_request
    def read() -> None:
        if flask.request.endpoint in endpoints:
            reader.replace_stream(flask.request)


def _has_body(request: Request, length: int | None) -> bool:
    return bool(length) or "Transfer-Encoding" in request.headers


def _check_encoding(request: Request) -> None:
    if request.content_encoding not in (None, "", "identity"):
        raise UnsupportedMediaType(
            f"the body's Content-Encoding is {request.content_encoding!r:.60}; send it uncompressed"
        )


def _check_json(request: Request) -> None:
    _check_encoding(request)
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != "application/json" or charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(f"{_given_type(request)}; accepted is application/json in UTF-8")


def _check_type(request: Request, accepted: Sequence[str]) -> None:
    _check_encoding(request)
    if "*/*" not in accepted and request.mimetype not in accepted:
        raise UnsupportedMediaType(f"{_given_type(request)}; accepted is {' or '.join(accepted)}")


def _given_type(request: Request) -> str:
    return "the Content-Type " + (f"is {request.content_type!r:.100}" if request.content_type else "is missing")


def _decode(raw: bytes) -> Any:
    """Return the value of a JSON text in UTF-8; raise :class:`~agentos.errors.InvalidRequest` saying what is wrong."""
    try:
        text = raw.decode("utf-8")
        if text.startswith("\ufeff"):
            raise InvalidRequest("the body begins with a byte order mark; send the JSON alone")
        return _reader.read(text)
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the body is not UTF-8: the byte at position {error.start} is wrong") from error
    except json.JSONDecodeError as error:
        raise InvalidRequest(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except JSONRefused as error:
        raise InvalidRequest(_problem(error)) from error


def _problem(refused: JSONRefused) -> str:
    found = refused.found
    match refused.reason:
        case "depth":
            return f"the body is nested too deep; at most {MAX_DEPTH} levels are accepted"
        case "values":
            return f"the body holds too many values; at most {MAX_VALUES} are accepted"
        case "key":
            return f"field {found[:200]!r} is given twice in one object"
        case "constant":
            return f"{found} is not JSON; accepted are finite numbers and null"
        case "integer":
            return f"the number {found[:30]} is too large; accepted are integers of 64 bits"
        case "number":
            return f"the number {found[:30]} is too large; accepted are numbers that a double can hold"
        case "text":
            what = "the character U+0000" if "\0" in found else "half of a surrogate pair"
            return f"field {refused.place.strip() or 'body'!r} holds {what}, which is not accepted"
