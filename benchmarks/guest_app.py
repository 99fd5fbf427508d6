"""The server with the same agents twice: in its workers, and in a guest process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from agentos import Guest, RunContext
from agentos.app import create_app
from agentos.guests.agent import GuestAgent
from agentos.guests.pools import GuestPools


class Paced:
    """Says a hundred tokens, 20 ms apart."""

    def stream(self, context: RunContext) -> Iterator[str]:  # noqa: ARG002
        """Yield one, wait for the next."""
        for _ in range(100):
            time.sleep(0.02)
            yield "word "


class Burst:
    """Says tokens as fast as they are taken."""

    def __init__(self, tokens: int) -> None:
        self._tokens = tokens

    def stream(self, context: RunContext) -> Iterator[str]:  # noqa: ARG002
        """Yield them one by one."""
        for _ in range(self._tokens):
            yield "word "


_pools = GuestPools()


def _guest(name: str) -> GuestAgent:
    return GuestAgent(Guest(f"guest_agents:{name}", path=[str(Path(__file__).parent / "guests")]), _pools)


app = create_app(
    agents={
        "local-paced": Paced(),
        "local-burst": Burst(1000),
        "local-short": Burst(10),
        "guest-paced": _guest("paced"),
        "guest-burst": _guest("burst"),
        "guest-short": _guest("short"),
    }
)
