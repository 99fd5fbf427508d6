"""Very many streams at once, and a very long one read again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import processes
from benchmarks.load import Load
from benchmarks.measure import Spread, memory_kb
from benchmarks.rows.common import INPUT, Bench, Row, put, register

STREAMS = 1000
INTERVAL_MS = 250
TOKENS = 240
"""A minute."""
LONG = 10_000


def thousand(bench: Bench) -> list[Row]:
    """Measure 1000 streams of a slow model, on a server that does nothing else."""
    path = f"/api/v1/agents/paced-{INTERVAL_MS}ms-{TOKENS}/run/stream"
    with processes.server(bench.stub.url, bench.home / "thousand") as server:
        register(server)
        load = Load(address=server.url, paths=[path], bodies=[INPUT], connections=STREAMS, rounds=1, watch=server.pids)
        load.stagger, load.expect, load.tokens = 0.005, "run", TOKENS
        warm = Load(**{**vars(load), "paths": ["/api/v1/agents/burst-10/run/stream"], "connections": 50, "tokens": 10})
        put(warm)
        worker = server.pids[1]
        before = memory_kb(worker)["pss"]
        with _watched(worker) as occupied:
            seen = processes.put(load)
    grown = (max(occupied) - before) / STREAMS
    gap = seen["gap"]["p99"] * 1e3
    met = not seen["errors"] and not seen["lost"] and gap < 1.5 * INTERVAL_MS and grown <= 100
    measured = f"{seen['errors']} errors, {seen['lost']} lost events, gap p99 {gap:.0f} ms, {grown:.0f} KB a stream;"
    measured += (
        f" {seen['cpu'] / seen['tokens'] * 1e6:.0f} µs a token, {seen['cpu'] / seen['wall'] * 100:.0f} % of a core"
    )
    details = {**seen, "kb_per_stream": grown, "pss_kb": [before, *occupied]}
    work = "1000 concurrent streams at 4 tokens/s for 60 s"
    target = "no error, no lost event, gap p99 < 375 ms, ≤ 100 KB a stream"
    return [Row("thousand", work, target, measured, met, details)]


@contextmanager
def _watched(pid: int) -> Iterator[list[int]]:
    """Yield a list that the memory of a process is added to, in KB, every two seconds."""
    seen: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(2):
            seen.append(memory_kb(pid)["pss"])

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def resume(bench: Bench) -> list[Row]:
    """Measure the events of a finished run of 10,000 tokens, read again from the first to the last."""
    run = bench.server.post(f"/agents/burst-{LONG}/run", {"input": "Count."})["run_id"]
    load = Load(address=bench.server.url, paths=[f"/api/v1/runs/{run}/events"], bodies=[], connections=1, rounds=5)
    load.method, load.expect, load.tokens, load.watch = "GET", "run", LONG, bench.server.pids
    put(load)
    seen = [put(load) for _ in range(bench.repetitions)]
    # By the time that an answer took: the pause in which the load program settles is not the server's.
    rate = Spread.of(one["events"] / one["requests"] / one["latency"]["p50"] for one in seen)
    cpu = Spread.of(one["cpu"] / one["events"] * 1e6 for one in seen)
    measured = f"{rate.text(0)} events/s, {cpu.text(1)} µs of CPU each"
    details = {"events_per_second": rate.as_json(), "cpu_us": cpu.as_json()}
    work = "resume of a finished 10,000-event stream"
    return [Row("resume", work, "≥ 100,000 events/s", measured, rate.median >= 100_000, details)]
