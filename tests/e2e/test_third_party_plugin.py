"""A plugin built outside the tree, installed as a wheel, and one with every hook broken, under two workers."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from agentos_testing.http_client import Answer, HttpClient

from parts.server import ROOT, AgentOSServer

PROJECTS = ROOT / "tests" / "parts" / "third_party"
TOKENS = 3
SLOW = 2.0
"""Seconds that a run has here. What a hook does takes longer, so the run's deadline cuts it."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both distributions somewhere else, and install their wheels into a folder, with no network."""
    folder = tmp_path_factory.mktemp("third-party")
    copytree(PROJECTS, folder / "projects", ignore=lambda *_: ["__pycache__"])
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    projects = [str(folder / "projects" / name) for name in ("guestbook", "vandal")]
    wheels = folder / "wheels"
    build = [*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), *projects]
    subprocess.run(build, check=True, timeout=120)
    target = folder / "site"
    install = [*pip, "install", "--no-index", "--no-deps", "--target", str(target), *map(str, wheels.glob("*.whl"))]
    subprocess.run(install, check=True, timeout=120)
    return target


def start(installed: Path, cwd: Path, plugins: str, *, wait: bool = True, **settings: str) -> AgentOSServer:
    environment = {
        "PYTHONPATH": f"{installed}:{ROOT}",
        "AGENTOS_AUTH": "api_key",
        "AGENTOS_MODEL": "scripted:echo",
        "AGENTOS_RATE_LIMIT": "none",
        "AGENTOS_GUESTBOOK_MOTTO": "Be brief.",
        **settings,
    }
    return AgentOSServer(environment, cwd=cwd, plugins=plugins, wait=wait)


