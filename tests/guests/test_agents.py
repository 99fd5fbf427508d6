"""Agents of a guest process are agents like any other."""

import base64
import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from agentos import Answer, Guest, Media, RunContext
from agentos.domain.guest import GuestAdapter
from agentos.guests.agent import GuestAgent
from agentos.guests.files import LEFT_OVER, RunFiles, sweep
from agentos.guests.pools import GuestPools
from agentos.observability.logs import JSONFormatter
from agentos.testing import run_agent
from agentos.testing.streaming_agents import StreamingAgentContract
from parts.waiting import until

from .conftest import HOSTED, TIMES, MakeAgent


def _png(size: int) -> Media:
    content = b"\x89PNG\r\n\x1a\n" + b"." * size
    return Media("image", data=base64.b64encode(content).decode(), content_type="image/png")


class TestGuestAgent(StreamingAgentContract):
    """A guest's agent keeps what is asked of every agent."""

    @pytest.fixture
    def agent(self, hosted: MakeAgent) -> GuestAgent:
        return hosted("words")

    @pytest.fixture
    def text(self) -> str:
        return "say 5 tag"

    @pytest.fixture
    def slow_text(self) -> str:
        return "say 1000 tag"


def test_each_piece_of_text_is_a_token(hosted: MakeAgent) -> None:
    run = run_agent(hosted("words"), "say 40 x")
    assert run.tokens == [f"x-{number} " for number in range(40)]


def test_a_burst_arrives_whole_and_in_order(hosted: MakeAgent) -> None:
    run = run_agent(hosted("burst"), "5000")
    assert run.tokens == [f"{number} " for number in range(5000)]


def test_events_of_all_kinds_arrive_in_their_order(hosted: MakeAgent) -> None:
    run = run_agent(hosted("everything"), "go")
    assert [event.type for event in run.events] == [
        *("run_start", "reasoning", "tool_call", "tool_call", "token", "custom", "token", "token", "state", "token"),
        "complete",
    ]
    assert run.content == "before."
    assert run.reasoning == "hm"
    assert (run.usage.prompt_tokens, run.usage.completion_tokens, run.usage.cached_tokens) == (7, 5, 2)
    (call,) = run.tool_calls
    assert (call.name, call.arguments, call.status, call.result, call.duration) == (
        *("add", {"a": 2}, "completed", "5", 0.1),
    )
    assert [(step.type, step.status) for step in run.run.steps] == [
        ("model_call", "completed"),
        ("tool_call", "completed"),
    ]


def test_a_guest_is_given_history_attachments_and_who_asks(hosted: MakeAgent) -> None:
    agent = hosted("given")
    image = Media(
        "image", data=base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"." * 2_000_000).decode(), content_type="image/png"
    )
    first = run_agent(agent, "one", user_id="ada")
    second = run_agent(agent, "two", user_id="ada", media=[image], after=first)
    assert first.content.startswith("0::[]:ada:")
    assert second.content.startswith("2:one:['image/png 2000008']:ada:"), second.content


def test_the_files_of_attachments_are_the_users_alone_and_go_with_their_run(hosted: MakeAgent) -> None:
    run = run_agent(hosted("paths"), "one", media=[_png(10)])
    path, mode, mode_of_folder = run.content.split()
    assert (mode, mode_of_folder) == ("0o600", "0o700")
    assert not Path(path).parent.exists()


def test_the_files_of_a_killed_worker_are_removed_a_day_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    files = RunFiles()
    files.add("eA==")
    sweep()
    assert files.folder is not None
    assert files.folder.exists()
    sweep(time.time() + LEFT_OVER + 60)
    assert not files.folder.exists()


def test_a_process_that_computes_gets_no_new_runs_where_there_are_others(hosted: MakeAgent, pools: GuestPools) -> None:
    for agent in ("heavy", "words"):
        run_agent(hosted(agent, processes=2), "say 1 x")
    with ThreadPoolExecutor(1) as threads:
        busy = threads.submit(run_agent, hosted("heavy", processes=2), "compute")
        until(lambda: "busy" in [process.state for process in pools.activity()[0].processes])
        for _ in range(8):  # each in a session of its own, half of them the busy process's
            assert run_agent(hosted("words", processes=2), "say 1 x").content == "x-0 "
        assert not busy.done()
        assert busy.result().content == "done"


