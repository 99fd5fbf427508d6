import threading

from agentos import hookimpl

stopped = threading.Event()
found = []


def look(server):
    while True:
        found[:] = [one.id for one in server.agents.list().items]
        if stopped.wait(60):
            return


@hookimpl
def server_start(server):
    stopped.clear()
    threading.Thread(target=look, args=(server,), name="look", daemon=True).start()
