"""Guest processes that end soon after they are left."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentos import Guest
from agentos.domain.guest import GuestAdapter
from agentos.guests.agent import GuestAgent
from agentos.guests.pools import GuestPools
from agentos.guests.start import Times
from parts.fake_guest import interpreter

HOSTED = Path(__file__).with_name("hosted")
TIMES = Times(grace=0.2, kill_after=1.0)

MakeAgent = Callable[..., GuestAgent]


@pytest.fixture
def pools() -> Iterator[GuestPools]:
    adapter = GuestAdapter(name="bank", path=HOSTED / "bank_adapter.py", framework="bank_framework")
    pools = GuestPools([adapter], times=TIMES)
    yield pools
    pools.close()


@pytest.fixture
def fake(pools: GuestPools, tmp_path: Path) -> MakeAgent:
    """Makes an agent at a fake guest that behaves in this way."""

    def make(mode: str, **fields: Any) -> GuestAgent:
        return GuestAgent(Guest("fake.agents:one", python=interpreter(tmp_path, mode), **fields), pools)

    return make


@pytest.fixture
def hosted(pools: GuestPools) -> MakeAgent:
    """Makes an agent of ``hosted/plain_agents.py`` in a real guest process."""

    def make(name: str, *, module: str = "plain_agents", **fields: Any) -> GuestAgent:
        return GuestAgent(Guest(f"{module}:{name}", path=[str(HOSTED)], **fields), pools)

    return make
