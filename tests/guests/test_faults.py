"""What a guest process may do wrong: its runs end visibly, with what they said, and the next ones work."""

import base64
import os
import resource
import shutil
import tempfile
import threading
import time
from pathlib import Path

import pytest

from agentos import Guest, Media
from agentos.cancellation import Cancellation
from agentos.errors import GuestLost
from agentos.guests.agent import GuestAgent
from agentos.guests.description import describe
from agentos.guests.pools import GuestPools
from agentos.guests.start import Times
from agentos.testing import FinishedRun, run_agent
from parts.fake_guest import interpreter
from parts.waiting import until

from .conftest import MakeAgent


def _lost(run: FinishedRun, words: str) -> None:
    assert run.error is not None, run
    assert run.error.details["cause"] == "GUEST_LOST", run
    assert run.error.details["retryable"] is True
    assert words in run.error.message
    assert run.content == "begun"


def test_what_a_guest_says_is_the_answer_and_what_it_says_besides_is_ignored(fake: MakeAgent) -> None:
    run = run_agent(fake("words"), "hello")
    assert (run.status, run.content) == ("completed", "You said: hello."), run
    assert run.tokens == ["You said: ", "hello", "."]


@pytest.mark.parametrize(("mode", "said"), [("pieces", "é" * 20), ("large", "x" * 300_000 + "y")])
def test_frames_arrive_whole_however_they_are_cut(fake: MakeAgent, mode: str, said: str) -> None:
    assert run_agent(fake(mode), "go").content == said


