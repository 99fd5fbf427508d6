"""What the databases cost, and how soon a follower at another worker sees an event: by polling, and by signals."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any

import requests

from benchmarks import processes
from benchmarks.load import Load
from benchmarks.measure import Spread, percentile
from benchmarks.processes import Served
from benchmarks.rows.common import INPUT, Bench, Row, cost, in_turns, register
from benchmarks.rows.ratios import BURST, RUN, seen_details
from benchmarks.rows.stored import running_postgresql

FOLLOWED = "paced-20ms-100"
"""The model of the run that is followed; its tokens come 20 ms apart."""

MOST_MS = 20.0


def databases(bench: Bench) -> list[Row]:
    """Measure a run and a burst of tokens on each database that the server knows and that is installed here."""
    run = Load(address="", paths=[RUN], bodies=[INPUT], connections=16, rounds=30)
    burst = Load(address="", paths=[BURST], bodies=[INPUT], connections=4, tokens=1000, rounds=2, expect="run")
    with ExitStack() as stack:
        urls: dict[str, str | None] = {"SQLite": None}
        with suppress(LookupError):
            urls["PostgreSQL"] = stack.enter_context(running_postgresql())
        with suppress(LookupError):
            urls["Redis"] = stack.enter_context(_running_redis()) + "/1"
        served = []
        for name, url in urls.items():
            settings = {"AGENTOS_DATABASE_URL": url} if url else {}
            one = stack.enter_context(processes.server(bench.stub.url, bench.home / f"on-{name}", settings=settings))
            register(one)
            served.append(one)
        runs = in_turns([replace(run, address=one.url, watch=one.pids) for one in served], bench.repetitions)
        bursts = in_turns([replace(burst, address=one.url, watch=one.pids) for one in served], bench.repetitions)
    rows = []
    for name, of_runs, of_tokens in zip(urls, runs, bursts, strict=True):
        a_run, a_token = (Spread.of(cost(*seen)) for seen in ((of_runs, "requests"), (of_tokens, "tokens")))
        to_sqlite = Spread.ratio(cost(of_runs, "requests"), cost(runs[0], "requests"))
        measured = f"{a_run.text(0)} µs a run ({to_sqlite.text()} × SQLite), {a_token.text(1)} µs a token of a burst"
        details = {"runs": seen_details(of_runs, "requests"), "tokens": seen_details(of_tokens, "tokens")}
        work = f"runs and streams on {name}, CPU of the server without the database's"
        rows.append(Row(f"on-{name.lower()}", work, "none", measured, None, details))
    return rows


def signals(bench: Bench) -> list[Row]:
    """Measure how late a follower at another worker sees tokens, on PostgreSQL."""
    rows = []
    with ExitStack() as stack:
        try:
            database = stack.enter_context(running_postgresql())
            redis = stack.enter_context(_running_redis())
        except LookupError:
            return []
        for key, settings in (("polling", {}), ("redis", {"AGENTOS_SIGNALS": redis})):
            late = [one for _ in range(bench.repetitions) for one in _lateness(bench, key, database, settings)]
            middle, most = percentile(late, 0.5) * 1e3, percentile(late, 0.99) * 1e3
            target = f"p99 < {MOST_MS:.0f} ms" if key == "redis" else "none"
            rows.append(
                Row(
                    f"signals-{key}",
                    f"from an event to a follower at another worker, {key}, PostgreSQL",
                    target,
                    f"p50 {middle:.1f} ms, p99 {most:.1f} ms of {len(late)} events",
                    most < MOST_MS if key == "redis" else None,
                    {"p50_ms": middle, "p99_ms": most, "events": len(late)},
                )
            )
    return rows


def _lateness(bench: Bench, key: str, database: str, settings: Mapping[str, str]) -> list[float]:
    """Return for each token of a run how much later it came from another server than from that of the run."""
    shared = {"AGENTOS_DATABASE_URL": database, **settings}
    home = bench.home / f"signals-{key}-{time.monotonic_ns()}"
    with (
        processes.server(bench.stub.url, home / "here", settings=shared) as here,
        processes.server(bench.stub.url, home / "there", settings=shared) as there,
    ):
        with suppress(AssertionError):  # the agents are there from the repetition before
            register(here)
        own: dict[int, float] = {}
        elsewhere: dict[int, float] = {}
        started = threading.Event()
        run_id: list[str] = []
        follower = threading.Thread(target=_follow_elsewhere, args=(there, started, run_id, elsewhere))
        follower.start()
        with _streamed(here, "POST", f"/agents/{FOLLOWED}/run/stream", {"input": "Count."}) as events:
            for number, event, at in events:
                run_id.append(event["run_id"])
                started.set()
                own[number] = at
        follower.join()
    # The first ones came before the follower had begun; and it says once to the run's worker that it follows.
    return [elsewhere[number] - at for number, at in own.items() if number in elsewhere and number > 30]


def _follow_elsewhere(server: Served, started: threading.Event, run_id: list[str], seen: dict[int, float]) -> None:
    started.wait()
    with _streamed(server, "GET", f"/runs/{run_id[0]}/events", None) as events:
        for number, _, at in events:
            seen[number] = at


@contextmanager
def _streamed(
    server: Served, method: str, path: str, body: Mapping[str, Any] | None
) -> Iterator[Iterator[tuple[int, dict[str, Any], float]]]:
    headers = {"Accept": "text/event-stream"}
    with requests.request(
        method, f"{server.url}/api/v1{path}", json=body, headers=headers, stream=True, timeout=60
    ) as response:
        yield _events(response)


def _events(response: requests.Response) -> Iterator[tuple[int, dict[str, Any], float]]:
    number = 0
    for line in response.iter_lines(chunk_size=1):
        if line.startswith(b"id: "):
            number = int(line[4:])
        elif line.startswith(b"data: "):
            yield number, json.loads(line[6:]), time.monotonic()


@contextmanager
def _running_redis() -> Iterator[str]:
    """Start a Redis of our own, which keeps all promises; raises ``LookupError`` where its wheel is not installed."""
    from parts.redis import SAFE, RedisServer  # type: ignore[import-not-found]

    server = RedisServer(**{**SAFE, "appendfsync": "everysec"})
    try:
        server.start()
        yield server.url
    finally:
        server.remove()
