"""What a model is told and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agentos.domain.media import Media

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to call a tool. ``arguments`` is the JSON text that the model wrote, whether it parses or not."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    ``tool_calls`` is an assistant's, ``tool_call_id`` a tool's answer to one of them, ``media`` a user's.
    """

    role: Role
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    media: tuple[Media, ...] = ()
