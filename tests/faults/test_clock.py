"""Machines whose clocks do not agree."""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from faults.conftest import visible_within
from parts.client import Client
from parts.server import AgentOSServer
from parts.shop import Shop, answers_to, paused, resume
from parts.waiting import until

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


def shifted(folder: Path) -> dict[str, Path]:
    """Return folders for two servers, whose clocks are an hour ahead and an hour behind if they start there."""
    folders = {}
    for name, seconds in (("ahead", 3600), ("behind", -3600)):
        folders[name] = folder / name
        folders[name].mkdir()
        (folders[name] / "sitecustomize.py").write_text(SHIFTED.format(seconds=seconds))
    return folders


@pytest.fixture
def servers(serve: Callable[..., AgentOSServer], tmp_path: Path) -> list[AgentOSServer]:
    """Two servers on one database, whose clocks are an hour ahead and an hour behind."""
    lease = {"AGENTOS_LEASE_SECONDS": str(LEASE)}
    return [serve(workers=1, cwd=folder, **lease) for folder in shifted(tmp_path).values()]


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


PAY = [[["pay", {"amount": 5, "to": "ann"}]], "$results"]
WAITS = 4.0
"""Seconds that an approval waits for its decision."""


@pytest.fixture
def shops(serve: Callable[..., AgentOSServer], database: str, tmp_path: Path) -> dict[str, Client]:
    """Two servers of the shop on one database, whose clocks are an hour ahead and an hour behind."""
    clients = {}
    for name, folder in shifted(tmp_path).items():
        shop = Shop.make(folder, database, serve)
        clients[name] = Client(shop.open(cwd=folder, AGENTOS_PAUSE_TIMEOUT=str(WAITS)).url)
    return clients


@pytest.mark.parametrize(("asks", "decides"), [("ahead", "behind"), ("behind", "ahead")])
def test_an_approval_waits_as_long_as_it_says_at_workers_with_any_clock(
    shops: dict[str, Client], asks: str, decides: str
) -> None:
    in_time = paused(shops[asks], PAY)
    left = datetime.fromisoformat(in_time["pending"][0]["expires_at"]).timestamp() - time.time()
    assert 0 < left <= WAITS + 1, "what the approver is shown is when it really ends"
    shown = shops[decides].get(f"/runs/{in_time['run_id']}")["pending"]
    assert shown == in_time["pending"]
    resume(shops[decides], in_time)
    assert shops[asks].ended(in_time["run_id"])["content"] == "paid 5 to ann"

    began = time.monotonic()
    too_late = paused(shops[asks], PAY)
    run: dict[str, Any] = {}

    def has_ended() -> bool:
        run.update(shops[decides].get(f"/runs/{too_late['run_id']}"))
        return bool(run["status"] == "completed")

    until(has_ended, seconds=WAITS + VISIBLE)
    assert time.monotonic() - began >= WAITS - 0.5
    (decision,) = run["decisions"]
    assert (decision["decision"], decision["answered_by"]) == ("reject", "expiry")
    late = shops[decides].request("POST", f"/runs/{too_late['run_id']}/resume", answers_to(too_late))
    assert (late.status_code, late.json()["code"]) == (410, "PENDING_EXPIRED")
