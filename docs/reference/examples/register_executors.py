from queue import SimpleQueue
from threading import Thread

from agentos import Executor, hookimpl


class OneByOne(Executor):
    """Executes one background run of this worker at a time, in the order in which they came."""

    def __init__(self):
        self.submitted = SimpleQueue()

    def start(self, execute):
        Thread(target=self.work, args=[execute], daemon=True).start()

    def submit(self, run_id):
        self.submitted.put(run_id)

    def close(self):
        self.submitted.put(None)

    def work(self, execute):
        while (run_id := self.submitted.get()) is not None:
            execute(run_id)


@hookimpl
def register_executors(register):
    register("one-by-one", lambda config: OneByOne())
