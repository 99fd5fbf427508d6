"""Admissions, claims and answers by several processes at once, as the workers of a deployment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentos.domain.run import RunStatus
from agentos.storage.admission import Lease
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter
from agentos.testing.storage.contract import admit, new_run, new_session
from agentos.testing.storage.pausing import action, paused

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
PROCESSES = 3
ADMIT = """
import json, sys
from agentos.domain.run import BusyPolicy
from agentos.errors import RateLimited, SessionBusy
from agentos.storage.admission import Quota
from agentos.storage.idempotency import Replay
from parts.storages import open_storage
from agentos.testing.storage.contract import LEASE, key, new_run

storage = open_storage(sys.argv[1])
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


CLAIM = """
import json, sys
from datetime import UTC, datetime
from agentos.errors import RunNotFound
from agentos.storage.admission import Lease
from parts.storages import open_storage

storage = open_storage(sys.argv[1])
storage.check()
print("ready", flush=True)
sys.stdin.readline()
outcomes = []
for run_id in json.loads(sys.argv[2]):
    try:
        run = storage.runs.claim(run_id, Lease(sys.argv[3], 60.0), now=datetime.now(UTC)).run
    except RunNotFound:
        continue
    outcomes.append([run_id, run.attempt, run.worker_id])
print(json.dumps(outcomes))
storage.close()
"""
ANSWER = """
import json, sys
from agentos.domain.pending import Answer
from parts.storages import open_storage
from agentos.testing.storage.contract import at_once

storage = open_storage(sys.argv[1])
storage.check()
print("ready", flush=True)
sys.stdin.readline()
resumed = []

def answer(number):
    for run_id, ids in json.loads(sys.argv[2]).items():
        for id in ids[number:] + ids[:number]:
            if storage.runs.answer(run_id, {id: Answer(decision="approve")}, owner=None).resumed:
                resumed.append(run_id)

at_once(answer, 4)
print(json.dumps(resumed))
storage.close()
"""


@pytest.fixture
def storage(open_storage, lasting_url):
    storage = open_storage(lasting_url)
    storage.upgrade()
    return storage


def outcomes_of(program, lasting_url, given, *, names):
    """Run a program in several processes that begin at the same moment; return what each has printed."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", program, lasting_url, json.dumps(given), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        for name in names
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    return [json.loads(worker.communicate(timeout=60)[0]) for worker in workers]


@pytest.mark.parametrize(("given", "other"), [("keys", "repeated"), ("reject", "refused"), ("quota", "refused")])
def test_of_several_processes_one_has_its_run_admitted(storage, lasting_url, given, other):
    sessions = {f"owner-{number}": new_session(storage, owner=f"owner-{number}").id for number in range(25)}
    outcomes = outcomes_of(ADMIT, lasting_url, [*sessions.values()], names=[given] * PROCESSES)
    for owner, *answers in zip(sessions, *outcomes, strict=True):
        (run,) = storage.runs.list(RunFilter(owner=owner), Paging()).items
        assert sorted(how for how, _ in answers) == ["admitted"] + [other] * (PROCESSES - 1)
        assert {run_id for _, run_id in answers} <= {run.id, None}


def test_of_several_processes_one_claims_each_run(storage, lasting_url):
    gone = Lease("gone", -1.0)
    waiting = {admit(storage, new_run(), None).run.id: 1 for _ in range(15)}
    lost = {admit(storage, new_run(), gone).run.id: 2 for _ in range(15)}
    names = [f"worker-{number}" for number in range(PROCESSES)]
    outcomes = outcomes_of(CLAIM, lasting_url, [*waiting, *lost], names=names)
    claimed = [one for found in outcomes for one in found]
    assert sorted((run_id, attempt) for run_id, attempt, _ in claimed) == sorted({**waiting, **lost}.items())
    for run_id, _, worker_id in claimed:
        assert storage.runs.get(run_id, owner=None).worker_id == worker_id


def test_answers_that_several_processes_save_at_once_resume_each_run_once(storage, lasting_url):
    runs = [paused(storage, actions=[action() for _ in range(4)]) for _ in range(5)]
    given = {run.id: [one.id for one in run.pending] for run in runs}
    outcomes = outcomes_of(ANSWER, lasting_url, given, names=["answers"] * PROCESSES)
    assert sorted(run_id for resumed in outcomes for run_id in resumed) == sorted(given)
    for run_id in given:
        run = storage.runs.get(run_id, owner=None)
        assert (run.status, run.attempt, run.worker_id, run.pending) == (RunStatus.QUEUED, 1, None, ())
