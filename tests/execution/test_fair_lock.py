"""The fair lock: one holder, in order, and the event loop has its turn between two of them."""

import subprocess
import sys
import threading
import time

import pytest

from agentos.fair_lock import FairLock

# Each thread works for 5 ms. The probe says how long the loop of gevent let no socket or timer have its turn.
PROBE = """
from gevent import monkey; monkey.patch_all()
import threading, time
from agentos.fair_lock import FairLock

longest = 0.0
done = False

def probe():
    global longest
    while not done:
        start = time.monotonic()
        time.sleep(0.001)
        longest = max(longest, time.monotonic() - start)

def work():
    start = time.thread_time()
    while time.thread_time() - start < 0.005:
        pass

lock = FairLock()
go = threading.Event()

def wait_for_each_other():
    go.wait()
    with lock:
        work()

def wake_together():
    time.sleep(0.2)
    lock.pass_through()
    work()

watcher = threading.Thread(target=probe)
watcher.start()
workers = [threading.Thread(target=%s) for _ in range(100)]
for one in workers: one.start()
go.set()
for one in workers: one.join()
done = True
watcher.join()
print(longest)
"""


def test_one_at_a_time_holds_it() -> None:
    lock = FairLock()
    inside = most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with lock:
                inside += 1
                most = max(most, inside)
                time.sleep(0.0001)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert (inside, most) == (0, 1)


def test_the_waiters_get_it_in_the_order_in_which_they_asked() -> None:
    lock = FairLock()
    order: list[int] = []

    def work(number: int) -> None:
        with lock:
            order.append(number)

    lock.acquire()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    lock.release()
    for thread in threads:
        thread.join(10)

    assert order == list(range(10))


def test_one_that_gives_up_waiting_leaves_the_lock_to_the_others() -> None:
    lock = FairLock()
    lock.acquire()

    assert lock.acquire(timeout=0.01) is False
    assert lock.acquire(timeout=0) is False
    lock.release()

    assert lock.acquire(timeout=0) is True
    lock.release()
    lock.pass_through()
    assert lock.acquire(timeout=0) is True


def test_a_long_queue_that_moves_is_waited_for_and_one_that_does_not_is_given_up() -> None:
    lock = FairLock()
    lock.acquire()
    got: list[bool] = []

    def work() -> None:
        if taken := lock.acquire(timeout=1):
            time.sleep(0.2)
            lock.release()
        got.append(taken)

    def fail() -> None:
        if taken := lock.acquire(timeout=1):
            time.sleep(0.7)
            lock.release(moved=False)
        got.append(taken)

    for kind, given_up in ((work, 0), (fail, 6)):
        got.clear()
        threads = [threading.Thread(target=kind) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(0.05)
        lock.release()
        for thread in threads:
            thread.join(10)
        lock.acquire()
        assert got.count(False) == given_up


@pytest.mark.parametrize("threads", ["wait_for_each_other", "wake_together"])
def test_a_hundred_pieces_of_work_do_not_hold_up_the_event_loop(threads: str) -> None:
    """Half a second of work in all; gevent's own lock, and none at all, make the probe wait for all of it."""
    for _ in range(3):  # a busy machine may hold up anything once
        done = subprocess.run(
            [sys.executable, "-c", PROBE % threads], capture_output=True, text=True, timeout=60, check=True
        )
        longest = float(done.stdout)
        if longest < 0.1:
            break

    assert longest < 0.1
