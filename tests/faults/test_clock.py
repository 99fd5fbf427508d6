"""Machines whose clocks do not agree."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from faults.conftest import visible_within
from parts.client import Client
from parts.server import AgentOSServer

LEASE = 1.0
VISIBLE = visible_within(LEASE)

# Python looks for this module at its start: the clock is wrong before anything else is imported.
SHIFTED = """
import datetime, time

SHIFT = {seconds}
_real, _time, _time_ns, _gmtime = datetime.datetime, time.time, time.time_ns, time.gmtime

class _Like(type(_real)):
    def __instancecheck__(cls, one):
        return isinstance(one, _real)

class _Shifted(_real, metaclass=_Like):
    def __new__(cls, *arguments, **named):
        return _real(*arguments, **named)

    @classmethod
    def now(cls, tz=None):
        return _real.now(tz) + datetime.timedelta(seconds=SHIFT)

    @classmethod
    def utcnow(cls):
        return _real.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(seconds=SHIFT)

for name in ("fromtimestamp", "utcfromtimestamp", "fromisoformat", "strptime", "combine"):
    setattr(_Shifted, name, getattr(_real, name))

datetime.datetime = _Shifted
time.time = lambda: _time() + SHIFT
time.time_ns = lambda: _time_ns() + int(SHIFT * 1e9)
time.gmtime = lambda seconds=None: _gmtime(time.time() if seconds is None else seconds)
"""


@pytest.fixture
def servers(serve: Callable[..., AgentOSServer], tmp_path: Path) -> list[AgentOSServer]:
    """Two servers on one database, whose clocks are an hour ahead and an hour behind."""
    started = []
    for name, seconds in (("ahead", 3600), ("behind", -3600)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(SHIFTED.format(seconds=seconds))
        started.append(serve(workers=1, cwd=folder, AGENTOS_LEASE_SECONDS=str(LEASE)))
    return started


def asked_in(client: Client, session: str) -> list[str]:
    return [text for role, text in client.said(session) if role == "user"]


def test_leases_and_order_do_not_depend_on_any_workers_clock(servers: list[AgentOSServer]) -> None:
    ahead, behind = (Client(server.url) for server in servers)
    times = [
        datetime.fromisoformat(client.post("/sessions", {"agent_id": "assistant"})["created_at"])
        for client in (ahead, behind)
    ]
    assert abs((times[0] - times[1]).total_seconds() - 7200) < 60, "the clocks are not shifted"

    agent = ahead.register(model="scripted:slow-30x0.1")
    streams = [client.stream(f"/agents/{agent}/run/stream", {"input": "go"}) for client in (ahead, behind)]
    for stream in streams:
        next(stream)
    session = ahead.session()
    for number in range(4):
        for name, client in (("ahead", ahead), ("behind", behind)):
            client.post("/agents/assistant/run", {"input": f"{name} {number}", "session_id": session})
    # Each run lasts longer than two leases, and nobody takes it for lost.
    assert [list(stream)[-1].type for stream in streams] == ["complete", "complete"]
    expected = [f"{name} {number}" for number in range(4) for name in ("ahead", "behind")]
    assert asked_in(ahead, session) == asked_in(behind, session) == expected

    # Who sweeps is two hours behind whoever wrote the lease.
    lost = ahead.stream(f"/agents/{agent}/run/stream", {"input": "go"})
    run_id = next(lost).run_id
    servers[0].kill()
    lost.close()
    assert behind.ended(run_id, timeout=VISIBLE)["error"]["details"]["cause"] == "WORKER_LOST"
