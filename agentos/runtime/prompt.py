"""What every model call of one run begins with: instructions, the session's last turns, the question."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.errors import InvalidMedia
from agentos.models.provider import ModelProvider
from agentos.runtime.context import RunContext

NO_ANSWER = "(no answer)"
"""Stands for an empty answer. Gateways to Anthropic and Bedrock refuse an assistant's message without text and calls,
and templates that want user and assistant to alternate fail without the message."""


class Prompt:
    """The messages of one run's model calls; the session's part of them can be halved.

    ``prefix`` is the provider's in ``provider:model``: what another provider asked to see again is left out.
    """

    def __init__(
        self, instructions: Sequence[Message], context: RunContext, provider: ModelProvider, *, prefix: str
    ) -> None:
        self._instructions = instructions
        # Nearly all messages are shown as they are, and there are some forty of them in each run's history.
        self._history = [
            message
            if message.provider is None and not message.media and message.content[:1].isalnum()
            else presentable(message, provider, prefix)
            for message in context.history
        ]
        self._asked = [context.question()]
        if self._history and not (context.input or context.media):
            # A conversation that its client keeps may end with the results of tools: its last turn is the question.
            start = max((n for n, message in enumerate(self._history) if message.role == "user"), default=0)
            self._history, self._asked = self._history[:start], self._history[start:]

    def messages(self) -> list[Message]:
        """Return the messages."""
        return [*self._instructions, *self._history, *self._asked]

    def halve(self) -> int:
        """Leave out the older half of the session's turns; return how many, 0 when none was left.

        A turn begins with a user's message, so that no tool call is parted from its result.
        """
        starts = [number for number, message in enumerate(self._history) if message.role == "user"]
        if not self._history:
            return 0
        left_out = (len(starts) + 1) // 2
        self._history = self._history[starts[left_out] :] if left_out < len(starts) else []
        return max(1, left_out)


def presentable(message: Message, provider: ModelProvider, prefix: str) -> Message:
    """Return a message of the history as this model can be shown it.

    An earlier run of the session may have been another agent's, with a model that takes other attachments and a
    provider with fields of its own. The stored message stays as it is.
    """
    if message.provider is not None and message.provider != prefix:
        calls = tuple(dataclasses.replace(call, provider_details=None) for call in message.tool_calls)
        message = dataclasses.replace(message, tool_calls=calls, provider=None, provider_details=None)
    if message.media:
        message = _with_accepted_media(message, provider)
    if message.role == "assistant" and not message.tool_calls and is_blank(message.content):
        return dataclasses.replace(message, content=NO_ANSWER)
    return message


def is_blank(text: str) -> bool:
    """Tell whether a text is empty or only white space."""
    return not text or text.isspace()


def _with_accepted_media(message: Message, provider: ModelProvider) -> Message:
    kept: list[Media] = []
    content = message.content
    for media in message.media:
        try:
            provider.check_media(media)
            kept.append(media)
        except InvalidMedia:
            content += f"\n(attachment left out: {media.type} {media.name or ''})"
    return dataclasses.replace(message, content=content, media=tuple(kept))
