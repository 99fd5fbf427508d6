"""What the agents of a framework say and do arrives as it would from an agent of the server."""

from __future__ import annotations

import json
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest

from guests.frameworks.catalogue import CATALOGUE, Framework
from parts.waiting import until

from .conftest import Hosting


def test_many_runs_at_once_on_two_workers_have_their_own_words(server: Hosting, framework: Framework) -> None:
    for number in framework.at_once:
        with ThreadPoolExecutor(number) as pool:
            texts = list(pool.map(lambda index: server.run("words", f"say 40 r{index}").text, range(number)))
        assert texts == ["".join(f"r{index}-{word} " for word in range(40)) for index in range(number)]


@pytest.mark.needs("tools")
def test_tools_are_called_and_their_results_shown(server: Hosting) -> None:
    ended = server.run("tools")
    assert ended.text == "5 9"
    calls = [event.data for event in ended.of("tool_call")]
    started = [(call["tool_name"], call["arguments"]) for call in calls if call["status"] == "started"]
    # Two calls of one answer may begin in either order: CrewAI makes them in threads.
    assert sorted(started, key=str) == [("add", {"a": 2, "b": 3}), ("add", {"a": 4, "b": 5})]
    assert sorted(call["result"] for call in calls if call["status"] == "completed") == ["5", "9"]
    assert len({call["tool_call_id"] for call in calls}) == 2


@pytest.mark.needs("failing_tool")
def test_a_tool_that_fails_is_shown_and_the_model_goes_on(server: Hosting) -> None:
    ended = server.run("failing_tool")
    assert ended.text == "the tool failed"
    assert [event.data["status"] for event in ended.of("tool_call")] == ["started", "failed"]


@pytest.mark.needs("history")
def test_the_session_is_the_history(server: Hosting) -> None:
    session = server.client.post("/api/v1/sessions", {"agent_id": "history"}).json["session_id"]
    assert server.run("history", "first", session_id=session).text.startswith("0:")
    assert server.run("history", "second", session_id=session).text == "2:first"
    assert server.run("history", "third", session_id=session).text == "4:second"


@pytest.mark.needs("attachments")
def test_an_attachment_reaches_the_model(server: Hosting) -> None:
    media = [{"type": "image", "data": b64encode(b"x" * 100_000).decode(), "content_type": "image/png"}]
    assert server.run("attachments", "look", media=media).text == "image/png 100000"
    media = [{"type": "image", "url": "https://example.com/a.png"}]
    assert server.run("attachments", "look", media=media).text == "https://example.com/a.png"


@pytest.mark.needs("reasons")
def test_reasoning_and_usage_are_shown(server: Hosting) -> None:
    ended = server.run("reasons")
    assert "".join(event.data["content"] for event in ended.of("reasoning")) == "hm"
    assert ended.text == "done"
    usage = ended.last.data["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (7, 5)


@pytest.mark.needs("structured")
def test_structured_output_is_json(server: Hosting) -> None:
    assert json.loads(server.run("structured").text) == {"city": "Paris", "people": 2}


@pytest.mark.needs("secret")
def test_the_text_of_an_error_does_not_reach_the_client(server: Hosting) -> None:
    ended = server.run("secret")
    assert ended.last.type == "error"
    assert "sk-secret-123" not in str(ended.events)
    assert ended.last.data["details"]["cause"] == "AGENT_FAILED"
    assert "the server's log has the reason" in ended.last.data["message"]
    # A thread of the worker writes the log.
    until(lambda: "agent raised in its guest process" in server.log())
    (logged,) = [record for record in server.records() if record["message"] == "agent raised in its guest process"]
    assert logged["agent_id"] == "secret"
    assert logged["error"]


@pytest.mark.needs("flood")
def test_an_agent_that_prints_without_end_is_not_slower_and_its_log_is_bounded(server: Hosting) -> None:
    before = len(server.log())
    assert server.run("flood").text == "done"
    until(lambda: len(server.log()) > before)
    assert len(server.log()) - before < 2_000_000  # of 5 MB that it prints, and 10,000 lines that it logs


def test_the_api_says_what_the_agents_are(server: Hosting, framework: Framework) -> None:
    agents = {agent["id"] for agent in server.client.get("/api/v1/agents").json["agents"]}
    assert {"words", "talker"} <= agents
    assert framework.name in CATALOGUE
