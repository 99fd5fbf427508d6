"""The directory of a deployment: private, gone at the end, and never that of a server that lives."""

import fcntl
import os
from pathlib import Path

import pytest

from agentos.serving.shared_directory import SharedDirectory


def test_it_is_private_and_is_removed_by_the_process_that_made_it(tmp_path: Path) -> None:
    made = SharedDirectory(tmp_path)
    assert made.path is not None
    assert made.path.stat().st_mode & 0o777 == 0o700
    (made.path / "metrics").mkdir()
    (made.path / "metrics" / "file").write_text("1")
    if (child := os.fork()) == 0:
        made.remove()
        os._exit(0)
    os.waitpid(child, 0)
    assert made.path.exists(), "a worker's end does not remove it"
    made.remove()
    assert list(tmp_path.iterdir()) == []


def test_it_removes_what_a_killed_server_left_and_leaves_others_alone(tmp_path: Path) -> None:
    living = SharedDirectory(tmp_path)
    assert living.path is not None
    left = tmp_path / "agentos-deployment-left"
    left.mkdir()
    (left / "lock").touch()
    strange = tmp_path / "agentos-deployment-without-a-lock"
    strange.mkdir()
    link = tmp_path / "agentos-deployment-link"
    link.symlink_to(tmp_path / "elsewhere")
    SharedDirectory(tmp_path)
    assert not left.exists()
    assert living.path.exists()
    assert strange.exists()
    assert link.is_symlink()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    trap = tmp_path / "agentos-deployment-trap"
    trap.mkdir()
    (trap / "lock").symlink_to(victim)
    SharedDirectory(tmp_path)
    assert trap.exists()
    assert victim.read_text() == "kept"


def test_where_it_cannot_be_made_the_server_goes_on_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = SharedDirectory(tmp_path / "missing")
    assert made.path is None
    made.remove()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_it_is_known_to_be_in_use_while_a_worker_lives(tmp_path: Path) -> None:
    made = SharedDirectory(tmp_path)
    assert made.path is not None
    with (made.path / "lock").open("r+b") as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
