"""What LangChain's callbacks say about calls to models: times, tokens, tool calls and errors."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from agentos_guest import Call, Event, ModelCall, Run, Usage
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult

from .values import json_text, json_value


@dataclass
class _Call:
    model: str
    started: float
    metadata: Mapping[str, Any]
    first_token: float | None = None


class Calls(BaseCallbackHandler):  # type: ignore[misc]  # the framework is not there when types are checked
    """Collects the calls to models of one run, those of nested graphs and hidden ones too.

    ``arguments`` are those of the tool calls that models made, by id. ``errors`` are what calls to models raised: only
    they are the provider's, and not a tool's.
    """

    run_inline = True  # In order with the stream, and not in a thread.

    def __init__(self, run: Run, *, tools: Collection[str] = (), tool_nodes: Collection[str] = ()) -> None:
        self._run = run
        self._tools = tools
        self._tool_nodes = tool_nodes
        self._open: dict[UUID, _Call] = {}
        self._ended: list[ModelCall] = []
        self.arguments: dict[str, tuple[str, Any]] = {}
        self.errors: list[BaseException] = []

    def take(self) -> Iterator[Event]:
        """Yield the calls that ended since the last time."""
        ended, self._ended = self._ended, []
        for call in ended:
            if call.usage is not None:
                yield call.usage
            yield call

    def on_chat_model_start(self, *_: Any, run_id: UUID, **more: Any) -> None:
        """Note when and to which model."""
        self._start(run_id, more.get("metadata") or {})

    def on_llm_start(self, *_: Any, run_id: UUID, **more: Any) -> None:
        """Note when and to which model: one that completes text."""
        self._start(run_id, more.get("metadata") or {})

    def on_llm_new_token(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """Note the first one."""
        call = self._open.get(run_id)
        if call is not None and call.first_token is None:
            call.first_token = time.monotonic()

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """Make the record of the call."""
        call = self._open.pop(run_id, None)
        if call is None:
            return
        generation = response.generations[0][0] if response.generations and response.generations[0] else None
        message: Any = getattr(generation, "message", None)
        made = [one for one in getattr(message, "tool_calls", ()) if one.get("id")]
        for tool_call in made:
            self.arguments[tool_call["id"]] = (tool_call["name"], json_value(tool_call["args"]))
        about = getattr(message, "response_metadata", None) or {}
        self._ended.append(
            ModelCall(
                model=call.model or str(about.get("model_name") or ""),
                duration=time.monotonic() - call.started,
                time_to_first_token=None if call.first_token is None else call.first_token - call.started,
                finish_reason=about.get("finish_reason") or about.get("stop_reason"),
                usage=_usage(getattr(message, "usage_metadata", None)),
                calls=[
                    Call(one["id"], one["name"], json_text(one["args"]))
                    for one in made
                    if self._is_answered(one["name"], call.metadata)
                ],
            )
        )

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Keep the error: it is how a provider's is told from a tool's."""
        self._open.pop(run_id, None)
        self.errors.append(error)

    def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
        """Send what ``adispatch_custom_event`` was given."""
        self._run.emit(name, json_value(data))

    def _start(self, run_id: UUID, metadata: dict[str, Any]) -> None:
        named = [metadata.get("ls_provider"), metadata.get("ls_model_name")]
        self._open[run_id] = _Call(":".join(part for part in named if part), time.monotonic(), metadata)

    def _is_answered(self, tool: str, metadata: Mapping[str, Any]) -> bool:
        """Return whether the run will have the result of a call: the record of the run is whole then alone.

        It has not for calls of an agent that a tool calls, and for LangChain's calls of no tool: structured answers.
        """
        place = str(metadata.get("langgraph_checkpoint_ns", ""))
        if any(node.partition(":")[0] in self._tool_nodes for node in place.split("|")):
            return False
        return metadata.get("ls_integration") != "langchain_create_agent" or tool in self._tools


def _usage(tokens: Any) -> Usage | None:
    if not tokens:
        return None
    return Usage(
        prompt=tokens.get("input_tokens", 0),
        completion=tokens.get("output_tokens", 0),
        reasoning=tokens.get("output_token_details", {}).get("reasoning") or 0,
        cached=tokens.get("input_token_details", {}).get("cache_read"),
    )
