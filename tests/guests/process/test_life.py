"""A guest process shows that it lives, and ends when it is not used, is asked to, or has become too large."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

from agentos_guest.control import Listener

from guests.process.conftest import Start
from parts.guest_client import Connection
from parts.waiting import until


def heartbeats(control: Connection, seconds: float) -> list[dict[str, object]]:
    """Return the heartbeats that come within a time."""
    found = []
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        control.socket.settimeout(left)
        try:
            frame = control.receive()
        except TimeoutError:
            break
        assert frame is not None
        if frame["kind"] == "heartbeat":
            found.append(frame)
    return found


def said_on(control: Connection, lines: int = 1000) -> list[str]:
    """Return so many lines of what the process says of itself, or all until it ends."""
    said: list[str] = []
    while len(said) < lines and (frame := control.receive()) is not None:
        said += [line["text"] for line in frame["lines"]] if frame["kind"] == "log" else []
    return said


def test_a_worker_is_greeted_and_gets_heartbeats(start: Start) -> None:
    guest = start()
    control = guest.open({"kind": "control"})
    hello = control.receive()
    assert hello is not None
    assert (hello["kind"], hello["version"], hello["pid"]) == ("hello", 1, guest.pid)
    beats = heartbeats(control, 5.8)
    assert len(beats) == 2
    assert beats[0]["state"] == "ready"
    assert beats[0]["runs"] == 0
    assert isinstance(beats[0]["memory"], int)
    assert 5e6 < beats[0]["memory"] < 2e8


def test_a_process_says_that_it_is_busy_while_it_is(start: Start) -> None:
    guest = start()
    control = guest.open({"kind": "control"})
    run = guest.begin("plain:busy")
    beats = heartbeats(control, 4)
    run.close()
    lags = [float(str(beat["lag"])) for beat in beats]
    assert lags[0] < 0.5
    assert max(lags) >= 1
    assert lags[-1] < 0.5 or len(beats) == 2  # it may be said only a little later
    assert beats[1]["runs"] == 1


def test_a_worker_that_does_not_read_stops_nothing_and_loses_what_is_too_much() -> None:
    deaf, accepted = socket.socketpair()
    listener = Listener(accepted)
    for _ in range(40):
        listener.send(b"x" * 64 * 1024)
    received = 0
    deaf.setblocking(False)
    with deaf, suppress(BlockingIOError):
        while True:
            received += len(deaf.recv(65536))
            listener.send(b"")  # what waits is sent as soon as there is room
    listener.close()
    accepted.close()
    assert 1024**2 <= received < 2 * 1024**2


def test_a_process_without_users_ends_after_its_grace(start: Start) -> None:
    guest = start()
    run = guest.begin("plain:words", "say 500 a")
    guest.leave()
    assert run.outcome().kind == "end"  # which took longer than the grace
    assert guest.is_running()
    until(lambda: not guest.is_running(), 5)
    assert not guest.socket_path.exists()


def test_a_process_whose_state_is_removed_ends(start: Start) -> None:
    guest = start()
    (guest.directory / "guest.json").unlink()
    until(lambda: not guest.is_running(), 5)


def test_a_process_without_workers_ends_also_when_its_agent_holds_up_the_loop(start: Start) -> None:
    left, removed = start(arguments=["--grace", "0"]), start()
    for guest in (left, removed):
        assert guest.begin("plain:holds").receive() == {"kind": "events", "events": ["holding"]}
    left.leave()
    (removed.directory / "guest.json").unlink()
    until(lambda: not left.is_running() and not removed.is_running(), 8)


def test_a_process_that_is_asked_to_stop_lets_its_runs_end(start: Start) -> None:
    guest = start()
    run = guest.begin("plain:words", "say 200 a")
    assert run.receive() is not None
    control = guest.open({"kind": "control"})
    assert control.receive() is not None
    late = guest.connect()
    os.kill(guest.pid, signal.SIGTERM)
    assert [beat["state"] for beat in heartbeats(control, 0.5)][-1] == "stopping"
    late.send({"kind": "run", "version": 1, "target": "plain:words", "run": {"id": "2", "agent_id": "a", "input": ""}})
    assert late.outcome().last["reason"] == "the process was asked to stop; it takes no new runs"
    assert run.outcome().kind == "end"
    until(lambda: not guest.is_running(), 3)


def test_a_process_that_is_asked_to_stop_cancels_what_does_not_end_in_time(start: Start, tmp_path: Path) -> None:
    guest = start(arguments=["--stop-grace", "0.5"])
    run = guest.begin("plain:waits", metadata={"marks": str(tmp_path / "marks")})
    assert run.receive() is not None
    os.kill(guest.pid, signal.SIGTERM)
    assert run.outcome().last["error"] == "CancelledError"
    until(lambda: not guest.is_running(), 3)
    assert (tmp_path / "marks").read_text() == "ended"


def test_a_process_that_is_too_large_takes_no_new_runs_and_makes_room_for_another(start: Start) -> None:
    guest = start(arguments=["--memory-limit", str(120 * 1024**2)])
    control = guest.open({"kind": "control"})
    run = guest.begin("plain:grows", "120", metadata={"seconds": 4})
    assert run.receive() is not None
    until(lambda: not guest.is_running(), 2)  # its lock is free, so that a worker starts another one
    assert not guest.socket_path.exists()
    assert run.outcome().kind == "end"
    said = said_on(control)
    assert "MiB of memory, and may have 120, and no run has ended yet" in said[0]
    assert said[0].endswith(": it takes no new runs, and another one may start")


def test_a_process_that_is_too_large_takes_runs_until_the_one_before_it_has_ended(start: Start) -> None:
    guest = start(arguments=["--memory-limit", str(60 * 1024**2)])
    runs = [guest.begin("plain:grows", "55", metadata={"seconds": 60})]
    until(lambda: not guest.is_running())
    guest.start()
    control = guest.open({"kind": "control"})
    runs.append(guest.begin("plain:grows", "55", metadata={"seconds": 60}))
    assert said_on(control, 1)[0].endswith(": it takes runs until the one before it has ended")
    assert guest.is_running()
    assert guest.run("plain:words", "say 1 a").kind == "end"
    runs[0].close()
    assert said_on(control, 1)[0].endswith(": it takes no new runs, and another one may start")
    until(lambda: not guest.is_running())


def test_a_process_that_is_far_too_large_ends_at_once(start: Start) -> None:
    guest = start(arguments=["--memory-limit", str(60 * 1024**2)])
    run = guest.begin("plain:grows", "200", metadata={"seconds": 5})
    began = time.monotonic()
    assert run.outcome().last == {}
    assert time.monotonic() - began < 4
    until(lambda: not guest.is_running(), 3)


def test_a_process_takes_no_more_runs_than_it_may_have(start: Start) -> None:
    guest = start(arguments=["--most-runs", "1"])
    run = guest.begin("plain:words", "say 100 a")
    assert run.receive() is not None
    refused = guest.run("plain:words", "say 1 b").last
    assert (refused["code"], refused["reason"]) == ("busy", "the process has 1 runs, and may have 1")
    assert run.outcome().kind == "end"
    assert guest.run("plain:words", "say 1 b").kind == "end"


def test_a_child_of_an_agent_does_not_hide_that_its_process_is_gone(start: Start) -> None:
    guest = start()
    control = guest.open({"kind": "control"})
    assert control.receive() is not None
    run = guest.begin("plain:forks")
    assert run.receive() == {"kind": "events", "events": ["forked"]}
    began = time.monotonic()
    os.kill(guest.pid, signal.SIGKILL)
    assert list(run.frames()) == []
    list(control.frames())
    until(lambda: not guest.is_running(), 1)
    assert time.monotonic() - began < 2


def test_a_process_that_was_killed_is_started_again_in_its_place(start: Start) -> None:
    guest = start()
    os.kill(guest.pid, signal.SIGKILL)
    until(lambda: not guest.is_running())
    guest.start()
    assert guest.run("plain:words", "say 1 a").text == "a-0 "


def test_a_control_connection_of_a_dead_worker_is_forgotten(start: Start) -> None:
    guest = start()
    control = guest.open({"kind": "control"})
    assert control.receive() is not None
    before = len(os.listdir(f"/proc/{guest.pid}/fd"))
    control.close()
    until(lambda: len(os.listdir(f"/proc/{guest.pid}/fd")) <= before - 2)  # one may have been open for a moment
