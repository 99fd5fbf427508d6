"""A worker process: what it costs to start, to keep, and to have another one; and a token event on the wire."""

from __future__ import annotations

from contextlib import AbstractContextManager

from benchmarks import processes
from benchmarks.load import Load
from benchmarks.measure import Spread, memory_kb
from benchmarks.processes import Served
from benchmarks.rows.common import INPUT, Bench, Row, cost, in_turns, put, register
from benchmarks.rows.ratios import RUN

STREAM = "/api/v1/agents/paced-20ms-100/run/stream"
APPLICATION = "from agentos.app import create_app; create_app()"


def wire(bench: Bench) -> list[Row]:
    """Measure the bytes of a token event, without its text and with it."""
    body = bench.session_bodies(1, turns=0)[0]
    load = Load(address=bench.server.url, paths=[STREAM], bodies=[INPUT], connections=1, rounds=1, expect="run")
    load.tokens = 100
    sizes = {}
    for name, asked in (("without a session", INPUT), ("in a session", body)):
        load.bodies = [asked]
        seen = put(load)
        sizes[name] = seen["token_bytes"] / seen["tokens"]
    measured = "; ".join(f"{size:.0f} {name}" for name, size in sizes.items()) + ", 5 of them its text"
    work = "a token event on the wire"
    return [Row("wire", work, "≤ 200 bytes", measured, max(sizes.values()) <= 200, sizes)]


def workers(bench: Bench) -> list[Row]:
    """Measure a request of two workers against one of a single worker."""

    def started(count: int) -> AbstractContextManager[Served]:
        home = bench.home / f"workers-{count}"
        return processes.server(bench.stub.url, home, workers=count, everywhere=True)

    with started(1) as single, started(2) as double:
        loads = []
        for served in (single, double):
            register(served)
            load = Load(address=served.url, paths=[RUN], bodies=[INPUT], connections=16, rounds=60, watch=served.pids)
            loads.append(load)
        one, other = in_turns(loads, bench.repetitions)
    ratio = Spread.ratio(cost(other, "requests"), cost(one, "requests"))
    work = "two workers against one, `/run` without a session"
    target = "CPU per request ≤ 1.1 ×"
    return [
        Row("workers", work, target, f"{ratio.text()} ×", ratio.median <= 1.1, {"ratio_of_workers": ratio.as_json()})
    ]


def start(bench: Bench) -> list[Row]:
    """Measure the start of an application in a new process, and a worker that has not served a run yet."""
    home = bench.home / "start"
    home.mkdir()
    processes.fresh_process(APPLICATION, home)  # makes the database, and Python's compiled files
    cpu = Spread.of(processes.fresh_process(APPLICATION, home) for _ in range(bench.repetitions))
    bare = Spread.of(processes.fresh_process("pass", home) for _ in range(bench.repetitions))
    with processes.server(bench.stub.url, home) as server:
        idle = memory_kb(server.pids[1])
    rss, pss = idle["rss"] / 1024, idle["pss"] / 1024
    return [
        Row(
            "start",
            "import of `agentos` + app creation",
            "≤ 0.8 s CPU",
            f"{cpu.text()} s, of which Python itself {bare.text()} s",
            cpu.median <= 0.8,
            {"cpu_s": cpu.as_json(), "python_s": bare.as_json()},
        ),
        Row("idle", "one idle worker process", "≤ 75 MB", f"RSS {rss:.0f} MB, PSS {pss:.0f} MB", rss <= 75, idle),
    ]


def model(bench: Bench) -> list[Row]:
    """Measure the stub alone: it must not be what limits the others."""
    loads = [
        Load(address=bench.stub.url, paths=["/v1/chat/completions"], bodies=[body], connections=100, rounds=rounds)
        for body, rounds in (
            ('{"model":"burst-10","stream":true}', 60),
            ('{"model":"paced-20ms-100","stream":true}', 1),
            ('{"model":"burst-1000","stream":true}', 3),
        )
    ]
    texts, details = [], {}
    for load, tokens, name in zip(loads, (10, 100, 1000), ("answer of 10", "paced token", "burst token"), strict=True):
        load.expect, load.tokens, load.watch = "lines", tokens, bench.stub.pids
        load.stagger = 0.0202 if "paced" in name else 0
        seen = [put(load) for _ in range(3)]
        unit = "requests" if name == "answer of 10" else "tokens"
        cpu = Spread.of(cost(seen, unit))
        late = Spread.of(one["gap"]["p99"] * 1e3 for one in seen)
        texts.append(f"{cpu.median:.2f} µs a {name}" + (f", gap p99 {late.median:.1f} ms" if "paced" in name else ""))
        rate = Spread.of(one[unit] / one["wall"] for one in seen)
        own = Spread.of(one["own_cpu"] / one[unit] * 1e6 for one in seen)
        details[name] = {"cpu_us": cpu.as_json(), "per_second": rate.as_json(), "load_program_us": own.as_json()}
    return [Row("stub", "the stub model and the load program alone", "", "; ".join(texts), None, details)]
