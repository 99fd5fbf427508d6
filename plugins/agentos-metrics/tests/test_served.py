"""The metrics of a real server with several workers: through deaths, replacements and reloads."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from agentos_testing import HttpClient, ServerProcess
from prometheus_client.parser import text_string_to_metric_families

PROGRAM = """
import os
import time
import agentos

class Echo:
    def stream(self, context):
        if context.input == "die":
            os._exit(9)
        if context.input == "fail":
            raise RuntimeError("broken")
        yield context.input

def crunch(seconds: float) -> str:
    "Compute for some seconds of a processor's time."
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    return "done"

server = agentos.AgentOS()
server.register_agent("echo", Echo())
server.register_agent("model", agentos.Agent(id="model", model="scripted:slow-5x0.02"))
server.register_tool(crunch)
"""

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(client: HttpClient) -> Samples:
    answer = client.get("/metrics")
    assert answer.status == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


def runs(samples: Samples, **labels: str) -> float:
    """Return how many runs there were in all with these labels."""
    return sum(
        number
        for (name, found), number in samples.items()
        if name == "agentos_runs_total" and set(labels.items()) <= found
    )


def start(serve: Callable[..., ServerProcess], tmp_path: Path, **env: str) -> ServerProcess:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, "utf-8")
    shared = tmp_path / "shared"
    shared.mkdir(exist_ok=True)
    return serve(program, installed=["metrics"], workers=2, env={"AGENTOS_RATE_LIMIT": "none", **env})


def children(server: ServerProcess) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()]


def directory(server: ServerProcess) -> Path:
    """Return where the server's workers keep what they share: they have a file in it mapped into their memory."""
    for pid in children(server):
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            if line.endswith(".values"):
                return Path(line.split(None, 5)[5]).parent
    raise AssertionError("no worker has its numbers in a file")


def run_often(client: HttpClient, count: int, text: str = "Hi") -> None:
    """Run so often, on connections of their own, that both workers have some."""
    with ThreadPoolExecutor(8) as pool:
        for answer in pool.map(lambda _: client.run("echo", text), range(count)):
            assert answer.status in (200, 500), answer.text


def wait_until_all_serve(server: ServerProcess, lines: int) -> None:
    server.wait_for(lambda: server.log().count("worker ready") >= lines, 30, "complete again")


@pytest.fixture
def server(serve: Callable[..., ServerProcess], tmp_path: Path) -> Iterator[ServerProcess]:
    return start(serve, tmp_path)


def test_every_scrape_shows_what_all_workers_counted(server: ServerProcess) -> None:
    run_often(server.client, 40)
    run_often(server.client, 3, "fail")
    server.wait_for(lambda: runs(scrape(server.client)) == 43)
    for _ in range(10):  # whichever worker answers
        found = scrape(server.client)
        assert value(found, "agentos_runs_total", agent="echo", status="completed", cause="") == 40
        assert value(found, "agentos_runs_total", agent="echo", status="failed", cause="AGENT_FAILED") == 3
        assert value(found, "agentos_run_duration_seconds_count", agent="echo") == 43
        route = {"method": "POST", "route": "/api/v1/agents/{agent_id}/run"}
        assert value(found, "agentos_http_requests_total", **route, status="200") == 40
        assert value(found, "agentos_http_requests_total", **route, status="500") == 3
        assert value(found, "agentos_http_request_duration_seconds_count", **route) == 43
        assert value(found, "agentos_workers") == 2
        for worker in ("0", "1"):
            assert value(found, "agentos_worker_resident_memory_bytes", worker=worker) > 10_000_000
            assert value(found, "agentos_worker_cpu_seconds_total", worker=worker) > 0


def test_counts_never_go_down_and_files_never_grow_when_workers_are_killed(server: ServerProcess) -> None:
    run_often(server.client, 20)
    server.wait_for(lambda: runs(scrape(server.client)) == 20)
    folder = directory(server)
    files = sorted(os.listdir(folder))
    before = scrape(server.client)
    for number in range(5):
        os.kill(children(server)[0], signal.SIGKILL)
        wait_until_all_serve(server, 3 + number)
        server.wait_for(lambda: value(scrape(server.client), "agentos_workers") == 2)
        run_often(server.client, 10)
        server.wait_for(lambda expected=30 + 10 * number: runs(scrape(server.client)) == expected)
        after = scrape(server.client)
        for key, earlier in before.items():
            if key[0].endswith(("_total", "_count", "_bucket", "_sum")):
                assert after.get(key, 0) >= earlier, key
        before = after
    assert sorted(os.listdir(folder)) == files


