"""The answers to what never becomes a request: JSON in the shape of every other error, where gunicorn has HTML."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from gunicorn.http import errors

from agentos.errors import AgentOSError, InternalError, InvalidRequest

HEADER_LIMIT = 64 * 1024  # bytes of a whole header; also of the trailer of a body in chunks


class LateHeader(Exception):
    """A request's header did not arrive in its time."""


class NoTLS(Exception):
    """A client speaks something else to a port that speaks TLS."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is answered: an HTTP status with its reason, and what the client reads."""

    status: int
    reason: str
    message: str
    error: type[AgentOSError] = InvalidRequest


# The first that matches counts, so a class stands before those that it derives from. The messages say nothing of what
# was sent: it may be anything, and be anybody's.
REFUSALS: tuple[tuple[type[BaseException], Refusal], ...] = (
    (errors.LimitRequestLine, Refusal(414, "URI Too Long", "the request line is too long; at most 8190 bytes")),
    (
        errors.LimitRequestHeaders,
        Refusal(
            431,
            "Request Header Fields Too Large",
            "the header is too large; at most 100 fields of 8190 bytes each, and 64 KiB altogether, are accepted",
        ),
    ),
    (errors.InvalidRequestLine, Refusal(400, "Bad Request", "the request line is not HTTP; give METHOD PATH HTTP/1.1")),
    (errors.InvalidRequestMethod, Refusal(400, "Bad Request", "the method is not an HTTP method")),
    (errors.InvalidHTTPVersion, Refusal(400, "Bad Request", "only HTTP/1.1 and HTTP/1.0 are spoken")),
    (errors.ObsoleteFolding, Refusal(400, "Bad Request", "a header field goes on in the next line; put it in one")),
    (errors.InvalidHeaderName, Refusal(400, "Bad Request", "a header field's name is not a token of RFC 9110")),
    (errors.InvalidHeader, Refusal(400, "Bad Request", "a header field is malformed, or given twice with two values")),
    (errors.UnsupportedTransferCoding, Refusal(501, "Not Implemented", "the only transfer coding taken is 'chunked'")),
    (errors.ExpectationFailed, Refusal(417, "Expectation Failed", "the only expectation met is '100-continue'")),
    (errors.InvalidSchemeHeaders, Refusal(400, "Bad Request", "the forwarded scheme headers contradict each other")),
    (errors.ForbiddenProxyRequest, Refusal(403, "Forbidden", "this address may not speak the PROXY protocol")),
    (errors.InvalidProxyLine, Refusal(400, "Bad Request", "the PROXY line is malformed")),
    (errors.InvalidProxyHeader, Refusal(400, "Bad Request", "the PROXY header is malformed")),
    (errors.InvalidChunkSize, Refusal(400, "Bad Request", "a chunk's size is not a hexadecimal number")),
    (errors.InvalidChunkExtension, Refusal(400, "Bad Request", "a chunk's extension is malformed")),
    (errors.ChunkMissingTerminator, Refusal(400, "Bad Request", "a chunk does not end where its size says")),
    (NoTLS, Refusal(400, "Bad Request", "this port speaks TLS; use https")),
    (LateHeader, Refusal(408, "Request Timeout", "the header did not arrive in time (AGENTOS_HEADER_TIMEOUT)")),
)

BUG = Refusal(
    500, "Internal Server Error", "internal error; the server's log has it under the request id", InternalError
)


def refusal_of(error: BaseException) -> Refusal:
    """Return what to answer to an error that no application answered."""
    if type(error).__name__.startswith("InvalidResponseHeader"):
        return BUG  # The application's header, not the client's, although the classes derive from the client's.
    return next((refusal for kind, refusal in REFUSALS if isinstance(error, kind)), BUG)


def encode(refusal: Refusal, request_id: str) -> bytes:
    """Return the answer as it is sent; the last on its connection: where a next request would begin is unknown."""
    kind = refusal.error
    body = orjson.dumps({"error": kind.phrase, "message": refusal.message, "code": kind.code, "request_id": request_id})
    head = (
        f"HTTP/1.1 {refusal.status} {refusal.reason}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"X-Request-ID: {request_id}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
