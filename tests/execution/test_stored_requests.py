"""A run that another worker takes over is executed as it was asked for: overrides, messages, mode and limits."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agentos.bootstrap import build
from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.domain.media import Media
from agentos.domain.message import Message, ToolCall
from agentos.domain.principal import OPERATOR
from agentos.domain.run import Run, RunStatus
from agentos.domain.run_request import RunRequest
from agentos.domain.stored_request import ModelOverrides
from agentos.hookspecs import hookimpl
from agentos.models.scripted import Pause, ScriptedProvider
from agentos.registrations import RegisterModelProvider
from agentos.services.services import Services
from parts.waiting import until

LEASE = 1.0
CONVERSATION = (
    Message("user", "Look", media=(Media("image", data="aGVsbG8=", content_type="image/png"),)),
    Message("assistant", "", tool_calls=(ToolCall("c1", "add", "{}", {"sign": "x"}),), provider="test"),
    Message("tool", "3", tool_call_id="c1"),
)
AGENT: dict[str, Any] = {
    "id": "a",
    "model": "test:model",
    "instructions": "Be kind.",
    "parameters": {"max_tokens": 100},
    "allow_overrides": ["max_tokens", "seed", "instructions", "output_schema"],
    "retry_on_crash": True,
}


class Provider:
    """Brings a provider ``test:`` that plays a script."""

    def __init__(self, *turns: str | Sequence[Any]) -> None:
        self.scripted = ScriptedProvider(turns)

    @hookimpl
    def register_model_providers(self, register: RegisterModelProvider) -> None:
        register("test", lambda config: self.scripted)


class Workers:
    """Workers on one SQLite file. The first one is lost in the middle of its first answer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.made: list[Services] = []
        self.given = Provider("whole")
        self.there = self.make(Provider(["lost ", Pause(20)]))

    def make(self, provider: Provider, **settings: Any) -> Services:
        config = Config(environ={}, database_url=f"sqlite:///{self.path}", lease_seconds=LEASE, plugins=(), **settings)
        self.made.append(build(config, agents={"a": Agent(**AGENT)}, plugins={"test": provider}))
        return self.made[-1]

    def lose(self, **request: Any) -> str:
        """Start a run and leave it behind once it has begun."""
        run_id = self.there.runs.start(RunRequest(**{"caller": OPERATOR, "agent_id": "a", **request})).run_id
        until(lambda: len(self.there.storage.events.read(run_id)) >= 2)
        self.there.sweeper.close()
        self.there.leases.close()
        self.there.cancels.close()
        self.there.worker._log.close()
        return run_id

    def take_over(self, run_id: str, **settings: Any) -> Run:
        """Let another worker take the run over and execute it to its end."""
        here = self.make(self.given, **settings)

        def ended() -> bool:
            here.sweeper.sweep()
            return here.runs.open(run_id, OPERATOR).get().status.finished

        until(ended)
        return here.runs.open(run_id, OPERATOR).get()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(tmp_path / "a.db")
    yield workers
    for one in workers.made:
        one.drain(0)
        one.close()


def test_it_has_its_overrides(workers: Workers) -> None:
    overrides = ModelOverrides(
        parameters={"seed": 7, "max_tokens": 4000}, output_schema={"type": "string"}, instructions="Be brief."
    )
    workers.given = Provider('"whole"')
    run = workers.take_over(workers.lose(input="Hi", overrides=overrides))
    assert (run.status, run.content, run.attempt) == (RunStatus.COMPLETED, '"whole"', 2)
    (request,) = workers.given.scripted.requests
    assert request.parameters == {"max_tokens": 100, "seed": 7}
    assert request.output_schema == {"type": "string"}
    assert [message.content for message in request.messages] == ["Be brief.", "Hi"]


def test_it_has_its_messages_with_their_attachments_and_nothing_of_its_session(workers: Workers) -> None:
    session, _ = workers.there.sessions.create("a", caller=OPERATOR)
    run_id = workers.lose(messages=CONVERSATION, input="And now?", session_id=session.id)
    assert workers.take_over(run_id).content == "whole"
    (request,) = workers.given.scripted.requests
    instructions, look, call, result, question = request.messages
    assert (instructions.content, question.content) == ("Be kind.", "And now?")
    assert [media.data for media in look.media] == ["aGVsbG8="]
    assert (call, result) == CONVERSATION[1:]
    history = workers.made[-1].sessions.history(session.id, OPERATOR, limit=9).messages
    assert [one.message.content for one in history] == ["And now?", "whole"]


LIMITS = {"inline": "request_timeout", "streamed": "stream_timeout", "background": "background_timeout"}


@pytest.mark.parametrize("mode", LIMITS)
def test_it_has_the_time_limit_of_its_mode(workers: Workers, mode: str) -> None:
    workers.given = Provider([Pause(20)])
    run_id = workers.lose(input="Hi", mode=mode)
    run = workers.take_over(run_id, **{**dict.fromkeys(LIMITS.values(), 30.0), LIMITS[mode]: 0.3})
    assert run.error is not None
    assert run.error.details["cause"] == "TIMEOUT"
    assert "0.3 s" in run.error.message


def stored(workers: Workers, run_id: str, text: str | None) -> None:
    """Have the row of a run as another version of AgentOS writes it."""
    with closing(sqlite3.connect(workers.path)) as connection, connection:
        connection.execute("UPDATE runs SET request = ? WHERE id = ?", (text, run_id))
    connection.close()


def test_one_of_an_earlier_version_has_the_longest_limit(workers: Workers) -> None:
    run_id = workers.lose(input="Hi")
    stored(workers, run_id, None)
    limits = {"request_timeout": 0.1, "stream_timeout": 0.1, "background_timeout": 30.0}
    workers.given = Provider([Pause(0.5), "whole"])
    assert workers.take_over(run_id, **limits).content == "whole"


@pytest.mark.parametrize(
    "text",
    [
        '{"mode":"inline","brand_new":1}',
        '{"mode":"brand_new"}',
        '{"mode":"inline","overrides":{"brand_new":1}}',
    ],
)
def test_one_of_a_newer_version_that_asks_for_something_unknown_is_not_executed_without_it(
    workers: Workers, text: str
) -> None:
    run_id = workers.lose(input="Hi")
    stored(workers, run_id, text)
    run = workers.take_over(run_id)
    assert run.error is not None
    assert run.error.details["cause"] == "WORKER_LOST"
    assert not workers.given.scripted.requests


def test_one_of_a_newer_version_with_unknown_messages_is_not_executed_without_them(workers: Workers) -> None:
    run_id = workers.lose(messages=CONVERSATION, input="Hi")
    with closing(sqlite3.connect(workers.path)) as connection, connection:
        connection.execute("UPDATE run_conversations SET messages = ?", ('[{"role":"user","brand_new":1}]',))
    connection.close()
    run = workers.take_over(run_id)
    assert run.error is not None
    assert run.error.details["cause"] == "WORKER_LOST"


def test_the_row_names_the_credential_and_no_parent_that_a_client_says(workers: Workers) -> None:
    run_id = workers.lose(input="Hi", context={"parent_run_id": "theirs"})
    run = workers.take_over(run_id)
    assert (run.caller_id, run.parent_run_id, run.context) == ("operator", None, {"parent_run_id": "theirs"})
