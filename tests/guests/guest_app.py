"""AgentOS with agents in guest processes, and one of its own beside them."""

import os
import time
from pathlib import Path

from agentos.app import create_app
from agentos.domain.guest import Guest, GuestAdapter
from agentos.guests.agent import GuestAgent
from agentos.guests.pools import GuestPools

HOSTED = Path(os.environ["HOSTED"])


class Talker:
    """Says a number every 10 ms, for three seconds."""

    def stream(self, context):
        for number in range(300):
            time.sleep(0.01)
            yield f"{number} "


adapter = GuestAdapter(name="bank", path=HOSTED / "bank_adapter.py", framework="bank_framework")
pools = GuestPools([adapter])


def hosted(name, module="plain_agents", **fields):
    return GuestAgent(Guest(f"{module}:{name}", path=[str(HOSTED)], **fields), pools)


agents = {name: hosted(name) for name in ("words", "silent", "busy", "where")}
# Processes of its own: another number of them, or another limit, is another pool.
agents["calm"] = hosted("words", memory_limit=2**30)
agents["two"] = hosted("words", processes=2)
agents["clerk"] = hosted("clerk", "bank_framework")
app = create_app(agents={**agents, "talker": Talker()})
