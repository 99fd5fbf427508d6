"""Ids in OpenAI's form. Each is made of ours, so that nothing has to be stored to find what it names."""

from __future__ import annotations

import re

CHAT = "chatcmpl-"
RESPONSE = "resp_"
CONVERSATION = "conv_"
MESSAGE = "msg_"
FUNCTION_CALL = "fc_"
REASONING = "rs_"
TOOL_CALL = "call_"

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
MOST_CALLS = len(DIGITS) ** 2
"""How many calls of one run have ids."""

_TOOL_CALL = re.compile(rf"{TOOL_CALL}([0-9a-f]{{32}})([0-9a-z]{{2}})")


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
    return f"{prefix}{run_id.replace('-', '')}_{_base36(place)}"


def tool_call_id(run_id: str, number: int) -> str:
    """Return the id under which a client sees the call that action ``number`` of a run is, counted from 0.

    At most 40 characters, which is what OpenAI's own servers take. Models use the id of a call again; this one is
    unique, so that the client's result finds its run. Raises ``ValueError`` for a number from :data:`MOST_CALLS`.

    >>> tool_call_id("0193a1b2-0000-7000-8000-000000000000", 36)
    'call_0193a1b200007000800000000000000010'
    """
    if not 0 <= number < MOST_CALLS:
        raise ValueError(f"number {number}: a run has at most {MOST_CALLS} calls of its client's tools")
    return f"{TOOL_CALL}{run_id.replace('-', '')}{_base36(number):0>2}"


def read_tool_call_id(id: str) -> tuple[str, int] | None:
    """Return the run and the number in the id of a call; ``None`` for one that is not of this server."""
    match = _TOOL_CALL.fullmatch(id)
    if match is None:
        return None
    run = match[1]
    return f"{run[:8]}-{run[8:12]}-{run[12:16]}-{run[16:20]}-{run[20:]}", int(match[2], 36)


def _base36(number: int) -> str:
    digits = DIGITS[number % 36]
    while number := number // 36:
        digits = DIGITS[number % 36] + digits
    return digits
