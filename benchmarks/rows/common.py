"""What rows share: the processes under measurement, the loads in turns, and the form of a result."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks import processes
from benchmarks.load import Load
from benchmarks.measure import Spread
from benchmarks.processes import Served

MODELS = ("burst-10", "burst-1000", "burst-10000", "paced-20ms-100", "paced-250ms-240")
INPUT = '{"input":"What is the weather in San Francisco?"}'


@dataclass(frozen=True)
class Row:
    """A line of the results. ``met`` is ``None`` where nothing was promised."""

    key: str
    work: str
    target: str
    measured: str
    met: bool | None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Bench:
    """The stub, the server and the floor, all running; ``repetitions`` is how often they take turns."""

    stub: Served
    server: Served
    floor: Served
    home: Path
    quick: bool = False
    repetitions: int = 5

    def load_of(self, load: Load, *, floor: bool = False) -> Load:
        """Return a load on the server's API as it is, or as the floor is asked for the same."""
        if not floor:
            return replace(load, address=self.server.url, watch=self.server.pids)
        model, _, kind = load.paths[0].removeprefix("/api/v1/agents/").partition("/")
        path = f"/stream/{model}" if kind == "run/stream" else f"/run/{model}"
        expect = "lines" if load.expect == "run" else load.expect
        return replace(load, address=self.floor.url, watch=self.floor.pids, paths=[path], bodies=[INPUT], expect=expect)

    def session_bodies(self, sessions: int, *, turns: int) -> list[str]:
        """Return the requests of so many new sessions, each with so many turns behind it."""
        bodies = [
            f'{INPUT[:-1]},"session_id":"{self.server.post("/sessions", {"agent_id": "burst-10"})["session_id"]}"}}'
            for _ in range(sessions)
        ]
        if not turns:
            return bodies
        path = "/api/v1/agents/burst-10/run"
        seen = put(self.load_of(Load(address="", paths=[path], bodies=bodies, connections=sessions, rounds=turns)))
        assert seen["requests"] == sessions * turns
        return bodies


@contextmanager
def opened(*, quick: bool = False, repetitions: int = 5) -> Iterator[Bench]:
    """Start what is measured, in a directory that is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="agentos-benchmark-") as name:
        home = Path(name)
        with (
            processes.stub() as stub,
            processes.server(stub.url, home / "server") as server,
            processes.floor(stub.url, home / "floor") as floor,
        ):
            register(server)
            yield Bench(stub, server, floor, home, quick, repetitions)


def register(server: Served) -> None:
    """Register an agent for each model of the stub, under the model's name."""
    for model in MODELS:
        server.post("/agents", {"id": model, "model": f"openai:{model}"})


def put(load: Load) -> dict[str, Any]:
    """Put a load on that must go well; raises with what went wrong."""
    seen = processes.put(load)
    if seen["errors"] or seen["lost"]:
        raise RuntimeError(f"{seen['errors']} errors, {seen['lost']} lost events: {seen['first_errors']}")
    return seen


def in_turns(loads: Sequence[Load], repetitions: int) -> list[list[dict[str, Any]]]:
    """Put the loads on one after the other, over and over, and return what each saw.

    Every second time in the opposite order, so that none is always the one that comes after another. A first, shorter
    turn warms all of them up and is not kept.
    """
    for load in loads:
        put(replace(load, rounds=1))
    seen: list[list[dict[str, Any]]] = [[] for _ in loads]
    for turn in range(repetitions):
        order = range(len(loads)) if turn % 2 == 0 else reversed(range(len(loads)))
        for place in order:
            seen[place].append(put(loads[place]))
    return seen


SHORT_TURNS = 12
"""Short turns of one repetition."""


def in_pairs(bench: Bench, key: str, load: Load, *settings: Mapping[str, str]) -> list[list[dict[str, Any]]]:
    """Put a load on servers with different settings, and return what each turn saw: for differences of a few per cent.

    Runs are asked for in many short turns: on shared cores a neighbour works for seconds, and the two turns that
    :meth:`~benchmarks.measure.Spread.of_turns` compares should both have it, or neither. Each repetition has new
    servers, and another seed of Python's hashes: the memory of equal processes is laid out differently, and they differ
    by a per cent for their whole life.
    """
    seen: list[list[dict[str, Any]]] = [[] for _ in settings]
    for number in range(bench.repetitions):
        with ExitStack() as stack:
            loads = []
            for place, one in enumerate(settings):
                home = bench.home / f"{key}-{number}-{place}"
                seeded = {**one, "PYTHONHASHSEED": str(number)}
                served = stack.enter_context(processes.server(bench.stub.url, home, settings=seeded))
                register(served)
                loads.append(replace(load, address=served.url, watch=served.pids))
            for kept, turns in zip(seen, in_turns(loads, 1 if load.tokens else SHORT_TURNS), strict=True):
                kept.extend(turns)
    return seen


def cost(seen: Sequence[dict[str, Any]], unit: str) -> list[float]:
    """Return the CPU microseconds per unit (``requests``, ``tokens``, ``events``) of each turn."""
    return [one["cpu"] / one[unit] * 1e6 for one in seen]


def milliseconds(seen: Sequence[dict[str, Any]], what: str, share: str) -> Spread:
    """Return a percentile of ``latency``, ``first_token`` or ``gap`` over the repetitions."""
    return Spread.of(one[what][share] * 1e3 for one in seen)


def own_cost(seen: Sequence[dict[str, Any]], unit: str) -> float:
    """Return what the load program itself used, in microseconds per unit."""
    return Spread.of(one["own_cpu"] / one[unit] * 1e6 for one in seen).median
