import threading

from agentos import hookimpl

stopped = threading.Event()


@hookimpl
def server_stop(server):
    stopped.set()
