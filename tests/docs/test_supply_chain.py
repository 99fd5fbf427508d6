"""What is installed is locked, verified and current; what is deployed is closed as far as it can be."""

import http.server
import re
import runpy
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = runpy.run_path(str(ROOT / "requirements" / "lock.py"))["locks"]()
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
PINNED = re.compile(r"([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)(?: ; ([^\\]+?))?((?: --hash=sha256:[0-9a-f]{64})+)")


@cache
def _locked(name: str) -> dict[str, tuple[str, int]]:
    """Return the version and the number of hashes of each package of a lock; raise for any line of another kind."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    packages = {}
    for line in re.sub(r" \\\n +", " ", text).splitlines():
        if line.startswith("#"):
            continue
        pinned = PINNED.fullmatch(line)
        assert pinned, f"requirements/{name}.txt: {line[:100]!r} is no exact version with hashes"
        packages[canonicalize_name(pinned[1])] = (pinned[2], pinned[4].count("--hash"))
    return packages


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_a_fitting_version_of_all_that_is_asked_for(name: str) -> None:
    there = {package: found for lock in (*LOCKS[name].builds_on, name) for package, found in _locked(lock).items()}
    for need in map(Requirement, (*LOCKS[name].needs, *LOCKS[name].alone)):
        assert canonicalize_name(need.name) in there, f"{need} is not locked; run 'make lock'"
        version, _ = there[canonicalize_name(need.name)]
        assert need.specifier.contains(version, prereleases=True), f"{need} has {version}; run 'make lock'"


def test_the_locks_are_those_that_are_written_and_agree() -> None:
    assert {path.stem for path in (ROOT / "requirements").glob("*.txt")} == LOCKS.keys()
    versions: dict[str, set[str]] = {}
    for name, lock in LOCKS.items():
        for package, (version, _) in {} if lock.apart else _locked(name).items():
            versions.setdefault(package, set()).add(version)
    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


def test_hashes_are_those_of_every_platform() -> None:
    for package in ("gevent", "greenlet", "orjson", "psycopg-binary", "sqlalchemy"):
        _, hashes = _locked("server")[package]
        assert hashes > 10, f"{package} has wheels for more platforms than {hashes} hashes can be of"


def _installations(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if not line.startswith("#"):
            for part in re.split(r"&&|\|\||;", line):
                if re.search(r"pip install\b|\$\((?:PIP|LOCKED|OWN)\)", part):
                    yield shlex.split(part.strip().lstrip("@"), posix=False)


@pytest.mark.parametrize("file", ["Makefile", "Dockerfile"])
def test_whatever_is_installed_is_verified_or_ours(file: str) -> None:
    text = DOCKERFILE if file == "Dockerfile" else (ROOT / file).read_text("utf-8")
    found = list(_installations(text))
    assert len(found) >= 4
    for words in found:
        # `PIP` itself is what both are made of.
        verified = {"--require-hashes", "--no-deps"} <= set(words) or "$(LOCKED)" in " ".join(words)
        ours = {"--no-index", "--no-build-isolation"} <= set(words) or "$(OWN)" in " ".join(words)
        assert verified or ours or words[0] == "PIP", " ".join(words)


def test_the_image_asks_for_a_key_and_is_not_root() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"\bAGENTOS_AUTH=api_key\b", last)
    assert re.findall(r"^USER (.+)$", last, re.MULTILINE) == ["10001:10001"]
    assert not re.search(r"(?i)(key|password|secret|token)=\S", last.replace("AGENTOS_AUTH=api_key", ""))


def test_the_compose_file_opens_this_machine_alone_and_asks_for_a_key() -> None:
    server, database = COMPOSE["services"]["server"], COMPOSE["services"]["db"]
    assert server["environment"]["AGENTOS_AUTH"] == "${AGENTOS_AUTH:-api_key}"
    assert server["ports"] == ["${AGENTOS_PUBLISH:-127.0.0.1:8080}:8080"]
    assert "ports" not in database
    assert COMPOSE["networks"]["database"]["internal"] is True
    assert database["networks"] == ["database"]


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_container_has_no_more_rights_and_no_more_of_the_machine_than_it_needs(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()
    if name == "server":
        assert service["read_only"] is True
        assert "cap_add" not in service


class _Liar(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


def _audit(url: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "requirements" / "audit.py")]
    return subprocess.run(command, env={"OSV_URL": url}, capture_output=True, text=True, timeout=60, check=False)


def test_an_audit_without_a_network_says_that_it_checked_nothing() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), _Liar) as closed:
        port = closed.server_port
    done = _audit(f"http://127.0.0.1:{port}/")
    assert done.returncode == 0
    assert "NOTHING WAS CHECKED" in done.stdout


def test_an_audit_does_not_take_silence_for_a_clean_bill() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), _Liar) as liar:
        threading.Thread(target=liar.handle_request, daemon=True).start()
        done = _audit(f"http://127.0.0.1:{liar.server_port}/")
    assert done.returncode == 2
    assert "nothing was checked" in done.stdout
