"""Methods, paths, ids, query values and fields of the header that nobody meant: answered in JSON, reflected nowhere."""

import uuid

import pytest

from parts.raw import Answer, RawClient, ask

RUN = str(uuid.uuid4()).encode()


def request(method: bytes, target: bytes, head: bytes = b"") -> bytes:
    """Return a request without a body."""
    return b"%b %b HTTP/1.1\r\nHost: localhost\r\n%bConnection: close\r\n\r\n" % (method, target, head)


def check_error(answer: Answer) -> str:
    """Check that an answer is a JSON error, and return its code."""
    error = answer.json()
    assert set(error) - {"details"} == {"error", "message", "code", "request_id"}
    assert answer.header("Content-Type") == "application/json"
    assert answer.header("X-Request-ID") == error["request_id"]
    assert len(error["message"]) < 700
    return str(error["code"])


# --- methods -------------------------------------------------------------------------------------------------------

METHODS: dict[str, tuple[bytes, bytes, int]] = {
    "TRACE": (b"TRACE", b"/health", 405),
    "TRACK": (b"TRACK", b"/health", 405),
    "PATCH": (b"PATCH", b"/api/v1/sessions/x", 405),
    "POST": (b"POST", b"/health", 405),
    "DELETE": (b"DELETE", b"/api/v1/sessions", 405),
    "PUT": (b"PUT", b"/api/v1/agents/x/run", 405),
    "GET": (b"GET", b"/api/v1/agents/x/run/stream", 405),
    "PROPFIND": (b"PROPFIND", b"/api/v1/sessions", 405),
    "20 letters": (b"A" * 20, b"/health", 405),
    "of token characters": (b"!$%&'*+-.^_`|~".upper(), b"/health", 405),
    "CONNECT to a port": (b"CONNECT", b"127.0.0.1:22", 404),
    "CONNECT to a path": (b"CONNECT", b"/health", 405),
    "OPTIONS of everything": (b"OPTIONS", b"*", 404),
    "two letters": (b"AB", b"/health", 400),
    "lower case": (b"get", b"/health", 400),
    "mixed case": (b"Get", b"/health", 400),
    "no method": (b"", b"/health", 400),
    "NUL": (b"GET\x00", b"/health", 400),
}


