"""Messages to and from a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from agentos.domain.media import Media

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to call a tool. ``arguments`` is the JSON text that the model wrote, whether it parses or not.

    ``provider_details`` are fields that the provider wants to see again with this call.
    """

    id: str
    name: str
    arguments: str
    provider_details: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def parsed_arguments(self) -> dict[str, Any]:
        """The arguments as an object, parsed at each use; raises ``ValueError`` for what is no JSON object.

        >>> ToolCall("call_1", "transfer", '{"amount": 500}').parsed_arguments["amount"]
        500
        """
        parsed = orjson.loads(self.arguments) if self.arguments.strip() else {}
        if not isinstance(parsed, dict):
            raise ValueError(f"the arguments of a call of {self.name!r:.100} are no JSON object")
        return parsed


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    ``tool_calls`` is an assistant's, ``tool_call_id`` a tool's answer to one of them, ``media`` a user's.
    ``provider`` is the prefix of the provider that wrote an assistant's message; its ``provider_details``, and those of
    its tool calls, are sent to no other.
    """

    role: Role
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    media: tuple[Media, ...] = ()
    provider: str | None = None
    provider_details: Mapping[str, Any] | None = field(default=None, hash=False)
