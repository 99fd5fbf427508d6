"""What it costs to trace every run, against the same server without traces."""

from __future__ import annotations

from dataclasses import replace

from benchmarks import processes
from benchmarks.load import Load
from benchmarks.measure import Spread, memory_kb
from benchmarks.rows.common import INPUT, Bench, Row, cost, in_pairs, milliseconds, put, register
from benchmarks.rows.ratios import RUN, seen_details


def traces(bench: Bench) -> list[Row]:
    """Measure runs of a server that sends all its traces and metrics to a collector, and of one that sends none."""
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": bench.stub.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    load = Load(address="", paths=[RUN], bodies=[INPUT], connections=16, rounds=12)
    traced, plain = in_pairs(bench, "traces", load, settings, {})
    with processes.server(bench.stub.url, bench.home / "traces", settings=settings) as server:
        register(server)
        put(replace(load, address=server.url, rounds=60))
        memory = memory_kb(server.pids[1])["rss"] / 1024
    ratio = Spread.of_turns(cost(traced, "requests"), cost(plain, "requests"))
    more = Spread.of(cost(traced, "requests")).median - Spread.of(cost(plain, "requests")).median
    late, early = (milliseconds(seen, "latency", "p99") for seen in (traced, plain))
    return [
        Row(
            "traces",
            "`/run` without a session, each run traced, against none traced",
            "< 1.15 × the CPU per run",
            f"{ratio.text()} ×, {more:.0f} µs more a run; p99 {late.text(1)} ms to {early.text(1)} ms;"
            f" a worker that traces has {memory:.0f} MB",
            ratio.median < 1.15,
            {"ratio_of_traces": ratio.as_json(), "on": seen_details(traced, "requests"), "worker_mb": round(memory, 1)},
        )
    ]
