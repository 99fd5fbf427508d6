import threading

from agentos import Executor, RateLimited, Slot, hookimpl


class OneByOne(Executor, Slot):
    """Executes one background run at a time, and refuses the next one meanwhile."""

    def __init__(self):
        self.free = threading.Semaphore(1)

    def reserve(self):
        if not self.free.acquire(blocking=False):
            raise RateLimited("another background run is under way", retry_after=5)
        return self

    def execute(self, run_id, work):
        def do():
            try:
                work()
            finally:
                self.release()

        threading.Thread(target=do, daemon=True).start()

    def release(self):
        self.free.release()


@hookimpl
def register_executors(register):
    register("one-by-one", lambda config: OneByOne())
