"""Stored guests come and go while the server runs, and their processes with them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agentos import Guest
from agentos.config import Config
from agentos.guests.pools import GuestPools
from agentos.guests.start import Times
from agentos.services.guests import GuestService
from agentos.testing import run_agent
from parts.fake_guest import interpreter
from parts.waiting import until

from .conftest import HOSTED


@pytest.fixture
def pools() -> Iterator[GuestPools]:
    pools = GuestPools(times=Times(grace=0.1, unused=0.3))
    yield pools
    pools.close()


def _pids(pools: GuestPools) -> list[int | None]:
    return [one.processes[0].pid for one in pools.activity()]


def test_the_processes_of_a_stored_guest_end_without_runs_and_start_again(pools: GuestPools, tmp_path: Path) -> None:
    service = GuestService(pools, Config())
    python = interpreter(tmp_path, "words")
    declared = service.hosted(Guest("fake.agents:one", python=python))
    versions = [
        service.hosted(Guest("fake.agents:one", python=python, memory_limit=2**27 + version), version)
        for version in range(2)
    ]
    for agent in (declared, *versions):
        assert run_agent(agent, "go").status == "completed"
    kept, *ended = _pids(pools)
    until(lambda: _pids(pools) == [kept])
    until(lambda: not [pid for pid in ended if Path(f"/proc/{pid}").exists()])
    assert Path(f"/proc/{kept}").exists()
    assert run_agent(versions[0], "go").status == "completed"


def test_processes_that_have_a_run_are_used(pools: GuestPools) -> None:
    stored = GuestService(pools, Config()).hosted(Guest("plain_agents:words", path=[str(HOSTED)]), 1)
    assert run_agent(stored, "say 150 x").content.count("x-") == 150  # which takes longer
    assert len(_pids(pools)) == 1
