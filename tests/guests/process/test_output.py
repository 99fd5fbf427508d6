"""What agents print and log is sent with its run, within limits, and never stops the agent."""

from __future__ import annotations

import time

from guests.process.conftest import Start
from parts.guest_client import Connection, GuestProcess
from parts.waiting import until


def lines_of(control: Connection, wanted: int, seconds: float = 5) -> list[str]:
    """Return the lines that came on a control connection."""
    lines: list[str] = []
    end = time.monotonic() + seconds
    while len(lines) < wanted and time.monotonic() < end:
        frame = control.receive()
        assert frame is not None
        lines += [line["text"] for line in frame["lines"]] if frame["kind"] == "log" else []
    return lines


def test_what_a_run_prints_and_logs_comes_with_the_run(guest: GuestProcess) -> None:
    connections = [guest.begin("plain:prints", tag) for tag in ("one", "two")]
    for connection, tag in zip(connections, ("one", "two"), strict=True):
        outcome = connection.outcome()
        connection.close()
        assert [(line["level"], line["logger"], line["text"]) for line in outcome.logs] == [
            ("info", "stdout", "to stdout"),
            ("warning", "stderr", "to stderr"),
            ("error", "mine", "to a log: 3"),
            ("info", "stdout", "from a thread"),
            ("info", "stdout", tag),
            ("info", "stdout", tag),
            ("info", "stdout", "no end of line"),
        ]


def test_what_programs_and_c_code_print_comes_to_one_worker(start: Start) -> None:
    guest = start()
    controls = [guest.open({"kind": "control"}) for _ in range(2)]
    until(lambda: all(control.receive() is not None for control in controls))
    assert guest.run("plain:prints_beside_python").kind == "end"
    assert lines_of(controls[0], 4) == ["from a program", "to the stream", "from C", "from a fork"]
    controls[1].socket.settimeout(1)
    try:
        second = lines_of(controls[1], 1, seconds=1)
    except TimeoutError:
        second = []
    assert second == []


def test_what_came_before_the_first_worker_is_not_lost(start: Start) -> None:
    guest = start()
    garbage = guest.connect()
    garbage.socket.sendall(b"\xff\xff\xff\xff")
    assert garbage.receive() is None
    control = guest.open({"kind": "control"})
    assert "a connection was closed: a frame of 4294967295 bytes was announced" in lines_of(control, 1)[0]


def test_what_errors_say_is_apart_from_the_text_of_lines(start: Start) -> None:
    guest = start()
    control = guest.open({"kind": "control"})
    outcome = guest.run("plain:logs_errors", "a secret")
    lines = [line for line in outcome.logs if line["level"] == "error"]
    assert [(line["logger"], line["error"]) for line in lines] == [
        ("mine", "ValueError"),
        ("python", "KeyError"),
        ("asyncio", "LookupError"),
    ]
    # Threads have no context of a run.
    while not (ended := [line for line in next(control.frames()).get("lines", ()) if line["logger"] == "threading"]):
        pass
    for line in (*lines, *ended):
        assert "a secret" in line["traceback"]
        assert "a secret" not in f"{line['text']} {line['places']}"
        assert "plain.py:" in line["places"]


def test_what_a_task_writes_that_a_run_left_behind_comes_without_a_run(start: Start) -> None:
    guest = start()
    control = guest.open({"kind": "control"})
    assert [line["text"] for line in guest.run("plain:leaves_a_task").logs] == ["printed by the run"]
    guest.call("plain:lets_the_task_work")
    assert lines_of(control, 2) == ["printed by a task that was left", "logged by a task that was left"]


def test_a_flood_is_dropped_and_counted_and_the_run_is_not_slower(guest: GuestProcess) -> None:
    began = time.monotonic()
    outcome = guest.run("plain:flood")
    assert time.monotonic() - began < 10
    assert outcome.text == "done"
    assert 0 < len(outcome.logs) <= 400
    assert len(outcome.logs) + outcome.dropped == 60_000


def test_a_flood_of_c_code_that_keeps_the_interpreters_lock_does_not_stop_the_process(start: Start) -> None:
    guest = start()
    control = guest.open({"kind": "control"})
    assert guest.run("plain:flood_beside_python").text == "done"
    lines = lines_of(control, 64)
    assert {line[:4] for line in lines} <= {"yyyy", "... "}
    until(lambda: (guest.directory / "guest.log").stat().st_size < 2 * 1024**2)


def test_a_file_of_output_that_grows_fast_is_emptied_more_often(guest: GuestProcess) -> None:
    assert float(guest.run("plain:floods_the_file").text) < 1.5


def test_a_process_that_writes_more_than_can_be_emptied_ends(start: Start) -> None:
    guest = start()
    control = guest.open({"kind": "control"})
    run = guest.begin("plain:fills_the_disk")
    assert run.outcome().last == {}
    assert "the guest process ends: 1024 MiB were written to its output at once, and 256 may be" in [
        line["text"] for frame in control.frames() if frame["kind"] == "log" for line in frame["lines"]
    ]
    until(lambda: not guest.is_running())
