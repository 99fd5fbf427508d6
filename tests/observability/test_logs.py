"""No line of the log holds a secret, and none but by AGENTOS_LOG_CONTENT what others said."""

import logging
import warnings

import pytest

from agentos.errors import ProviderError, StorageError
from agentos.observability.content import LEFT_OUT, UntrustedText

SECRET = "sk-geheim-geheim-12"
FORMS = pytest.mark.parametrize("form", ["json", "console"])

logger = logging.getLogger("agentos.test")


@FORMS
@pytest.mark.parametrize(
    ("message", "arguments", "extra"),
    [
        (f"key {SECRET}", (), {}),
        ("key %s", (SECRET,), {}),
        ("headers", (), {"headers": {"Authorization": f"Bearer {SECRET}", "x": [{"password": "geheim"}]}}),
        ("pair", (), {SECRET: 1, "token": ("x-api-key", SECRET)}),
        ("named", (), {"db_password": "geheim and geheim"}),
        ("object", (), {"it": ProviderError(f"refused {SECRET}")}),
        ("key %s and %s", (SECRET,), {}),
    ],
)
def test_a_secret_is_in_no_field(log, form, message, arguments, extra) -> None:
    stream = log(log_format=form)
    logger.error(message, *arguments, extra=extra)
    assert "***" in stream.getvalue()
    assert "geheim" not in stream.getvalue()


@FORMS
@pytest.mark.parametrize("content", [False, True])
def test_a_secret_is_in_no_traceback(log, form, content) -> None:
    stream = log(log_format=form, log_content=content)
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise StorageError(f"refused {SECRET}") from error
    except StorageError:
        logger.exception("failed", stack_info=True)
    text = stream.getvalue()
    assert "refused sk-***" in text
    assert "KeyError" in text
    assert "geheim" not in text


def test_a_secret_is_in_no_warning(log) -> None:
    stream = log()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"deprecated: {SECRET}", UserWarning, stacklevel=1)
    assert "deprecated: sk-***" in stream.getvalue()


def test_the_secrets_of_the_configuration_are_hidden_whatever_they_look_like(log) -> None:
    stream = log(anthropic_api_key="Tr0ub4dor", database_url="postgresql+psycopg://me:c0rrect%22horse@db/a")
    logger.info('%s, c0rrect"horse', "Tr0ub4dor", extra={"a": ["c0rrect%22horse"]})
    [record] = stream.records()
    assert (record["message"], record["a"]) == ("***, ***", ["***"])


CANARY = "".join(["can", "ary"])  # the lines of this file are in the tracebacks


def _log_failures() -> None:
    try:
        try:
            raise ValueError(CANARY)
        except ValueError as error:
            error.add_note(CANARY)
            raise ExceptionGroup(CANARY, [FileNotFoundError(2, "No such file", CANARY), KeyError(CANARY)]) from error
    except ExceptionGroup:
        logger.exception("failed", extra={"reason": UntrustedText(f"the model server broke off: {CANARY}")})


@FORMS
def test_what_exceptions_say_is_left_out_but_not_where_they_came_from(log, form) -> None:
    stream = log(log_format=form)
    _log_failures()
    text = stream.getvalue()
    assert CANARY not in text
    for words in ("_log_failures", f"ValueError: {LEFT_OUT}", "[Errno 2] No such file", "2. ", "server broke off"):
        assert words in text
    assert text.index("ValueError: ") < text.index("direct cause") < text.index("ExceptionGroup: ")


@FORMS
def test_with_log_content_exceptions_say_all(log, form) -> None:
    stream = log(log_format=form, log_content=True)
    _log_failures()
    assert f"ValueError: {CANARY}" in stream.getvalue()
    assert f"broke off: {CANARY}" in stream.getvalue()


def test_errors_that_speak_of_code_or_of_ours_keep_their_words(log) -> None:
    for error in (AttributeError("no attribute 'x'"), StorageError("the database is away"), ImportError("no module y")):
        stream = log()
        logger.error("failed", exc_info=error)
        assert str(error) in stream.records()[0]["exception"]


def test_a_circle_of_exceptions_ends(log) -> None:
    stream = log()
    first, second = ValueError("a"), ValueError("b")
    first.__context__, second.__context__ = second, first
    logger.error("failed", exc_info=first)
    assert stream.records()[0]["exception"].count("Traceback") == 2
