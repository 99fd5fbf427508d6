"""Makes spans of what has ended: a request, or a run with all that it did."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState
from opentelemetry.util.types import AttributeValue

from agentos import FinishedRequest, PendingAction, Run, RunStatus, RunStep, TraceContext, Usage, __version__
from agentos_otel import names
from agentos_otel.content import CallContent, Limited

Attributes = Mapping[str, AttributeValue | None]

METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
SCOPE = InstrumentationScope("agentos", __version__)
UNSET = Status(StatusCode.UNSET)
ERROR = Status(StatusCode.ERROR)


class SpanMaker:
    """Makes spans that a resource sends; texts of them are cut by ``limited``."""

    def __init__(self, resource: Resource, limited: Limited) -> None:
        self._resource = resource
        self._limited = limited

    def of_request(self, request: FinishedRequest) -> Sequence[ReadableSpan]:
        """Return the span of a request that ends now."""
        if request.trace is None or not request.trace.sampled:
            return ()
        known = request.method in METHODS
        end = time.time_ns()
        attributes: dict[str, AttributeValue | None] = {
            names.METHOD: request.method if known else "_OTHER",
            names.ORIGINAL_METHOD: None if known else request.method,
            names.ROUTE: request.route,
            names.STATUS_CODE: request.status,
            names.REQUEST_ID: request.request_id,
            names.RUN_ID: request.run_id,
            names.ERROR_TYPE: str(request.status) if request.status >= 500 else None,
        }
        method = request.method if known else "HTTP"
        name = method if request.route is None else f"{method} {request.route}"
        begin = end - int(request.duration * 1e9)
        return (self._span(request.trace, name, SpanKind.SERVER, begin, end, attributes, failed=request.status >= 500),)

    def of_run(self, run: Run, calls: Mapping[str, CallContent], *, content: bool) -> Sequence[ReadableSpan]:
        """Return the spans of a run that has ended: its own, and one for each try, tool call and pause.

        ``calls`` are contents of its tool calls by their ids; with ``content``, its input and output are in it too.
        """
        trace = run.trace
        if trace is None or not trace.sampled:
            return ()
        end = run.ended_at or run.created_at
        attributes = {**_of_run(run), **(self._limited.messages(run) if content else {})}
        name = f"invoke_agent {run.agent_id}"
        failed = run.status is RunStatus.FAILED
        spans = [self._span(trace, name, SpanKind.INTERNAL, _ns(run.created_at), _ns(end), attributes, failed=failed)]
        spans.extend(self._pause(trace, actions, end) for actions in pauses(run.answered))
        ids = {span.context.span_id for span in spans if span.context is not None}
        for step in run.steps:
            own = _of_step(trace, step)
            if int(own.span_id or "0", 16) in ids:  # models use the id of a call again
                own = trace.child("step", str(step.number), own.span_id or "")
            ids.add(int(own.span_id or "0", 16))
            spans.append(self._step(own, run, step, end, calls.get(step.tool_call_id or "")))
        return spans

    def _step(
        self, trace: TraceContext, run: Run, step: RunStep, run_end: datetime, content: CallContent | None
    ) -> ReadableSpan:
        attributes: dict[str, AttributeValue | None] = {
            **attributes_of(step, run),
            names.RUN_ID: run.id,
            names.STEP_NUMBER: step.number,
            names.CONVERSATION: run.session_id,
        }
        if content is not None:
            attributes |= {names.TOOL_ARGUMENTS: content.arguments, names.TOOL_RESULT: content.result}
        end = run_end if step.duration is None else step.started_at + timedelta(seconds=step.duration)
        if step.type == "tool_call":
            name, kind = f"execute_tool {step.tool_name}", SpanKind.INTERNAL
        else:
            name, kind = f"chat {model_name(step.model)}", SpanKind.CLIENT
            attributes |= _of_model_call(step)
        failed = step.status == "failed"
        return self._span(trace, name, kind, _ns(step.started_at), _ns(end), attributes, failed=failed)

    def _pause(self, run: TraceContext, actions: Sequence[PendingAction], run_end: datetime) -> ReadableSpan:
        ends = [run_end if one.answer is None else one.answer.answered_at or run_end for one in actions]
        attributes: Attributes = {
            names.PAUSE_KINDS: tuple(one.kind.value for one in actions),
            names.PAUSE_TOOLS: tuple(one.call.name for one in actions if one.call.name),
            names.PAUSE_DECISIONS: tuple(
                one.answer.decision for one in actions if one.answer is not None and one.answer.decision is not None
            ),
        }
        begin = min(one.created_at for one in actions)
        trace = run.child("pause", actions[0].id)
        return self._span(trace, "pause", SpanKind.INTERNAL, _ns(begin), _ns(max(ends)), attributes)

    def _span(
        self,
        trace: TraceContext,
        name: str,
        kind: SpanKind,
        begin: int,
        end: int,
        attributes: Attributes,
        *,
        failed: bool = False,
    ) -> ReadableSpan:
        state = TraceState.from_header([trace.state]) if trace.state else None
        flags = TraceFlags(TraceFlags.SAMPLED)
        number, parent = int(trace.trace_id, 16), None
        if trace.parent_id is not None:
            parent = SpanContext(number, int(trace.parent_id, 16), is_remote=False, trace_flags=flags)
        return ReadableSpan(
            name=self._limited.text(name),
            context=SpanContext(number, int(trace.span_id or "0", 16), False, flags, state),
            parent=parent,
            resource=self._resource,
            attributes={name: self._limited.value(value) for name, value in attributes.items() if value is not None},
            kind=kind,
            instrumentation_scope=SCOPE,
            status=ERROR if failed else UNSET,
            start_time=begin,
            end_time=max(begin, end),
        )


def attributes_of(step: RunStep, run: Run) -> dict[str, AttributeValue | None]:
    """Return what spans and metrics say of a call."""
    failed = step.status == "failed"
    if step.type == "tool_call":
        return {
            names.OPERATION: "execute_tool",
            names.TOOL_NAME: step.tool_name,
            names.TOOL_TYPE: "function",
            names.TOOL_CALL_ID: step.tool_call_id,
            names.AGENT_NAME: run.agent_id,
            names.ERROR_TYPE: (step.cause or "tool_error") if failed else None,
        }
    return {
        names.OPERATION: "chat",
        names.PROVIDER: provider_name(step.model),
        names.REQUEST_MODEL: model_name(step.model),
        names.ERROR_TYPE: (step.cause or "_OTHER") if failed else None,
    }


def pauses(actions: Sequence[PendingAction]) -> list[list[PendingAction]]:
    """Return what a run waited for, by its pauses: the actions of one pause are of one turn, and one question each."""
    found: dict[tuple[int, int], list[PendingAction]] = {}
    for action in sorted(actions, key=lambda one: one.created_at):
        found.setdefault((action.turn, action.number), []).append(action)
    return list(found.values())


def provider_name(model: str | None) -> str | None:
    """Return the provider of a ``provider:name``."""
    return model.partition(":")[0] if model else None


def model_name(model: str | None) -> str:
    """Return the name of a ``provider:name``."""
    return (model or "").partition(":")[2] or model or "unknown"


def error_type(run: Run) -> str | None:
    """Return why a run did not complete."""
    if run.error is None:
        return None
    cause = run.error.details.get("cause")
    return cause if isinstance(cause, str) else run.error.code


def _of_step(run: TraceContext, step: RunStep) -> TraceContext:
    if step.type == "tool_call":
        return run.tool_call(step.tool_call_id or "")
    return run.model_call(step.started_at, step.attempt or 1)


def _of_run(run: Run) -> dict[str, AttributeValue | None]:
    return {
        names.OPERATION: "invoke_agent",
        names.PROVIDER: provider_name(run.model) or "agentos",
        names.AGENT_ID: run.agent_id,
        names.AGENT_NAME: run.agent_id,
        names.AGENT_VERSION: None if run.agent_version is None else str(run.agent_version),
        names.CONVERSATION: run.session_id,
        names.REQUEST_MODEL: model_name(run.model) if run.model else None,
        names.FINISH_REASONS: None if run.finish_reason is None else (run.finish_reason,),
        names.RUN_ID: run.id,
        names.RUN_STATUS: run.status.value,
        names.RUN_ATTEMPT: run.attempt,
        names.RUN_CRASHES: run.crashes or None,
        names.PARENT_RUN_ID: run.parent_run_id,
        names.REQUEST_ID: run.request_id,
        names.ERROR_TYPE: error_type(run),
        **_of_usage(run.usage),
    }


def _of_model_call(step: RunStep) -> Attributes:
    return {
        names.STREAM: True,
        names.ATTEMPT: step.attempt,
        names.FIRST_CHUNK: step.time_to_first_token,
        names.FINISH_REASONS: None if step.finish_reason is None else (step.finish_reason,),
        **_of_usage(step.usage),
    }


def _of_usage(usage: Usage | None) -> Attributes:
    if usage is None:
        return {}
    return {
        names.INPUT_TOKENS: usage.prompt_tokens,
        names.OUTPUT_TOKENS: usage.completion_tokens,
        names.CACHED_TOKENS: usage.cached_tokens,
        names.REASONING_TOKENS: usage.reasoning_tokens,
    }


def _ns(time: datetime) -> int:
    return int(time.timestamp() * 1e6) * 1000
