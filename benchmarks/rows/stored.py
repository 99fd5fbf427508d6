"""What a large database costs: a late turn of a session, and the first page of very much."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks import processes
from benchmarks.bulk import Filling
from benchmarks.load import Load
from benchmarks.measure import Spread
from benchmarks.processes import Served
from benchmarks.rows.common import INPUT, Bench, Row, cost, in_turns, milliseconds, put, register

SESSIONS = 1_000_000
TURNS = 50_000
"""Each of two messages."""

PAGES = {
    "all": "/api/v1/sessions",
    "of an agent, a tenth of all": "/api/v1/sessions?agent_id=agent-3",
    "of a user, 10 of all": "/api/v1/sessions?user_id=user-7",
    "of a team, a seventh": "/api/v1/sessions?team_id=team-4",
    "of an agent and a team": "/api/v1/sessions?agent_id=agent-4&team_id=team-4",
    "history, the last 100 of 100,000 messages": "/api/v1/sessions/long-1/history?num_messages=100",
}
MOST_MS = 10
DEFAULT_HISTORY = "/api/v1/sessions/long-1/history"

TOGETHER, FURTHER = 48, 4
"""Sessions that are measured at once, and the turns of each: 10 to 13 for the tenth. One alone is too short a time."""


def depth(bench: Bench) -> list[Row]:
    """Measure turn 1000 of sessions against turn 10 of others."""

    def fill(filling: Filling) -> None:
        filling.talks("late", TOGETHER, 999)
        for repetition in range(bench.repetitions + 1):
            filling.talks(f"early{repetition}", TOGETHER, 9)
            filling.talks(f"middle{repetition}", TOGETHER, 29)

    with _filled(bench, bench.home / "depth", None, fill) as server:
        turns: dict[str, list[float]] = {"early": [], "middle": [], "late": []}
        for repetition in range(bench.repetitions + 1):
            for name, costs in turns.items():
                number = "" if name == "late" else repetition
                ids = [f"{name}{number}-{one}" for one in range(1, TOGETHER + 1)]
                bodies = [f'{INPUT[:-1]},"session_id":"{id}"}}' for id in ids]
                load = Load(address=server.url, paths=["/api/v1/agents/burst-10/run"], bodies=bodies, watch=server.pids)
                load.connections, load.rounds = TOGETHER, FURTHER
                costs += cost([put(load)], "requests")
        kept = {name: costs[1:] for name, costs in turns.items()}  # the first was for warming up
    ratio = Spread.ratio(kept["late"], kept["early"])
    same = Spread.ratio(kept["late"], kept["middle"])
    spreads = {name: Spread.of(costs) for name, costs in kept.items()}
    measured = f"{ratio.text()} × ({spreads['late'].median:.0f} µs to {spreads['early'].median:.0f} µs);"
    measured += f" against turn 30, which has as much history: {same.text()} ×"
    details = {name: spread.as_json() for name, spread in spreads.items()}
    return [
        Row(
            "depth",
            "turn 1000 of a session against turn 10",
            "≤ 1.1 ×",
            measured,
            ratio.median <= 1.1,
            {**details, "to_turn_10": ratio.as_json(), "to_turn_30": same.as_json()},
        )
    ]


def lists(bench: Bench) -> list[Row]:
    """Measure the first page of a million sessions and of a long history, on both databases."""
    rows = _lists(bench, "SQLite", None)
    with suppress(LookupError), running_postgresql() as url:
        rows += _lists(bench, "PostgreSQL", url)
    return rows


def _lists(bench: Bench, database: str, url: str | None) -> list[Row]:
    def fill(filling: Filling) -> None:
        filling.sessions("session", SESSIONS)
        filling.talks("long", 1, TURNS)

    with _filled(bench, bench.home / f"lists-{database}", url, fill) as server:
        paths = [*PAGES.values(), DEFAULT_HISTORY]
        loads = [
            Load(address=server.url, paths=[one], bodies=[], connections=1, rounds=50, method="GET", watch=server.pids)
            for one in paths
        ]
        seen = in_turns(loads, 3)
    middle = [milliseconds(one, "latency", "p50") for one in seen]
    late = [milliseconds(one, "latency", "p99") for one in seen]
    worst = max(one.median for one in middle[: len(PAGES)])
    named = list(zip([*PAGES, "history, the default 1000"], middle, late, strict=True))
    measured = "; ".join(f"{name}: {half.median:.1f} (p99 {most.median:.1f}) ms" for name, half, most in named)
    details = {name: {"p50_ms": half.as_json(), "p99_ms": most.as_json()} for name, half, most in named}
    work = f"first page of 1,000,000 sessions and of 100,000 messages, {database}"
    target = f"≤ {MOST_MS} ms each, 100 to a page"
    return [Row(f"lists-{database.lower()}", work, target, measured, worst <= MOST_MS, details)]


@contextmanager
def _filled(bench: Bench, home: Path, url: str | None, fill: Callable[[Filling], None]) -> Iterator[Served]:
    """Start a server on a database that it has made and that was filled since."""
    settings = {"AGENTOS_DATABASE_URL": url} if url else None
    with processes.server(bench.stub.url, home, settings=settings) as server:
        register(server)
    filling = Filling(url or f"sqlite:///{home / 'agentos.db'}")
    fill(filling)
    filling.close()
    with processes.server(bench.stub.url, home, settings=settings) as server:
        yield server


@contextmanager
def running_postgresql() -> Iterator[str]:
    """Start a PostgreSQL of our own; raises ``LookupError`` where its wheel is not installed."""
    from parts.postgres import PostgresServer  # type: ignore[import-not-found]

    server = PostgresServer.create()
    try:
        server.start()
        yield server.create_database()
    finally:
        server.remove()
