"""Agents for OpenAI's and Anthropic's own clients: one model, which does what the last message of the user asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

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
    ProviderRateLimited,
    ProviderUnavailable,
    QuotaExhausted,
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
    "credit": QuotaExhausted("the account has no credit"),
    "away": ProviderUnavailable("the provider is away"),
    "limit": ProviderRateLimited("the provider asks for less", retry_after=1),
}


class Obedient(ModelProvider):
    """Does what the last message of the user says.

    - ``fail NAME``: fails so.
    - ``slow N``: says N words, one each 50 ms.
    - ``think``: thinks before it answers.
    - ``cut``: is cut by its limit.
    - ``refuse``: its answer is filtered.
    - ``call NAME ARGUMENTS``, one a line: calls these tools; then it says their results.
    - an answer by a schema, where there is one: the smallest that follows it.
    - anything else is repeated, after the number of messages before it, and what was attached.
    """

    media_types = frozenset({"image", "audio", "file"})

    def stream(self, request: ModelRequest) -> Iterator[Delta]:
        yield Usage(len(request.messages) * 10, 5, reasoning_tokens=2, cached_tokens=3)
        last = request.messages[-1]
        words = last.content.split(" ")
        if last.role == "tool":
            yield from _say(f"Results: {' / '.join(_results(request))}")
        elif request.tools and last.content.startswith("call "):
            for index, line in enumerate(last.content.splitlines()):
                _, name, arguments = line.split(" ", 2)
                yield ToolCallDelta(index=index, id=f"call_{index}", name=name, arguments=arguments)
            yield Finish("tool_calls")
        elif request.output_schema is not None:
            yield from _say(json.dumps(example_of(request.output_schema)))
        elif words[0] == "fail":
            raise FAILURES[words[1]]
        elif words[0] == "slow":
            for number in range(int(words[1])):
                request.cancellation.wait(0.05)
                request.cancellation.check()
                yield TextDelta(f"word{number} ")
            yield Finish("stop")
        elif words[0] == "think":
            yield from (ReasoningDelta("Let me "), ReasoningDelta("see."))
            yield from _say("I thought.")
        elif words[0] == "cut":
            yield from (TextDelta("This is no"), Finish("length"))
        elif words[0] == "refuse":
            yield from (TextDelta("I cannot say that."), Finish("content_filter"))
        else:
            yield from _say(f"{len(request.messages) - 1} before: {last.content}{_attached(last)}")


def _say(text: str) -> Iterator[Delta]:
    for number, word in enumerate(text.split(" ")):
        yield TextDelta(word if number == 0 else f" {word}")
    yield Finish("stop")


def _results(request: ModelRequest) -> list[str]:
    """Return the results since the last message of another role."""
    results: list[str] = []
    for message in reversed(request.messages):
        if message.role != "tool":
            break
        results.insert(0, message.content)
    return results


def _attached(message: Message) -> str:
    return "".join(f" [{media.type} {media.content_type} {media.name}]" for media in message.media)


@tool
def clock() -> str:
    """Tell the time."""
    return "noon"


@tool
def refund(amount: int) -> str:
    """Pay a refund."""
    return f"paid {amount}"


helper = Agent(id="helper", model="conformance:m", name="Helper", description="Helps.", allow_overrides=ALL_OVERRIDES)
closed = Agent(id="closed", model="conformance:m", allow_overrides=())
clerk = Agent(
    id="clerk", model="conformance:m", tools=[clock, refund], approve=["refund"], allow_overrides=ALL_OVERRIDES
)


@hookimpl
def register_model_providers(register, config):
    register("conformance", lambda config: Obedient())
