"""What cannot run is refused in words, and what is no worker gets nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from guests.process.conftest import HOSTED, Start
from parts.guest_client import GuestProcess

REFUSALS = {
    "missing_module:agent": ("import", "module 'missing_module' could not be imported: ModuleNotFoundError"),
    "does_not_import:agent": ("import", "module 'does_not_import' could not be imported: LookupError"),
    "exits_at_import:agent": ("import", "module 'exits_at_import' could not be imported: SystemExit"),
    "__main__:agent": ("import", "'__main__:agent' is of a main program"),
    "plain:missing": ("attribute", "'plain:missing' is not there: module 'plain' has no 'missing'"),
    "plain:words.missing": ("attribute", "'plain:words.missing' is not there: its Words has no 'missing'"),
    "plain": ("attribute", "the target is 'plain'; accepted is 'package.module:attribute'"),
    "plain:not_an_agent": ("not_an_agent", "'plain:not_an_agent' is a value of type builtins.int and no agent"),
    "plain:Words": ("not_an_agent", "'plain:Words' is the class Words and no agent"),
    "toy_agents:other": ("not_an_agent", "accepted are agents of toy-framework, objects with `async def stream("),
}


@pytest.mark.parametrize("target", REFUSALS)
@pytest.mark.parametrize("kind", ["run", "describe"])
def test_a_target_that_is_no_agent_is_refused_with_the_reason(guest: GuestProcess, target: str, kind: str) -> None:
    last = guest.run(target).last if kind == "run" else guest.describe(target)
    code, reason = REFUSALS[target]
    assert (last["kind"], last["code"]) == ("refused", code)
    assert reason in last["reason"]


def test_what_a_module_says_that_does_not_import_is_apart_from_the_reason(guest: GuestProcess) -> None:
    last = guest.run("does_not_import:agent").last
    assert "no such model" not in last["reason"]
    assert last["traceback"].endswith("LookupError: no such model\n")
    assert last["places"].startswith("LookupError\n")
    assert "does_not_import.py:1 in <module>" in last["places"]
    assert "ModuleNotFoundError: No module named 'missing_module'" in guest.run("missing_module:agent").last["places"]


def test_an_adapter_that_does_not_load_is_named_with_the_version_of_its_framework(start: Start) -> None:
    guest = start(adapters=[("broken", HOSTED / "adapters/broken.py", "toy_framework")])
    last = guest.run("toy_agents:agent").last
    assert (last["code"], last["reason"]) == ("adapter", "adapter 'broken' does not load with toy_framework 2.0")
    assert last["traceback"].endswith("RuntimeError: made for version 1\n")


@pytest.mark.parametrize("first", [{"kind": "run", "version": 2, "target": "plain:words"}, {"kind": "dance"}])
def test_another_version_of_the_protocol_is_refused(guest: GuestProcess, first: dict[str, object]) -> None:
    connection = guest.open(first)
    refused = connection.outcome().last
    connection.close()
    assert (refused["kind"], refused["code"]) == ("refused", "version")
    assert "restart server and guests together" in refused["reason"]


GARBAGE = {
    "no frame": b"GET / HTTP/1.1\r\n\r\n",
    "no json": b"\x00\x00\x00\x05hello",
    "no object": b"\x00\x00\x00\x02[]",
    "no kind": b"\x00\x00\x00\x02{}",
    "too large": b"\xff\xff\xff\xff",
    "half a frame": b"\x00\x00\x00\x05he",
    "nothing": b"",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_closes_its_connection_and_nothing_else(guest: GuestProcess, garbage: bytes) -> None:
    connection = guest.connect()
    connection.socket.sendall(garbage)
    connection.socket.shutdown(socket.SHUT_WR)
    assert connection.socket.recv(1) == b""
    connection.close()
    assert guest.run("plain:words", "say 1 a").text == "a-0 "


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_a_connection_of_another_user_is_closed(guest: GuestProcess) -> None:
    # Root may open the socket although its owner is another; the other user could not even do that.
    os.chmod(guest.directory, 0o711)
    os.chmod(guest.socket_path, 0o666)
    code = "import os, socket, sys; os.setuid(12345); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])"
    code += "; s.sendall(bytes.fromhex(sys.argv[2])); print(s.recv(10))"
    described = b'{"kind":"describe","version":1,"target":"plain:words"}'
    frame = len(described).to_bytes(4, "big") + described
    command = [sys.executable, "-c", code, str(guest.socket_path), frame.hex()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    os.chmod(guest.socket_path, 0o600)
    os.chmod(guest.directory, 0o700)
    assert done.stdout == "b''\n" or "ConnectionResetError" in done.stderr or "BrokenPipe" in done.stderr, done.stderr


def test_only_the_user_can_open_the_socket(guest: GuestProcess) -> None:
    assert guest.socket_path.stat().st_mode & 0o777 == 0o600