def test_a_process_with_too_much_memory_is_replaced(hosted: MakeAgent) -> None:
    agent = hosted("hog", memory_limit=64 * 2**20)
    first = run_agent(agent, "go").content
    until(lambda: run_agent(agent, "go").content != first, 20)


def test_a_secret_in_an_exception_reaches_no_client(hosted: MakeAgent, caplog: pytest.LogCaptureFixture) -> None:
    run = run_agent(hosted("secret"), "hello")
    assert run.error is not None
    assert run.error.message == "agent 'agent' failed; the server's log has the reason"
    assert run.content == "begun"
    (record,) = [record for record in caplog.records if record.message == "agent raised in its guest process"]
    assert record.error == "RuntimeError"
    assert record.run_id == run.id
    # Without AGENTOS_LOG_CONTENT the log shows the lines of code, and not what the exception says.
    assert "sk-secret" not in record.traceback.own
    assert record.traceback.own.startswith("RuntimeError\n")
    assert "plain_agents.py:" in record.traceback.own


def test_what_a_framework_says_for_clients_reaches_them_with_its_cause(
    hosted: MakeAgent, caplog: pytest.LogCaptureFixture
) -> None:
    run = run_agent(hosted("public"), "go")
    assert run.error is not None
    assert run.error.message == "the model is asleep"
    assert run.error.details["cause"] == "PROVIDER_UNAVAILABLE"
    assert run.error.details["retryable"] is True
    (record,) = [record for record in caplog.records if record.message == "agent raised in its guest process"]
    assert "TimeoutError: sk-secret-123" in record.traceback
    assert record.traceback.own.startswith("Failed\n")
    assert "sk-secret" not in record.traceback.own


def test_a_client_does_not_read_what_an_adapter_says_that_does_not_load(caplog: pytest.LogCaptureFixture) -> None:
    adapter = GuestAdapter(name="broken", path=HOSTED / "broken_adapter.py", framework="bank_framework")
    with closing(GuestPools([adapter], times=TIMES)) as pools:
        run = run_agent(GuestAgent(Guest("bank_framework:clerk", path=[str(HOSTED)]), pools), "go")
    assert run.error is not None
    assert "adapter 'broken' does not load with bank_framework" in run.error.message
    assert "secret-place" not in run.error.message
    (record,) = [record for record in caplog.records if record.message == "a guest process refused to run an agent"]
    assert "secret-place" in record.traceback
    assert "secret-place" not in record.traceback.own + record.reason


def test_a_log_without_content_does_not_have_what_errors_of_an_agent_quote(
    hosted: MakeAgent, caplog: pytest.LogCaptureFixture
) -> None:
    assert run_agent(hosted("quoting"), "the secret").content == "logged None"
    records = [record for record in caplog.records if hasattr(record, "guest_logger")]
    assert [record.guest_logger for record in records] == ["mine", "asyncio"]
    lines = [JSONFormatter(content=False).format(record) for record in records]
    assert not any("the secret" in line for line in lines), lines
    assert all("plain_agents.py:" in line for line in lines)
    assert all("the secret" in JSONFormatter(content=True).format(record) for record in records)


