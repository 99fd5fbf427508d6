"""The process that serves the model. It runs as a script, knows nothing of AgentOS, and ends itself when unused.

The process that starts it hands over an open, locked file: the lock is held from before the start until the process is
gone, however it ends, so that the process that gets the lock knows that there is no server.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import secrets
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOCK_FILE = "server.lock"
"""Locked exclusively while a server exists or is being started."""
USERS_FILE = "users.lock"
"""Locked shared by every process that uses the server; the server ends when it can lock it exclusively."""
STATE_FILE = "server.json"
"""Where the server listens and what it is; a server ends when its state file is gone or is another's."""
LOG_FILE = "server.log"

_WATCH_INTERVAL = 0.25
_LARGEST_LOG = 1024**2
# A request waits in its own thread until a slot is free; the others wait for a thread.
_HTTP_THREADS = 64


def main(arguments: Sequence[str]) -> None:
    """Serve until no process uses the server, then end the process."""
    parser = argparse.ArgumentParser(description="Serve a GGUF model on loopback to the processes of one deployment.")
    parser.add_argument("--directory", type=Path, required=True, help="where locks and state are kept")
    parser.add_argument("--model", required=True, help="the GGUF file")
    parser.add_argument("--name", required=True, help="the model's name")
    parser.add_argument("--context", type=int, required=True, help="tokens that one request may hold")
    parser.add_argument("--slots", type=int, required=True, help="requests that are answered at once")
    parser.add_argument("--grace", type=float, required=True, help="seconds to stay without a user")
    options = parser.parse_args(arguments)
    if os.fork():  # the starter waits for this process alone: the server has no parent and leaves no zombie
        os._exit(0)
    users = os.open(options.directory / USERS_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    state = _serve(options.model, options.name, context=options.context, slots=options.slots)
    _publish(options.directory / STATE_FILE, state)
    _wait_until_unused(options.directory, users, state, options.grace)
    # Without the state file no process connects any more. The server's threads have nothing to tidy up.
    if _is_published(options.directory, state):
        (options.directory / STATE_FILE).unlink(missing_ok=True)
    os._exit(0)


def _serve(model: str, name: str, *, context: int, slots: int) -> dict[str, object]:
    # Only here: it is large, and the users of this module's constants do not need it.
    import xllamacpp  # type: ignore[import-untyped]  # it has no type hints

    key = secrets.token_urlsafe(32)
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = name
    params.hostname = "127.0.0.1"
    params.port = 0
    params.api_keys = [key]
    params.n_ctx = context * slots
    params.n_parallel = slots
    params.kv_unified = False  # each request has its own room, independent of the others
    # Two threads are slower than one where cores are shared; what several requests gain comes from batching.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_threads_http = _HTTP_THREADS
    params.n_gpu_layers = 0
    params.cache_ram_mib = 0
    params.warmup = params.webui = params.endpoint_slots = False
    params.verbosity = 1
    global _server
    _server = xllamacpp.Server(params)
    url = _server.listening_address
    _wait_until_healthy(url)
    return {"pid": os.getpid(), "url": url, "key": key, "model": name, "context": context, "started": time.time()}


_server: Any = None  # it serves as long as it is referred to


def _wait_until_healthy(url: str) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(100):
        try:
            with direct.open(f"{url}/health", timeout=5):
                return
        except OSError:  # 503 while the model is loading
            time.sleep(0.1)
    sys.exit("the server does not become healthy")


def _publish(path: Path, state: dict[str, object]) -> None:
    draft = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(state, file)
    draft.replace(path)


def _wait_until_unused(directory: Path, users: int, state: dict[str, object], grace: float) -> None:
    used = time.monotonic()
    while _is_published(directory, state):
        time.sleep(_WATCH_INTERVAL)
        if os.fstat(2).st_size > _LARGEST_LOG:
            os.ftruncate(2, 0)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            used = time.monotonic()
            continue
        if time.monotonic() - used > grace:
            return  # still holding the lock: no process can come back before this process is gone
        fcntl.flock(users, fcntl.LOCK_UN)


def _is_published(directory: Path, state: dict[str, object]) -> bool:
    try:
        return bool(json.loads((directory / STATE_FILE).read_text("utf-8")) == state)
    except (OSError, ValueError):
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
