"""What a guest says of its run, as the events of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from agentos.domain.event import AgentEvent, CustomEvent, Reasoning, StateEvent, Step, ToolCallEvent, Yielded
from agentos.domain.message import ToolCall
from agentos.domain.usage import Usage
from agentos.guests.wire import ProtocolError
from agentos.runtime.context import RunContext


def events_of(items: Sequence[Any], context: RunContext) -> Iterator[Yielded]:
    """Yield the events of items that are not all text; what is for ``emit`` and ``set_state`` happens in its place.

    Raises :class:`~agentos.guests.wire.ProtocolError` for what is no event, after what came before it.
    """
    said: list[AgentEvent | str] = []
    broken: ProtocolError | None = None
    for item in items:
        try:
            event = item if item.__class__ is str else _event(item)
        except ProtocolError as error:
            broken = error
            break
        if isinstance(event, CustomEvent | StateEvent):
            if said:
                yield said
                said = []
            _write(event, context)
        elif event is not None:
            said.append(event)
    if said:
        yield said
    if broken is not None:
        raise broken


def _event(item: Any) -> AgentEvent | CustomEvent | StateEvent | None:
    """Return the event of an object; ``None`` for a type of a later version."""
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        raise ProtocolError("an event is neither a text nor an object with a 'type'")
    make = _EVENTS.get(item["type"])
    try:
        return None if make is None else make(item)
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"a {item['type']} event is not as it should be: {error!r}") from None


def _write(event: CustomEvent | StateEvent, context: RunContext) -> None:
    if isinstance(event, StateEvent):
        context.set_state(event.delta)
    else:
        context.emit(event.name, event.value)


def _custom(item: Mapping[str, Any]) -> CustomEvent:
    return CustomEvent(_text(item["name"]), item.get("data"))


def _state(item: Mapping[str, Any]) -> StateEvent:
    if not isinstance(item["patch"], list):
        raise TypeError("the patch is no list")
    return StateEvent(item["patch"])


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


_EVENTS: Mapping[str, Callable[[Mapping[str, Any]], AgentEvent | CustomEvent | StateEvent]] = {
    "custom": _custom,
    "state": _state,
    "reasoning": _reasoning,
    "tool_call": _tool_call,
    "usage": _usage,
    "model_call": _model_call,
}
