"""The server of the suite: one framework's agents in guest processes, and an agent in the worker beside them."""

import os
import time

from agentos import Guest
from agentos.app import create_app


class Talker:
    """Says a word every 10 ms, for three seconds."""

    def stream(self, context):
        for number in range(300):
            time.sleep(0.01)
            yield f"{number} "


def guest(name: str, **fields: object) -> Guest:
    return Guest(
        f"{os.environ['HOSTED_MODULE']}:{name}",
        python=os.environ["HOSTED_PYTHON"],
        path=[os.environ["HOSTED_FOLDER"]],
        environment=["FAKE_MODEL_URL", "TRANSFERS"],
        **{
            "processes": int(os.environ["HOSTED_PROCESSES"]),
            "exclusive": bool(os.environ["HOSTED_EXCLUSIVE"]),
            **fields,
        },
    )


agents = {name: guest(name) for name in os.environ["HOSTED_AGENTS"].split()}
# Its process is another than that of the other agents: what it is told from is another number of them.
agents["calm"] = guest("words", processes=2, exclusive=False)
app = create_app(agents={**agents, "talker": Talker()})
