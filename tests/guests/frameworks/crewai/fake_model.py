"""A model of CrewAI without a network: it says what a function says for the messages."""

from collections.abc import Callable, Iterator
from typing import Any

from crewai import BaseLLM
from crewai.events.types.llm_events import LLMCallType
from crewai.llms.base_llm import llm_call_context
from pydantic import PrivateAttr

Messages = list[dict[str, Any]]
Said = str | dict[str, Any]
Says = Callable[[Messages], Iterator[Said]]


def call(id: str, name: str, arguments: str) -> dict[str, Any]:
    """Return a call of a tool. ``arguments`` is JSON text."""
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


class Thought(str):
    """A piece of the model's reasoning."""


class FakeLLM(BaseLLM):
    """Streams what ``says(messages)`` yields: text, thoughts and calls. Each call has a usage of 7 and 5 tokens."""

    by_text: bool = False
    _says: Says = PrivateAttr()

    def __init__(self, says: Says, **options: Any) -> None:
        super().__init__(model=f"fake/{says.__name__}", **options)
        self._says = says

    def supports_function_calling(self) -> bool:
        return not self.by_text

    def __copy__(self) -> "FakeLLM":
        return FakeLLM(self._says, by_text=self.by_text)

    def __deepcopy__(self, memo: Any) -> "FakeLLM":
        return self.__copy__()

    def call(
        self,
        messages: str | list[Any],
        tools: Any = None,
        callbacks: Any = None,
        available_functions: Any = None,
        from_task: Any = None,
        from_agent: Any = None,
        response_model: Any = None,
    ) -> Any:
        context = {"from_task": from_task, "from_agent": from_agent}
        given = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
        with llm_call_context():
            self._emit_call_started_event(given, tools, callbacks, available_functions, **context)
            text = ""
            calls = []
            for said in self._says(given):
                if isinstance(said, dict):
                    calls.append(said)
                elif isinstance(said, Thought):
                    self._emit_thinking_chunk_event(str(said), **context)
                else:
                    text += said
                    self._emit_stream_chunk_event(said, **context)
            self._track_token_usage_internal({"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12})
            kind = LLMCallType.TOOL_CALL if calls else LLMCallType.LLM_CALL
            self._emit_call_completed_event(calls or text, kind, messages=given, **context)
            return calls or text
