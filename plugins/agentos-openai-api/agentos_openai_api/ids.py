"""Ids in OpenAI's form. Each is made of ours, so that nothing has to be stored to find what it names."""

from __future__ import annotations

from agentos.web import CallIds, base36

CHAT = "chatcmpl-"
RESPONSE = "resp_"
CONVERSATION = "conv_"
MESSAGE = "msg_"
FUNCTION_CALL = "fc_"
REASONING = "rs_"

TOOL_CALLS = CallIds("call_")
"""The ids of calls of the client's tools: 39 characters. OpenAI's own servers take 40."""


def chat_id(run_id: str) -> str:
    """Return the id of a run's chat completion."""
    return CHAT + run_id


def response_id(run_id: str) -> str:
    """Return the id of a run's response."""
    return RESPONSE + run_id


def conversation_id(session_id: str) -> str:
    """Return the id of a session's conversation."""
    return CONVERSATION + session_id


def own_id(prefix: str, id: str) -> str | None:
    """Return our id in one of OpenAI's form; ``None`` if it has another prefix.

    >>> own_id(RESPONSE, "resp_0199")
    '0199'
    """
    return id.removeprefix(prefix) if id.startswith(prefix) and len(id) > len(prefix) else None


def item_id(prefix: str, run_id: str, place: int) -> str:
    """Return the id of an item of a run by its place, counted from 0.

    >>> item_id(MESSAGE, "0193a1b2-0000-7000-8000-000000000000", 37)
    'msg_0193a1b20000700080000000000000000_11'
    """
    return f"{prefix}{run_id.replace('-', '')}_{base36(place)}"
