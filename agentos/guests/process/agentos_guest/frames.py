"""Makes the values of the guest's side from frames, and frames from how a run ends.

A field that is missing has its default, one that is unknown is ignored: the worker may be of a later version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from agentos_guest.errors import Failed, Pause
from agentos_guest.run import Action, Answer, Call, Media, Message, Overrides, Run
from agentos_guest.said import said_of
from agentos_guest.targets import Refused
from agentos_guest.wire import Frame, is_json

T = TypeVar("T")

MOST_ACTIONS = 100
"""Of one pause; as in the worker."""


def read_run(
    given: Mapping[str, Any],
    *,
    emit: Callable[[str, Any], None],
    set_state: Callable[[Sequence[Mapping[str, Any]]], None],
) -> Run:
    """Return the run of a frame. Raises ``TypeError`` or ``ValueError`` for one that lacks what it needs."""
    read: dict[str, Any] = {
        "history": tuple(_message(one) for one in given.get("history") or ()),
        "media": _all(Media, given.get("media")),
        "overrides": _value(Overrides, given.get("overrides") or {}),
        "answers": _all(Answer, given.get("answers")),
        "emit": emit,
        "set_state": set_state,
    }
    return _value(Run, {**given, **read})


def failed(error: BaseException) -> Frame:
    """Return the frame of a run that an error ended. Only the message of ``Failed`` may be read by clients."""
    frame: dict[str, Any] = {
        "kind": "failed",
        "message": None,
        "cause": "AGENT_FAILED",
        "public": False,
        **said_of(error),
    }
    if not isinstance(error, Failed):
        return frame
    if error.__cause__ is None or error.__cause__ is error:
        frame |= {"traceback": "", "places": ""}  # its message says it all
    return {**frame, "message": error.message, "cause": error.cause, "public": True}


def refused(error: Refused) -> Frame:
    """Return the frame of work that was refused. What the cause said is apart from the ``reason``, as in ``failed``."""
    frame = {"kind": "refused", "code": error.code, "reason": error.reason}
    return frame if error.__cause__ is None else {**frame, **said_of(error.__cause__)}


def paused(pause: Pause, *, adapter: str, framework_version: str) -> Frame:
    """Return the frame of a run that waits for people. Raises :class:`~agentos_guest.Failed` for a wrong pause."""
    if not 1 <= len(pause.actions) <= MOST_ACTIONS:
        raise Failed(
            f"the agent asked for a pause and named {len(pause.actions)} actions; accepted are 1 to {MOST_ACTIONS}"
        )
    if not is_json(pause.state):
        raise Failed(f"the state to be saved at the pause is {type(pause.state).__name__}, and no JSON")
    for action in pause.actions:
        _check_action(action)
    return {
        "kind": "paused",
        "actions": [dict(vars(action)) for action in pause.actions],
        "state": pause.state,
        "adapter": adapter,
        "framework_version": framework_version,
    }


def cause_of(error: BaseException) -> BaseException:
    """Return the one error inside of groups of one, which frameworks make of errors in their tasks."""
    inner = getattr(error, "exceptions", None)
    while isinstance(inner, tuple) and len(inner) == 1:
        error = inner[0]
        inner = getattr(error, "exceptions", None)
    return error


def _check_action(action: Action) -> None:
    wrong = None
    if action.kind not in ("approval", "input"):
        wrong = "its kind is neither 'approval' nor 'input'"
    elif not isinstance(action.key, str) or not action.key:
        wrong = "it has no key"
    elif action.kind == "approval" and not action.tool_name:
        wrong = "it is an approval without a tool_name"
    elif not isinstance(action.arguments, (Mapping, type(None))):
        wrong = "its arguments are no object"
    elif not isinstance(action.schema, (Mapping, type(None))):
        wrong = "its schema is no object"
    if wrong is not None:
        raise Failed(f"an action of the agent's pause cannot be answered: {wrong}")


def _message(given: Mapping[str, Any]) -> Message:
    read = {"tool_calls": _all(Call, given.get("tool_calls")), "media": _all(Media, given.get("media"))}
    return _value(Message, {**given, **read, "content": given.get("content") or ""})


def _all(kind: type[T], given: Iterable[Mapping[str, Any]] | None) -> tuple[T, ...]:
    return tuple(_value(kind, one) for one in given or ())


def _value(kind: type[T], given: Mapping[str, Any]) -> T:
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # each of these is a dataclass
    return kind(**{name: value for name, value in given.items() if name in known})
