"""Measures AgentOS and its peers: ``python -m benchmarks.peers``; see ``--help``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from benchmarks import processes
from benchmarks.peers import report
from benchmarks.peers.catalogue import OURS, PEERS
from benchmarks.peers.loads import RUNS, STREAMS, Contestant, in_turns
from benchmarks.peers.serving import serving
from benchmarks.processes import Served

# Found by what the import above has put on the path.
from parts.virtual_environments import Unavailable, cache_directory, installed, versions  # type: ignore[import-not-found]  # isort: skip

HERE = Path(__file__).parent
ENVIRONMENTS = cache_directory("agentos-benchmark-peers")
PACKAGES = ("agentos-server", "gunicorn", "gevent", "flask", "sqlalchemy")


def main() -> int:
    """Install, serve and measure, and write down what was seen."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description="How fast are other servers?")
    parser.add_argument("peers", nargs="*", metavar="PEER", help=f"of {', '.join(PEERS)} (all)")
    parser.add_argument("--repetitions", type=int, default=3, help="how often the servers take turns (3)")
    parser.add_argument("--environments", type=Path, default=ENVIRONMENTS, help="where peers are installed")
    parser.add_argument("--output", type=Path, default=report.FILE, help="what is written (benchmarks/PEERS.md)")
    given = parser.parse_args()
    if unknown := set(given.peers) - set(PEERS):
        parser.error(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    chosen = {name: peer for name, peer in PEERS.items() if name in (given.peers or PEERS)}
    asked = {name: OURS[name] for name in OURS if name in {"agentos", *(peer.beside for peer in chosen.values())}}
    found = {"agentos": {package: version(package) for package in PACKAGES}}
    missing: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="agentos-peers-") as name, ExitStack() as running:
        home = Path(name)
        model = running.enter_context(processes.stub()).url
        ours = running.enter_context(processes.server(model, home / "agentos"))
        _register(ours)
        contestants = {name: Contestant(one.title, one.api, ours) for name, one in asked.items()}
        for name, peer in chosen.items():
            try:
                programs = installed(HERE / f"{name}.txt", given.environments.resolve())
                found[name] = versions(programs, peer.packages)
                served = running.enter_context(serving(name, peer, programs, model, home / name))
                contestants[name] = Contestant(peer.title, peer.api, served)
            except Unavailable as why:
                missing[name] = str(why)
        seen = in_turns(contestants, given.repetitions)
    text = report.document(asked | chosen, seen, missing, found)
    given.output.write_text(text, "utf-8")
    print(text)
    return 0


def _register(server: Served) -> None:
    for model in (RUNS, STREAMS):
        server.post("/agents", {"id": model, "model": f"openai:{model}"})


if __name__ == "__main__":
    sys.exit(main())
