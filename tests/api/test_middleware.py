import logging
from typing import Any

import pytest
from flask import Blueprint
from flask.testing import FlaskClient
from werkzeug.exceptions import ServiceUnavailable

from agentos.errors import ConfigError, InternalError
from agentos.models.scripted import Pause

RUN = "/api/v1/agents/scripted/run"


@pytest.mark.parametrize("given", ["abc", "A.b_c-9", "x" * 128])
def test_a_sane_request_id_is_the_callers_own(client: FlaskClient, given: str) -> None:
    assert client.get("/health", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given
    assert client.get("/nowhere", headers={"X-Request-ID": given}).json["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "ü", "<script>", "a\tb", '"'])
def test_any_other_request_id_is_replaced_by_a_new_one(client: FlaskClient, given: str) -> None:
    seen = {client.get("/health", headers={"X-Request-ID": given}).headers["X-Request-ID"] for _ in range(2)}
    assert len(seen) == 2
    assert all(len(one) == 36 for one in seen)


def test_streams_and_errors_carry_the_request_id_too(served) -> None:
    headers = {"X-Request-ID": "mine"}
    assert served.client.post(f"{RUN}/stream", json={"input": "x"}, headers=headers).headers["X-Request-ID"] == "mine"
    assert served.client.post(RUN, data=b"{", headers=headers).headers["X-Request-ID"] == "mine"
    assert served.client.put("/health", headers=headers).headers["X-Request-ID"] == "mine"


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.__dict__ for record in caplog.records if record.name == "agentos.requests"]


def test_each_request_is_one_line_in_the_log(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    client.post(RUN, json={"input": "secret"}, headers={"X-Request-ID": "r1"})
    client.get("/nowhere?key=secret", headers={"X-Request-ID": "r2"})
    seen = [[line[name] for name in ("method", "path", "status", "ip", "request_id")] for line in lines(caplog)]
    assert seen == [
        ["POST", RUN, 200, "127.0.0.1", "r1"],
        ["GET", "/nowhere", 404, "127.0.0.1", "r2"],
    ]
    assert all(0 < line["duration"] < 10 for line in lines(caplog))
    assert "secret" not in str(lines(caplog))


def test_a_stream_is_logged_when_it_has_ended(serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    answer = serve([Pause(0.2), "x"]).stream()
    assert lines(caplog) == []
    assert answer.data
    answer.close()
    (line,) = lines(caplog)
    assert line["status"] == 200
    assert line["duration"] > 0.2


@pytest.fixture
def broken(serve):
    """An application with addresses that fail in their own ways."""
    served = serve(allow_origins=("https://app.example.com",))
    blueprint = Blueprint("broken", __name__)

    @blueprint.get("/broken/bug")
    def bug():
        raise RuntimeError("database password is hunter2")

    @blueprint.get("/broken/config")
    def config():
        raise ConfigError("secret setting")

    @blueprint.get("/broken/internal")
    def internal():
        raise InternalError

    @blueprint.get("/broken/http")
    def http():
        raise ServiceUnavailable(description="hunter2", retry_after=7)

    @blueprint.get("/broken/json")
    def unserialisable():
        return {"x": {1, 2}}

    served.app.register_blueprint(blueprint)
    return served


@pytest.mark.parametrize("what", ["bug", "config", "internal", "json"])
def test_a_bug_is_a_500_without_its_text_and_the_log_has_it(
    broken, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    answer = broken.client.get(f"/broken/{what}", headers={"X-Request-ID": "r1"})
    assert (answer.status_code, answer.json["code"]) == (500, "INTERNAL_ERROR")
    assert "hunter2" not in answer.text
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert any(getattr(record, "request_id", None) == "r1" for record in caplog.records)


def test_an_http_error_of_a_blueprint_keeps_its_headers(broken) -> None:
    answer = broken.client.get("/broken/http")
    assert (answer.status_code, answer.json["code"]) == (503, "INTERNAL_ERROR")
    assert answer.headers["Retry-After"] == "7"
    assert "hunter2" not in answer.text


ORIGIN = "https://app.example.com"


def test_a_bug_may_be_read_by_a_configured_origin_too(broken) -> None:
    answer = broken.client.get("/broken/bug", headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
