"""What a guest says of its run, as the events of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from agentos.domain.event import AgentEvent, Reasoning, Step, ToolCallEvent, Yielded
from agentos.domain.message import ToolCall
from agentos.domain.usage import Usage
from agentos.guests.wire import ProtocolError
from agentos.runtime.context import RunContext


def events_of(items: Sequence[Any], context: RunContext) -> Iterator[Yielded]:
    """Yield the events of items that are not all text; what is for ``emit`` and ``set_state`` happens in its place.

    Raises :class:`~agentos.guests.wire.ProtocolError` for what is no event.
    """
    said: list[AgentEvent | str] = []
    for item in items:
        if item.__class__ is str:
            said.append(item)
            continue
        kind = item.get("type") if isinstance(item, dict) else None
        if kind in ("custom", "state"):
            if said:
                yield said
                said = []
            _write(kind, item, context)
        elif not isinstance(kind, str):
            raise ProtocolError("an event is neither a text nor an object with a 'type'")
        elif kind in _EVENTS:
            said.append(_read(_EVENTS[kind], item))
    if said:
        yield said


def _write(kind: str, item: Mapping[str, Any], context: RunContext) -> None:
    if kind == "state":
        patch = item.get("patch")
        if not isinstance(patch, list):
            raise ProtocolError("the patch of a state event is no list")
        context.set_state(patch)
        return
    name = item.get("name")
    if not isinstance(name, str):
        raise ProtocolError("a custom event has no name")
    context.emit(name, item.get("data"))


def _read(make: Callable[[Mapping[str, Any]], AgentEvent], item: Mapping[str, Any]) -> AgentEvent:
    try:
        return make(item)
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"a {item['type']} event is not as it should be: {error!r}") from None


def _reasoning(item: Mapping[str, Any]) -> Reasoning:
    return Reasoning(_text(item["content"]))


def _tool_call(item: Mapping[str, Any]) -> ToolCallEvent:
    status = item.get("status", "started")
    if status not in ("started", "completed", "failed"):
        raise ValueError(f"the status is {status!r:.40}")
    return ToolCallEvent(
        tool_call_id=_text(item["id"]),
        tool_name=_text(item["name"]),
        arguments=item.get("arguments"),
        status=status,
        result=_text_or_none(item.get("result")),
        error=_text_or_none(item.get("error")),
        duration=_number_or_none(item.get("duration")),
    )


def _usage(item: Mapping[str, Any]) -> Usage:
    return Usage(item.get("prompt") or 0, item.get("completion") or 0, item.get("reasoning") or 0, item.get("cached"))


def _model_call(item: Mapping[str, Any]) -> Step:
    usage = item.get("usage")
    return Step(
        model=_text(item["model"]),
        duration=item.get("duration") or 0.0,
        time_to_first_token=_number_or_none(item.get("time_to_first_token")),
        finish_reason=_text_or_none(item.get("finish_reason")),
        usage=None if usage is None else _usage(usage),
        calls=[
            ToolCall(_text(call["id"]), _text(call["name"]), _text(call["arguments"])) for call in item.get("calls", ())
        ],
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def _number_or_none(value: Any) -> float | None:
    if value is not None and not isinstance(value, int | float):
        raise TypeError(f"{value!r:.40} is no number")
    return value


_EVENTS: Mapping[str, Callable[[Mapping[str, Any]], AgentEvent]] = {
    "reasoning": _reasoning,
    "tool_call": _tool_call,
    "usage": _usage,
    "model_call": _model_call,
}