@pytest.mark.parametrize(("method", "target", "status"), METHODS.values(), ids=METHODS)
def test_a_method_that_is_not_for_this_address_is_refused(url, method, target, status):
    answer = ask(url, request(method, target, b"X-Secret: canary\r\n"))

    codes = {400: "INVALID_REQUEST", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
    assert (answer.status, check_error(answer)) == (status, codes[status])
    assert b"canary" not in answer.body  # what TRACE would give to a script
    assert bool(answer.header("Allow")) is (status == 405)


def test_a_method_cannot_be_overridden_by_a_field(url):
    fields = b"X-HTTP-Method-Override: DELETE\r\nX-Method-Override: DELETE\r\nX-HTTP-Method: DELETE\r\n"

    assert ask(url, request(b"GET", b"/api/v1/agents?_method=DELETE", fields)).status == 400
    assert ask(url, request(b"GET", b"/api/v1/agents", fields)).status == 200


def test_head_has_no_body(url):
    with RawClient(url) as client:
        client.send(b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n" + request(b"GET", b"/health"))

        assert (client.answer("HEAD").status, client.answer().status) == (200, 200)


# --- paths ---------------------------------------------------------------------------------------------------------

PATHS: dict[str, bytes] = {
    "double slash inside": b"/api//v1/agents",
    "backslash": b"/\\health",
    "dot": b"/./health",
    "dots": b"/x/../health",
    "dots above the root": b"/../../etc/passwd",
    "dots to a file": b"/docs/../../../../etc/passwd",
    "encoded dots": b"/docs/%2e%2e/%2e%2e/etc/passwd",
    "dots encoded twice": b"/docs/%252e%252e/etc/passwd",
    "encoded backslash": b"/docs/..%5c..%5csetup.cfg",
    "overlong dots": b"/docs/%c0%ae%c0%ae/setup.cfg",
    "full-width dots": b"/docs/%ef%bc%8e%ef%bc%8e/setup.cfg",
    "NUL": b"/health%00",
    "NUL before a suffix": b"/docs/swagger-ui.css%00.js",
    "line break": b"/health%0d%0aX-Evil:%201",
    "invalid UTF-8": b"/%ff%fe",
    "half an escape": b"/health%",
    "no escape": b"/health%zz",
    "semicolon": b"/health;jsessionid=1",
    "capitals": b"/HEALTH",
    "full-width": b"/%ef%bd%88ealth",
    "trailing space": b"/health%20",
    "trailing dot": b"/health.",
    "8000 bytes": b"/" + b"a" * 8000,
    "4000 segments": b"/a" * 4000,
    "a file": b"file:///etc/passwd",
    "another server": b"http://127.0.0.1:22/nothing",
    "an agent's id with a slash": b"/api/v1/agents/a%2fb",
    "an agent's id with encoded dots": b"/api/v1/agents/%2e%2e%2fsessions",
    "a session's history": b"/api/v1/sessions/..%2f..%2fagents/history",
    "a run's id of markup": b"/api/v1/runs/<script>alert(1)</script>",
}
IDS: dict[str, tuple[bytes, str]] = {
    "an agent's id with dots": (b"/api/v1/agents/..", "AGENT_NOT_FOUND"),
    "a session's id with NUL": (b"/api/v1/sessions/a%00b", "SESSION_NOT_FOUND"),
    "a session's id with a line break": (b"/api/v1/sessions/a%0d%0ab", "SESSION_NOT_FOUND"),
    "a session's id of 5000": (b"/api/v1/sessions/" + b"a" * 5000, "SESSION_NOT_FOUND"),
    "a session's id of 2000 emoji": (b"/api/v1/sessions/" + b"%f0%9f%98%80" * 600, "SESSION_NOT_FOUND"),
    "a session's id with a quote": (b"/api/v1/sessions/'%20or%20'1'='1", "SESSION_NOT_FOUND"),
    "a session's id with a wildcard": (b"/api/v1/sessions/%25", "SESSION_NOT_FOUND"),
    "a session's id in invalid UTF-8": (b"/api/v1/sessions/%ed%a0%80", "SESSION_NOT_FOUND"),
    "a run's id with Arabic digits": (b"/api/v1/runs/%d9%a3", "RUN_NOT_FOUND"),
    "a run's events": (b"/api/v1/runs/%00/events", "RUN_NOT_FOUND"),
    "a run's events with dots": (b"/api/v1/runs/../events", "RUN_NOT_FOUND"),
}
NOWHERE = {name: (target, "NOT_FOUND") for name, target in PATHS.items()} | IDS


@pytest.mark.parametrize(("target", "code"), NOWHERE.values(), ids=NOWHERE)
@pytest.mark.parametrize("method", [b"GET", b"DELETE"])
def test_a_path_that_leads_nowhere_says_so(url, target, code, method):
    answer = ask(url, request(method, target))

    # What nothing could be found at may still be no place for DELETE.
    codes = {code: 404} if method == b"GET" else {code: 404, "METHOD_NOT_ALLOWED": 405}
    assert answer.status == codes[check_error(answer)]
    assert answer.header("X-Evil") is None
    assert answer.header("Location") is None
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert b"root:" not in answer.body


@pytest.mark.parametrize(
    "target", [b"/health/", b"//health", b"///health", b"/%68ealth", b"/%2fhealth", b"/health%2f", b"http://y/health"]
)
def test_another_spelling_of_a_path_is_the_same_thing_without_a_redirect(url, target):
    assert ask(url, request(b"GET", target)).status == 200
    assert check_error(ask(url, request(b"POST", target))) == "METHOD_NOT_ALLOWED"


# --- queries -------------------------------------------------------------------------------------------------------

QUERIES: dict[str, bytes] = {
    "unknown": b"sessions?admin=true",
    "unknown of 5000": b"sessions?" + b"a" * 5000 + b"=1",
    "no name": b"sessions?=1",
    "twice": b"sessions?limit=1&limit=2",
    "twice the same": b"sessions?limit=1&limit=1",
    "twice, once encoded": b"sessions?limit=1&%6cimit=2",
    "as a list": b"sessions?limit[]=1",
    "in capitals": b"sessions?LIMIT=1",
    "1000 parameters": b"sessions?" + b"&".join(b"p%d=1" % number for number in range(1000)),
    "empty number": b"sessions?limit=",
    "zero": b"sessions?limit=0",
    "negative": b"sessions?limit=-1",
    "signed": b"sessions?limit=%2b1",
    "too many": b"sessions?limit=1001",
    "huge": b"sessions?limit=99999999999999999999",
    "5000 digits": b"sessions?limit=" + b"9" * 5000,
    "exponent": b"sessions?limit=1e2",
    "fraction": b"sessions?limit=1.0",
    "hexadecimal": b"sessions?limit=0x10",
    "underscore": b"sessions?limit=1_0",
    "Arabic digit": b"sessions?limit=%d9%a3",
    "full-width digit": b"sessions?limit=%ef%bc%93",
    "superscript": b"sessions?limit=%c2%b2",
    "space": b"sessions?limit=%201",
    "line break behind": b"sessions?limit=1%0a",
    "NUL": b"sessions?limit=1%00",
    "NUL in a text": b"sessions?agent_id=a%00b",
    "huge offset": b"sessions?offset=99999999999999999999",
    "offset beyond 64 bits": b"sessions?offset=9223372036854775808",
    "flag that is none": b"sessions?include_total=maybe",
    "cursor of noise": b"sessions?cursor=%00%ff",
    "cursor of a list": b"sessions?cursor=W10",
    "cursor of huge numbers": b"sessions?cursor=Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OSwgMV0",
    "cursor of 5000": b"sessions?cursor=" + b"A" * 5000,
    "status": b"runs?status=running%27--",
    "after a word": b"runs/" + RUN + b"/events?after=x",
    "after a huge number": b"runs/" + RUN + b"/events?after=99999999999999999999",
    "after less than nothing": b"runs/" + RUN + b"/events?after=-1",
    "unknown types": b"runs/" + RUN + b"/events?types=token,evil%0a%0a",
    "a query that is a path": b"agents?/../../health",
}


@pytest.mark.parametrize("target", QUERIES.values(), ids=QUERIES)
def test_a_query_that_is_not_understood_is_refused(url, target):
    answer = ask(url, request(b"GET", b"/api/v1/" + target))

    assert (answer.status, check_error(answer)) == (400, "INVALID_REQUEST")


HARMLESS: dict[str, bytes] = {
    "invalid UTF-8": b"sessions?agent_id=%ff%fe",
    "a surrogate": b"sessions?agent_id=%ed%a0%80",
    "SQL": b"sessions?agent_id=%27%20or%201=1--",
    "a wildcard": b"sessions?agent_id=%25",
    "a template": b"sessions?agent_id={{7*7}}${7*7}",
    "markup": b"sessions?user_id=<script>",
    "a line break": b"sessions?user_id=a%0d%0aSet-Cookie:%20a=b",
    "a half escape": b"sessions?user_id=%",
}


@pytest.mark.parametrize("target", HARMLESS.values(), ids=HARMLESS)
def test_a_filter_is_a_text_and_nothing_else(url, target):
    answer = ask(url, request(b"GET", b"/api/v1/" + target))

    assert (answer.status, answer.json()["count"]) == (200, 0)
    assert answer.header("Set-Cookie") is None


# --- fields of the header ------------------------------------------------------------------------------------------

FIELDS: dict[str, bytes] = {
    "request id of markup": b"X-Request-ID: <script>",
    "request id with spaces": b"X-Request-ID: a b",
    "request id of 129": b"X-Request-ID: " + b"a" * 129,
    "request id in UTF-8": "X-Request-ID: ä".encode(),
    "request id twice": b"X-Request-ID: a\r\nX-Request-ID: b",
    "request id of a tab": b"X-Request-ID: a\tb",
    "empty request id": b"X-Request-ID:",
}


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_a_request_id_that_is_not_sane_is_replaced(url, field):
    made = ask(url, request(b"GET", b"/health", field + b"\r\n")).header("X-Request-ID")

    assert made is not None
    assert str(uuid.UUID(made)) == made


@pytest.mark.parametrize(
    "field",
    [
        b"X-Forwarded-Host: evil.example",
        b"X-Original-URL: /api/v1/agents",
        b"X-Rewrite-URL: /api/v1/agents",
        b"X-Forwarded-Prefix: /evil",
        b"Forwarded: host=evil.example;proto=https",
        b"SCRIPT_NAME: /evil",
        b"Script-Name: /evil",
        b"Content-Type: " + b"a/" * 4000,
        b"Accept: " + b"*/*;q=0.1," * 800,
        b"Cookie: " + b"a=b;" * 1900,
        b"Range: bytes=" + b"0-," * 2600,
        b"If-None-Match: " + b'"a",' * 1900,
        b"Accept-Encoding: gzip;q=1e999",
        b"Authorization: Bearer " + b"a" * 8000,
        b"Authorization: Basic " + b"\xff" * 100,
        b"If-Modified-Since: Thu, 99 Foo 99999 99:99:99 GMT",
    ],
    ids=lambda field: field.partition(b":")[0].decode(),
)
def test_a_field_that_others_obey_changes_nothing(url, field):
    answer = ask(url, request(b"GET", b"/health", field + b"\r\n"))

    assert (answer.status, answer.json()["service"]) == (200, "agentos")
    assert "evil" not in f"{answer.headers} {answer.body!r}"


@pytest.mark.parametrize(
    "field",
    [
        b"Last-Event-ID: x",
        b"Last-Event-ID: -1",
        b"Last-Event-ID: 99999999999999999999",
        "Last-Event-ID: ٣".encode(),
        b"Last-Event-ID: 1\tid: 5",
    ],
)
def test_a_last_event_id_that_no_event_has_is_refused(url, field):
    answer = ask(url, request(b"GET", b"/api/v1/runs/%b/events" % RUN, field + b"\r\n"))

    assert (answer.status, check_error(answer)) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("host", [b"evil.example", b"a b", b"x:99999999", b"[::1", b"<script>", b"x, y", b"", b"\xff"])
def test_the_host_appears_in_no_answer(url, host):
    body = b'{"agent_id": "assistant"}'
    head = b"POST /api/v1/sessions HTTP/1.1\r\nHost: %b\r\nContent-Type: application/json\r\n" % host
    answer = ask(url, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    assert answer.status == 201
    assert answer.header("Location") == f"/api/v1/sessions/{answer.json()['session_id']}"
    assert host == b"" or host not in answer.body
