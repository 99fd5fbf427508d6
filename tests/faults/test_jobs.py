"""Jobs of a server whose workers are killed."""

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from agentos.storage.records import Record
from parts.server import AgentOSServer
from parts.storages import open_storage
from parts.waiting import until

APP = """
import os, time
from pathlib import Path
import agentos

class Mail:
    @agentos.hookimpl
    def register_jobs(self, register):
        register("mail", self.send)

    def send(self, record, server):
        with Path("begun").open("a") as file:
            file.write(f"{record.id} {os.getpid()}\\n")
        if record.id == "hangs" and record.attempts == 1:
            time.sleep(600)

app = agentos.create_app(plugins={"mail": Mail()})
"""


def test_a_job_whose_worker_is_killed_is_done_by_another_and_the_others_once(
    serve: Callable[..., AgentOSServer], database: str, tmp_path: Path
) -> None:
    (tmp_path / "mailing.py").write_text(APP)
    server = serve(app="mailing:app", workers=2, AGENTOS_LEASE_SECONDS="2")
    storage = open_storage(database)
    ids = [*map(str, range(20)), "hangs"]
    for id in ids:
        storage.records.put(Record(collection="mail", id=id, due_at=datetime.now(UTC)))

    def begun() -> list[list[str]]:
        file = tmp_path / "begun"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    until(lambda: {id for id, _ in begun()} == set(ids), 20)
    ((_, victim),) = [one for one in begun() if one[0] == "hangs"]
    assert int(victim) in server.worker_pids()
    time.sleep(2.5)  # longer than a lease: it is renewed
    os.kill(int(victim), signal.SIGKILL)
    until(lambda: len([one for one in begun() if one[0] == "hangs"]) == 2, 20)
    until(lambda: not any(storage.records.get("mail", id, owner="anonymous") for id in ids), 20)
    storage.close()

    assert sorted(id for id, _ in begun()) == sorted([*ids, "hangs"])
    assert victim != begun()[-1][1]
