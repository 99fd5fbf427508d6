"""A provider with scripted answers: for tests, for documentation, for trying the server without a model."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from agentos.domain.media import MediaType
from agentos.domain.usage import Usage
from agentos.errors import AgentOSError, ContextTooLong, ProviderError
from agentos.models.deltas import Arrival, Delta, Finish, ReasoningDelta, TextDelta, ToolCallDelta
from agentos.models.provider import ModelProvider
from agentos.models.request import ModelRequest


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait before going on; a cancelled run does not wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fail:
    """Raise an error at this point of the answer."""

    error: AgentOSError


@dataclass(frozen=True, slots=True)
class Cut:
    """End the answer here without a finish, as a connection that was cut does."""


STEPS = 500  # steps after which others have their turn: no model server makes the run wait here
REST = 0.000001


@dataclass(frozen=True, slots=True)
class AtMost:
    """Raise ``ContextTooLong`` when a request's messages have more characters than this together."""

    characters: int


Step = str | Delta | Pause | Fail | Cut | AtMost | list[str | Delta]


def call(name: str, arguments: str = "{}", *, id: str = "call_1", index: int = 0) -> ToolCallDelta:
    """Return a whole tool call as one step."""
    return ToolCallDelta(index=index, id=id, name=name, arguments=arguments)


class ScriptedProvider(ModelProvider):
    """Answers its calls from a script, one turn a call, and keeps every request it was given in ``requests``.

    A turn is a string, or a list of steps: strings, deltas, :class:`Pause`, :class:`Fail`, :class:`Cut`,
    :class:`AtMost`, and lists of strings and deltas that arrive together. A finish and a usage are added where a turn
    has none. After the last turn it starts over. :meth:`say` gives it another script.

    >>> provider = ScriptedProvider(["Hello!", [call("add", '{"a": 1, "b": 2}')], "It is 3."])

    Without a script the model's name says what happens, so that a running server can be tried by hand:
    ``scripted:echo`` repeats the last user message word by word, ``scripted:slow-100x0.05`` says 100 words, one every
    0.05 s.
    """

    media_types: ClassVar[frozenset[MediaType]] = frozenset({"image"})

    def __init__(self, turns: Sequence[str | Sequence[Step]] = ()) -> None:
        self._turns = list(turns)
        self._played = 0
        self._lock = threading.Lock()
        self.requests: list[ModelRequest] = []

    def say(self, first: str | Sequence[Step], *others: str | Sequence[Step]) -> None:
        """Answer with these turns from the next call on, the first one first. ``requests`` stays as it is."""
        with self._lock:
            self._turns, self._played = [first, *others], 0

    def stream(self, request: ModelRequest) -> Iterator[Arrival]:
        """Play the next turn."""
        turn = self._next(request) if self._turns else _named(request)
        yield from _play([turn] if isinstance(turn, str) else turn, request)

    def model_names(self) -> list[str]:
        """Return the models that work without a script."""
        return ["echo", "slow-20x0.1"]

    def _next(self, request: ModelRequest) -> str | Sequence[Step]:
        with self._lock:
            turn = self._turns[self._played % len(self._turns)]
            self._played += 1
            self.requests.append(request)
        return turn


def _play(turn: Sequence[Step], request: ModelRequest) -> Iterator[Arrival]:
    said: list[Delta] = []
    for number, step in enumerate(turn, 1):
        request.cancellation.check()
        if number % STEPS == 0:
            time.sleep(REST)
        match step:
            case Pause(seconds):
                request.cancellation.wait(seconds)
                request.cancellation.check()
            case Fail(error):
                raise error
            case Cut():
                return
            case AtMost(characters):
                if sum(len(message.content) for message in request.messages) > characters:
                    raise ContextTooLong(f"the maximum context length is {characters} characters")
            case list():
                together = [_delta(one) for one in step]
                said += together
                yield together
            case _:
                said.append(_delta(step))
                yield said[-1]
    if not any(isinstance(delta, Usage) for delta in said):
        prompt = sum(len(message.content.split()) for message in request.messages)
        words = sum(isinstance(delta, TextDelta | ReasoningDelta) for delta in said)
        yield Usage(prompt_tokens=prompt, completion_tokens=words)
    if not any(isinstance(delta, Finish) for delta in said):
        called = any(isinstance(delta, ToolCallDelta) for delta in said)
        yield Finish("tool_calls" if called else "stop")


def _delta(step: str | Delta) -> Delta:
    return TextDelta(step) if isinstance(step, str) else step


def _named(request: ModelRequest) -> list[Step]:
    if request.model == "echo":
        said = [message.content for message in request.messages if message.role == "user"]
        # Without the space at the end, each space has a word behind it: the expression never has to go back.
        return list(re.findall(r"\s*\S+", said[-1].rstrip())) if said else []
    if slow := re.fullmatch(r"slow-(\d{1,6})x(\d{1,3}(?:\.\d{1,6})?)", request.model):
        steps: list[Step] = []
        for number in range(int(slow[1])):
            steps += [Pause(float(slow[2])), f"word{number} "]
        return steps
    raise ProviderError(f"scripted model {request.model!r} does not exist: 'echo' and 'slow-<words>x<seconds>' do")
