"""A plugin that does not start, and does not stop."""

import time

from agentos import hookimpl


@hookimpl
def server_start(server):
    raise RuntimeError("overslept")


@hookimpl
def server_stop(server):
    time.sleep(30)
