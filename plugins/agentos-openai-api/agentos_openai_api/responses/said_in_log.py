"""What was said in a run up to the end of one of its parts, read from its log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from agentos import Message, PendingKind, ToolCall
from agentos.web import Frame, event_data, token_json
from agentos_openai_api.ids import TOOL_CALLS
from agentos_openai_api.responses.turns import TurnCounter


@dataclass(frozen=True, slots=True)
class Chain:
    """A conversation, oldest first. ``open_calls`` of its end wait for the client's results."""

    messages: Sequence[Message]
    open_calls: Sequence[ToolCall] = ()


@dataclass(slots=True)
class _Turn:
    text: list[bytes] = field(default_factory=list)
    calls: dict[str, ToolCall] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)

    def messages(self) -> Iterable[Message]:
        """Return its messages. A call without a result is left out."""
        calls = {id: call for id, call in self.calls.items() if id in self.results}
        text: str = orjson.loads(b'"%b"' % b"".join(self.text))
        if text or calls:
            yield Message("assistant", text, tool_calls=tuple(calls.values()))
        for id in calls:
            yield Message("tool", self.results[id], tool_call_id=id)


class LogReader:
    """Reads what the agent said from a run's log, to the end of a part."""

    def __init__(self, part: int) -> None:
        self.over = False
        self.part = 0
        self._wanted = part
        self._counter = TurnCounter()
        self._turns: dict[int, _Turn] = {}
        self._actions = 0
        self._open: list[ToolCall] = []

    def read(self, frames: Sequence[Frame]) -> None:
        """Take in the next frames."""
        for frame in frames:
            if self.over:
                return
            if frame.type == "token":
                self._turn(self._counter.speaks()).text.append(token_json(frame)[1:-1])
            elif frame.type in ("tool_call", "run_start", "paused"):
                run_id = orjson.loads(frame.data)["run_id"]
                getattr(self, f"_{frame.type}")(event_data(frame), run_id)

    def chain(self) -> Chain:
        """Return what was said, and the calls that wait for the client."""
        messages = [message for turn in self._turns.values() for message in turn.messages()]
        return Chain(messages, self._open)

    def _turn(self, number: int) -> _Turn:
        return self._turns.setdefault(number, _Turn())

    def _tool_call(self, data: Mapping[str, Any], _: str) -> None:
        id = data["tool_call_id"]
        if data["status"] == "started":
            turn = self._turn(self._counter.calls(id))
            given = data["arguments"]
            arguments = "{}" if isinstance(given, str) else orjson.dumps(given).decode()
            turn.calls[id] = ToolCall(id, data["tool_name"], arguments)
        else:
            said = data.get("result")
            self._turn(self._counter.turn).results[id] = data.get("error") or "" if said is None else said
            self._counter.ended(id)

    def _run_start(self, data: Mapping[str, Any], _: str) -> None:
        if data.get("attempt"):
            kept = int(data.get("kept_turns") or 0)
            self._turns = {number: turn for number, turn in self._turns.items() if number <= kept}
            self._counter.start_over(kept)

    def _paused(self, data: Mapping[str, Any], run_id: str) -> None:
        pending = data["pending"]
        first, self._actions = self._actions, self._actions + len(pending)
        calls = [
            ToolCall(TOOL_CALLS.make(run_id, number), action["tool_name"], _json(action["arguments"]))
            for number, action in enumerate(pending, first)
            if action["kind"] == PendingKind.CLIENT_TOOL
        ]
        if not calls:
            return
        if self.part == self._wanted:
            self.over, self._open = True, calls
        else:
            self.part += 1


def _json(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
