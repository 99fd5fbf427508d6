"""Bodies that are no JSON, more JSON than is good, or JSON that means two things."""

import gzip
import json
from itertools import repeat

import pytest

from parts.raw import RawClient, ask

LIMIT = 1024**2
OBJECT = b'{"agent_id": "assistant"}'
TYPE = b"application/json"


def post(body: bytes, kind: bytes = TYPE, head: bytes = b"", path: bytes = b"/api/v1/sessions") -> bytes:
    """Return a POST of a known length."""
    return b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: %b\r\n%bContent-Length: %d\r\n\r\n%b" % (
        path,
        kind,
        head,
        len(body),
        body,
    )


def chunks(body: bytes, size: int = 65536) -> bytes:
    """Return a POST in chunks."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    encoded = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    head = b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + encoded + b"0\r\n\r\n"


def metadata(value: bytes) -> bytes:
    """Return a session with metadata, as JSON."""
    return b'{"agent_id": "assistant", "metadata": {"x": ' + value + b"}}"


def name(value: bytes) -> bytes:
    """Return a session with a name, as JSON."""
    return b'{"agent_id": "assistant", "name": ' + value + b"}"


REFUSED: dict[str, tuple[bytes, int, str]] = {
    # not JSON
    "nothing": (post(b""), 400, "empty"),
    "spaces": (post(b" \r\n\t "), 400, "empty"),
    "half an object": (post(b'{"agent_id": "assis'), 400, "not JSON"),
    "two objects": (post(OBJECT * 2), 400, "not JSON"),
    "junk behind": (post(OBJECT + b"junk"), 400, "not JSON"),
    "NUL behind": (post(OBJECT + b"\x00"), 400, "not JSON"),
    "a comment": (post(b"/**/" + OBJECT), 400, "not JSON"),
    "single quotes": (post(OBJECT.replace(b'"', b"'")), 400, "not JSON"),
    "a trailing comma": (post(b'{"agent_id": "assistant",}'), 400, "not JSON"),
    "a form": (post(b"agent_id=assistant"), 400, "not JSON"),
    "zeros before a number": (post(metadata(b"007")), 400, "not JSON"),
    "a hexadecimal number": (post(metadata(b"0x1")), 400, "not JSON"),
    "a plus sign": (post(metadata(b"+1")), 400, "not JSON"),
    "Arabic digits": (post(metadata("٣".encode())), 400, "not JSON"),
    "a line break in a text": (post(name(b'"a\nb"')), 400, "not JSON"),
    "a vertical tab between": (post(b"\x0b" + OBJECT), 400, "not JSON"),
    "a no-break space between": (post("\xa0".encode() + OBJECT), 400, "not JSON"),
    "an unknown escape": (post(name(b'"\\x41"')), 400, "not JSON"),
    "half an escape": (post(name(b'"\\u00"')), 400, "not JSON"),
    # not an object
    "a list": (post(b"[" + OBJECT + b"]"), 400, "a list"),
    "a text": (post(b'"agent_id"'), 400, "'agent_id'"),
    "a number": (post(b"1"), 400, "the body is 1; accepted is a JSON object"),
    "null": (post(b"null"), 400, "the body is null"),
    "true": (post(b"true"), 400, "the body is true"),
    # numbers
    "NaN": (post(metadata(b"NaN")), 400, "NaN"),
    "Infinity": (post(metadata(b"Infinity")), 400, "Infinity"),
    "-Infinity": (post(metadata(b"-Infinity")), 400, "-Infinity"),
    "1e999": (post(metadata(b"1e999")), 400, "too large"),
    "2 ** 63": (post(metadata(b"9223372036854775808")), 400, "too large"),
    "a number of 500,000 digits": (post(metadata(b"9" * 500_000)), 400, "too large"),
    "a fraction of 500,000 digits and an exponent": (
        post(metadata(b"1." + b"1" * 500_000 + b"e999999999")),
        400,
        "too large",
    ),
    # keys
    "a key twice": (post(b'{"agent_id": "assistant", "agent_id": "teller"}'), 400, "given twice"),
    "a key twice, once escaped": (post(b'{"agent_id": "assistant", "\\u0061gent_id": "teller"}'), 400, "given twice"),
    "an inner key twice": (post(metadata(b'{"a": 1, "a": 2}')), 400, "given twice"),
    "100,000 keys": (
        post(b'{"agent_id": "assistant",' + b",".join(b'"%x":1' % i for i in range(100_000)) + b"}"),
        400,
        "too many values",
    ),
    "500,000 quotes": (post(b'{"agent_id": ' + b'",,"' * 250_000), 400, "too many values"),
    "90,000 unknown keys": (
        post(b'{"agent_id": "assistant",' + b",".join(b'"%x":1' % i for i in range(90_000)) + b"}"),
        400,
        "field '0' is not known",
    ),
    "an unknown key": (post(b'{"agent_id": "assistant", "owner": "root"}'), 400, "'owner'"),
    "__proto__": (post(b'{"agent_id": "assistant", "__proto__": {"admin": true}}'), 400, "'__proto__'"),
    "a key in another case": (post(b'{"Agent_ID": "assistant"}'), 400, "'Agent_ID'"),
    # texts
    "an escaped NUL": (post(name(b'"a\\u0000b"')), 400, "U+0000"),
    "a NUL": (post(name(b'"a\x00b"')), 400, "not JSON"),
    "an escaped NUL in a key": (post(metadata(b'{"\\u0000": 1}')), 400, "U+0000"),
    "a lone high surrogate": (post(name(b'"\\ud800"')), 400, "surrogate"),
    "a lone low surrogate": (post(name(b'"\\udfff"')), 400, "surrogate"),
    "surrogates in the wrong order": (post(name(b'"\\udc00\\ud800"')), 400, "surrogate"),
    "a surrogate as bytes": (post(name(b'"\xed\xa0\x80"')), 400, "not UTF-8"),
    "an overlong slash": (post(name(b'"\xc0\xaf"')), 400, "not UTF-8"),
    "an overlong NUL": (post(name(b'"\xc0\x80"')), 400, "not UTF-8"),
    "beyond Unicode": (post(name(b'"\xf4\x90\x80\x80"')), 400, "not UTF-8"),
    "Latin-1": (post(name('"ä"'.encode("latin-1"))), 400, "not UTF-8"),
    "a byte order mark": (post(b"\xef\xbb\xbf" + OBJECT), 400, "byte order mark"),
    "UTF-16": (post(OBJECT.decode().encode("utf-16")), 400, "not UTF-8"),
    "UTF-16 without a mark": (post(OBJECT.decode().encode("utf-16-le")), 400, "not JSON"),
    "UTF-32": (post(OBJECT.decode().encode("utf-32-be")), 400, "not JSON"),
    # depth
    "100,000 lists": (post(metadata(b"[" * 100_000 + b"]" * 100_000)), 400, "too many values"),
    "40,000 lists": (post(metadata(b"[" * 40_000 + b"]" * 40_000)), 400, "nested too deep"),
    "40,000 lists that do not end": (post(metadata(b"[" * 40_000)), 400, "nested too deep"),
    "40,000 objects": (post(b'{"agent_id":' * 40_000), 400, "nested too deep"),
    "65 levels": (post(metadata(b"[" * 63 + b"]" * 63)), 400, "nested too deep"),
    # types
    "no type": (post(OBJECT).replace(b"Content-Type: application/json\r\n", b""), 415, "missing"),
    "plain text": (post(OBJECT, b"text/plain"), 415, "text/plain"),
    "a form's type": (post(OBJECT, b"application/x-www-form-urlencoded"), 415, "form"),
    "multipart": (post(OBJECT, b"multipart/form-data; boundary=x"), 415, "multipart"),
    "another JSON": (post(OBJECT, b"application/json-patch+json"), 415, "patch"),
    "an empty type": (post(OBJECT, b""), 415, "Content-Type"),
    "a long type": (post(OBJECT, b"application/" + b"x" * 5000), 415, "Content-Type"),
    "two types in one": (post(OBJECT, b"text/plain, application/json"), 415, "text/plain"),
    "JSON in UTF-16": (post(OBJECT, b"application/json; charset=utf-16"), 415, "utf-16"),
    "JSON in UTF-7": (post(OBJECT, b'application/json; charset="utf-7"'), 415, "utf-7"),
    "gzip": (post(gzip.compress(OBJECT), head=b"Content-Encoding: gzip\r\n"), 415, "gzip"),
    "a bomb": (post(gzip.compress(b" " * 50_000_000), head=b"Content-Encoding: gzip\r\n"), 415, "gzip"),
    "gzip that is none": (post(OBJECT, head=b"Content-Encoding: gzip\r\n"), 415, "gzip"),
    "gzip without saying so": (post(gzip.compress(OBJECT)), 400, "not UTF-8"),
    "identity, gzip": (post(OBJECT, head=b"Content-Encoding: identity, gzip\r\n"), 415, "gzip"),
    # size
    "a byte too many": (post(OBJECT.ljust(LIMIT + 1)), 413, "larger than"),
    "a byte too many, in chunks": (chunks(OBJECT.ljust(LIMIT + 1)), 413, "larger than"),
    "junk behind the limit": (post(OBJECT.ljust(LIMIT) + b"junk"), 413, "larger than"),
    "junk behind the limit, in chunks": (chunks(OBJECT.ljust(LIMIT) + b"junk"), 413, "larger than"),
    "an object on each side of the limit": (chunks(OBJECT.ljust(LIMIT) + OBJECT), 413, "larger than"),
    "a length that is too large, without a body": (
        post(b"").replace(b"Content-Length: 0", b"Content-Length: 9999999"),
        413,
        "larger than",
    ),
    "100,001 chunks": (chunks(b" " * 100_001, 1), 400, "framing"),
}
CODES = {400: "INVALID_REQUEST", 413: "REQUEST_TOO_LARGE", 415: "UNSUPPORTED_MEDIA_TYPE"}


ENDLESS: dict[str, tuple[bytes, int, str]] = {
    # what is sent again and again, how it is refused, and with which words
    "chunks of a byte with long extensions": (b"1;a=%b\r\n \r\n" % (b"b" * 900), 413, "extensions"),
    "chunks of a byte with short extensions": (b"1;a=%b\r\n \r\n" % (b"b" * 20), 413, "extensions"),
    "chunks of a byte": (b"1\r\n \r\n", 400, "framing"),
    "chunks with zeros before their size": (b"%b1\r\n \r\n" % (b"0" * 500), 413, "extensions"),
    "an extension that does not end": (b"1;a=" + b"b" * 2000, 400, "framing"),
    "a trailer that does not end": (b"0\r\nA: b\r\n" + b"B: c\r\n" * 100, 400, "framing"),
}


@pytest.mark.parametrize(("piece", "status", "message"), ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("path", ["sessions", "agents/assistant/run"])
def test_the_limit_of_a_body_counts_what_comes_over_the_wire(url, path, piece, status, message):
    head = f"POST /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with RawClient(url, timeout=20) as client:
        client.send(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        client.send_until_refused(repeat(piece, 8 * LIMIT // len(piece)))
        answer = client.answer()

    assert (answer.status, message in answer.json()["message"]) == (status, True)


def test_a_chunk_that_is_too_long_for_the_limit_is_not_read(url):
    answer = ask(url, chunks(b"")[: -len(b"0\r\n\r\n")] + b"%x\r\n{" % (2 * LIMIT))

    assert (answer.status, answer.json()["code"]) == (413, "REQUEST_TOO_LARGE")


def test_a_body_of_the_largest_size_may_come_in_small_chunks(url):
    assert ask(url, chunks(OBJECT.ljust(LIMIT), size=512)).status == 201


@pytest.mark.parametrize(("data", "status", "message"), REFUSED.values(), ids=REFUSED)
def test_a_body_is_refused_for_its_own_fault(url, data, status, message):
    answer = ask(url, data)

    error = answer.json()
    assert (answer.status, error["code"]) == (status, CODES[status])
    assert message in error["message"]
    assert len(error["message"]) < 500
    assert answer.header("X-Request-ID") == error["request_id"]


@pytest.mark.parametrize(
    ("path", "start", "end"),
    [(b"/api/v1/sessions", b"{", b"}"), (b"/api/v1/agents/assistant/run", b'{"input": "a", "run_context": {', b"}}")],
)
def test_of_very_many_unknown_fields_the_first_is_named_and_no_time_is_spent_on_the_others(url, path, start, end):
    fields = b",".join(b'"x%d": 1' % number for number in range(50_000))

    error = ask(url, post(start + fields + end, path=path)).json()

    assert [name.rpartition(".")[2] for name in error["details"]["fields"]] == ["x0"]


ACCEPTED: dict[str, bytes] = {
    "a whole megabyte": post(OBJECT.ljust(LIMIT)),
    "a whole megabyte in chunks": chunks(OBJECT.ljust(LIMIT)),
    "chunks of one byte": chunks(OBJECT, 1),
    "spaces around": post(b" \r\n\t" + OBJECT + b"\n"),
    "charset": post(OBJECT, b"application/json; charset=UTF-8"),
    "capitals": post(OBJECT, b"Application/JSON"),
    "identity": post(OBJECT, head=b"Content-Encoding: identity\r\n"),
    "escaped emoji": post(name(b'"\\ud83d\\ude00"')),
    "2 ** 63 - 1": post(metadata(b"9223372036854775807")),
    "64 levels": post(metadata(b"[" * 62 + b"]" * 62)),
    "special names": post(metadata(b'{"__proto__": {"constructor": 1}, "": null, "$ref": "#", "a.b": 1}')),
    "line separators": post(name('"\u2028\u2029\x85\ufeff\u202e"'.encode())),
}


@pytest.mark.parametrize("data", ACCEPTED.values(), ids=ACCEPTED)
def test_a_body_that_is_right_is_taken_however_odd(url, data):
    assert ask(url, data).status == 201


def test_what_was_sent_comes_back_as_it_was(url):
    sent = {"agent_id": "assistant", "name": "\u2028\u202e\ufeff😀\x7f", "metadata": {"": 1e-320, "a\r\nb": -0.0}}

    with RawClient(url) as client:
        made = client.send(post(json.dumps(sent).encode())).answer()

    assert {key: made.json()[key] for key in sent} == sent
