"""Records that several processes count and take at once, as the workers of a deployment."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentos.storage.admission import Lease
from agentos.storage.records import Record

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
PROCESSES = 2
LATER = Lease("later", 60.0)
WORK = """
import json, sys, threading
from agentos.storage.admission import Lease
from parts.storages import open_storage
from agentos.testing.storage.contract import at_once

storage = open_storage(sys.argv[1])
storage.check()
print("ready", flush=True)
sys.stdin.readline()
taken, sums = [], []

def work(number):
    lease = Lease(f"{sys.argv[2]}-{number}", 60.0)
    for _ in range(10):
        sums.append(storage.records.add("counters", "c", 1, owner="alice", limit=150))
    while due := storage.records.take_due(["mail"], lease, limit=3):
        taken.extend(record.id for record in due)

at_once(work, 10)
print(json.dumps([taken, sums]))
storage.close()
"""


@pytest.fixture
def storage(open_storage, lasting_url):
    storage = open_storage(lasting_url)
    storage.upgrade()
    return storage


def test_two_processes_count_exactly_and_take_different_records(storage, lasting_url):
    for number in range(60):
        storage.records.put(Record(collection="mail", id=str(number), due_at=datetime.now(UTC)))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORK, lasting_url, f"process-{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        for number in range(PROCESSES)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    outcomes = [json.loads(worker.communicate(timeout=60)[0]) for worker in workers]

    sums = sorted(one for _, counted in outcomes for one in counted if one is not None)
    assert sums == list(range(1, 151))
    assert storage.records.get("counters", "c", owner="alice").value == 150
    taken = [id for ids, _ in outcomes for id in ids]
    # One that asks while the others hold all rows gets none; what is left then is taken next time.
    while due := storage.records.take_due(["mail"], LATER, limit=99):
        taken += [record.id for record in due]
    assert sorted(taken, key=int) == [str(number) for number in range(60)]
