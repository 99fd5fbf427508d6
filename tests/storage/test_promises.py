"""What the storage promises about runs, checked on random sequences of what workers, clients and crashes do to them.

A model in plain Python says what each call has to answer and what has to be there afterwards.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from agentos.storage.memory import MemoryStorage
from parts.redis import open_redis_storage
from parts.run_promises.promises import Promises, clean

pytestmark = pytest.mark.timeout(3600 if os.environ.get("AGENTOS_SOAK") == "1" else 300)


def explore(open_storage, examples):
    """Run random sequences and return how many: the same each time, but more and longer with ``AGENTOS_SOAK=1``."""
    soak = os.environ.get("AGENTOS_SOAK") == "1"
    begun = 0

    def machine():
        nonlocal begun
        begun += 1
        storage = open_storage()
        clean(storage)
        return Promises(storage)

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples * (10 if soak else 1),
            stateful_step_count=100 if soak else 50,
            derandomize=not soak,
            phases=[Phase.generate, Phase.shrink],
            report_multiple_bugs=False,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return begun


def test_in_memory():
    assert explore(MemoryStorage, 150) >= 150


@pytest.mark.parametrize(("sql_url", "examples"), [("sqlite", 60), ("postgresql", 15)], indirect=["sql_url"])
def test_in_a_database(storage, examples):
    assert explore(lambda: storage, examples) >= examples


def test_in_redis(fresh_redis_url):
    storage = open_redis_storage(fresh_redis_url)
    assert explore(lambda: storage, 40) >= 40
    storage.close()