def both_workers(ask: Callable[[], Answer]) -> list[Answer]:
    """Ask so often, on connections of their own, that both workers have answered."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: ask(), range(24)))


# --- it works ----------------------------------------------------------------------------------------------------

SCOPES = ("agents:read", "agents:run", "runs:read", "guestbook:read", "guestbook:write")


@pytest.fixture(scope="module")
def server(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentOSServer]:
    folder = tmp_path_factory.mktemp("guestbook")
    (folder / "agentos.toml").write_text('guestbook_closed_to = ["mallory"]\n')
    with start(installed, folder, "guestbook") as made:
        yield made


@pytest.fixture(scope="module")
def alice(server: AgentOSServer) -> HttpClient:
    return server.as_caller("alice", SCOPES)


@pytest.fixture(scope="module")
def bob(server: AgentOSServer) -> HttpClient:
    return server.as_caller("bob", SCOPES)


def test_it_is_found_by_its_entry_point(server: AgentOSServer, alice: HttpClient) -> None:
    (found,) = [one for one in alice.get("/api/v1/plugins").json["plugins"] if one["name"] == "guestbook"]
    assert (found["status"], found["version"]) == ("loaded", "1.0")
    assert "routes:guestbook" in found["provides"]


def test_its_settings_come_from_the_environment_and_the_file(server: AgentOSServer) -> None:
    answers = both_workers(lambda: _motto(server))
    assert {answer.json["motto"] for answer in answers} == {"Be brief."}
    shown = server.command("config")
    assert "guestbook_motto" in shown
    assert "guestbook_closed_to" in shown


def _motto(server: AgentOSServer) -> Answer:
    return HttpClient(server.url).get("/guestbook/motto")


def test_its_public_route_needs_no_key_and_its_private_one_its_own_scope(
    server: AgentOSServer, alice: HttpClient, bob: HttpClient
) -> None:
    assert len({answer.json["pid"] for answer in both_workers(lambda: _motto(server))}) == 2
    stranger, other = HttpClient(server.url), server.as_caller("carol", ("agents:read", "agents:run"))
    assert {answer.status for answer in both_workers(lambda: stranger.get("/guestbook/seen"))} == {401}
    assert {answer.status for answer in both_workers(lambda: other.get("/guestbook/seen"))} == {403}
    for client, owner in ((alice, "alice"), (bob, "bob")):
        answers = both_workers(lambda client=client: client.get("/guestbook/seen"))  # type: ignore[misc]
        assert {answer.json["owner"] for answer in answers} == {owner}


def test_its_stream_is_the_same_from_each_worker_and_is_not_there_for_another_tenant(
    alice: HttpClient, bob: HttpClient
) -> None:
    answer = alice.post("/guestbook/sign", {"text": "Hello"})
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    lines = answer.text.splitlines()
    assert [line.split(" ", 1)[1] for line in lines[:-1]] == ["'Hello'", "' Be'", "' brief.'"]
    assert lines[-1] == "completed alice"
    address = f"/guestbook/entries/{answer.headers['x-run-id']}"
    assert {again.text for again in both_workers(lambda: alice.get(address))} == {answer.text}
    assert {again.status for again in both_workers(lambda: bob.get(address))} == {404}


def test_its_change_of_model_calls_counts_for_every_way_to_run(alice: HttpClient) -> None:
    assert alice.run("assistant", "Hi").json["content"] == "Hi Be brief."
    events = list(alice.stream("assistant", "Hi"))
    assert "".join(event.data["token"] for event in events if event.type == "token") == "Hi Be brief."


def test_its_refusal_is_an_answer_with_its_reason_and_leaves_no_run(server: AgentOSServer) -> None:
    mallory = server.as_caller("mallory", SCOPES)
    for answer in (mallory.run("assistant", "Hi"), mallory.post("/guestbook/sign", {"text": "Hi"})):
        assert (answer.status, answer.json["code"]) == (403, "FORBIDDEN")
        assert answer.json["message"] == "the guestbook is closed to mallory"
    assert mallory.get("/api/v1/runs").json["runs"] == []


def test_its_observer_sees_every_event_of_each_tenant_once(server: AgentOSServer) -> None:
    dave, erin = server.as_caller("dave", SCOPES), server.as_caller("erin", SCOPES)
    for client, times in ((dave, 6), (erin, 3)):
        for _ in range(times):
            client.run("assistant", "Hi")

    def seen(client: HttpClient) -> dict[str, int]:
        by_worker = {answer.json["pid"]: answer.json["seen"] for answer in both_workers(lambda: _seen(client))}
        names = {name for counts in by_worker.values() for name in counts}
        return {name: sum(counts.get(name, 0) for counts in by_worker.values()) for name in names}

    for client, times in ((dave, 6), (erin, 3)):
        server.wait_for(lambda: seen(client).get("Complete") == times, what="done observing")  # noqa: B023
        found = seen(client)
        assert (found["RunStart"], found["Token"]) == (times, TOKENS * times)
        assert "Step" in found


def _seen(client: HttpClient) -> Answer:
    return client.get("/guestbook/seen")


@pytest.mark.parametrize(
    ("decision", "content", "status"),
    [("approve", "stamped the first for alice", "completed"), ("reject", "not called: it was rejected", "failed")],
)
def test_its_tool_waits_for_an_approval_which_any_worker_takes(
    server: AgentOSServer, alice: HttpClient, decision: str, content: str, status: str
) -> None:
    approver = server.as_caller("alice", (*SCOPES, "runs:approve"))
    paused = alice.run("warden", "Please stamp it")
    (waiting,) = paused.json["pending"]
    assert (paused.status, waiting["message"]) == (202, "a stamp costs a cent")
    address = f"/api/v1/runs/{paused.json['run_id']}"
    body = {"answers": [{"id": waiting["id"], "decision": decision}]}
    assert alice.post(f"{address}/resume", body).status == 403, "the guest may not approve it"
    # The same answer at both workers, and at once: it counts once.
    assert 202 in {answer.status for answer in both_workers(lambda: approver.post(f"{address}/resume", body))}
    server.wait_for(lambda: alice.get(address).json["status"] == "completed")
    run = alice.get(address).json
    assert content in run["content"]
    assert [(step["type"], step["status"]) for step in run["steps"]] == [
        ("model_call", "completed"),
        ("tool_call", status),
        ("model_call", "completed"),
    ]


def test_its_jobs_are_done_once_by_whichever_worker_and_for_their_owner(
    server: AgentOSServer, alice: HttpClient, bob: HttpClient
) -> None:
    for client, count in ((alice, 12), (bob, 5)):
        for number in range(count):
            assert client.post("/guestbook/reminders", {"text": f"reminder {number}"}).status == 200
    for client, count in ((alice, 12), (bob, 5)):
        server.wait_for(lambda: client.get("/guestbook/reminders").json["reminded"] >= count)  # noqa: B023
    time.sleep(0.5)
    assert [client.get("/guestbook/reminders").json["reminded"] for client in (alice, bob)] == [12, 5]


def test_its_operations_are_in_the_document(server: AgentOSServer) -> None:
    document = HttpClient(server.url).get("/openapi.yaml").text
    assert "/guestbook/sign:" in document
    assert "guestbook:write" in document


# --- it is broken ------------------------------------------------------------------------------------------------

BROKEN = "guestbook,vandal,vandal-settings,vandal-routes,vandal-start"


@pytest.fixture(scope="module")
def broken(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentOSServer]:
    """A server with a plugin that works beside those that do not."""
    limits = {"AGENTOS_REQUEST_TIMEOUT": f"{SLOW}", "AGENTOS_STREAM_TIMEOUT": f"{SLOW}"}
    with start(installed, tmp_path_factory.mktemp("vandal"), BROKEN, **limits) as made:
        yield made


@pytest.fixture(scope="module")
def visitor(broken: AgentOSServer) -> HttpClient:
    return broken.as_caller("visitor", (*SCOPES, "vandal:write"))


@pytest.fixture
def logged(broken: AgentOSServer) -> Callable[..., list[dict[str, Any]]]:
    """Wait for lines of the log with these fields that were written during this test, and return them."""
    before = len(broken.records())

    def lines(*, since_start: bool = False, **fields: str) -> list[dict[str, Any]]:
        def found() -> list[dict[str, Any]]:
            records = broken.records()[0 if since_start else before :]
            return [one for one in records if fields.items() <= one.items()]

        broken.wait_for(found, what=f"done logging {fields}")
        return found()

    return lines


@pytest.mark.parametrize("how", ["raises", "exits", "nonsense"])
def test_a_broken_before_run_denies_and_is_named(visitor: HttpClient, logged: Any, how: str) -> None:
    answer = visitor.run("assistant", f"before_run {how}")
    assert (answer.status, answer.json["code"]) == (403, "FORBIDDEN")
    assert "glass" not in answer.text
    assert logged(plugin="vandal", hook="before_run")
    assert visitor.run("assistant", "Hi").json["content"] == "Hi Be brief."


def test_a_slow_before_run_denies_after_ten_seconds_and_is_named(visitor: HttpClient, logged: Any) -> None:
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(visitor.run, "assistant", "before_run slow")
        assert visitor.run("assistant", "Hi").status == 200
        assert not waiting.done(), "it holds up no other run"
        answer = waiting.result()
    assert answer.status == 403
    assert 9 < time.monotonic() - started < 25
    assert logged(plugin="vandal", hook="before_run")


@pytest.mark.parametrize("how", ["raises", "exits", "nonsense"])
def test_a_broken_before_model_call_denies_and_is_named(visitor: HttpClient, logged: Any, how: str) -> None:
    answer = visitor.run("assistant", f"before_model_call {how}")
    assert (answer.status, answer.json["details"]["cause"]) == (422, "CONTENT_FILTERED")
    assert "glass" not in answer.text
    assert logged(plugin="vandal", hook="before_model_call")


def test_a_slow_before_model_call_ends_with_its_run(visitor: HttpClient, logged: Any) -> None:
    answer = visitor.run("assistant", "before_model_call slow")
    assert (answer.status, answer.json["details"]["cause"]) == (504, "TIMEOUT")
    assert logged(plugin="vandal", hook="before_model_call")


@pytest.mark.parametrize("how", ["raises", "exits"])
def test_a_broken_observer_is_named_and_harms_neither_the_run_nor_other_observers(
    broken: AgentOSServer, logged: Any, how: str
) -> None:
    owner = broken.as_caller(f"observed-{how}", SCOPES)
    assert owner.run("assistant", f"run_event {how}").json["content"] == f"run_event {how} Be brief."
    assert logged(plugin="vandal", hook="run_event", since_start=True)
    assert any(_seen(owner).json["seen"].get("RunStart") for _ in range(40)), "the other plugin saw it"


def test_what_an_observer_returns_does_not_matter(visitor: HttpClient) -> None:
    assert visitor.run("assistant", "run_event nonsense").status == 200


def test_a_slow_observer_delays_its_own_run_alone(visitor: HttpClient) -> None:
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(visitor.run, "assistant", "run_event slow")
        while time.monotonic() < started + 0.2:
            assert visitor.run("assistant", "Hi").status == 200
        assert waiting.result().status in (200, 504)


@pytest.mark.parametrize("how", ["raises", "nonsense"])
def test_a_broken_route_is_a_bug_of_its_plugin(visitor: HttpClient, logged: Any, how: str) -> None:
    answer = visitor.get(f"/vandal/{how}")
    if how == "nonsense":
        assert (answer.status, answer.text) == (200, "nonsense"), "a text is what Flask accepts of a view"
        return
    assert (answer.status, answer.json["code"]) == (500, "INTERNAL_ERROR")
    assert "glass" not in answer.text
    assert logged(plugin="vandal", message="unexpected error")


@pytest.mark.parametrize("how", ["raises", "nonsense"])
def test_a_broken_projection_ends_its_connection_and_not_its_run(
    broken: AgentOSServer, visitor: HttpClient, logged: Any, how: str
) -> None:
    with pytest.raises(IncompleteRead):
        visitor.post(f"/vandal/{how}")
    (line,) = logged(plugin="vandal", message="projection failed")
    run = f"/api/v1/runs/{line['run_id']}"
    broken.wait_for(lambda: visitor.get(run).json.get("status") == "completed", what="done with the run")


def test_plugins_that_fail_while_they_register_are_left_out_and_named(
    broken: AgentOSServer, visitor: HttpClient, logged: Any
) -> None:
    plugins = {one["name"]: one["status"] for one in visitor.get("/api/v1/plugins").json["plugins"]}
    assert plugins["vandal-settings"] == plugins["vandal-routes"] == "failed"
    assert plugins["guestbook"] == plugins["vandal"] == "loaded"
    assert {answer.status for answer in both_workers(lambda: visitor.get("/wall"))} == {404}
    assert "tag" not in [tool["name"] for tool in visitor.get("/api/v1/tools").json["tools"]]
    for name, reason in (("vandal-settings", "vandal_settings_cans"), ("vandal-routes", "no paint left")):
        assert any(reason in str(line) for line in logged(plugin=name, since_start=True))


def test_a_plugin_that_does_not_start_is_named_and_the_workers_serve(broken: AgentOSServer, logged: Any) -> None:
    assert len(logged(plugin="vandal-start", hook="server_start", since_start=True)) == 2
    assert len({answer.json["pid"] for answer in both_workers(lambda: _motto(broken))}) == 2


def test_no_start_without_a_broken_plugin_that_decides(installed: Path, tmp_path: Path) -> None:
    server = start(installed, tmp_path, "guestbook,vandal-judge", wait=False)
    assert server.process.wait(60) != 0
    assert "vandal-judge" in server.log()
    assert "lost the rules" in server.log()


def test_a_plugin_that_does_not_stop_is_left_behind_and_named(installed: Path, tmp_path: Path) -> None:
    with start(installed, tmp_path, "guestbook,vandal-start") as server:
        started = time.monotonic()
        server.stop()
    assert time.monotonic() - started < 15
    assert [one for one in server.records() if one.get("plugin") == "vandal-start" and one.get("hook") == "server_stop"]
