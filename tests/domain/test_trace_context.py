"""W3C Trace Context: what is read of a client's headers, and the ids of spans."""

from datetime import UTC, datetime

import pytest

from agentos import TraceContext

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"


def test_a_parent_is_read_and_written() -> None:
    found = TraceContext.parse(GOOD, "vendor=a, t@other=b c")
    assert found == TraceContext(trace_id=TRACE, span_id=SPAN, sampled=True, state="vendor=a, t@other=b c")
    assert found.traceparent == GOOD


def test_the_flag_says_whether_it_is_recorded() -> None:
    found = TraceContext.parse(f"00-{TRACE}-{SPAN}-02")
    assert found is not None
    assert not found.sampled
    assert found.traceparent.endswith("-00")


def test_a_later_version_may_have_more() -> None:
    assert TraceContext.parse(f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be") is not None


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00",
        GOOD.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"{GOOD},{GOOD}",
        f"00-{TRACE}-{SPAN}-01\n",
        "x" * 100_000,
    ],
)
def test_a_malformed_parent_is_none(header: str | None) -> None:
    parsed = TraceContext.parse(header)
    assert parsed is None or header == f"{GOOD}\n"  # white space around a header is no part of it


@pytest.mark.parametrize(
    "state", ["no member", "=b", "a=b\r\nx: y", "a=é", "a=" + "b" * 600, "a=b,,c=d", "A=b", "a=b\0"]
)
def test_a_malformed_state_is_left_out(state: str) -> None:
    found = TraceContext.parse(GOOD, state)
    assert found is not None
    assert found.state == ""


def test_the_id_of_a_span_follows_from_what_it_is() -> None:
    run = TraceContext(trace_id=TRACE, span_id=SPAN).child("run", "1")
    now = datetime.now(UTC)
    spans = [run, run.model_call(now, 1), run.model_call(now, 2), run.tool_call("1"), run.tool_call("2")]
    assert len({span.span_id for span in spans}) == len(spans)
    assert all(span.trace_id == TRACE for span in spans)
    assert {span.parent_id for span in spans[1:]} == {run.span_id}
    assert run == TraceContext(trace_id=TRACE, span_id=SPAN).child("run", "1")
