"""Admission by several processes at once, as the workers of a deployment."""

import json
import subprocess
import sys

import pytest

from agentos.storage.values import Paging, RunFilter
from agentos.testing.storage.contract import new_session

PROCESSES = 3
ADMIT = """
import json, sys
from agentos.config import Config
from agentos.domain.run import Concurrency
from agentos.errors import SessionBusy
from agentos.storage.values import Repeat
from agentos.storage.sqlalchemy import open_sql
from agentos.testing.storage.contract import LEASE, key, new_run

storage = open_sql(sys.argv[1], Config(environ={}))
storage.check()
sessions = [storage.get_session(session_id) for session_id in json.loads(sys.argv[2])]
print("ready", flush=True)
sys.stdin.readline()
outcomes = []
for number, session in enumerate(sessions):
    run = new_run(session)
    given = {"idempotency": key(str(number))} if sys.argv[3] == "keys" else {"concurrency": Concurrency.REJECT}
    try:
        made = storage.admit_run(run, LEASE, history_turns=3, **given)
    except SessionBusy:
        outcomes.append(["refused", None])
    else:
        outcomes.append(["repeated", made.id] if isinstance(made, Repeat) else ["admitted", made.run.id])
print(json.dumps(outcomes))
storage.close()
"""


@pytest.mark.parametrize(("given", "other"), [("keys", "repeated"), ("reject", "refused")])
def test_of_several_processes_one_has_its_run_admitted(storage, sql_url, given, other):
    sessions = [new_session(storage).id for _ in range(25)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", ADMIT, sql_url, json.dumps(sessions), given],
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
    for session_id, *answers in zip(sessions, *outcomes, strict=True):
        (run,) = storage.list_runs(RunFilter(session_id=session_id), Paging()).items
        assert sorted(how for how, _ in answers) == ["admitted"] + [other] * (PROCESSES - 1)
        assert {run_id for _, run_id in answers} <= {run.id, None}
