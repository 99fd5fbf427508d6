"""A run that does not stop has its own process killed, whichever process takes runs by then."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agentos import Guest
from agentos.guests.agent import GuestAgent
from agentos.guests.pools import GuestPools
from agentos.guests.start import Times
from agentos.testing import run_agent
from parts.waiting import until

from .conftest import HOSTED, MakeAgent


def _is_running(pid: object) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def test_a_process_that_has_handed_over_is_killed_and_not_the_one_that_came_after_it(
    hosted: MakeAgent, pools: GuestPools, threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    limit = {"memory_limit": 64 * 2**20}
    hold = tmp_path / "hold"
    stuck = threads.submit(
        run_agent, hosted("holder", **limit), "55", request_timeout=1.2, metadata={"hold": str(hold)}
    )
    until(lambda: pools.activity() and pools.activity()[0].processes[0].state == "stopping")
    hold.touch()
    healthy = threads.submit(run_agent, hosted("words", **limit), "say 350 x")
    first, second = stuck.result().content, healthy.result()
    assert (second.status, second.content.count("x-")) == ("completed", 350)
    until(lambda: not _is_running(first))
    assert pools.activity()[0].processes[0].restarts == 1
    assert _is_running(pools.activity()[0].processes[0].pid)
    until(lambda: not [one for one in threading.enumerate() if one.name.startswith("run-")])


def test_a_process_whose_socket_was_removed_is_killed_with_a_run_that_does_not_stop(
    threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    folder = Path(tempfile.mkdtemp())
    pools = GuestPools(directory=folder, times=Times(grace=0.2, kill_after=0.5))
    holder, words = (
        GuestAgent(Guest(f"plain_agents:{name}", path=[str(HOSTED)]), pools) for name in ("holder", "words")
    )
    hold = tmp_path / "hold"
    hold.touch()
    stuck = threads.submit(run_agent, holder, "1", request_timeout=1.0, metadata={"hold": str(hold)})
    until(lambda: not hold.exists())
    for name in ("guest.json", "guest.sock"):
        next(folder.glob(f"guests/*/0/{name}")).unlink()
    run = run_agent(words, "say 1 x", request_timeout=10.0)
    assert run.content == "x-0 ", run
    until(lambda: not _is_running(stuck.result().content))
    pools.close()
    shutil.rmtree(folder)
