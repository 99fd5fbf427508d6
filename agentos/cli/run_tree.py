"""What a run did, as a tree: calls to models, below each the tool calls that it asked for, and the runs it made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from agentos.domain.pending import EXPIRY, PendingAction
from agentos.domain.run import Run, RunStatus
from agentos.domain.text import one_line
from agentos.services.timeline import Span, timeline_of

SHOWN = 160
"""Characters that are shown of an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run with what is known of it: what it waited for, the errors of its tool calls by step, the runs it made."""

    run: Run
    actions: Sequence[PendingAction] = ()
    errors: Mapping[int, str] = field(default_factory=dict)
    children: Sequence[RunRecord] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A span with its name, what is said of it, and what is below it. Its start is that of the whole tree's axis."""

    kind: Literal["queue", "model_call", "tool_call", "pause", "run"]
    name: str
    words: Sequence[str]
    failed: bool
    start: float
    duration: float | None
    first: float | None = None
    """Seconds to the first token."""
    below: list[Node] = field(default_factory=list)


def tree_of(record: RunRecord, origin: datetime | None = None) -> list[Node]:
    """Return the tree of a run; ``origin`` is where the axis begins: when the run was admitted, unless it is given."""
    origin = origin or record.run.created_at
    offset = (record.run.created_at - origin).total_seconds()
    nodes: list[Node] = []
    for span in timeline_of(record.run, record.actions):
        node = _node(replace(span, start=span.start + offset), record.errors)
        if node.kind == "tool_call" and nodes and nodes[-1].kind in ("model_call", "pause"):
            nodes[-1].below.append(node)
        else:
            nodes.append(node)
    for child in record.children:
        _hang(_child(child, origin), nodes)
    return sorted(nodes, key=lambda node: node.start) if record.children else nodes


def _hang(child: Node, nodes: list[Node]) -> None:
    """Put a run below the tool call during which it was made, else beside the calls."""
    tools = [tool for node in nodes for tool in (node, *node.below) if tool.kind == "tool_call"]
    for tool in tools:
        if tool.start <= child.start and (tool.duration is None or child.start <= tool.start + tool.duration):
            tool.below.append(child)
            return
    nodes.append(child)


def _child(record: RunRecord, origin: datetime) -> Node:
    run = record.run
    cause = None if run.error is None else str(run.error.details.get("cause", run.error.code))
    words = [run.id, *([] if run.status is RunStatus.COMPLETED else [run.status.value]), *([cause] if cause else [])]
    return Node(
        kind="run",
        name=f"run of {one_line(run.agent_id)}",
        words=[one_line(word) for word in words],
        failed=run.status is RunStatus.FAILED,
        start=max(0.0, (run.created_at - origin).total_seconds()),
        duration=run.duration,
        below=tree_of(record, origin),
    )


def _node(span: Span, errors: Mapping[int, str]) -> Node:
    return Node(
        kind=span.kind,
        name=_name(span),
        words=list(_words(span, errors)),
        failed=span.status == "failed",
        start=span.start,
        duration=span.duration,
        first=None if span.step is None else span.step.time_to_first_token,
    )


def _name(span: Span) -> str:
    if span.kind in ("queue", "pause"):
        return "waits for its turn" if span.kind == "queue" else "paused"
    assert span.step is not None
    return f"{span.step.number}. {one_line(span.name or span.kind.removesuffix('_call'))}"


def _words(span: Span, errors: Mapping[int, str]) -> Iterator[str]:
    for action in span.actions:
        yield _decided(action)
    step = span.step
    if step is None:
        return
    if span.status == "failed":
        yield "failed"
    elif span.status == "started":
        yield "under way" if span.duration is None else "not ended"
    if (step.attempt or 1) > 1:
        yield f"attempt {step.attempt}"
    if step.time_to_first_token is not None:
        yield f"first token {seconds_text(step.time_to_first_token)}"
    if step.usage is not None:
        yield f"{step.usage.prompt_tokens} + {step.usage.completion_tokens} tokens"
    yield from (one_line(word) for word in (step.finish_reason, step.cause) if word)
    if step.remembered is not None:
        yield "decided before"
    if (error := errors.get(step.number)) is not None:
        yield one_line(error, SHOWN)


def _decided(action: PendingAction) -> str:
    about = one_line(action.call.name or action.kind.value)
    answer = action.answer
    if answer is None:
        return f"{about}: no answer yet"
    said = {"approve": "approved", "reject": "rejected"}.get(answer.decision or "", "answered")
    if answer.answered_by == EXPIRY:
        return f"{about}: {said}, as nobody did in time"
    who = f" by {one_line(answer.answered_by)}" if answer.answered_by else ""
    took = ""
    if answer.answered_at is not None:
        took = f" after {seconds_text((answer.answered_at - action.created_at).total_seconds())}"
    return f"{about}: {said}{who}{took}"


def seconds_text(seconds: float) -> str:
    """Return a duration in at most nine characters."""
    if seconds < 100:
        return f"{seconds:.3f} s"
    if seconds < 10_000:
        return f"{seconds:.0f} s"
    return f"{seconds / 3600:.1f} h" if seconds < 360_000 else f"{seconds / 86400:.0f} d"
