"""The comparison with other servers, as far as it can be seen without installing them."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.peers import report
from benchmarks.peers.apis import INPUT, AdkApi, AgentOSApi, AgnoApi, LangGraphApi, OpenAIApi
from benchmarks.peers.catalogue import OURS, PEERS
from benchmarks.peers.loads import RUNS, Turn
from benchmarks.peers.serving import serving
from parts import virtual_environments
from parts.virtual_environments import Unavailable

ROOT = Path(__file__).parents[2]
HERE = ROOT / "benchmarks/peers"


def _turn(*, run_ms: float = 2, token_us: float = 100, tokens: int = 1000, errors: tuple[str, ...] = ()) -> Turn:
    nothing = {"errors": 0, "lost": 0, "first_errors": []}
    return Turn(
        {**nothing, "cpu": run_ms * 80 / 1e3, "whole": 80},
        {
            **nothing,
            "cpu": token_us * tokens / 1e6,
            "tokens": tokens,
            "whole": tokens // 100,
            "errors": len(errors),
            "first_errors": list(errors),
            "first_token": {"p99": 0.03 if tokens else None},
            "latency": {"p50": 2.03},
        },
    )


def _cells(table: str, title: str) -> list[str]:
    return next(line for line in table.splitlines() if title in line).strip("| ").split(" | ")


def test_a_row_has_the_ratio_to_agentos_turn_by_turn():
    seen = {"agentos": [_turn(), _turn(run_ms=4)], "agno": [_turn(run_ms=20), _turn(run_ms=20)]}
    cells = _cells(report.table({"agentos": "Ours", "agno": "Theirs"}, seen, {}), "Theirs")
    assert cells[1:3] == ["20.00 (20.00 to 20.00) ms", "7.5 (5.0 to 10.0) \u00d7"]
    assert cells[6:8] == ["2.0 (2.0 to 2.0) s", "20 of 200"]


def test_a_gateway_is_compared_with_agentos_asked_in_the_same_way():
    seen = {"agentos": [_turn()], "agentos-chat": [_turn(run_ms=4, token_us=200)], "litellm": [_turn(run_ms=20)]}
    titles = {name: name for name in seen}
    beside = {name: peer.beside for name, peer in (OURS | PEERS).items()}
    table = report.table(titles, seen, {}, beside)
    assert _cells(table, "| litellm ")[2:5:2] == ["5.0 \u00d7", "0.5 \u00d7"]
    assert _cells(table, "| agentos-chat ")[2:5:2] == ["2.0 \u00d7", "2.0 \u00d7"]


def test_a_server_without_any_token_has_no_figure_and_says_why():
    seen = {"agentos": [_turn()], "adk": [_turn(tokens=0, errors=("database is locked",))]}
    titles = {"agentos": "Ours", "adk": "Theirs"}
    assert _cells(report.table(titles, seen, {}), "Theirs")[3:8] == ["none", "none", "none", "2.0 s", "0 of 100"]
    assert report.errors(titles, seen) == "- Theirs: 1 errors, 0 tokens lost or doubled. `database is locked`"


def test_a_peer_that_could_not_be_measured_is_in_the_table_with_the_reason():
    table = report.table(
        {"agentos": "Ours", "adk": "Theirs"}, {"agentos": [_turn()]}, {"adk": "could not be installed"}
    )
    assert _cells(table, "Theirs")[1] == "could not be installed"


@pytest.mark.parametrize("name", PEERS)
def test_what_is_chosen_of_a_peer_is_of_one_version(name):
    lines = [line for line in (HERE / f"{name}.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines
    assert all("==" in line for line in lines)


def test_a_peer_that_cannot_be_installed_says_what_pip_said(tmp_path):
    requirements = tmp_path / "none.txt"
    requirements.write_text("./no-such-directory\n")
    with pytest.raises(Unavailable, match=r"could not be installed: .*no-such-directory"):
        virtual_environments.installed(requirements, tmp_path)


def test_a_peer_that_does_not_start_says_what_it_said(tmp_path):
    peer = replace(PEERS["agno"], command=(sys.executable, "-c", "raise SystemExit('no such port')"))
    with pytest.raises(Unavailable, match="no such port"), serving("agno", peer, tmp_path, "http://x", tmp_path / "a"):
        pass


@pytest.mark.parametrize("api", [AgentOSApi(), AgnoApi(), LangGraphApi(), AdkApi()], ids=lambda one: type(one).__name__)
def test_a_run_and_a_stream_are_asked_for_in_the_session_that_is_named(api):
    for path, body in (api.run(RUNS, "some-session"), api.stream(RUNS, "some-session")):
        assert "some-session" in path + body
        assert "burst" in path + body
    assert api.run(RUNS, "s") != api.stream(RUNS, "s")


def test_where_the_client_keeps_the_conversation_it_sends_all_of_it():
    api = OpenAIApi(turns=20)
    path, body = api.run(RUNS, api.session("http://x", RUNS))
    asked = json.loads(body)
    assert (path, asked["model"], asked["stream"]) == ("/v1/chat/completions", RUNS, False)
    assert [one["role"] for one in asked["messages"]] == ["user", "assistant"] * 20 + ["user"]
    streamed = json.loads(api.stream(RUNS, "")[1])
    assert streamed["stream"]
    assert streamed["messages"] == [{"role": "user", "content": INPUT}]


def test_an_unknown_peer_is_refused_with_those_that_are_known():
    command = [sys.executable, "-m", "benchmarks.peers", "autogen"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "agno, langgraph, adk, litellm" in done.stderr
