"""AgentOS with agents whose streams are hard on the server that sends them."""

import time
from collections import Counter

import greenlet

from agentos.app import create_app

PIECE = "0123456789abcdef" * 4096
PIECES = 128


class Large:
    """Says 8 MiB within a second: more than the system takes for a client that does not read."""

    def stream(self, context):
        for _ in range(PIECES):
            time.sleep(0.005)
            yield PIECE


class Talker:
    """Says a number every few milliseconds, for half a second."""

    def stream(self, context):
        for number in range(100):
            time.sleep(0.005)
            yield f"{number} "


class Endless:
    """Says a number every few milliseconds, until it is cancelled or a test would have failed."""

    def stream(self, context):
        for number in range(5000):
            time.sleep(0.005)
            yield f"{number} "


class Counting:
    """Says a hundred numbers, and then how often somebody else was woken meanwhile: the one who was it most often."""

    def stream(self, context):
        woken = Counter()
        me = greenlet.getcurrent()
        hub = me.parent

        def note(event, arguments):
            woken[id(arguments[1])] += 1

        yield "first "
        time.sleep(0.5)  # the client's stream has begun, and waits
        greenlet.settrace(note)
        for number in range(100):
            yield f"{number} "
            time.sleep(0)  # whoever has been woken has its turn
        greenlet.settrace(None)
        del woken[id(me)], woken[id(hub)]
        yield f"woken {max(woken.values(), default=0)}"


app = create_app(agents={"large": Large(), "talker": Talker(), "endless": Endless(), "counting": Counting()})
