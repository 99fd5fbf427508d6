"""What users, models and tools say is in no line of the log, whatever goes wrong, unless AGENTOS_LOG_CONTENT is set."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agentos.app import create_app
from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.errors import AgentFailed, ProviderError, ProviderUnavailable
from agentos.hookspecs import hookimpl
from agentos.models.deltas import ReasoningDelta
from agentos.models.scripted import Cut, Fail, ScriptedProvider, call
from observability.choking import choke_apart

# Put together when they are needed: the source lines in tracebacks do not hold them.
SAID = {name: f"{name} of the quokka" for name in ("prompt", "answer", "thought", "argument", "result", "metadata")}
PROMPT, ANSWER = SAID["prompt"], SAID["answer"]
CALL = call("fetch", f'{{"what": "{SAID["argument"]}"}}')

TURNS: dict[str, list[Any]] = {
    "answers": [[ReasoningDelta(SAID["thought"]), ANSWER]],
    "tool": [[CALL], ANSWER],
    "tool-raises": [[call("choke", f'{{"what": "{SAID["argument"]}"}}')], ANSWER],
    "tool-apart": [[call("choke_apart", f'{{"what": "{SAID["argument"]}"}}')], ANSWER],
    "tool-refused": [[call("fetch", f'{{"{SAID["argument"]}": 1}}')], ANSWER],
    "tool-missing": [[call("nothing", f'["{SAID["argument"]}"')], ANSWER],
    "turns": [[CALL]],
    "cut": [[ANSWER, Cut()]],
    "quoted": [[ANSWER, Fail(ProviderError(f"the model server refused the request (status 400): {PROMPT}"))]],
    "echoed": [[Fail(ProviderUnavailable(f"cannot serve {PROMPT}"))]],
    "echoed-answer": [[ANSWER, Fail(ProviderError(f"broke off after {ANSWER}"))]],
    "bug": [[ANSWER, Fail(ValueError(PROMPT))]],  # type: ignore[arg-type]
}


def fetch(what: str) -> str:
    """Fetch."""
    return f"{what}: {SAID['result']}"


def choke(what: str) -> str:
    """Choke."""
    try:
        int(what)
    except ValueError as error:
        raise LookupError(fetch(what)) from error
    return ""


TOOLS = (fetch, choke, choke_apart)


class Raising:
    """An agent of another framework, which breaks."""

    def __init__(self, error: type[Exception]) -> None:
        self._error = error

    def stream(self, context: Any) -> Iterator[str]:
        yield ANSWER
        raise self._error(f"cannot go on with {context.input}")


class Breaking:
    """Breaks wherever plugins are asked."""

    @hookimpl
    def register_model_providers(self, register: Any) -> None:
        for name, turns in TURNS.items():
            register(name, lambda _, turns=turns: ScriptedProvider(turns))

    @hookimpl
    def run_finished(self, run: Any) -> None:
        raise ValueError(run.input, run.content)


def drive(config: Config, folder: Path) -> list[str]:
    """Run every agent, then all that goes wrong with the database; return the answers."""
    agents: dict[str, Any] = {
        name: Agent(id=name, model=f"{name}:m", tools=TOOLS, max_turns=2, instructions=SAID["metadata"])
        for name in TURNS
    }
    agents |= {"raises": Raising(ValueError), "fails": Raising(AgentFailed)}
    app = create_app(config, agents=agents, plugins={"breaking": Breaking()})
    client = app.test_client()
    body = {"input": PROMPT, "metadata": {"a": SAID["metadata"]}, "user_id": SAID["metadata"]}
    answers = [client.post(f"/api/v1/agents/{name}/run", json=body).text for name in agents]
    session = client.post("/api/v1/sessions", json={"agent_id": "answers", "name": SAID["metadata"]}).json["session_id"]
    answers.append(client.post("/api/v1/agents/answers/run", json={**body, "session_id": session}).text)
    client.post(f"/api/v1/sessions/{session}/reuse", json={"agent_id": "quoted"})
    answers.append(client.post(f"/api/v1/sessions/{session}/summary").text)
    client.post(f"/api/v1/sessions/{session}/summary?async=true")
    client.post(f"/api/v1/sessions/{session}/reuse", json={"agent_id": "bug"})
    client.post(f"/api/v1/sessions/{session}/summary?async=true")
    for thread in threading.enumerate():
        if thread.name == "summary":
            thread.join(5)
    answers.append(client.post("/api/v1/agents/answers/run", json={"input": {PROMPT: 1}}).text)
    answers.append(client.post("/api/v1/agents/answers/run", data=PROMPT).text)
    answers.append(client.get(f"/api/v1/sessions?user_id={PROMPT}&{ANSWER}=1").text)
    with closing(sqlite3.connect(folder / "a.db")) as other, other:
        other.execute("drop table messages")
        other.execute("drop table run_events")
    answers.append(client.post("/api/v1/agents/answers/run", json={**body, "session_id": session}).text)
    answers.append(client.get(f"/api/v1/sessions/{session}/history").text)
    services = app.extensions["agentos"]
    services.drain(0)
    services.close()
    return answers


def settings(folder: Path, **more: Any) -> Config:
    return Config(
        environ={}, database_url=f"sqlite:///{folder}/a.db", plugins=(), model_retries=0, request_timeout=10, **more
    )


@pytest.mark.parametrize("level", [{}, {"debug": True}], ids=["info", "debug"])
def test_nothing_that_was_said_is_in_the_log(log, tmp_path: Path, level: dict[str, Any]) -> None:
    config = settings(tmp_path, **level)
    stream = log(config)
    answers = drive(config, tmp_path)
    assert ANSWER in answers[0]
    assert "STORAGE_ERROR" in answers[-2]
    text = stream.getvalue()
    for words in ("agent raised", "tool 'choke' failed", "'choke_apart' failed", "observer failed", "request failed"):
        assert words in text
    for words in ("the database failed", "summary failed", "summary met a bug"):
        assert words in text
    assert "the model server refused the request (status 400)" in text
    for name, said in SAID.items():
        assert said not in text, name


def test_all_of_it_may_be_with_log_content(log, tmp_path: Path) -> None:
    config = settings(tmp_path, debug=True, log_content=True)
    stream = log(config)
    drive(config, tmp_path)
    text = stream.getvalue()
    for name in ("prompt", "answer", "argument", "result"):
        assert SAID[name] in text
