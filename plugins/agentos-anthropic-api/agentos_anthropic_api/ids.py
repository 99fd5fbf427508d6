"""Ids in Anthropic's form. Each is made of ours, so that nothing has to be stored to find what it names."""

from __future__ import annotations

from base64 import b64encode

from agentos.web import CallIds, base36

TOOL_CALLS = CallIds("toolu_")
"""The ids of calls of the client's tools."""

MESSAGE = "msg_"


def message_id(run_id: str, first_action: int) -> str:
    """Return the id of one answer of a run. ``first_action`` is how many actions were pending in the run before it.

    >>> message_id("0193a1b2-0000-7000-8000-000000000000", 1)
    'msg_0193a1b200007000800000000000000001'
    """
    return f"{MESSAGE}{run_id.replace('-', '')}{base36(first_action):0>2}"


def signature(message_id: str, index: int) -> str:
    """Return the signature of a thinking block. It proves nothing: blocks that come back are left out.

    Clients and gateways throw away a block without one.
    """
    return b64encode(f"agentos:{message_id}:{index}".encode()).decode()
