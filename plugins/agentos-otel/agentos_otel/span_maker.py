"""Makes encoded spans of what has ended: a request, or a run with all that it did.

They are made once, at the end: a run pays nothing for them while its tokens stream.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agentos import FinishedRequest, PendingAction, Run, RunStatus, RunStep, TraceContext
from agentos_otel import names
from agentos_otel.content import CallContent, Content
from agentos_otel.described import (
    model_call_attributes,
    model_name,
    pause_attributes,
    pauses,
    run_attributes,
    tool_call_attributes,
)
from agentos_otel.values import Attributes, Value, add_attributes, cut

METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FAILED = Status(code=Status.STATUS_CODE_ERROR)
SAMPLED = 1
KNOWN_REMOTE = 0x100
"""A flag of OTLP: it is known whether the parent is of another process, which the next one says."""
REMOTE = 0x200


class SpanMaker:
    """Makes spans; their texts are cut by ``content``."""

    def __init__(self, content: Content) -> None:
        self._content = content

    def of_request(self, request: FinishedRequest) -> Sequence[bytes]:
        """Return the span of a request that ends now."""
        trace = request.trace
        if trace is None or not trace.sampled:
            return ()
        known, failed, end = request.method in METHODS, request.status >= 500, time.time_ns()
        attributes: Attributes = {
            names.METHOD: request.method if known else "_OTHER",
            names.ORIGINAL_METHOD: None if known else request.method,
            names.ROUTE: request.route,
            names.STATUS_CODE: request.status,
            names.REQUEST_ID: request.request_id,
            names.RUN_ID: request.run_id,
            names.ERROR_TYPE: str(request.status) if failed else None,
        }
        method = request.method if known else "HTTP"
        name = method if request.route is None else f"{method} {request.route}"
        begin = end - int(request.duration * 1e9)
        return (self._span(trace, name, Span.SPAN_KIND_SERVER, begin, end, attributes, failed=failed, remote=True),)

    def of_run(self, run: Run, calls: Mapping[str, CallContent], *, content: bool) -> Sequence[bytes]:
        """Return the spans of a run that has ended: its own, and one for each try, tool call and pause.

        ``calls`` are contents of its tool calls by their ids; with ``content``, its input and output are in it too.
        """
        trace = run.trace
        if trace is None or not trace.sampled:
            return ()
        end = run.ended_at or run.created_at
        attributes = run_attributes(run)
        if content:
            attributes = {**attributes, **self._content.messages(run)}
        name, failed = f"invoke_agent {run.agent_id}", run.status is RunStatus.FAILED
        begin = _ns(run.created_at)
        spans = [self._span(trace, name, Span.SPAN_KIND_INTERNAL, begin, _ns(end), attributes, failed=failed)]
        spans.extend(self._pause(trace, actions, end) for actions in pauses(run.answered))
        taken: set[str] = set()
        for step in run.steps:
            own = _of_step(trace, step)
            if own.span_id in taken:  # models use the id of a call again
                own = trace.child("step", str(step.number))
            taken.add(own.span_id or "")
            spans.append(self._step(own, run, step, end, calls.get(step.tool_call_id or "")))
        return spans

    def _step(
        self, trace: TraceContext, run: Run, step: RunStep, run_end: datetime, content: CallContent | None
    ) -> bytes:
        if step.type == "tool_call":
            name, kind = f"execute_tool {step.tool_name}", Span.SPAN_KIND_INTERNAL
            attributes = tool_call_attributes(step, run)
            if content is not None:
                said = {names.TOOL_ARGUMENTS: content.arguments, names.TOOL_RESULT: content.result}
                attributes = {**attributes, **said}
        else:
            name, kind = f"chat {model_name(step.model)}", Span.SPAN_KIND_CLIENT
            attributes = model_call_attributes(step, run)
        begin = _ns(step.started_at)
        end = _ns(run_end) if step.duration is None else begin + int(step.duration * 1e9)
        return self._span(trace, name, kind, begin, end, attributes, failed=step.status == "failed")

    def _pause(self, run: TraceContext, actions: Sequence[PendingAction], run_end: datetime) -> bytes:
        ends = [run_end if one.answer is None else one.answer.answered_at or run_end for one in actions]
        begin, end = _ns(actions[0].created_at), _ns(max(ends))
        trace = run.child("pause", actions[0].id)
        return self._span(trace, "pause", Span.SPAN_KIND_INTERNAL, begin, end, pause_attributes(actions))

    def _span(
        self,
        trace: TraceContext,
        name: str,
        kind: Span.SpanKind.ValueType,
        begin: int,
        end: int,
        attributes: Attributes,
        *,
        failed: bool = False,
        remote: bool = False,
    ) -> bytes:
        length = self._content.length
        own = {}
        pieces = [b""]
        for attribute, value in attributes.items():
            if value is None:
                continue
            if attribute in names.FEW_VALUES:
                pieces.append(_encoded(attribute, value, length))
            else:
                own[attribute] = value
        span = Span(
            trace_id=bytes.fromhex(trace.trace_id),
            span_id=bytes.fromhex(trace.span_id or ""),
            parent_span_id=bytes.fromhex(trace.parent_id or ""),
            trace_state=trace.state,
            flags=SAMPLED | KNOWN_REMOTE | (REMOTE if remote and trace.parent_id else 0),
            name=cut(name, length),
            kind=kind,
            start_time_unix_nano=begin,
            end_time_unix_nano=max(begin, end),
            status=FAILED if failed else None,
        )
        add_attributes(span.attributes, own, length)
        pieces[0] = span.SerializeToString()
        return b"".join(pieces)


@lru_cache(maxsize=1024, typed=True)
def _encoded(attribute: str, value: Value, length: int) -> bytes:
    """Return an attribute as a piece of an encoded span; the order of a message's pieces does not matter."""
    span = Span()
    add_attributes(span.attributes, {attribute: value}, length)
    return span.SerializeToString()


def _of_step(run: TraceContext, step: RunStep) -> TraceContext:
    if step.type == "tool_call":
        return run.tool_call(step.tool_call_id or "")
    return run.model_call(step.started_at, step.attempt or 1)


def _ns(time: datetime) -> int:
    return (time - EPOCH) // MICROSECOND * 1000
