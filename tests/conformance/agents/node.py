"""Agents for the clients of Node.js, for Open Responses and for the requests of chat interfaces."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentos import (
    Agent,
    Finish,
    ModelProvider,
    ProviderError,
    ProviderRateLimited,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
    hookimpl,
    tool,
)

OUTFIT = '{"item": "coat", "colour": "red"}'
FAIR = '{"name": "Science fair", "date": "Friday", "participants": ["Alice", "Bob"]}'


class Assistant(ModelProvider):
    """Answers by what the last message asks for, so that a test reads as a conversation."""

    media_types = frozenset({"image", "file"})

    def stream(self, request):
        last = request.messages[-1]
        yield Usage(prompt_tokens=10, completion_tokens=5, reasoning_tokens=2, cached_tokens=4)
        if last.role == "tool":
            yield from self._after_tools(request)
        elif request.output_schema is not None:
            yield from _say(FAIR if "participants" in str(request.output_schema) else OUTFIT)
        else:
            yield from self._answer(request, last)

    def _answer(self, request, last):
        text = last.content
        if text.startswith("### Task:"):  # what Open WebUI asks for beside a chat
            yield from _say('{"title": "Greeting", "tags": ["General"], "follow_ups": ["And then?"]}')
        elif text == "Fail":
            raise ProviderError("the model is out of order")
        elif text == "Too many":
            raise ProviderRateLimited("the provider asks to be called less", details={"retry_after": 0})
        elif text == "Think":
            yield ReasoningDelta("Let me ")
            yield ReasoningDelta("think.")
            yield from _say("Done thinking.")
        elif match := re.fullmatch(r"Count to (\d+)( slowly)?\.?", text):
            yield from self._count(request, int(match[1]), slow=bool(match[2]))
        elif "weather" in text and request.tools:
            yield from _call(request, *(("Oslo", "Rome") if "both" in text else ("Oslo",)))
        elif text == "When are you open?" and request.tools:
            yield TextDelta("Let me look. ")
            yield ToolCallDelta(index=0, id="call_hours", name="hours", arguments="{}")
            yield Finish("tool_calls")
        elif text == "What are your instructions?":
            yield from _say(" / ".join(one.content for one in request.messages if one.role == "system"))
        elif text == "What did I say?":
            yield from _say(" / ".join(one.content for one in request.messages[:-1] if one.role == "user"))
        elif text == "How warm are you?":
            yield from _say(str(request.parameters.get("temperature")))
        elif last.media:
            yield from _say(
                "I see " + ", ".join(f"{m.type} {m.content_type} of {m.byte_count} bytes" for m in last.media)
            )
        else:
            yield from _say(f"You said: {text}")

    def _after_tools(self, request):
        results = []
        for message in reversed(request.messages):
            if message.role != "tool":
                break
            results.append(message.content)
        done = {call.name for message in request.messages for call in message.tool_calls}
        if "clothes" in {spec.name for spec in request.tools} - done:
            yield ToolCallDelta(index=0, id="call_clothes", name="clothes", arguments='{"weather": "rain"}')
            yield Finish("tool_calls")
        else:
            yield from _say("The tools said: " + " and ".join(reversed(results)))

    def _count(self, request, most: int, *, slow: bool) -> Iterator:
        for number in range(1, most + 1):
            if slow:
                request.cancellation.wait(0.1)
            yield TextDelta(f"{number} ")
        yield Finish("stop")


def _say(text: str):
    for piece in re.findall(r"\S+\s*", text):
        yield TextDelta(piece)
    yield Finish("stop")


def _call(request, *cities: str):
    """Call the client's first tool, once for each city, by its first parameter."""
    spec = request.tools[0]
    name = next(iter(spec.parameters["properties"]))
    for index, city in enumerate(cities):
        yield ToolCallDelta(index=index, id=f"call_{index}", name=spec.name, arguments=f'{{"{name}": ')
        yield ToolCallDelta(index=index, arguments=f'"{city}"}}')
    yield Finish("tool_calls")


@tool
def hours() -> str:
    """Read when the shop is open."""
    return "9 to 5"


assistant = Agent(
    id="helper",
    model="conformance:assistant",
    name="Helper",
    description="Answers by what it is asked.",
    instructions="Be short.",
    allow_overrides=("instructions", "temperature", "max_tokens", "output_schema", "client_tools", "tool_choice"),
)
closed = Agent(id="closed", model="conformance:assistant", instructions="Be short.", allow_overrides=())
shop = Agent(id="shop", model="conformance:assistant", tools=[hours])


@hookimpl
def register_model_providers(register, config):
    register("conformance", lambda config: Assistant())
