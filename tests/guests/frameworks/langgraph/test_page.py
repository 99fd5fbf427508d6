"""What `docs/how-to/langgraph.md` shows, on a real server with two workers and a fake model behind HTTP."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from parts.client import Client
from parts.model_server import ModelServer
from parts.pages import ROOT, blocks_of
from parts.server import AgentOSServer

PAGE = ROOT / "docs" / "how-to" / "langgraph.md"

Start = Callable[[], AgentOSServer]


def calls(name: str, arguments: str) -> list[dict[str, Any]]:
    """What a model says that calls one tool."""
    function = {"name": name, "arguments": arguments}
    return [{"tool_calls": [{"index": 0, "id": "call-1", "type": "function", "function": function}]}]


@pytest.fixture
def start(python: Path, model_server: ModelServer, tmp_path: Path) -> Iterator[Start]:
    """Starts the server of the page, again and again on the same database."""
    model_server.script.clear()
    for block in blocks_of(PAGE, "python"):
        assert block.file
        text = block.text.replace("openai:gpt-5-mini", "openai:scripted").replace("127.0.0.1:8080", "127.0.0.1:0")
        text = text.replace("/srv/support/.venv/bin/python", str(python)).replace("/srv/support", str(tmp_path))
        text = text.replace('["OPENAI_API_KEY"]', '["OPENAI_API_KEY", "OPENAI_BASE_URL"]')
        (tmp_path / block.file).write_text(text.replace("Config(", "Config(workers=2, "))
    environment = {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": model_server.url}
    servers: list[AgentOSServer] = []

    def run() -> AgentOSServer:
        if servers:
            servers[-1].stop()
        servers.append(AgentOSServer(environment, cwd=tmp_path, command=[sys.executable, "server.py"]))
        return servers[-1]

    yield run
    servers[-1].stop()


def test_a_graph_answers_with_tools_in_a_session(start: Start, model_server: ModelServer) -> None:
    client = Client(start().url)
    model_server.script += [calls("opening_hours", '{"day": "Sunday"}'), "It is closed.", "I said it is closed."]
    session = client.session("support")
    body = {"input": "Are you open on Sunday?", "session_id": session}
    assert client.post("/agents/support/run", body)["content"] == "It is closed."
    body["input"] = "What did you say?"
    assert client.post("/agents/support/run", body)["content"] == "I said it is closed."
    roles = [message["role"] for message in model_server.requests[-1]["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user"]


def test_a_graph_with_keys_of_its_own_answers_with_its_state(start: Start) -> None:
    client = Client(start().url)
    events = list(client.stream("/agents/travel/run/stream", {"input": "rome"}))
    assert [event.data["data"] for event in events if event.type == "custom"] == [{"city": "rome"}]
    assert client.post("/agents/travel/run", {"input": "rome"})["content"] == '{"city": "Rome", "days": 2}'


def test_an_approval_and_a_question_are_answered_after_a_restart_of_everything(
    start: Start, model_server: ModelServer
) -> None:
    client = Client(start().url)
    model_server.script += [
        calls("transfer", '{"amount": 500, "to": "Ada"}'),
        calls("ask_customer", '{"question": "Which account?"}'),
    ]
    approval = client.post("/agents/bank/run", {"input": "Pay Ada."})
    question = client.post("/agents/bank/run", {"input": "Pay Bob."})
    assert (approval["status"], approval["pending"][0]["kind"]) == ("paused", "approval")
    assert (question["status"], question["pending"][0]["message"]) == ("paused", "Which account?")

    client = Client(start().url)
    model_server.script += ["Done.", "Thank you."]
    edited = {"decision": "approve", "arguments": {"amount": 5, "to": "Ada"}}
    for paused, answer, text in ((approval, edited, "Done."), (question, {"output": "the first"}, "Thank you.")):
        answers = [{"id": paused["pending"][0]["id"], **answer}]
        client.post(f"/runs/{paused['run_id']}/resume", {"answers": answers})
        assert client.ended(paused["run_id"])["content"] == text
    results = [request["messages"][-1]["content"] for request in model_server.requests[-2:]]
    assert results[0].endswith("sent 5 to Ada")
    assert results[1] == "the first"