@pytest.mark.parametrize("mode", ["garbage", "nojson", "badevent", "half", "badpause", "emptypause"])
def test_a_guest_that_breaks_its_protocol_ends_its_run(
    fake: MakeAgent, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    _lost(run_agent(fake(mode), "go"), "broke its protocol")
    assert "a guest process broke its protocol" in caplog.messages


def test_a_guest_that_closes_the_connection_ends_its_run(fake: MakeAgent) -> None:
    _lost(run_agent(fake("closes"), "go"), "ended before the run did")


@pytest.mark.parametrize("mode", ["silent", "hangup"])
def test_a_guest_that_falls_silent_or_hangs_up_is_killed(
    tmp_path: Path, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    pools = GuestPools(times=Times(grace=0.2, silence=1.5, kill_after=1.0))
    _lost(
        run_agent(GuestAgent(Guest("fake.agents:one", python=interpreter(tmp_path, mode)), pools), "go"),
        "ended before the run did",
    )
    assert "a guest process is killed" in caplog.messages
    until(lambda: pools.activity()[0].processes[0].restarts == 1)
    pools.close()


def test_a_task_that_does_not_end_when_it_is_cancelled_has_its_process_killed(
    fake: MakeAgent, caplog: pytest.LogCaptureFixture
) -> None:
    run = run_agent(fake("deaf"), "go", request_timeout=3.0)
    assert run.error is not None
    assert run.error.details["cause"] == "TIMEOUT"
    assert run.content == "begun"
    until(lambda: "a guest process is killed" in caplog.messages)


def test_a_guest_of_another_version_refuses_in_words(fake: MakeAgent, caplog: pytest.LogCaptureFixture) -> None:
    run = run_agent(fake("version"), "go")
    assert run.error is not None
    assert run.error.details["cause"] == "AGENT_FAILED"
    assert "this is version 2, and the worker's is 1" in run.error.message
    until(lambda: "a guest process speaks another version of the protocol" in caplog.messages)


def test_a_process_that_has_no_place_is_asked_again(fake: MakeAgent) -> None:
    assert run_agent(fake("busy"), "hello").content == "You said: hello."


def test_attachments_are_written_once_however_often_a_process_is_asked(fake: MakeAgent) -> None:
    image = Media("image", data=base64.b64encode(b"\x89PNG\r\n\x1a\n....").decode(), content_type="image/png")
    (path,) = run_agent(fake("attached"), "go", media=[image]).content.split()
    assert not Path(path).parent.exists()


@pytest.mark.parametrize(
    ("mode", "reason"), [("fails", "this interpreter has no future"), ("dies", "it is not my day")]
)
def test_an_interpreter_that_cannot_be_started_fails_the_run_and_the_log_says_why(
    fake: MakeAgent, mode: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    run = run_agent(fake(mode), "go")
    assert run.error is not None
    assert run.error.message == "the agent's guest process could not be started; the server's log has the reason"
    (record,) = [one for one in caplog.records if one.message == "a guest process could not be started"]
    assert reason in record.reason


def test_an_interpreter_that_is_not_there_fails_the_run_without_its_path(
    pools: GuestPools, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    agent = GuestAgent(Guest("package.module:agent", python=str(tmp_path / "no-python")), pools)
    run = run_agent(agent, "go")
    assert run.error is not None
    assert run.error.message == "the agent's guest process could not be started; the server's log has the reason"
    assert any("no-python" in getattr(record, "reason", "") for record in caplog.records)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_another_users_process_at_the_socket_is_given_nothing(
    fake: MakeAgent, caplog: pytest.LogCaptureFixture
) -> None:
    run = run_agent(fake("stranger"), "go")
    assert run.error is not None
    assert run.error.message == "the agent's guest process is another user's; the server's log has the reason"
    assert run.content == ""
    assert "a process of another user is at a guest's socket" in caplog.messages


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_directory_that_others_may_enter_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, exclusive: bool
) -> None:
    folder = Path(tempfile.mkdtemp())
    pools = GuestPools(directory=folder, times=Times(grace=0.2))
    guest = Guest("fake.agents:one", python=interpreter(tmp_path, "words"), exclusive=exclusive)
    assert run_agent(GuestAgent(guest, pools), "go").status == "completed"
    pools.close()
    (directory,) = folder.glob("guests/*/0")
    directory.chmod(0o755)
    again = GuestPools(directory=folder, times=Times(grace=0.2))
    run = run_agent(GuestAgent(guest, again), "go")
    again.close()
    assert run.error is not None
    assert "could not be started" in run.error.message
    assert any("open to others" in getattr(record, "reason", "") for record in caplog.records)
    shutil.rmtree(folder)


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_worker_without_free_descriptors_says_so(
    hosted: MakeAgent, pools: GuestPools, caplog: pytest.LogCaptureFixture, exclusive: bool
) -> None:
    guest = hosted("words", exclusive=exclusive).guest
    assert describe(guest, pools, Cancellation()).adapter == "python"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        with pytest.raises(GuestLost, match="cannot be reached"):
            describe(guest, pools, Cancellation())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    (record,) = [one for one in caplog.records if one.message == "a guest process cannot be reached"]
    assert "Too many open files" in record.reason


def test_what_a_process_writes_is_not_where_the_sockets_are(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp())
    pools = GuestPools(directory=folder, times=Times(grace=0.2))
    run_agent(GuestAgent(Guest("fake.agents:one", python=interpreter(tmp_path, "words")), pools), "go")
    files = {path.name for path in folder.glob("guests/*/0/*")}
    pools.close()
    assert files == {"guest.json", "guest.lock", "guest.sock", "users.lock"}
    shutil.rmtree(folder)


def test_a_process_ends_when_its_last_worker_has(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp())
    workers = [GuestPools(directory=folder, times=Times(grace=0.2)) for _ in range(2)]
    guest = Guest("fake.agents:one", python=interpreter(tmp_path, "words"))
    for pools in workers:
        assert run_agent(GuestAgent(guest, pools), "go").status == "completed"
    pids = {pools.activity()[0].processes[0].pid for pools in workers}
    assert len(pids) == 1
    workers[0].close()
    time.sleep(1)
    assert Path(f"/proc/{min(pids)}").exists()
    workers[1].close()
    until(lambda: not Path(f"/proc/{min(pids)}").exists())
    shutil.rmtree(folder)


def test_all_runs_that_come_at_once_share_one_start(fake: MakeAgent, pools: GuestPools) -> None:
    agent = fake("words")
    contents: list[str] = []
    threads = [threading.Thread(target=lambda: contents.append(run_agent(agent, "a").content)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert contents == ["You said: a."] * 8
    assert len(pools.activity()[0].processes) == 1


def test_guests_that_are_started_alike_share_their_processes(pools: GuestPools, tmp_path: Path) -> None:
    python = interpreter(tmp_path, "words")
    one, two = Guest("fake.agents:one", python=python), Guest("fake.agents:two", python=python)
    other = Guest("fake.agents:one", python=python, processes=2)
    assert pools.pool(one) is pools.pool(two)
    assert pools.pool(one) is not pools.pool(other)
    assert [activity.targets for activity in pools.activity()] == [
        ("fake.agents:one", "fake.agents:two"),
        ("fake.agents:one",),
    ]
