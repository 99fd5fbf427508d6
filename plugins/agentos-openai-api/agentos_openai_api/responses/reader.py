"""Reads the log of a run as the events of a response. What it makes depends on the log alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from agentos import WAITING_TEXT, PendingKind
from agentos.web import MOST_CALLS, Frame, event_data, token_json, waiting_text
from agentos_openai_api.ids import FUNCTION_CALL, TOOL_CALLS, item_id
from agentos_openai_api.responses import forms
from agentos_openai_api.responses.echo import Echo
from agentos_openai_api.responses.events import DONES, PREFIXES, Event, Writing, add, event, item_of, part_of
from agentos_openai_api.responses.parts import ResponseRef
from agentos_openai_api.responses.turns import TurnCounter

STARTED_OVER = (
    "the run began again at another worker, and what was sent of this response does not count;"
    " GET /v1/responses/{id} has it when the run has ended"
)


class ResponseReader:
    """Turns frames into the events of one part of a run.

    A run that starts over at another worker makes what was sent invalid. With ``forgets``, that is left out, which an
    answer that was not sent yet can do. Else an error is the last event. ``waiting`` is the text for a run that
    waits for a person, as :func:`~agentos.web.waiting_text` takes it.
    """

    def __init__(self, echo: Echo, *, part: int = 0, forgets: bool = False, waiting: str | None = WAITING_TEXT) -> None:
        self.over = False
        """Whether the response has its last event."""
        self.lost = False
        """Whether a lost worker is why the events end."""
        self.speaking: Writing | None = None
        """The text that is being said, if the next token is a piece of it and nothing else."""
        self.response: dict[str, Any] | None = None
        """The response as its latest event has it; ``None`` before the first."""
        self.part = 0
        """The part of the run that the last frame was of."""
        self._echo = echo
        self._wanted = part
        self._forgets = forgets
        self._waiting = waiting
        self._run_id = self._model = ""
        self._session_id: str | None = None
        self._time = ""
        """Of the last event that is no piece of a text, as the log has it."""
        self._begun = False
        self._turns = TurnCounter()
        self._writing: Writing | None = None
        self._items: list[tuple[int, dict[str, Any]]] = []
        """With the turn of each."""
        self._place = 0
        self._actions = 0
        self._usage: Mapping[str, int] = forms.NO_USAGE
        self._before: Mapping[str, int] = forms.NO_USAGE

    @property
    def output(self) -> Sequence[dict[str, Any]]:
        """The items that are whole."""
        return [item for _, item in self._items]

    def read(self, frame: Frame) -> Sequence[Event]:
        """Return what a frame adds to the response."""
        if self.over:
            return ()
        if not self._run_id:
            self._learn(frame)
        part = self.part
        events = self._read(frame)
        return events if part == self._wanted else ()

    def as_it_is(self) -> dict[str, Any] | None:
        """Return the response as the frames so far make it, what is being said included; ``None`` before its begin."""
        if self.response is None or self.over or self.part != self._wanted:
            return self.response
        self._end_writing("in_progress")
        return {**self.response, "output": self.output}

    def _learn(self, frame: Frame) -> None:
        envelope = orjson.loads(frame.data)
        self._run_id, self._model = envelope["run_id"], envelope["agent_id"]
        self._session_id = envelope.get("session_id")

    def _read(self, frame: Frame) -> list[Event]:
        type = frame.type
        if type == "token":
            return self._said("message", token_json(frame)[1:-1])
        if type == "reasoning":
            return self._said("reasoning", orjson.dumps(event_data(frame)["content"])[1:-1])
        if type not in _READ:
            return []  # what the dialect has no word for
        events = [] if self._begun else self._begin()
        envelope = orjson.loads(frame.data)
        self._time = envelope["timestamp"]
        return events + _READ[type](self, envelope["data"])

    def _begin(self) -> list[Event]:
        self._begun = True
        return [
            self._event_of_response("response.created", status="in_progress"),
            self._event_of_response("response.in_progress", status="in_progress"),
        ]

    # --- what is said ------------------------------------------------------------------------------------------------

    def _said(self, kind: str, piece: bytes) -> list[Event]:
        if not piece:
            return []
        turn = self._turns.speaks()
        writing = self._writing
        events: list[Event] = []
        if writing is None or writing.kind != kind or writing.turn != turn:
            events = [] if self._begun else self._begin()
            events += self._end_writing("completed")
            writing = self._begin_writing(kind, turn, events)
        events.append(add(writing, piece))
        return events

    def _begin_writing(self, kind: str, turn: int, events: list[Event]) -> Writing:
        id = self._new_id(PREFIXES[kind])
        index = len(self._items)
        where = {"item_id": id, "output_index": index, "content_index": 0}
        logprobs: dict[str, Any] = {"logprobs": []} if kind == "message" else {}
        delta = orjson.dumps({**where, **logprobs})[1:-1] + b',"delta":"'
        self._writing = writing = Writing(kind, id, turn, delta)
        self.speaking = writing if kind == "message" and self.part == self._wanted else None
        item = {**item_of(kind, id, "", status="in_progress"), "content": []}
        events.append(event("response.output_item.added", output_index=index, item=item))
        events.append(event("response.content_part.added", **where, part=part_of(kind, "")))
        return writing

    def _end_writing(self, status: str) -> list[Event]:
        writing, self._writing, self.speaking = self._writing, None, None
        if writing is None:
            return []
        index = len(self._items)
        where = {"item_id": writing.id, "output_index": index, "content_index": 0}
        logprobs: dict[str, Any] = {"logprobs": []} if writing.kind == "message" else {}
        item = item_of(writing.kind, writing.id, writing.text, status=status)
        self._items.append((writing.turn, item))
        return [
            event(DONES[writing.kind], **where, **logprobs, text=writing.text),
            event("response.content_part.done", **where, part=part_of(writing.kind, writing.text)),
            event("response.output_item.done", output_index=index, item=item),
        ]

    def _new_id(self, prefix: str) -> str:
        self._place += 1
        return item_id(prefix, self._run_id, self._place - 1)

    # --- what happens ------------------------------------------------------------------------------------------------

    def _run_start(self, data: Mapping[str, Any]) -> list[Event]:
        if not data.get("attempt"):
            return []
        kept = int(data.get("kept_turns") or 0)
        sent = [turn for turn, _ in self._items] + ([self._writing.turn] if self._writing else [])
        self._turns.start_over(kept)
        if not any(turn > kept for turn in sent):
            return []
        if not self._forgets and self.part == self._wanted:
            self.over, self.lost, self.speaking = True, True, None
            return [_STARTED_OVER]
        self._writing = self.speaking = None
        self._items = [(turn, item) for turn, item in self._items if turn <= kept]
        return []

    def _tool_call(self, data: Mapping[str, Any]) -> list[Event]:
        """End the text before a call. The calls of the server's tools are not shown: a client would execute them."""
        if data["status"] == "started":
            self._turns.calls(data["tool_call_id"])
        else:
            self._turns.ended(data["tool_call_id"])
        return self._end_writing("completed")

    def _paused(self, data: Mapping[str, Any]) -> list[Event]:
        events = self._end_writing("completed")
        pending: Sequence[Mapping[str, Any]] = data["pending"]
        first, self._actions = self._actions, self._actions + len(pending)
        self._usage = data.get("usage", self._usage)
        calls = [
            (number, action)
            for number, action in enumerate(pending, first)
            if action["kind"] == PendingKind.CLIENT_TOOL and number < MOST_CALLS
        ]
        if not calls:
            if text := waiting_text(self._waiting, self._run_id, pending):
                events += self._say(text)
            events.append(self._end("response.incomplete", "incomplete", incomplete_details={"reason": forms.WAITS}))
            return events
        for number, action in calls:
            events += self._call(number, action)
        events.append(self._end("response.completed", "completed"))
        self._end_part()
        return events

    def _say(self, text: str) -> list[Event]:
        events: list[Event] = []
        writing = self._begin_writing("message", self._turns.turn, events)
        events.append(add(writing, orjson.dumps(text)[1:-1]))
        return events + self._end_writing("completed")

    def _call(self, number: int, action: Mapping[str, Any]) -> list[Event]:
        id, call_id, index = self._new_id(FUNCTION_CALL), TOOL_CALLS.make(self._run_id, number), len(self._items)
        given = action.get("arguments")
        arguments = given if isinstance(given, str) else orjson.dumps(given).decode()
        item = forms.call_item(id, call_id, action["tool_name"], arguments)
        where = {"item_id": id, "output_index": index}
        self._items.append((self._turns.turn, item))
        return [
            event("response.output_item.added", output_index=index, item=item | _EMPTY_CALL),
            event("response.function_call_arguments.delta", **where, delta=arguments),
            event("response.function_call_arguments.done", **where, name=action["tool_name"], arguments=arguments),
            event("response.output_item.done", output_index=index, item=item),
        ]

    def _end_part(self) -> None:
        self.over = self.part == self._wanted
        self.part += 1
        self._before, self._items, self._begun = self._usage, [], False

    def _resumed(self, _: Mapping[str, Any]) -> list[Event]:
        if self.response is not None and self.response["status"] == "incomplete":
            return [self._event_of_response("response.in_progress", status="in_progress")]
        return []

    def _complete(self, data: Mapping[str, Any]) -> list[Event]:
        events = self._end_writing("completed")
        self._usage = data["usage"]
        reason = forms.INCOMPLETE.get(str(data.get("finish_reason")))
        if reason is None:
            events.append(self._end("response.completed", "completed"))
        else:
            events.append(self._end("response.incomplete", "incomplete", incomplete_details={"reason": reason}))
        self.over = self.part == self._wanted
        return events

    def _error(self, data: Mapping[str, Any]) -> list[Event]:
        events = self._end_writing("incomplete")
        code, details = data["code"], data.get("details") or {}
        cancelled = code == forms.CANCELLED
        self.lost = code == "STORAGE_ERROR" or details.get("cause") == "WORKER_LOST"
        error = None if cancelled else forms.failure_json(code, data["message"], details)
        status = "cancelled" if cancelled else "failed"
        events.append(self._event_of_response("response.failed", status=status, output=self.output, error=error))
        self.over = self.part == self._wanted
        return events

    def _end(self, type: str, status: str, **more: Any) -> Event:
        usage = forms.usage_json(self._usage, self._before)
        if status == "completed":
            more["completed_at"] = int(datetime.fromisoformat(self._time).timestamp())
        return self._event_of_response(type, status=status, output=self.output, usage=usage, **more)

    def _event_of_response(self, type: str, **fields: Any) -> Event:
        ref = ResponseRef(self._run_id, self.part)
        made = forms.response_json(ref, self._echo, model=self._model, session_id=self._session_id, **fields)
        if self.part == self._wanted:
            self.response = made
        return event(type, response=made)


_READ = {
    "run_start": ResponseReader._run_start,
    "tool_call": ResponseReader._tool_call,
    "paused": ResponseReader._paused,
    "resumed": ResponseReader._resumed,
    "complete": ResponseReader._complete,
    "error": ResponseReader._error,
}
# OpenAI describes an error's fields beside its type, and also sends them below `error`, as Open Responses has it.
_FAILURE = {"code": "run_started_over", "message": STARTED_OVER, "param": None}
_STARTED_OVER = event("error", **_FAILURE, error={"type": "server_error", **_FAILURE})
_EMPTY_CALL = {"status": "in_progress", "arguments": ""}