@pytest.mark.parametrize(
    ("name", "module", "words"),
    [
        ("words", "no_such_module", "cannot be loaded in its guest process; the server's log has the reason"),
        ("no_such_agent", "plain_agents", "no_such_agent"),
        ("nothing", "plain_agents", "nothing"),
    ],
)
def test_a_target_that_is_no_agent_is_refused_in_words(
    hosted: MakeAgent, name: str, module: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    run = run_agent(hosted(name, module=module), "go")
    assert run.error is not None
    assert run.error.details["cause"] == "AGENT_FAILED"
    assert words in run.error.message, run.error.message
    assert "a guest process refused to run an agent" in caplog.messages


def test_a_cancelled_run_stops_its_task_at_once(hosted: MakeAgent, tmp_path: Path) -> None:
    run_agent(hosted("words"), "say 1 x")  # the process is there
    file = tmp_path / "stopped"
    run = run_agent(hosted("silent"), str(file), request_timeout=2.0)
    assert run.error is not None
    assert run.error.details["cause"] == "TIMEOUT"
    until(file.exists, 1.0)


def test_a_task_that_cannot_be_cancelled_has_its_process_killed_and_the_next_run_works(
    hosted: MakeAgent, pools: GuestPools
) -> None:
    run_agent(hosted("words"), "say 1 x")  # the process is there
    assert run_agent(hosted("stuck"), "go", request_timeout=2.0).content == "begun"
    until(lambda: pools.activity()[0].processes[0].restarts == 1)
    assert run_agent(hosted("words"), "say 1 x").content == "x-0 "


def test_what_a_guest_prints_is_in_the_log_with_its_run(hosted: MakeAgent, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    run = run_agent(hosted("printer"), "ada")
    lines = [record for record in caplog.records if record.message == "a guest wrote"]
    assert [(record.text, record.run_id) for record in lines] == [("printed by ada", run.id)]


def test_a_guest_has_its_interpreter_and_the_environment_that_is_listed(
    hosted: MakeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTOS_SECRET", "1")
    monkeypatch.setenv("FAKE_KEY", "2")
    run = run_agent(hosted("where", environment=["FAKE_KEY"]), "go")
    assert f" {sys.executable} " in run.content
    assert "'FAKE_KEY'" in run.content
    assert "AGENTOS" not in run.content


def test_an_exclusive_guest_has_one_run_at_a_time(hosted: MakeAgent) -> None:
    agent = hosted("alone", exclusive=True, processes=2)
    with ThreadPoolExecutor(6) as threads:
        runs = list(threads.map(lambda _: run_agent(agent, "go").content, range(6)))
    assert {run.split()[1] for run in runs} == {"1"}
    assert len({run.split()[0] for run in runs}) == 2


def test_runs_of_one_session_go_to_one_process_and_others_to_all(hosted: MakeAgent) -> None:
    agent = hosted("where", processes=3)
    first = run_agent(agent, "go")
    pids = {run_agent(agent, "go", after=first).content.split()[0] for _ in range(5)}
    assert pids == {first.content.split()[0]}
    assert len({run_agent(agent, "go").content.split()[0] for _ in range(12)}) > 1


def _answers(**fields: object) -> dict[str, Answer]:
    return {"transfer": Answer(**fields)}  # type: ignore[arg-type]


def test_an_interrupt_is_a_pause_with_an_approval(hosted: MakeAgent) -> None:
    run = run_agent(hosted("clerk", module="bank_framework"), "go")
    assert (run.status, run.content) == ("paused", "asking. ")
    (action,) = run.pending
    assert (action.kind, action.call.name, action.call.arguments, action.call.id) == (
        *("approval", "transfer", '{"amount":500}', "call_1"),
    )
    assert (action.message, action.rule, action.approver) == ("more than 100", "agent", "owner")


@pytest.mark.parametrize("database", ["memory", "sqlite"])
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"decision": "approve"}, "True None ''"),
        ({"decision": "approve", "arguments": {"amount": 5}}, "True {'amount': 5} ''"),
        ({"decision": "reject", "message": "too much"}, "False None 'too much'"),
    ],
)
def test_the_answer_continues_the_run_with_its_state(
    hosted: MakeAgent, answer: dict[str, object], said: str, database: str, tmp_path: Path
) -> None:
    settings = {"database_url": f"sqlite:///{tmp_path}/a.db"} if database == "sqlite" else {}
    run = run_agent(hosted("clerk", module="bank_framework"), "go", answers=_answers(**answer), **settings)
    assert run.status == "completed", run
    assert run.content == f"asking. {said} True"


def test_questions_one_after_the_other_keep_their_answers(hosted: MakeAgent) -> None:
    run = run_agent(
        hosted("questions"), "go", answers=lambda action: Answer(output="Oslo" if "city" in action.message else 3)
    )
    assert (run.status, run.content) == ("completed", "Oslo 3"), run


def test_a_state_that_is_too_large_fails_the_run_and_says_so(hosted: MakeAgent) -> None:
    run = run_agent(hosted("hoarder"), "go")
    assert run.error is not None
    assert "accepted are at most 1048576" in run.error.message


def test_a_question_that_cannot_be_asked_fails_as_it_does_in_a_worker(hosted: MakeAgent) -> None:
    class InAWorker:
        def stream(self, context: RunContext) -> Iterator[str]:
            context.ask("Which?", {"type": "unknown"})
            yield "never"

    in_a_worker, in_a_guest = run_agent(InAWorker(), "unknown"), run_agent(hosted("quoting"), "unknown")
    assert in_a_guest.error is not None
    assert in_a_worker.error is not None
    assert in_a_guest.error.message == in_a_worker.error.message
    assert in_a_guest.error.details["cause"] == in_a_worker.error.details["cause"] == "AGENT_FAILED"
