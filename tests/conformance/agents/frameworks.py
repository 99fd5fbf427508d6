"""Agents for frameworks that use OpenAI's API: a model that calls tools in steps, remembers, and has a name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Set
from typing import Any

from agentos import (
    Agent,
    AgentFailed,
    AgentOSError,
    ContextTooLong,
    Delta,
    Finish,
    Message,
    ModelProvider,
    ModelRequest,
    ProviderUnavailable,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
    hookimpl,
    tool,
)
from conformance.agents import ALL_OVERRIDES
from conformance.agents.example import example_of

FAILURES: Mapping[str, AgentOSError] = {
    "bug": AgentFailed("the agent is broken"),
    "length": ContextTooLong("the conversation is too long"),
    "away": ProviderUnavailable("the provider is away"),
}

_NAME = re.compile(r"You are (\w+)\.")
_CALL = re.compile(r"(\w+)\((\{.*?\})\)")


class Clerk(ModelProvider):
    """Does what the last message of the user says.

    - ``fail NAME``: fails so.
    - ``add({"a": 1}) add({"a": 2}) then say({})``: calls these tools, in two steps, and then says their results.
    - ``think``: thinks before it answers.
    - ``What did I say first?``: the first message of the user that it was given.
    - a tool that it has to call is called with the smallest arguments that follow its schema. If any will do, it is the
      first one that was not called yet.
    - an answer by a schema: the smallest that follows it.
    - anything else is repeated, with what was attached.

    Instructions with ``You are NAME.`` give it a name, which is before its texts.
    """

    media_types = frozenset({"image", "audio", "file"})

    def stream(self, request: ModelRequest) -> Iterator[Delta]:
        yield Usage(10 * len(request.messages), 5, reasoning_tokens=2, cached_tokens=3)
        begin = max(place for place, message in enumerate(request.messages) if message.role == "user")
        asked, later = request.messages[begin], request.messages[begin + 1 :]
        made = [message.tool_calls for message in later if message.tool_calls]
        forced = _forced(request, {call.name for step in made for call in step})
        calls = [forced] if forced else _calls(request, asked.content, done=len(made))
        results = [message.content for message in later if message.role == "tool"]
        if asked.content.startswith("fail "):
            raise FAILURES[asked.content.split(" ")[1]]
        if calls:
            for index, (name, arguments) in enumerate(calls):
                yield ToolCallDelta(index=index, id=f"call_{index}", name=name, arguments=arguments)
            yield Finish("tool_calls")
            return
        if asked.content == "think":
            yield from (ReasoningDelta("Let me "), ReasoningDelta("see."))
        if request.output_schema is not None:
            answer = json.dumps(example_of(request.output_schema))
        else:
            answer = _name(request) + (f"Results: {' / '.join(results)}" if results else _reply(request, asked))
        for number, word in enumerate(answer.split(" ")):
            yield TextDelta(word if number == 0 else f" {word}")
        yield Finish("stop")


def _calls(request: ModelRequest, text: str, *, done: int) -> list[tuple[str, str]]:
    """Return the calls of the next step, after those that were ``done``."""
    names = {tool.name for tool in request.tools}
    steps = text.split(" then ")
    found = _CALL.findall(steps[done]) if done < len(steps) else []
    return [(name, arguments) for name, arguments in found if name in names]


def _forced(request: ModelRequest, called: Set[str]) -> tuple[str, str] | None:
    """Return the call that the request asks for."""
    schemas = {tool.name: tool.parameters for tool in request.tools}
    choice = request.parameters.get("tool_choice")
    if isinstance(choice, Mapping):
        name = choice["function"]["name"]
    elif choice == "required":
        name = next((name for name in schemas if name not in called), next(iter(schemas)))
    else:
        return None
    return name, json.dumps(example_of(schemas[name]))


def _name(request: ModelRequest) -> str:
    """Return the newest name that instructions give."""
    names = [name for one in request.messages if one.role == "system" for name in _NAME.findall(one.content)]
    return f"{names[-1]}: " if names else ""


def _reply(request: ModelRequest, asked: Message) -> str:
    if asked.content == "What did I say first?":
        return next(message.content for message in request.messages if message.role == "user")
    attached = "".join(f" [{media.type} {media.content_type or media.url}]" for media in asked.media)
    return f"{asked.content}{attached}"


@tool
def clock() -> str:
    """Tell the time."""
    return "noon"


helper = Agent(id="helper", model="conformance:m", name="Helper", description="Helps.", allow_overrides=ALL_OVERRIDES)
closed = Agent(id="closed", model="conformance:m", allow_overrides=())
usual = Agent(id="usual", model="conformance:m")
clerk = Agent(id="clerk", model="conformance:m", tools=[clock], allow_overrides=ALL_OVERRIDES)


@hookimpl
def register_model_providers(register: Any, config: Any) -> None:
    register("conformance", lambda config: Clerk())
