"""The guest's side: runs agents of any framework under asyncio, in a Python and an environment of their own.

It never imports ``agentos`` and needs nothing but Python 3.10 or later. An adapter of a framework imports from here.
"""

from agentos_guest.adapter import Adapter
from agentos_guest.errors import Failed, Pause
from agentos_guest.events import Event, ModelCall, Reasoning, ToolCall, Usage
from agentos_guest.run import Action, Answer, Call, Media, Message, Overrides, Run

__all__ = [
    "Action",
    "Adapter",
    "Answer",
    "Call",
    "Event",
    "Failed",
    "Media",
    "Message",
    "ModelCall",
    "Overrides",
    "Pause",
    "Reasoning",
    "Run",
    "ToolCall",
    "Usage",
]