def test_counts_stay_over_a_reload(server: ServerProcess) -> None:
    run_often(server.client, 20)
    server.wait_for(lambda: runs(scrape(server.client)) == 20)
    folder = directory(server)
    counts = []
    for number in range(5):
        os.kill(server.pid, signal.SIGHUP)
        wait_until_all_serve(server, 4 + 2 * number)
        server.wait_for(lambda: value(scrape(server.client), "agentos_workers") == 2, 20)
        assert runs(scrape(server.client)) == 20
        counts.append(len(os.listdir(folder)))
    assert max(counts) <= 2 * 4 + 2, "two files for each worker that was there at once, a lock, a list of agents"


def test_under_load_counts_only_grow_and_agree_with_the_database(
    serve: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    server = start(serve, tmp_path, AGENTOS_LEASE_SECONDS="2")
    at_once, over = 6, threading.Event()

    def load() -> None:
        while not over.is_set():
            with suppress(OSError):  # its worker was killed, or is about to end
                server.client.run("model", "Hi")

    threads = [threading.Thread(target=load) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    before: Samples = {}
    try:
        for number, what in enumerate(["", "kill", "", "reload", "kill", ""]):
            if what == "kill":
                os.kill(children(server)[-1], signal.SIGKILL)
                wait_until_all_serve(server, 3 + (2 if number > 3 else 0) + (number > 3))
            elif what == "reload":
                os.kill(server.pid, signal.SIGHUP)
                wait_until_all_serve(server, 5)
            for _ in range(10):
                before = scrape_that_grew(server, before)
                time.sleep(0.05)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    database = sqlite3.connect(server.environment["AGENTOS_DATABASE_URL"].removeprefix("sqlite:///"))
    server.wait_for(lambda: saved(database, "count(*)", "ended_at IS NULL") == 0, 30, "done with all runs")
    server.wait_for(lambda: value(scrape(server.client), "agentos_workers") == 2, 20)
    found = scrape_that_grew(server, before)
    # A worker that is killed between the commit of an end and its count takes the count with it.
    assert 0 <= saved(database, "count(*)") - runs(found) <= 2 * at_once
    for status in ("completed", "failed"):
        assert 0 <= saved(database, "count(*)", f"status = '{status}'") - runs(found, status=status) <= 2 * at_once
    completed = runs(found, status="completed")
    assert completed > 20
    for kind in ("prompt", "completion"):
        tokens = value(found, "agentos_tokens_total", model="scripted:slow-5x0.02", kind=kind)
        each = saved(database, f"max({kind}_tokens)")
        assert 0 <= saved(database, f"sum({kind}_tokens)") - tokens <= 2 * at_once * each
    assert value(found, "agentos_model_calls_total", model="scripted:slow-5x0.02", status="completed", cause="") > 20
    assert value(found, "agentos_run_time_to_first_token_seconds_count", agent="model") > 20
    assert value(found, "agentos_event_log_events_total") > 0
    assert value(found, "agentos_leases_renewed_total") > 0
    assert value(found, "agentos_database_up") == 1
    database.close()


def scrape_that_grew(server: ServerProcess, before: Samples) -> Samples:
    """Return the metrics; raise if one that counts is less than before, or has gone."""
    with suppress(OSError):  # the worker that was asked ended
        found = scrape(server.client)
        for key, earlier in before.items():
            if key[0].endswith(("_total", "_count", "_bucket", "_sum")):
                assert found.get(key, 0) >= earlier, key
        return found
    return before


def saved(database: sqlite3.Connection, what: str, where: str = "ended_at IS NOT NULL") -> float:
    """Return a number of the table of runs."""
    return float(database.execute(f"SELECT {what} FROM runs WHERE {where}").fetchone()[0] or 0)


def test_what_held_a_worker_is_counted(server: ServerProcess) -> None:
    answer = server.client.post("/api/v1/tools/crunch/call", {"arguments": {"seconds": 0.8}})
    assert answer.status == 200, answer.text
    server.wait_for(lambda: value(scrape(server.client), "agentos_event_loop_holds_total") == 1, 20)
    found = scrape(server.client)
    assert value(found, "agentos_event_loop_held_seconds_total") > 0.2
    longest = [number for (name, _), number in found.items() if "longest_hold" in name]
    assert max(longest) > 0.2


def test_a_directory_full_of_dead_files_is_said_once_and_costs_no_count(server: ServerProcess) -> None:
    run_often(server.client, 10)
    server.wait_for(lambda: runs(scrape(server.client)) == 10)
    folder = directory(server)
    for number in range(10, 3000):
        (folder / f"{number}.values").write_bytes(b"dead")
        (folder / f"{number}.names").write_bytes(b"garbage")
    for _ in range(5):
        assert runs(scrape(server.client)) == 10
    run_often(server.client, 10)
    server.wait_for(lambda: runs(scrape(server.client)) == 20)
    said = [record for record in server.records() if "most files of metrics are left out" in record["message"]]
    assert 1 <= len(said) <= 2, "once a worker"
    assert said[0]["files"] > 2000


def test_the_directory_is_private_and_goes_with_the_server(server: ServerProcess) -> None:
    folder = directory(server)
    for private in (folder, folder.parent):
        assert private.stat().st_mode & 0o777 == 0o700
    server.stop()
    assert not folder.parent.exists()


def test_the_next_server_removes_what_a_killed_one_left(
    serve: Callable[..., ServerProcess], tmp_path: Path, server: ServerProcess
) -> None:
    left = directory(server)
    other = start(serve, tmp_path)
    assert left.exists(), "a server that lives is left alone"
    server.kill()
    assert left.exists()
    third = start(serve, tmp_path)
    assert not left.exists()
    assert directory(other).exists()
    assert directory(third).exists()


def test_the_run_of_a_worker_that_died_is_counted_once(serve: Callable[..., ServerProcess], tmp_path: Path) -> None:
    server = start(serve, tmp_path, AGENTOS_LEASE_SECONDS="2")
    run_often(server.client, 5)
    with pytest.raises(OSError):
        server.client.run("echo", "die")
    wait_until_all_serve(server, 3)
    server.wait_for(lambda: runs(scrape(server.client), cause="WORKER_LOST") == 1, 20)
    time.sleep(3)  # two more sweeps, of both workers
    assert runs(scrape(server.client), cause="WORKER_LOST") == 1
    assert runs(scrape(server.client), status="completed") == 5


def test_metrics_are_for_callers_with_their_scope(serve: Callable[..., ServerProcess], tmp_path: Path) -> None:
    server = start(serve, tmp_path, AGENTOS_AUTH="api_key")
    monitoring = server.as_caller("operations", ["metrics:read"])
    tenants = [server.as_caller("acme"), server.as_caller("umbrella")]
    for tenant in tenants:
        assert tenant.run("echo", "Hi").status == 200
        assert tenant.get("/metrics").status == 403
    assert server.client.get("/metrics").status == 401
    assert monitoring.run("echo", "Hi").status == 403
    server.wait_for(lambda: runs(scrape(monitoring), status="completed") == 2)
    assert scrape(server.as_caller("root", ["admin"]))
    text = monitoring.get("/metrics").text
    assert "acme" not in text
    assert "umbrella" not in text


def test_a_server_that_cannot_share_files_still_serves(serve: Callable[..., ServerProcess], tmp_path: Path) -> None:
    server = start(serve, tmp_path)
    folder = directory(server)
    for pid in children(server):
        os.kill(pid, signal.SIGKILL)
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.write_text("no folder")
    wait_until_all_serve(server, 4)
    server.wait_for(lambda: server.client.run("echo", "Hi").status == 200, 20)
    assert value(scrape(server.client), "agentos_workers") == 1
    assert "the directory for metrics cannot be used" in server.log()
