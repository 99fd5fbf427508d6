"""The parts of a graph's stream as events."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from agentos_guest import Event, Run, ToolCall
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langgraph.types import Command, Interrupt

from .calls import Calls
from .messages import said, text
from .values import json_text, json_value


class Reporter:
    """Turns the parts of one run's stream into events, and remembers what its end needs.

    What happens inside a tool (an agent that a tool calls) is the tool's business: its text and its tool calls are not
    the answer's. Its tokens count, and its custom events are sent.
    """

    def __init__(self, run: Run, calls: Calls, tool_nodes: Collection[str]) -> None:
        self._run = run
        self._calls = calls
        self._tool_nodes = tool_nodes
        self._finished: set[str] = set()
        self._streamed: set[str] = set()  # Ids of messages: a node returns what it streamed.
        self._texts: dict[str, str] = {}  # What each node's last message said, which it may return as another one.
        self.started: dict[str, tuple[str, Any]] = {}
        self.spoke = False
        self.last_text = ""
        self.output: Any = None
        self.interrupts: dict[str, Interrupt[Any]] = {}
        self.stopped = False

    def events(self, part: Mapping[str, Any]) -> Iterator[Event]:
        """Yield the events of one part."""
        kind, space, data = part["type"], part["ns"], part["data"]
        if kind == "custom":
            self._custom(data)
            return
        inside_tool = any(name.partition(":")[0] in self._tool_nodes for name in space)
        if kind == "messages":
            message, about = data
            if not inside_tool and about.get("langgraph_node") not in self._tool_nodes:
                yield from self._message(message, about)
            return
        yield from self._calls.take()  # Before its tools start, and after its text.
        if kind == "values" and not space:
            self.output = data
        elif kind == "tools" and not inside_tool:
            yield from self._tool(data)
        elif kind == "updates" and not inside_tool:
            yield from self._updates(data, root=not space)

    def restore(self, started: Mapping[str, Any], calls: Mapping[str, Any]) -> None:
        """Take over the tool calls that were open when the run paused."""
        self.started = {call_id: (name, arguments) for call_id, (name, arguments) in started.items()}
        self._calls.arguments.update({call_id: (name, arguments) for call_id, (name, arguments) in calls.items()})

    def open_calls(self) -> dict[str, tuple[str, Any]]:
        """Return the tool calls of models that have no result yet."""
        return {key: call for key, call in self._calls.arguments.items() if key not in self._finished}

    def abandoned(self) -> Iterator[Event]:
        """Yield the end of the tool calls that started and never ended: the run fails."""
        for call_id, (name, arguments) in self.started.items():
            if call_id not in self._finished:
                yield ToolCall(call_id, name, arguments, status="failed", error="the tool did not finish")

    def _message(self, message: Any, about: Mapping[str, Any]) -> Iterator[Event]:
        if not isinstance(message, AIMessage):
            return
        node = about.get("langgraph_checkpoint_ns", "")
        whole = not isinstance(message, AIMessageChunk)
        if whole and (message.id in self._streamed or text(message) == self._texts.get(node)):
            return
        if message.id not in self._streamed:
            self._streamed.add(message.id or "")
            self._texts[node] = ""
        for event in said(message):
            if isinstance(event, str):
                self.spoke = True
                self._texts[node] += event
                self.last_text = self._texts[node]
            yield event

    def _tool(self, data: Mapping[str, Any]) -> Iterator[Event]:
        call_id = data["tool_call_id"]
        if data["event"] == "tool-started":
            yield from self._start(call_id, data["tool_name"], json_value(data.get("input")))
        elif data["event"] == "tool-finished":
            output = data["output"]
            if not isinstance(output, Command):  # Its message is in the update.
                yield from self._end(call_id, output)
        elif data["event"] == "tool-output-delta":
            self._run.emit("tool_output", {"tool_call_id": call_id, "delta": json_value(data["delta"])})
        # After "tool-error" an update has what the model reads of it, or the graph fails.

    def _updates(self, data: Mapping[str, Any], *, root: bool) -> Iterator[Event]:
        for node, update in data.items():
            if node == "__interrupt__":
                if root:
                    self.stopped = True
                    self.interrupts |= {item.id: item for item in update}
                continue
            if isinstance(update, dict) and update.get("structured_response") is not None:
                continue  # Its tool message is of a tool that does not exist: LangChain's way to a structured answer.
            for message in _messages(update):
                call_id = message.tool_call_id if isinstance(message, ToolMessage) else None
                if call_id in self._calls.arguments or call_id in self.started:
                    yield from self._end(str(call_id), message)

    def _start(self, call_id: str, name: str, arguments: Any) -> Iterator[Event]:
        if call_id not in self.started:
            self.started[call_id] = (name, arguments)
            yield ToolCall(call_id, name, arguments)

    def _end(self, call_id: str, output: Any) -> Iterator[Event]:
        if call_id in self._finished:
            return
        name, arguments = self.started.get(call_id) or self._calls.arguments[call_id]
        yield from self._start(call_id, name, arguments)
        self._finished.add(call_id)
        result = text(output) or json_text(output.content) if isinstance(output, BaseMessage) else json_text(output)
        if getattr(output, "status", None) == "error":
            yield ToolCall(call_id, name, arguments, status="failed", error=result)
        else:
            yield ToolCall(call_id, name, arguments, status="completed", result=result)

    def _custom(self, data: Any) -> None:
        if isinstance(data, dict) and set(data) == {"name", "data"} and isinstance(data["name"], str):
            self._run.emit(data["name"], json_value(data["data"]))
        else:
            self._run.emit("custom", json_value(data))


def _messages(update: Any) -> Iterator[Any]:
    """Yield what is in the lists of an update, which may be of several nodes or tasks of one name."""
    if isinstance(update, list | tuple):
        for item in update:
            if isinstance(item, BaseMessage):
                yield item
            else:
                yield from _messages(item)
    elif isinstance(update, dict):
        for value in update.values():
            if isinstance(value, list | tuple):
                yield from (item for item in value if isinstance(item, BaseMessage))
