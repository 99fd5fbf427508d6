"""The conversation up to the end of a response: what ``previous_response_id`` continues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from agentos import Message, PendingKind, Run, RunActive, RunNotFound, RunStatus, ToolCall
from agentos.web import (
    EventsExpired,
    Frame,
    NotFound,
    RunHandle,
    StoredMessage,
    caller,
    event_data,
    pair_calls,
    server,
    token_json,
)
from agentos_openai_api.ids import tool_call_id
from agentos_openai_api.responses.echo import Echo
from agentos_openai_api.responses.parts import ResponseRef, read_response_id
from agentos_openai_api.responses.turns import TurnCounter

MOST_MESSAGES = 2000
PAGE = 500
SHARE = 0.9
"""How much of the limits of a conversation the chain may fill; the new input needs the rest."""


class PreviousResponseNotFound(NotFound, code="PREVIOUS_RESPONSE_NOT_FOUND"):
    """The response to continue is not there, or is not the caller's."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A conversation, oldest first. ``open_calls`` of its end wait for the client's results."""

    messages: Sequence[Message]
    open_calls: Sequence[ToolCall] = ()


def read_chain(response_id: str) -> Chain:
    """Return the conversation up to the end of a response.

    Raises :class:`PreviousResponseNotFound`, or ``RunActive`` for a response that has not ended.
    """
    ref = read_response_id(response_id)
    missing = PreviousResponseNotFound(f"previous response with id {response_id!r:.150} not found")
    if ref is None:
        raise missing
    handle = server().runs.open(ref.run_id, caller())
    try:
        run = handle.get()
        if not Echo.of_run(run).is_stored:
            raise missing
        said = _said_by(handle, run, ref)
        # A client may have added calls and results there, one without the other.
        before = () if run.session_id is None else pair_calls(_session_before(run))
        messages = [*before, *handle.messages(), *said.messages]
    except RunNotFound:
        raise missing from None
    return Chain(trimmed(messages), said.open_calls)


def _said_by(handle: RunHandle, run: Run, ref: ResponseRef) -> Chain:
    if run.status in (RunStatus.QUEUED, RunStatus.RUNNING):
        raise RunActive(run.id)
    try:
        said = _SaidReader(ref.part)
        for frames in handle.follow(0, heartbeat=60):
            said.read(frames)
            if said.over:
                break
    except EventsExpired:  # what its tools said went with the log
        return Chain([Message("assistant", run.content)] if run.content else [])
    if said.part < ref.part:
        raise RunNotFound(run.id)
    if run.status is RunStatus.PAUSED and not said.over:
        raise RunActive(run.id)
    return said.chain()


def _session_before(run: Run) -> Sequence[Message]:
    """Return what was said in the session of a run before it."""
    assert run.session_id is not None
    found: list[Message] = []
    before: int | None = None
    while len(found) < MOST_MESSAGES:
        page = server().sessions.history(run.session_id, caller(), limit=PAGE, before=before).messages
        found = [one.message for one in page if _is_before(one, run)] + found
        if len(page) < PAGE:
            break
        before = page[0].sequence
    return found


def _is_before(stored: StoredMessage, run: Run) -> bool:
    """Whether a message was said before a run. Ids of runs are ordered by time; one that was added has no run."""
    return stored.run_id < run.id if stored.run_id else stored.created_at <= run.created_at


def trimmed(messages: Sequence[Message]) -> Sequence[Message]:
    """Return as many of the latest messages as a conversation may have, from the words of a user on."""
    config = server().config
    size, media = config.history_bytes * SHARE, config.max_attachments
    kept = len(messages)
    begin = kept
    for number in range(len(messages) - 1, -1, -1):
        message = messages[number]
        size -= _size(message)
        media -= len(message.media)
        if size < 0 or media < 0 or len(messages) - number > MOST_MESSAGES:
            break
        if message.role == "user":
            begin = number
    return messages[begin:] if begin < kept else messages


def _size(message: Message) -> int:
    size = len(message.content.encode("utf-8", "surrogatepass"))
    size += sum(len(call.arguments.encode("utf-8", "surrogatepass")) for call in message.tool_calls)
    return size + sum((one.byte_count or 0) + 200 for one in message.media)


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


class _SaidReader:
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
            ToolCall(tool_call_id(run_id, number), action["tool_name"], _json(action["arguments"]))
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
