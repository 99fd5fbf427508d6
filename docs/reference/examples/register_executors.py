import queue
import threading

from agentos import Executor, hookimpl


class OneByOne(Executor):
    """Executes one background run of this worker at a time."""

    def __init__(self):
        self.ids = queue.SimpleQueue()

    def start(self, execute):
        def work():
            while (run_id := self.ids.get()) is not None:
                execute(run_id)

        threading.Thread(target=work, daemon=True).start()

    def submit(self, run_id):
        self.ids.put(run_id)

    def close(self):
        self.ids.put(None)


@hookimpl
def register_executors(register):
    register("one-by-one", lambda config: OneByOne())
