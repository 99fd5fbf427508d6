"""What hostile and careless clients send: each ends in the code that the contract names, and says what was wrong."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from api.conftest import Served, serving

RUN = "/api/v1/agents/scripted/run"
STREAM = f"{RUN}/stream"
SESSIONS = "/api/v1/sessions"
AGENTS = "/api/v1/agents"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as make:
        yield make()


@pytest.fixture
def client(served: Served) -> FlaskClient:
    return served.client


@pytest.fixture(scope="module")
def session(served: Served) -> str:
    return served.new_session()


# Every address that takes a body, and whether it may be empty.
BODIES = [
    ("POST", RUN, False),
    ("POST", STREAM, False),
    ("POST", SESSIONS, False),
    ("PUT", "/api/v1/sessions/{session}", False),
    ("POST", "/api/v1/sessions/{session}/reuse", False),
    ("POST", "/api/v1/sessions/{session}/summary", True),
    ("POST", AGENTS, False),
    ("PUT", "/api/v1/agents/scripted", False),
]

DEEP = b'{"input": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"

MALFORMED: list[tuple[bytes, str]] = [
    (b"{", "line 1, column 2"),
    (b"not json", "line 1, column 1"),
    (b'{"input": "a"} junk', "Extra data"),
    (b'{"input": "a",}', "not JSON"),
    (b"{'input': 'a'}", "not JSON"),
    (b'{"input": "a\nb"}', "control character"),
    (b"\xef\xbb\xbf{}", "byte order mark"),
    (b'{"input": "\xff"}', "UTF-8"),
    (b'{"input": "\xed\xa0\x80"}', "UTF-8"),
    (b'{"input": "\\ud800"}', "'input' holds half of a surrogate pair"),
    (b'{"input": "\\udc00\\ud800"}', "surrogate"),
    (b'{"\\uDFFF": 1}', "surrogate"),
    (b'{"input": "a\\u0000b"}', "'input' holds the character U+0000"),
    (b'{"metadata": {"a": [1, {"b": "\\u0000"}]}}', "metadata.a[1].b"),
    (b'{"metadata": {"\\u0000": 1}}', "U+0000"),
    (b'{"input": NaN}', "NaN"),
    (b'{"metadata": {"x": -Infinity}}', "-Infinity"),
    (b'{"metadata": {"x": 1e999}}', "1e999"),
    (b'{"metadata": {"x": 9223372036854775808}}', "9223372036854775808"),
    (b'{"metadata": {"x": -9223372036854775809}}', "-9223372036854775809"),
    (b'{"metadata": {"x": ' + b"9" * 5000 + b"}}", "too large"),
    (b'{"input": "a", "input": "b"}', "'input' is given twice"),
    (b'{"metadata": {"x": {"a": 1, "a": 1}}}', "'a' is given twice"),
    (DEEP, "nested too deep"),
    (b'{"input": ' + b"[" * 70 + b"]" * 70 + b"}", "nested too deep"),
    (b'{"a":' * 70 + b"1" + b"}" * 70, "nested too deep"),
    (b'{"input": [' + b"[]," * 200_000 + b"1]}", "too many values"),
    (b"[]", "a list"),
    (b"null", "null"),
    (b'"text"', "'text'"),
    (b"1", "1"),
    (b"true", "true"),
]


@pytest.mark.parametrize(("raw", "words"), MALFORMED, ids=[repr(raw[:30]) for raw, _ in MALFORMED])
@pytest.mark.parametrize(("method", "address", "optional"), BODIES)
def test_a_body_that_is_no_json_object_is_refused_with_its_reason(
    client: FlaskClient, session: str, method: str, address: str, optional: bool, raw: bytes, words: str
) -> None:
    path = address.format(session=session)
    answer = client.open(path, method=method, data=raw, content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert words in answer.json["message"]
    assert len(answer.json["message"]) < 500


@pytest.mark.parametrize("raw", [b"", b"  \n"])
@pytest.mark.parametrize(("method", "address", "optional"), BODIES)
def test_an_empty_body_is_refused_where_one_is_needed(
    client: FlaskClient, session: str, method: str, address: str, optional: bool, raw: bytes
) -> None:
    path = address.format(session=session)
    answer = client.open(path, method=method, data=raw, content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert ("empty" in answer.json["message"]) is not optional


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Content-Type": "text/plain"}, "text/plain"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "application/json"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, "application/json"),
        ({"Content-Type": "application/json; charset=latin-1"}, "UTF-8"),
        ({"Content-Type": ""}, "missing"),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, "gzip"),
    ],
)
@pytest.mark.parametrize(("method", "address", "optional"), BODIES)
def test_a_body_that_is_not_plain_json_is_415(
    client: FlaskClient,
    session: str,
    method: str,
    address: str,
    optional: bool,
    headers: dict[str, str],
    words: str,
) -> None:
    path = address.format(session=session)
    answer = client.open(path, method=method, data=b'{"input": "x"}', headers=headers)
    assert (answer.status_code, answer.json["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert words in answer.json["message"]


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=UTF-8", "Application/JSON"])
def test_json_in_utf_8_is_taken_however_it_is_spelt(client: FlaskClient, content_type: str) -> None:
    body = json.dumps({"input": "ü \u2028"}, ensure_ascii=False).encode()
    assert client.post(RUN, data=body, content_type=content_type).status_code == 200


def test_escaped_surrogate_pairs_are_text(served: Served) -> None:
    answer = served.client.post(RUN, data=b'{"input": "\\ud83d\\ude00"}', content_type="application/json")
    assert answer.status_code == 200
    assert served.provider.requests[-1].messages[-1].content == "\U0001f600"


def test_what_is_just_within_the_limits_is_taken(client: FlaskClient) -> None:
    deep = json.loads('{"a":' * 62 + "9223372036854775807" + "}" * 62)
    answer = client.post(RUN, json={"input": "[" * 1000 + "," * 200_000, "metadata": deep})
    assert answer.status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("method", "address", "optional"), BODIES)
def test_an_oversized_body_is_413_and_is_not_read_to_its_end(
    serve, method: str, address: str, optional: bool, chunked: bool
) -> None:
    served = serve(max_request_size=2048)
    path = address.format(session=served.new_session())
    body = io.BytesIO(b'{"input": "' + b"x" * 5_000_000 + b'"}')
    answer = served.client.open(path, method=method, input_stream=body, **_framing(body, chunked=chunked))
    assert (answer.status_code, answer.json["code"]) == (413, "REQUEST_TOO_LARGE")
    assert "2048" in answer.json["message"]
    assert body.tell() <= (2049 if chunked else 0)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(serve, chunked: bool) -> None:
    client = serve(max_request_size=2048).client
    for size, status in ((2048, 200), (2049, 413)):
        raw = b'{"input": "' + b"x" * (size - 13) + b'"}'
        assert len(raw) == size
        body = io.BytesIO(raw)
        assert client.post(RUN, input_stream=body, **_framing(body, chunked=chunked)).status_code == status


def test_junk_past_the_limit_of_a_chunked_body_is_not_cut_off_in_silence(serve) -> None:
    served = serve(max_request_size=2048)
    body = io.BytesIO(b'{"input": "x"}'.ljust(2048) + b"junk")
    assert served.client.post(RUN, input_stream=body, **_framing(body, chunked=True)).status_code == 413
    assert served.provider.requests == []


def _framing(body: io.BytesIO, *, chunked: bool) -> dict[str, Any]:
    # A server that decodes chunks says so in the environment; only then may the stream be read without a length.
    if chunked:
        headers = {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}
        return {"headers": headers, "environ_overrides": {"wsgi.input_terminated": True}}
    return {"content_type": "application/json", "content_length": len(body.getvalue())}


def test_a_body_that_ends_before_its_length_is_400(client: FlaskClient) -> None:
    answer = client.post(
        RUN,
        data=b'{"input": "x"}',
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": "100"},
    )
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert "14 of its 100 bytes" in answer.json["message"]


class BrokenStream(io.RawIOBase):
    """A body whose framing is wrong, as a WSGI server says it."""

    def read(self, size: int = -1) -> bytes:
        raise RuntimeError("InvalidChunkSize: secret internals")


def test_a_body_with_broken_framing_is_400_without_the_servers_own_words(client: FlaskClient) -> None:
    framing = {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}
    broken = {"wsgi.input_terminated": True, "wsgi.input": BrokenStream()}
    answer = client.post(RUN, headers=framing, environ_overrides=broken)
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert "secret" not in answer.text


MANY = {"x": "y" * 70_000}

WRONG_FIELDS: list[tuple[str, str, Any, str]] = [
    ("POST", RUN, {"input": 5}, "'input' is 5; accepted is a text"),
    ("POST", RUN, {"input": None}, "'input' is null"),
    ("POST", RUN, {"input": ["a"]}, "'input' is a list"),
    ("POST", RUN, {"input": "x", "session_id": 7}, "'session_id' is 7"),
    ("POST", RUN, {"input": "x", "session_id": None}, "'session_id' is null"),
    ("POST", RUN, {"input": "x", "session_id": ""}, "'session_id' is ''"),
    ("POST", RUN, {"input": "x", "session_id": "y" * 256}, "1 to 255"),
    ("POST", RUN, {"input": "x", "user_id": {}}, "'user_id' is an object"),
    ("POST", RUN, {"input": "x", "metadata": []}, "'metadata' is a list; accepted is an object"),
    ("POST", RUN, {"input": "x", "metadata": MANY}, "64 KiB"),
    ("POST", RUN, {"input": "x", "stream": "true"}, "'stream' is 'true'; accepted is true or false"),
    ("POST", RUN, {"input": "x", "stream": 1}, "'stream' is 1"),
    ("POST", RUN, {"input": "x", "stream": None}, "'stream' is null"),
    ("POST", RUN, {"input": "x", "concurrency": "wait"}, "'enqueue' or 'reject' or 'interrupt' or 'rollback'"),
    ("POST", RUN, {"input": "x", "concurrency": None}, "'concurrency' is null"),
    ("POST", RUN, {"input": "x", "on_disconnect": "stop"}, "accepted is 'continue' or 'cancel'"),
    ("POST", RUN, {"input": "x", "background": "yes"}, "'background' is 'yes'; accepted is true or false"),
    ("POST", RUN, {"input": "x", "detached": True}, "'detached' is not known; known are input, media"),
    ("POST", RUN, {"input": "x", "run_id": "mine"}, "'run_id' is not known"),
    ("POST", RUN, {"input": "x", "run_context": "w"}, "'run_context' is 'w'; accepted is an object"),
    ("POST", RUN, {"input": "x", "run_context": {"run_id": "x"}}, "'run_context.run_id' is not known"),
    ("POST", RUN, {"input": "x", "run_context": {"team_id": 1}}, "'run_context.team_id' is 1"),
    ("POST", SESSIONS, {}, "'agent_id' is missing"),
    ("POST", SESSIONS, {"agent_id": None}, "'agent_id' is null"),
    ("POST", SESSIONS, {"agent_id": ""}, "'agent_id'"),
    ("POST", SESSIONS, {"agent_id": "a", "session_id": "mine"}, "'session_id' is not known"),
    ("POST", SESSIONS, {"agent_id": "a", "name": 5}, "'name' is 5"),
    ("POST", SESSIONS, {"agent_id": "a", "name": "x" * 1025}, "1024"),
    ("POST", SESSIONS, {"agent_id": "a", "state": "on"}, "'state' is 'on'"),
    ("PUT", "/api/v1/sessions/{session}", {"agent_id": "other"}, "'agent_id' is not known"),
    ("PUT", "/api/v1/sessions/{session}", {"metadata": 5}, "'metadata' is 5"),
    ("POST", "/api/v1/sessions/{session}/reuse", {}, "at least one of agent_id, user_id, team_id, workflow_id"),
    ("POST", "/api/v1/sessions/{session}/reuse", {"agent_id": None}, "'agent_id' is null"),
    ("POST", "/api/v1/sessions/{session}/reuse", {"name": "x"}, "'name' is not known"),
    ("POST", "/api/v1/sessions/{session}/summary", {"async": "yes"}, "'async' is 'yes'"),
    ("POST", "/api/v1/sessions/{session}/summary", {"later": True}, "'later' is not known; known are async"),
]


@pytest.mark.parametrize(("method", "address", "body", "words"), WRONG_FIELDS)
def test_a_wrong_field_is_named_with_what_was_given_and_what_is_accepted(
    client: FlaskClient, session: str, method: str, address: str, body: Any, words: str
) -> None:
    answer = client.open(address.format(session=session), method=method, json=body)
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert words in answer.json["message"]


def test_all_wrong_fields_are_in_the_details(client: FlaskClient) -> None:
    answer = client.post(RUN, json={"input": 1, "user_id": 2, "nonsense": 3})
    assert answer.json["message"].startswith("field 'nonsense' is not known")
    assert answer.json["details"]["fields"].keys() == {"nonsense", "input", "user_id"}


URL = "https://example.com/a.png"

WRONG_MEDIA: list[tuple[Any, str]] = [
    (None, "'media' is null"),
    ("x", "'media' is 'x'"),
    (5, "'media' is 5"),
    ([5], "'media[0]' is 5"),
    ([[]], "'media[0]' is a list"),
    ([None], "'media[0]' is null"),
    ([{"type": "image", "url": URL}, {}], "'media[1].type' is missing"),
    ({}, "'media[0].type' is missing"),
    ({"type": "smell", "url": URL}, "'media[0].type' is 'smell'; accepted is 'image' or 'audio'"),
    ({"type": "image"}, "exactly one of 'url' and 'data'"),
    ({"type": "image", "url": URL, "data": "AAAA", "content_type": "image/png"}, "exactly one"),
    ({"type": "image", "url": 5}, "'media[0].url' is 5"),
    ({"type": "image", "url": URL, "size": 1}, "'media[0].size' is not known"),
    ({"type": "image", "url": "ftp://example.com/a"}, "http"),
    ({"type": "image", "url": "file:///etc/passwd"}, "http"),
    ({"type": "image", "url": "https://user:secret@example.com/a"}, "user name or password"),
    ({"type": "image", "url": "https://example.com/" + "a" * 2048}, "2048"),
    ({"type": "image", "url": "//example.com/a"}, "http"),
    ({"type": "image", "url": "http://[::1"}, "http"),
    ({"type": "image", "data": "AAAA"}, "content_type"),
    ({"type": "image", "data": "not base64!", "content_type": "image/png"}, "base64"),
    ({"type": "image", "data": "", "content_type": "image/png"}, "'media[0].data' is ''"),
    ({"type": "image", "data": "AAAA", "content_type": "text/html"}, "text/html"),
    ({"type": "image", "url": URL, "metadata": MANY}, "64 KiB"),
    ({"type": "image", "url": URL, "name": "x" * 256}, "255"),
    ([{"type": "image", "url": URL}] * 33, "at most 32"),
    ({"type": "video", "url": URL}, "'video'"),
]


@pytest.mark.parametrize(("media", "words"), WRONG_MEDIA)
def test_wrong_media_is_refused_as_such(client: FlaskClient, media: Any, words: str) -> None:
    answer = client.post(RUN, json={"input": "x", "media": media})
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_MEDIA")
    assert words in answer.json["message"]


WRONG_QUERIES: list[tuple[str, str, str]] = [
    *(
        ("GET", f"{address}?{query}", words)
        for address in (SESSIONS, "/api/v1/runs")
        for query, words in [
            ("limit=0", "'limit' is '0'; accepted is a whole number from 1 to 1000"),
            ("limit=1001", "'limit'"),
            ("limit=-1", "'limit'"),
            ("limit=%2B1", "'limit'"),
            ("limit=1.0", "'limit'"),
            ("limit=", "'limit'"),
            ("limit=ten", "'limit'"),
            ("limit=1_0", "'limit'"),
            ("limit=%D9%A3", "'limit'"),
            ("limit=99999999999999999999", "'limit'"),
            ("limit=1%00", "U+0000"),
            ("limit=1&limit=2", "'limit' is given 2 times"),
            ("offset=-1", "'offset'"),
            ("offset=99999999999999999999", "'offset'"),
            ("offset=9999999999", "'offset'"),
            ("cursor=", "'cursor'"),
            ("cursor=nonsense", "'cursor'"),
            ("cursor=%FF", "'cursor'"),
            ("cursor=" + "A" * 5000, "'cursor'"),
            ("agent_id=", "'agent_id'"),
            ("agent_id=a%00b", "U+0000"),
            ("agent_id=" + "x" * 256, "'agent_id'"),
            ("colour=blue", "'colour' is not known; known are limit"),
        ]
    ),
    ("GET", f"{SESSIONS}?include_total=yes", "'include_total' is 'yes'; accepted is true or false"),
    ("GET", f"{SESSIONS}?include_total=TRUE", "'include_total'"),
    ("GET", "/api/v1/runs?status=done", "'status' is 'done'; accepted is 'queued' or"),
    ("GET", f"{SESSIONS}/{{session}}/history?num_messages=0", "'num_messages'"),
    ("GET", f"{SESSIONS}/{{session}}/history?before=0", "'before'"),
    ("GET", f"{SESSIONS}/{{session}}/history?before=1e3", "'before'"),
    ("POST", f"{SESSIONS}/{{session}}/summary?async=maybe", "'async'"),
    ("POST", f"{RUN}?stream_events=maybe", "'stream_events'"),
    ("POST", f"{RUN}?types=nonsense", "'types'"),
    ("POST", f"{STREAM}?stream_events=1", "'stream_events' is not known; known are types"),
    ("GET", f"{SESSIONS}/{{session}}?x=1", "'x' is not known; none is accepted here"),
    ("GET", "/health?x=1", "'x' is not known"),
    ("GET", f"{AGENTS}?page=1", "'page' is not known; known are limit, offset, cursor"),
    ("GET", "/api/v1/tools?limit=1", "'limit' is not known"),
]


@pytest.mark.parametrize(("method", "address", "words"), WRONG_QUERIES)
def test_a_wrong_query_parameter_is_named(
    client: FlaskClient, session: str, method: str, address: str, words: str
) -> None:
    body = {"input": "x"} if method == "POST" else None
    answer = client.open(address.format(session=session), method=method, json=body)
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert words in answer.json["message"]


def test_a_cursor_holds_for_its_own_list_alone_and_not_beside_an_offset(served: Served) -> None:
    for _ in range(2):
        served.new_session()
    cursor = served.client.get(f"{SESSIONS}?limit=1").json["next_cursor"]
    assert served.client.get(f"{SESSIONS}?cursor={cursor}").status_code == 200
    assert served.client.get(f"/api/v1/runs?cursor={cursor}").status_code == 400
    both = served.client.get(f"{SESSIONS}?cursor={cursor}&offset=1")
    assert both.status_code == 400
    assert "one of them" in both.json["message"]


@pytest.mark.parametrize(
    "path",
    ["/api", "/api/v1", "/api/v2/sessions", "/api//v1/sessions", "/../etc/passwd", "/health/x", "/%00",
     "/api/v1/agents//run", "/static/x", "/favicon.ico"],
)  # fmt: skip
def test_an_address_without_anything_is_a_json_404(client: FlaskClient, path: str) -> None:
    answer = client.get(path, base_url="http://localhost", follow_redirects=False)
    assert (answer.status_code, answer.json["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["/health/", "/api/v1/sessions/", "/api/v1/agents/scripted/"])
def test_a_slash_at_the_end_changes_nothing(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", RUN, {"POST", "OPTIONS"}),
        ("HEAD", RUN, {"POST", "OPTIONS"}),
        ("PUT", SESSIONS, {"GET", "HEAD", "POST", "OPTIONS"}),
        ("PATCH", "/api/v1/sessions/x", {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}),
        ("TRACE", "/health", {"GET", "HEAD", "OPTIONS"}),
        ("PROPFIND", "/health", {"GET", "HEAD", "OPTIONS"}),
        ("PUT", "/api/v1/runs/x", {"GET", "HEAD", "DELETE", "OPTIONS"}),
    ],
)
def test_a_wrong_method_names_the_right_ones(client: FlaskClient, method: str, path: str, allowed: set[str]) -> None:
    answer = client.open(path, method=method)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == allowed
    if method != "HEAD":
        assert answer.json["code"] == "METHOD_NOT_ALLOWED"


def test_head_and_options_answer_without_a_body(client: FlaskClient) -> None:
    head = client.head("/health")
    assert (head.status_code, head.data, head.mimetype) == (200, b"", "application/json")
    options = client.options(SESSIONS)
    assert (options.status_code, options.data) == (200, b"")
    assert "POST" in options.headers["Allow"]


def test_a_refused_field_keeps_its_words_whatever_its_name(client: FlaskClient) -> None:
    for name in ("token", "api_key"):
        fields = client.post("/api/v1/sessions", json={name: "quokka"}).json["details"]["fields"]
        assert "***" not in fields[name]
