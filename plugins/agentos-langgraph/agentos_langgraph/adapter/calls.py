"""What LangChain's callbacks say about calls to models: times, tokens, tool calls and errors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult

from agentos_guest import Event, ModelCall, Run, Usage
from .values import json_value


@dataclass
class _Call:
    model: str
    started: float
    first_token: float | None = None


class Calls(BaseCallbackHandler):
    """Collects the calls to models of one run, those of nested graphs and hidden ones too.

    ``arguments`` are those of the tool calls that models made, by id. ``errors`` are what calls to models raised: only
    they are the provider's, and not a tool's.
    """

    run_inline = True  # In order with the stream, and not in a thread.

    def __init__(self, run: Run) -> None:
        self._run = run
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

    def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note when and to which model."""
        self._start(run_id, kwargs.get("metadata") or {})

    def on_llm_start(self, serialized: Any, prompts: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note when and to which model: one that completes text."""
        self._start(run_id, kwargs.get("metadata") or {})

    def on_llm_new_token(self, token: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note the first one."""
        call = self._open.get(run_id)
        if call is not None and call.first_token is None:
            call.first_token = time.monotonic()

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """Make the record of the call."""
        call = self._open.pop(run_id, None)
        if call is None:
            return
        generation = response.generations[0][0] if response.generations and response.generations[0] else None
        message: Any = getattr(generation, "message", None)
        for tool_call in getattr(message, "tool_calls", ()):
            if tool_call.get("id"):
                self.arguments[tool_call["id"]] = (tool_call["name"], json_value(tool_call["args"]))
        about = getattr(message, "response_metadata", None) or {}
        self._ended.append(
            ModelCall(
                model=call.model or str(about.get("model_name") or ""),
                duration=time.monotonic() - call.started,
                time_to_first_token=None if call.first_token is None else call.first_token - call.started,
                finish_reason=about.get("finish_reason") or about.get("stop_reason"),
                usage=_usage(getattr(message, "usage_metadata", None)),
            )
        )

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Keep the error: it is how a provider's is told from a tool's."""
        self._open.pop(run_id, None)
        self.errors.append(error)

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Send what ``adispatch_custom_event`` was given."""
        self._run.emit(name, json_value(data))

    def _start(self, run_id: UUID, metadata: dict[str, Any]) -> None:
        named = [metadata.get("ls_provider"), metadata.get("ls_model_name")]
        self._open[run_id] = _Call(":".join(part for part in named if part), time.monotonic())


def _usage(tokens: Any) -> Usage | None:
    if not tokens:
        return None
    return Usage(
        prompt=tokens.get("input_tokens", 0),
        completion=tokens.get("output_tokens", 0),
        reasoning=tokens.get("output_token_details", {}).get("reasoning") or 0,
        cached=tokens.get("input_token_details", {}).get("cache_read"),
    )
