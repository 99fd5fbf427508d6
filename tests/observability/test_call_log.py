"""At level debug, the log says what an agent did: each call to its model and to its tools, and which request it was."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentos.app import create_app
from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.domain.usage import Usage
from agentos.errors import ProviderError, ProviderUnavailable
from agentos.hookspecs import hookimpl
from agentos.models.deltas import Finish
from agentos.models.scripted import Cut, Fail, Pause, ScriptedProvider, call
from agentos.storage.memory import MemoryStorage
from agentos.storage.memory.runs import MemoryRunStore
from parts.waiting import until

SECRET = "sk-wombat-wombat-12"  # Other tests of this process may have made parts of another one known.
PROMPT = "the prompt of the quokka"
REFUSED = "the model server refused the request"
AGAIN = ProviderUnavailable("the model server is busy (status 503): model qwen is loading", retry_after=0.01)


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def break_down() -> str:
    """Break."""
    raise OSError("it broke")


TURNS: dict[str, list[Any]] = {
    "answers": [[Pause(0.01), "Hi", Usage(7, 2, 1, 3), Finish("length")]],
    "tools": [[call("add", '{"a": 1234567, "b": 7654321}'), call("break_down", index=1, id="call_2")], "done"],
    "again": [[Fail(AGAIN)], "Hi"],
    "refused": [
        [Fail(ProviderError(f"the model server refused the request (status 404): no model qwen, key {SECRET}"))]
    ],
    "quotes": [[Fail(ProviderError(f"the model server refused the request (status 400): cannot read {PROMPT}"))]],
    "long": [[Fail(ProviderError("the model server refused the request: " + "x y " * 1000))]],
    "cut": [["Hi", Cut()]],
    "endless": [["Hi", Pause(60)]],
    "bug": [[Fail(ValueError(PROMPT))]],  # type: ignore[arg-type]
}


class Models:
    """Provides the models."""

    @hookimpl
    def register_model_providers(self, register: Any) -> None:
        for name, turns in TURNS.items():
            register(name, lambda _, turns=turns: ScriptedProvider(turns))


@pytest.fixture
def serve(log, tmp_path: Path):
    opened = []

    def start(**settings: Any) -> Any:
        config = Config(**{"environ": {}, "database_url": f"sqlite:///{tmp_path}/a.db", "plugins": (), **settings})
        stream = log(config)
        agents = {name: Agent(id=name, model=f"{name}:m", tools=(add, break_down)) for name in TURNS}
        agents["wordy"] = Agent(id="wordy", model="refused:m", instructions="a b " * 50_000)
        app = create_app(config, agents=agents, plugins={"models": Models(), "storage": ForgetfulStorage()})
        opened.append(app.extensions["agentos"])
        return app.test_client(), stream

    yield start
    for services in opened:
        services.drain(1)
        services.close()


def lines_of(stream: Any, logger: str) -> list[dict[str, Any]]:
    return [record for record in stream.records() if record["logger"] == logger]


def run(client: Any, agent: str, **more: Any) -> Any:
    return client.post(f"/api/v1/agents/{agent}/run", json={"input": PROMPT}, **more)


def test_a_call_to_a_model_is_a_line(serve) -> None:
    client, stream = serve(log_level="debug")
    answer = run(client, "answers", headers={"X-Request-ID": "my-request"})
    [line] = lines_of(stream, "agentos.calls")
    assert line["message"] == "model call completed"
    known = ("level", "agent_id", "run_id", "request_id", "model", "attempt", "finish_reason")
    assert [line[name] for name in known] == [
        *("debug", "answers", answer.json["run_id"], "my-request", "answers:m", 1, "length")
    ]
    tokens = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")
    assert [line[name] for name in tokens] == [7, 2, 1, 3]
    assert 0.01 <= line["first_piece"] <= line["duration"] < 10


def test_a_tool_call_is_a_line_without_what_was_said(serve) -> None:
    client, stream = serve(log_level="debug")
    answer = run(client, "tools", headers={"X-Request-ID": "my-request"})
    lines = [line for line in lines_of(stream, "agentos.calls") if line["message"].startswith("tool call")]
    told = {line["tool"]: line["message"] for line in lines}
    assert told == {"add": "tool call completed", "break_down": "tool call failed"}
    for line in lines:
        assert line["duration"] >= 0
        assert (line["run_id"], line["agent_id"], line["request_id"]) == (answer.json["run_id"], "tools", "my-request")
    assert "1234567" not in stream.getvalue()
    assert "8888888" not in stream.getvalue()


def test_arguments_and_results_are_in_it_with_log_content(serve) -> None:
    client, stream = serve(log_level="debug", log_content=True)
    run(client, "tools")
    [line] = [line for line in lines_of(stream, "agentos.calls") if line.get("tool") == "add"]
    assert (line["arguments"], line["result"]) == ("{'a': 1234567, 'b': 7654321}", "8888888")


def test_each_attempt_is_a_line_with_the_providers_words(serve) -> None:
    client, stream = serve(log_level="debug")
    assert run(client, "again").status_code == 200
    first, second = lines_of(stream, "agentos.calls")
    assert (first["message"], first["attempt"], first["cause"]) == ("model call failed", 1, "PROVIDER_UNAVAILABLE")
    assert first["reason"] == "the model server is busy (status 503): model qwen is loading"
    assert (second["message"], second["attempt"]) == ("model call completed", 2)


@pytest.mark.parametrize(
    ("agent", "cause", "reason"),
    [
        ("refused", "PROVIDER_ERROR", "the model server refused the request (status 404): no model qwen, key sk-***"),
        ("quotes", "PROVIDER_ERROR", "the model server refused the request (status 400): cannot read…"),
        ("cut", "PROVIDER_ERROR", "model 'cut:m' stopped in the middle of its answer"),
        ("bug", "ValueError", None),
    ],
)
def test_a_failed_call_is_a_line(serve, agent, cause, reason) -> None:
    client, stream = serve(log_level="debug", model_retries=0)
    answer = run(client, agent)
    [line] = lines_of(stream, "agentos.calls")
    assert (line["message"], line["cause"]) == ("model call failed", cause)
    assert (line.get("reason") or "").replace(" …", "…") == (reason or "")
    assert line["run_id"] == answer.headers["X-Run-ID"]
    until(lambda: lines_of(stream, "agentos.runs"))  # written after the run's last event
    [ended] = lines_of(stream, "agentos.runs")
    assert (ended["level"], ended["request_id"]) == ("warning", line["request_id"])
    assert PROMPT not in stream.getvalue()


def test_a_providers_words_are_bounded(serve) -> None:
    client, stream = serve(log_level="debug", model_retries=0)
    run(client, "long")
    [line] = lines_of(stream, "agentos.calls")
    assert 100 < len(line["reason"]) <= 401


def test_a_long_conversation_leaves_our_own_words(serve) -> None:
    client, stream = serve(log_level="debug", model_retries=0)
    client.post("/api/v1/agents/wordy/run", json={"input": "a b " * 240_000})
    [line] = lines_of(stream, "agentos.calls")
    assert line["reason"] == "the model server refused the request (status 404)"


def test_there_are_no_such_lines_at_info(serve) -> None:
    client, stream = serve()
    for agent in TURNS.keys() - {"endless"}:
        run(client, agent)
    assert lines_of(stream, "agentos.calls") == []


@pytest.mark.parametrize("how", ["plain", "background", "queued", "streamed"])
def test_a_request_and_its_run_name_each_other(serve, how) -> None:
    client, stream = serve(log_level="debug")
    session = client.post("/api/v1/sessions", json={"agent_id": "answers"}).json["session_id"]
    body = {"input": "Hi", "session_id": session, "background": how in ("background", "queued")}
    for request_id in ("first", "second") if how == "queued" else ("second",):
        path = "/api/v1/agents/answers/run" + ("/stream" if how == "streamed" else "")
        answer = client.post(path, json=body, headers={"X-Request-ID": request_id})
        assert answer.get_data()
        answer.close()
    run_id = answer.headers["X-Run-ID"]
    events = client.get(f"/api/v1/runs/{run_id}/events", headers={"X-Request-ID": "later"})
    assert "complete" in events.text
    events.close()
    until(lambda: run_id in [line["run_id"] for line in lines_of(stream, "agentos.runs")])  # after its last event
    asked = {line["request_id"]: line.get("run_id") for line in lines_of(stream, "agentos.requests")}
    assert (asked["second"], asked["later"]) == (run_id, run_id)
    for logger in ("agentos.calls", "agentos.runs"):
        [line] = [line for line in lines_of(stream, logger) if line["run_id"] == run_id]
        assert line["request_id"] == "second"


class Forgetful(MemoryRunStore):
    """Returns runs as it has them stored, without what is not."""

    def admit(self, *arguments: Any, **options: Any) -> Any:
        admission = super().admit(*arguments, **options)
        return replace(admission, run=replace(admission.run, request_id=None))

    def claim(self, *arguments: Any, **options: Any) -> Any:
        claimed = super().claim(*arguments, **options)
        return claimed and replace(claimed, run=replace(claimed.run, request_id=None))


class ForgetfulStorage:
    """Provides the storage backend of that kind."""

    @hookimpl
    def register_storage_backends(self, register: Any) -> None:
        storage = MemoryStorage()
        storage.runs = Forgetful(storage.rows)
        register("forgetful", lambda url, config: storage)


@pytest.mark.parametrize("background", [False, True])
def test_no_storage_backend_has_to_keep_the_requests_id(serve, background) -> None:
    client, stream = serve(log_level="debug", database_url="forgetful://")
    body = {"input": "Hi", "background": background}
    answer = client.post("/api/v1/agents/answers/run", json=body, headers={"X-Request-ID": "mine"})
    client.get(f"/api/v1/runs/{answer.headers['X-Run-ID']}/events").get_data()
    until(lambda: lines_of(stream, "agentos.runs"))  # written after the run's last event
    for logger in ("agentos.calls", "agentos.runs"):
        assert [line["request_id"] for line in lines_of(stream, logger)] == ["mine"]


def test_a_repeated_request_names_the_first_ones_run(serve) -> None:
    client, stream = serve(log_level="debug")
    for request_id in ("first", "repeat"):
        answer = run(client, "answers", headers={"X-Request-ID": request_id, "Idempotency-Key": "k"})
    run_id = answer.json["run_id"]
    asked = {line["request_id"]: line["run_id"] for line in lines_of(stream, "agentos.requests")}
    assert asked == {"first": run_id, "repeat": run_id}
    until(lambda: lines_of(stream, "agentos.runs"))
    assert [line["request_id"] for line in lines_of(stream, "agentos.runs")] == ["first"]


def test_a_request_without_a_run_has_no_field_for_it(serve) -> None:
    client, stream = serve()
    client.get("/health")
    [line] = lines_of(stream, "agentos.requests")
    assert "run_id" not in line


def test_a_call_that_is_cut_is_a_line(serve) -> None:
    client, stream = serve(log_level="debug")
    run_id = client.post("/api/v1/agents/endless/run", json={"input": "Hi", "background": True}).json["run_id"]
    events = client.get(f"/api/v1/runs/{run_id}/events")
    until(lambda: b"event: token" in next(events.response))
    client.post(f"/api/v1/runs/{run_id}/cancel")
    assert b"RUN_CANCELLED" in events.data
    until(lambda: lines_of(stream, "agentos.calls"))
    [line] = lines_of(stream, "agentos.calls")
    assert (line["message"], line["run_id"], line["model"]) == ("model call stopped", run_id, "endless:m")


@pytest.mark.parametrize(("agent", "ends"), [("answers", "completed"), ("cut", "failed")])
def test_the_call_that_makes_a_summary_is_a_line(serve, agent, ends) -> None:
    client, stream = serve(log_level="debug", model_retries=0)
    session = client.post("/api/v1/sessions", json={"agent_id": agent}).json["session_id"]
    client.post(f"/api/v1/agents/{agent}/run", json={"input": PROMPT, "session_id": session})
    client.post(f"/api/v1/sessions/{session}/summary", json={})
    [line] = [line for line in lines_of(stream, "agentos.calls") if "run_id" not in line]
    assert (line["message"], line["agent_id"], line["session_id"]) == (f"model call {ends}", agent, session)
    assert (line["model"], line["attempt"]) == (f"{agent}:m", 1)
    assert line["first_piece"] <= line["duration"]
