"""The log, as a collector and as a person reads it."""

import io
import json
import logging

import pytest

from agentos.config import Config
from agentos.observability.logs import LIBRARIES, configure_logging


@pytest.fixture
def log():
    """Configure logging with a buffer as its stream, and put everything back afterwards."""
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions

    def configure(**settings):
        stream = io.StringIO()
        configure_logging(Config(environ={}, **settings), stream=stream)
        return stream

    yield configure
    root.handlers[:], logging.raiseExceptions = handlers, raising
    root.setLevel(level)
    logging.captureWarnings(False)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_a_record_is_one_line_of_json_with_its_extra_fields(log):
    stream = log()

    logging.getLogger("agentos.http").info("request %s", "done", extra={"status": 200, "path": "/a\nb\u2028"})

    (line,) = stream.getvalue().split("\n")[:-1]
    record = json.loads(line)
    assert record.pop("time").endswith("Z")
    assert record == {
        "level": "info",
        "logger": "agentos.http",
        "message": "request done",
        "status": 200,
        "path": "/a\nb\u2028",
    }


def test_a_traceback_is_one_field(log):
    stream = log(log_content=True)

    try:
        raise ValueError("bad")
    except ValueError:
        logging.getLogger("agentos").exception("failed")

    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["exception"].endswith("ValueError: bad")


@pytest.mark.parametrize(
    "value",
    ["\ud800", 2**70, {"a": {1, 2}}, b"\xff", object()],
    ids=["half a pair", "large number", "set", "bytes", "object"],
)
@pytest.mark.parametrize("form", ["json", "console"])
def test_what_cannot_be_encoded_is_logged_all_the_same(log, form, value):
    stream = log(log_format=form)

    logging.getLogger("agentos").info("odd %s", value, extra={"value": value})

    (line,) = stream.getvalue().splitlines()
    assert "odd" in line


def test_a_message_whose_arguments_do_not_fit_is_logged_all_the_same(log):
    stream = log()

    logging.getLogger("agentos").info("%s and %s", "one")

    assert json.loads(stream.getvalue())["message"] == "%s and %s ('one',)"


def test_an_extra_field_does_not_replace_the_records_own(log):
    stream = log()

    logging.getLogger("agentos").info("true", extra={"level": "forged", "time": "forged"})

    assert "forged" not in stream.getvalue()


def test_the_console_shows_one_line_that_a_client_cannot_forge(log):
    stream = log(log_format="console")

    logging.getLogger("agentos.http").info("request", extra={"path": "/a\n12:00:00 ERROR forged\x1b[2J", "status": 200})

    (line,) = stream.getvalue().splitlines()
    assert r"path=/a\n12:00:00 ERROR forged\x1b[2J status=200" in line


def test_debug_logs_everything_to_the_console(log):
    stream = log(debug=True, log_format="json")

    logging.getLogger("agentos").debug("detail")

    assert "DEBUG   agentos: detail" in stream.getvalue()


def test_the_level_is_the_configured_one(log):
    stream = log(log_level="warning")

    logging.getLogger("agentos").info("small")
    logging.getLogger("agentos").warning("large")

    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["large"]


@pytest.mark.parametrize(
    ("settings", "speaks"), [({}, False), ({"debug": True}, False), ({"debug": True, "log_content": True}, True)]
)
def test_libraries_speak_below_warning_only_where_content_may_be_logged(log, settings, speaks):
    stream = log(**settings)

    logging.getLogger("openai._base_client").debug("request body")
    logging.getLogger("alembic.runtime").info("context")

    assert bool(stream.getvalue()) == speaks


def test_configuring_again_does_not_log_twice(log):
    log()
    stream = log()

    logging.getLogger("agentos").info("once")

    assert len(stream.getvalue().splitlines()) == 1
