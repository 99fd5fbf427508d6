"""A graph's interrupts as actions that people decide, and their answers as what ``interrupt()`` returns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentos_guest import Action, Answer, Failed
from langgraph.types import Interrupt

from .values import json_text, json_value

BREAKPOINT = "breakpoint"
_QUESTIONS = ("question", "message", "prompt", "description", "query", "instruction", "text")


def describe(interrupts: Sequence[Interrupt[Any]]) -> list[dict[str, Any]]:
    """Return what is kept of interrupts, as JSON: enough to make the actions and to read their answers."""
    return [
        {"id": item.id, "value": json_value(item.value), "schema": json_value(item.response_schema)}
        for item in interrupts
    ]


def actions(interrupts: Sequence[Mapping[str, Any]], calls: Mapping[str, Sequence[Any]]) -> Iterator[Action]:
    """Yield the actions of described interrupts; ``calls`` are the open tool calls: name and arguments by id."""
    free = dict(calls)
    for item in interrupts:
        value = item["value"]
        if _is_review(value):
            for number, request in enumerate(value["action_requests"]):
                message = request.get("description", "")
                call_id = _call_of(request, free)
                yield _review(f"{item['id']}:{number}", call_id, request, message, _allowed(value, number))
        elif _is_approval(value):
            allowed = _allowed_by_schema(item["schema"])
            yield _review(item["id"], value["tool_call_id"], value, value.get("description", ""), allowed)
        else:
            yield Action(
                key=item["id"],
                kind="input",
                message=_question(value),
                schema=item["schema"] if isinstance(item["schema"], dict) else None,
                # Arguments are shown only beside a name.
                tool_name="interrupt" if isinstance(value, dict) else "",
                arguments=value if isinstance(value, dict) else {},
            )


def resume(interrupts: Sequence[Mapping[str, Any]], answers: Sequence[Answer]) -> dict[str, Any]:
    """Return the value of each interrupt, by its id. Raises ``Failed`` for a decision that the agent does not allow."""
    given = {answer.key: answer for answer in answers}
    values: dict[str, Any] = {}
    for item in interrupts:
        value = item["value"]
        if _is_review(value):
            decisions = [
                _decision(given[f"{item['id']}:{number}"], request, _allowed(value, number))
                for number, request in enumerate(value["action_requests"])
            ]
            values[item["id"]] = {"decisions": decisions}
        elif _is_approval(value):
            values[item["id"]] = _decision(given[item["id"]], value, _allowed_by_schema(item["schema"]))
        else:
            values[item["id"]] = given[item["id"]].output
    return values


def breakpoint_action(nodes: Sequence[str]) -> Action:
    """Return the action of a graph that was compiled with ``interrupt_before`` or ``interrupt_after``."""
    names = ", ".join(nodes)
    return Action(
        key=BREAKPOINT,
        kind="approval",
        tool_name=nodes[0] if nodes else "",
        message=f"The graph continues with: {names}",
    )


def _is_review(value: Any) -> bool:
    """Return whether this is the request of ``HumanInTheLoopMiddleware`` in its mode ``batched``."""
    return isinstance(value, dict) and isinstance(value.get("action_requests"), list) and "review_configs" in value


def _is_approval(value: Any) -> bool:
    """Return whether this is a request of ``HumanInTheLoopMiddleware`` in its mode ``per_call``."""
    return isinstance(value, dict) and value.get("type") == "tool_approval" and "tool_call_id" in value


def _allowed(value: Mapping[str, Any], number: int) -> Sequence[str]:
    allowed: Sequence[str] = value["review_configs"][number]["allowed_decisions"]
    return allowed


def _allowed_by_schema(schema: Any) -> Sequence[str]:
    """Return the decisions that a ``per_call`` schema lists: those of its discriminator, or its only one."""
    if not isinstance(schema, dict):
        return ("approve", "edit", "reject", "respond")
    if "discriminator" in schema:
        return tuple(schema["discriminator"]["mapping"])
    only = schema.get("properties", {}).get("type", {})
    return (only["const"],) if "const" in only else tuple(only.get("enum", ()))


def _review(key: str, call_id: str, request: Mapping[str, Any], message: str, allowed: Sequence[str]) -> Action:
    if "approve" not in allowed and "edit" not in allowed and "respond" in allowed:
        # A tool whose result a person writes: this is a question.
        return Action(
            key=key,
            kind="input",
            tool_call_id=call_id,
            tool_name=request["name"],
            arguments=request["args"],
            message=_question(request["args"]) or message,
            schema={"type": "string"},
        )
    return Action(
        key=key,
        kind="approval",
        tool_call_id=call_id,
        tool_name=request["name"],
        arguments=request["args"],
        message=message,
    )


def _decision(answer: Answer, request: Mapping[str, Any], allowed: Sequence[str]) -> dict[str, Any]:
    if answer.kind == "input":
        return {"type": "respond", "message": json_text(answer.output)}
    if not answer.approved:
        decision: dict[str, Any] = {"type": "reject"}
        if answer.message:
            decision["message"] = answer.message
    elif answer.arguments is not None and dict(answer.arguments) != request["args"]:
        decision = {"type": "edit", "edited_action": {"name": request["name"], "args": dict(answer.arguments)}}
    else:
        decision = {"type": "approve"}
    if decision["type"] not in allowed:
        raise Failed(
            f"the agent does not allow the decision {decision['type']!r} for the tool {request['name']!r}; "
            f"it allows: {', '.join(allowed)}"
        )
    return decision


def _call_of(request: Mapping[str, Any], free: dict[str, Sequence[Any]]) -> str:
    """Return the id of the model's call that is asked about, which the middleware does not say, and take it."""
    for call_id, (name, arguments) in free.items():
        if name == request["name"] and arguments == request["args"]:
            del free[call_id]
            return call_id
    return ""


def _question(value: Any) -> str:
    if isinstance(value, dict):
        for name in _QUESTIONS:
            if isinstance(value.get(name), str):
                return str(value[name])
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
