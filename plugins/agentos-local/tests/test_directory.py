"""The directory for locks and the key is nobody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from agentos_local.directory import RuntimeDirectory

from agentos import ProviderUnavailable


def test_the_directory_is_made_for_this_user_alone(tmp_path: Path) -> None:
    RuntimeDirectory(tmp_path / "runtime").make()
    assert (tmp_path / "runtime").stat().st_mode & 0o777 == 0o700


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "runtime").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProviderUnavailable, match="is a link"):
        RuntimeDirectory(tmp_path / "runtime").make()


def test_a_directory_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime").chmod(0o711)
    with pytest.raises(ProviderUnavailable, match="open to others"):
        RuntimeDirectory(tmp_path / "runtime").make()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_another_users_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runtime").mkdir(mode=0o700)
    os.chown(tmp_path / "runtime", 12345, 12345)
    with pytest.raises(ProviderUnavailable, match="another user's"):
        RuntimeDirectory(tmp_path / "runtime").make()


def test_a_link_in_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    directory = RuntimeDirectory(tmp_path / "runtime")
    directory.make()
    (directory.path / "server.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"):
        directory.try_server_lock()
    assert not (tmp_path / "victim").exists()


def test_only_one_gets_the_servers_lock(tmp_path: Path) -> None:
    directory = RuntimeDirectory(tmp_path / "runtime")
    directory.make()
    lock = directory.try_server_lock()
    assert lock is not None
    assert directory.try_server_lock() is None
    os.close(lock)


def test_users_are_counted(tmp_path: Path) -> None:
    directory = RuntimeDirectory(tmp_path / "runtime")
    directory.make()
    lock = directory.try_users_lock()
    assert lock is not None
    assert directory.users() in ([os.getpid()], None)
    os.close(lock)
    assert directory.users() in ([], None)


def test_the_place_is_the_runtime_directory_of_the_user_where_there_is_one(tmp_path: Path) -> None:
    assert RuntimeDirectory.named("x", {"XDG_RUNTIME_DIR": str(tmp_path)}).path == tmp_path / "agentos-local-x"


def test_the_place_names_the_user_where_the_directory_is_everybodys() -> None:
    path = RuntimeDirectory.named("x", {"XDG_RUNTIME_DIR": "/does/not/exist"}).path
    assert path.name == f"agentos-local-{os.getuid()}-x"
