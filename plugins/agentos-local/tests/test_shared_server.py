"""The life of the server: one for all, started when needed, gone when not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from agentos_local.directory import RuntimeDirectory, ServerState
from agentos_local.provider import LocalProvider
from agentos_local.shared_server import SharedServer
from agentos_local.weights import Weights

from agentos import Cancellation, Finish, Message, ModelRequest, ProviderError, ProviderUnavailable, RunCancelled, each

Share = Callable[[], SharedServer]
Provide = Callable[[SharedServer], LocalProvider]

WORKER = """
import sys, time
from agentos_local.provider import LocalProvider
from agentos import Message, ModelRequest

provider = LocalProvider(token_timeout=120)
parameters = {"max_tokens": 3}
deltas = list(provider.stream(ModelRequest(model="smollm2", messages=[Message("user", "Hi")], parameters=parameters)))
print(provider.check().rpartition(" ")[2], flush=True)
sys.stdin.read()
"""


def connect(shared: SharedServer, *, seconds: float = 30, cancellation: Cancellation | None = None) -> ServerState:
    return shared.connect(deadline=time.monotonic() + seconds, cancellation=cancellation or Cancellation())


def hello(provider: LocalProvider) -> list[object]:
    request = ModelRequest(model="smollm2", messages=[Message("user", "Hi")], parameters={"max_tokens": 3})
    return list(each(provider.stream(request)))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A container whose first process collects nobody keeps the dead in its table.
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(") ")[2].startswith("Z"))


def wait_for_end(pid: int, seconds: float) -> bool:
    give_up = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < give_up:
        time.sleep(0.05)
    return not is_alive(pid)


def test_processes_that_start_at_once_share_one_server_that_ends_after_the_last_of_them(
    weights: Weights, tmp_path: Path
) -> None:
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    pids = {int(worker.stdout.readline()) for worker in workers if worker.stdout}
    assert len(pids) == 1
    (pid,) = pids
    workers[0].kill()
    workers[1].communicate("")
    assert not wait_for_end(pid, 1)
    workers[2].communicate("")
    assert wait_for_end(pid, 10)
    for worker in workers:
        worker.communicate()


def test_threads_that_start_at_once_share_one_server(share: Share) -> None:
    shared, found = share(), []
    threads = [threading.Thread(target=lambda: found.append(connect(shared))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 5
    assert len(set(found)) == 1


def test_a_server_stays_while_it_has_a_user_and_ends_after_the_last(share: Share) -> None:
    first, second = share(), share()
    pid = connect(first).pid
    assert connect(second).pid == pid
    first.close()
    assert not wait_for_end(pid, 1.5)
    second.close()
    assert wait_for_end(pid, 5)
    assert first.state() is None


def test_a_killed_server_is_replaced_at_the_next_call(share: Share, provide: Provide) -> None:
    shared = share()
    provider = provide(shared)
    hello(provider)
    killed = connect(shared)
    os.kill(killed.pid, signal.SIGKILL)
    while shared.state() is not None:  # it dies thread by thread, and holds its lock and its port until the last
        time.sleep(0.01)
    assert isinstance(hello(provider)[-1], Finish)
    assert connect(shared).pid != killed.pid


@pytest.mark.parametrize("damage", ["key", "url"])
def test_a_server_that_refuses_its_key_or_connections_is_replaced(share: Share, provide: Provide, damage: str) -> None:
    shared = share()
    provider = provide(shared)
    state = connect(shared)
    file = shared.directory.path / "server.json"
    wrong = "http://127.0.0.1:9" if damage == "url" else "wrong-key"
    file.write_text(file.read_text().replace(getattr(state, damage), wrong))
    with pytest.raises((ProviderError, ProviderUnavailable)):
        hello(provider)
    assert isinstance(hello(provider)[-1], Finish)
    assert wait_for_end(state.pid, 5)


def test_a_stopped_server_is_gone(share: Share) -> None:
    shared = share()
    state = connect(shared)
    assert shared.stop() == state
    assert not is_alive(state.pid)
    assert shared.state() is None
    assert shared.stop() is None


def test_a_frozen_server_can_be_stopped(share: Share) -> None:
    shared = share()
    state = connect(shared)
    os.kill(state.pid, signal.SIGSTOP)
    assert shared.stop(timeout=1) == state
    assert wait_for_end(state.pid, 2)


def test_a_server_whose_directory_was_cleaned_away_is_replaced(share: Share) -> None:
    shared = share()
    state = connect(shared)
    for file in shared.directory.path.iterdir():
        file.unlink()
    again = connect(shared)
    assert again.pid != state.pid
    assert wait_for_end(state.pid, 5)
    assert not wait_for_end(again.pid, 1.5)


def test_cancelling_does_not_wait_for_the_start(share: Share) -> None:
    cancellation = Cancellation()
    threading.Timer(0.2, cancellation.cancel).start()
    begun = time.monotonic()
    with pytest.raises(RunCancelled):
        connect(share(), cancellation=cancellation)
    assert time.monotonic() - begun < 0.7


def test_a_start_is_bounded_by_the_deadline(share: Share) -> None:
    with pytest.raises(ProviderUnavailable, match="did not start in time"):
        connect(share(), seconds=0.05)


def test_a_file_that_is_no_model_ends_in_an_error_and_no_process(
    weights: Weights, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"no model")
    shared = SharedServer(
        Weights("broken", broken, "broken"), grace=0.5, directory=RuntimeDirectory(tmp_path / "runtime")
    )
    with pytest.raises(ProviderUnavailable, match="could not be started; the log says why"):
        connect(shared)
    assert "model" in caplog.text
    assert shared.state() is None
    shared.close()


def test_the_server_gets_no_secrets_and_keeps_its_own(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    shared = share()
    state = connect(shared)
    process = Path(f"/proc/{state.pid}")
    if process.exists():
        assert b"sk-secret" not in (process / "environ").read_bytes()
        assert state.key.encode() not in (process / "cmdline").read_bytes()
    assert state.key not in repr(state)
    assert [file.name for file in shared.directory.path.iterdir() if file.stat().st_mode & 0o077] == []
