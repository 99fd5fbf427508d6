"""The lines that are written for every request and run are records as others, made faster."""

import io
import logging
import os
import time

import pytest

from agentos.observability.event_logger import EventLogger

FIELDS = {"run_id": "run_1", "duration": 0.5}


@pytest.fixture
def stream():
    logger = logging.getLogger("agentos.events_of_a_test")
    logger.setLevel("INFO")
    logger.propagate = False
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    yield EventLogger(logger.name), handler, stream
    logger.removeHandler(handler)


def test_a_formatter_of_another_program_finds_every_attribute_of_a_record(stream):
    events, handler, written = stream
    names = [name for name in vars(logging.makeLogRecord({})) if name not in ("args", "exc_info")]
    handler.setFormatter(logging.Formatter(" ".join(f"%({name})s" for name in names)))

    events.info("request", extra=FIELDS)

    assert len(written.getvalue().split()) == len(names)


def test_the_line_is_that_of_the_usual_way(stream):
    events, handler, written = stream
    handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(process)d %(run_id)s %(duration)s"))

    events.info("request", extra=FIELDS)
    logging.getLogger("agentos.events_of_a_test").info("request", extra=FIELDS)

    first, second = written.getvalue().splitlines()
    assert first == second
    assert str(os.getpid()) in first


def test_the_time_is_that_of_the_line(stream):
    events, handler, written = stream
    handler.setFormatter(logging.Formatter("%(created)f %(relativeCreated)f"))
    before = time.time()

    events.info("request", extra=FIELDS)

    created, relative = map(float, written.getvalue().split())
    assert before - 0.001 <= created <= time.time() + 0.001
    assert relative > 0


def test_a_level_that_is_off_makes_no_record(stream):
    events, _, written = stream

    events.log(logging.DEBUG, "request", extra=FIELDS)

    assert written.getvalue() == ""
