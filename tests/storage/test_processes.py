"""Admission by several processes at once, as the workers of a deployment."""

import json
import subprocess
import sys

import pytest

from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter
from agentos.testing.storage.contract import new_session

PROCESSES = 3
ADMIT = """
import json, sys
from agentos.config import Config
from agentos.domain.run import BusyPolicy
from agentos.errors import RateLimited, SessionBusy
from agentos.storage.admission import Quota
from agentos.storage.idempotency import Replay
from agentos.storage.sqlalchemy import open_sql
from agentos.testing.storage.contract import LEASE, key, new_run

storage = open_sql(sys.argv[1], Config(environ={}))
storage.check()
sessions = [storage.sessions.get(session_id, owner=None) for session_id in json.loads(sys.argv[2])]
print("ready", flush=True)
sys.stdin.readline()
outcomes = []
for number, session in enumerate(sessions):
    # The session's row would keep runs in order as well; the quota has to without it.
    run = new_run(owner=session.owner) if sys.argv[3] == "quota" else new_run(session)
    given = {
        "keys": {"idempotency": key(str(number))},
        "reject": {"concurrency": BusyPolicy.REJECT},
        "quota": {"quota": Quota(of_owner=1)},
    }[sys.argv[3]]
    try:
        made = storage.runs.admit(run, claim=LEASE, owner=None, history_turns=3, **given)
    except (SessionBusy, RateLimited):
        outcomes.append(["refused", None])
    else:
        outcomes.append(["repeated", made.id] if isinstance(made, Replay) else ["admitted", made.run.id])
print(json.dumps(outcomes))
storage.close()
"""


@pytest.mark.parametrize(("given", "other"), [("keys", "repeated"), ("reject", "refused"), ("quota", "refused")])
def test_of_several_processes_one_has_its_run_admitted(storage, sql_url, given, other):
    sessions = {f"owner-{number}": new_session(storage, owner=f"owner-{number}").id for number in range(25)}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", ADMIT, sql_url, json.dumps([*sessions.values()]), given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    outcomes = [json.loads(worker.communicate(timeout=60)[0]) for worker in workers]
    for owner, *answers in zip(sessions, *outcomes, strict=True):
        (run,) = storage.runs.list(RunFilter(owner=owner), Paging()).items
        assert sorted(how for how, _ in answers) == ["admitted"] + [other] * (PROCESSES - 1)
        assert {run_id for _, run_id in answers} <= {run.id, None}
