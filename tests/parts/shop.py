"""The servers of the application in shop_app.py, what its tools did, and what runs of it are asked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from parts.client import Client, Event
from parts.pair import Pair
from parts.server import AgentOSServer
from parts.shop_database import ShopDatabase

DAY = 86_400.0
LOOK_AND_PAY = [[["look_up", {"what": "shoes"}], ["pay", {"amount": 5, "to": "ann"}]], "$results"]
BOUGHT = "found shoes | paid 5 to ann"


@dataclass(frozen=True)
class Shop:
    """Servers on one database and in one folder."""

    folder: Path
    database: ShopDatabase
    serve: Callable[..., AgentOSServer]

    @classmethod
    def make(cls, folder: Path, database: str, serve: Callable[..., AgentOSServer]) -> Shop:
        shutil.copy(Path(__file__).with_name("shop_app.py"), folder)
        return cls(folder, ShopDatabase.at(database), serve)

    def open(self, *, workers: int = 1, lease: float = 1.0, dying: bool = False, **settings: str) -> AgentOSServer:
        """Start a server. Its runs are lost soon after its end. With ``dying``, :meth:`die_at` works."""
        if dying:
            settings = {"AGENTOS_DATABASE_URL": "dying://", "SHOP_DATABASE": self.database.url, **settings}
        return self.serve(app="shop_app:app", workers=workers, AGENTOS_LEASE_SECONDS=str(lease), **settings)

    def pair(self, **settings: Any) -> Pair:
        return Pair(*(Client(self.open(**settings).url) for _ in range(2)))

    # --- its tools -------------------------------------------------------------------------------------------------

    def calls(self, run_id: str | None = None, tool: str | None = None, what: str = "began") -> list[dict[str, Any]]:
        """Return what the tools noted, oldest first."""
        file = self.folder / "calls.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        notes = [json.loads(line) for line in lines]
        return [
            one for one in notes if one["what"] == what and run_id in (None, one["run"]) and tool in (None, one["tool"])
        ]

    def hold(self, key: str) -> None:
        """Make calls with this key wait until :meth:`release`."""
        (self.folder / f"hold-{key}").touch()

    def release(self, key: str) -> None:
        (self.folder / f"hold-{key}").unlink()

    # --- what goes wrong -------------------------------------------------------------------------------------------

    def die_at(self, moment: str) -> None:
        """Have the next worker that comes to a moment end at once, as in ``before pause``."""
        (self.folder / "died").unlink(missing_ok=True)
        (self.folder / "die").write_text(moment)

    @property
    def died(self) -> bool:
        return (self.folder / "died").exists()


# --- runs ------------------------------------------------------------------------------------------------------------


def asking(turns: Sequence[Any], **more: Any) -> dict[str, Any]:
    """Return the body of a run whose model plays these turns."""
    return {"input": json.dumps(turns), **more}


def start(client: Client, turns: Sequence[Any], agent: str = "shop", **more: Any) -> str:
    """Start a background run and return its id."""
    return str(client.post(f"/agents/{agent}/run", asking(turns, background=True, **more))["run_id"])


def paused(client: Client, turns: Sequence[Any] = LOOK_AND_PAY, agent: str = "shop", **more: Any) -> dict[str, Any]:
    """Run until the pause, and return what ``/run`` answers."""
    answer = client.request("POST", f"/agents/{agent}/run", asking(turns, **more))
    assert (answer.status_code, answer.json().get("status")) == (202, "paused"), answer.text
    run: dict[str, Any] = answer.json()
    return run


def answers_to(run: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """Return answers to all that a run waits for: approvals, the size ``large``, the client's own result."""
    fitting = {
        "approval": {"decision": "approve", **fields},
        "input": {"output": "large"},
        "client_tool": {"output": "noon"},
    }
    return {"answers": [{"id": one["id"], **fitting[one["kind"]]} for one in run["pending"]]}


def resume(client: Client, run: Mapping[str, Any], **fields: Any) -> None:
    """Answer all that a run waits for."""
    answer = client.request("POST", f"/runs/{run['run_id']}/resume", answers_to(run, **fields))
    assert answer.status_code == 202, answer.text


def log_of(client: Client, run_id: str) -> list[Event]:
    """Return the log of a run that has ended, and check its form."""
    events = list(client.follow(run_id))
    types = [event.type for event in events]
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert [one in ("complete", "error") for one in types] == [False] * (len(types) - 1) + [True]
    for one, following in pairwise(types):
        assert one != "paused" or following in ("resumed", "error"), types
        assert following != "resumed" or one == "paused", types
    return events
