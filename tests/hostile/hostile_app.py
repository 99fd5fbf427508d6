"""AgentOS with agents that say what a hostile model would."""

import json
import time

from nasty import NASTY

import agentos
from agentos.app import create_app
from agentos.domain.agent import Agent
from agentos.models.deltas import ReasoningDelta
from agentos.models.scripted import ScriptedProvider, call

PIECE = "0123456789abcdef" * 4096


def look(place: str) -> str:
    """Look at a place.

    Args:
        place: Where.
    """
    return f"seen: {place}"


class Flood:
    """Says 8 MiB at once: more than the system takes for a client that does not read."""

    def stream(self, context):
        for _ in range(128):
            yield PIECE


class Babble:
    """Says half a megabyte within half a second."""

    def stream(self, context):
        for _ in range(8):
            time.sleep(0.06)
            yield PIECE


class Plugin:
    @agentos.hookimpl
    def register_model_providers(self, register):
        good, bad = json.dumps({"place": NASTY}), json.dumps({"place": f"{NASTY}\x00"})
        turns = [
            [ReasoningDelta(f"{NASTY}\x00"), call("look", good, id=f"call{NASTY}\x00")],
            [call("look", bad, id="call_2")],
            [call(f"no\r\n\r\nid: 5{NASTY}", "{", id="call_3")],
            [f"{NASTY}\x00", *NASTY, "\r", "\n", "\u2028"],
        ]
        register("hostile", lambda config: ScriptedProvider(turns))


app = create_app(
    agents={"teller": Agent(id="teller", model="hostile:any", tools=["look"]), "flood": Flood(), "babble": Babble()},
    tools=[look],
    plugins={"hostile": Plugin()},
)
