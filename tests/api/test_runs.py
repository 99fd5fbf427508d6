import threading
import time
from typing import Any

import pytest

from agentos.domain.times import utc_now
from agentos.domain.usage import Usage
from agentos.errors import ProviderError, ProviderRateLimited, ProviderUnavailable, RunCancelled
from agentos.models.scripted import Cut, Fail, Pause, call
from agentos.tools.tool import tool

RUNS = "/api/v1/runs"


@tool
def double(number: int) -> int:
    """Double a number."""
    return number * 2


def test_a_run_answers_as_the_contract_says(serve) -> None:
    served = serve(["Hel", "lo", Usage(12, 30, 7)])
    answer = served.run("Hi")
    assert answer.status_code == 200
    assert answer.headers["X-Run-ID"] == answer.json["run_id"]
    said = answer.json
    assert 0 < said["metadata"].pop("duration") < 10
    assert said == {
        "run_id": said["run_id"],
        "status": "completed",
        "content": "Hello",
        "model": "test:model",
        "finish_reason": "stop",
        "metadata": {
            "agent_id": "scripted",
            "loops": 1,
            "usage": {"prompt_tokens": 12, "completion_tokens": 30, "total_tokens": 42, "reasoning_tokens": 7},
            "media": [],
        },
    }


def test_a_run_in_a_session_says_so_and_the_model_gets_that_sessions_history_alone(served) -> None:
    mine, other = served.new_session(), served.new_session()
    served.run("other", other)
    served.run("one", mine)
    answer = served.run("two", mine)
    assert answer.json["session_id"] == mine
    assert [message.content for message in served.provider.requests[-1].messages] == ["one", "Hello there", "two"]


def test_usage_and_loops_are_those_of_all_model_calls(serve) -> None:
    served = serve([call("double", '{"number": 4}'), Usage(1, 2)], ["8", Usage(10, 20)], tools=[double])
    metadata = served.run("Twice 4?").json["metadata"]
    assert metadata["loops"] == 2
    assert metadata["usage"]["total_tokens"] == 33


def test_a_run_is_kept_with_everything_that_the_client_gave(served) -> None:
    context = {"parent_run_id": "p", "workflow_id": "w", "team_id": "t", "metadata": {"x": 1}}
    given = {
        "user_id": "ada",
        "metadata": {"trace": "abc"},
        "run_context": context,
        "concurrency": "enqueue",
        "on_disconnect": "continue",
        "stream": False,
    }
    run_id = served.run("Hi", **given).json["run_id"]
    run = served.client.get(f"{RUNS}/{run_id}").json
    assert run["run_id"] == run_id
    assert (run["user_id"], run["metadata"], run["run_context"]) == ("ada", {"trace": "abc"}, context)
    assert (run["status"], run["input"], run["content"], run["error"]) == ("completed", "Hi", "Hello there", None)
    assert run["session_id"] is None
    assert run["created_at"] <= run["ended_at"]


def test_media_alone_is_input_enough(served) -> None:
    body = {"media": {"type": "image", "url": "https://example.com/a.png"}}
    answer = served.client.post("/api/v1/agents/scripted/run", json=body)
    assert answer.json["metadata"]["media"] == [body["media"]]
    assert served.provider.requests[0].messages[-1].media[0].url == "https://example.com/a.png"


FAILURES = [
    ([Fail(ProviderError("refused"))], 502, "PROVIDER_ERROR", False),
    ([Fail(ProviderUnavailable("down"))], 503, "PROVIDER_UNAVAILABLE", True),
    ([Fail(ProviderRateLimited("slow down", retry_after=0.01))], 503, "PROVIDER_RATE_LIMITED", True),
    (["half", Cut()], 502, "PROVIDER_ERROR", False),
    ([Pause(20)], 504, "TIMEOUT", True),
    ([call("double", '{"number": 1}')], 500, "TURN_LIMIT", False),
]


@pytest.mark.parametrize(("turn", "status", "cause", "retryable"), FAILURES)
def test_a_run_that_fails_is_an_execution_error_with_its_cause(
    serve, turn: list[Any], status: int, cause: str, retryable: bool
) -> None:
    served = serve(turn, tools=[double], request_timeout=0.5, model_retries=0, max_turns=2)
    answer = served.run("Hi")
    assert (answer.status_code, answer.json["code"]) == (status, "EXECUTION_ERROR")
    assert answer.json["error"] == "agent execution failed"
    details = answer.json["details"]
    assert (details["cause"], details["retryable"]) == (cause, retryable)
    run = served.client.get(f"{RUNS}/{details['run_id']}").json
    assert run["status"] == "failed"
    assert run["error"] == {key: answer.json[key] for key in ("error", "message", "code", "details")}
    assert ("Retry-After" in answer.headers) is (status == 503)


class OwnAgent:
    """Another framework's agent."""

    def __init__(self, *said: Any) -> None:
        self._said = said

    def stream(self, context):
        for one in self._said:
            if isinstance(one, Exception):
                raise one
            yield one


def test_what_an_agents_own_code_raises_never_reaches_the_client(serve) -> None:
    client = serve(agents={"own": OwnAgent(RuntimeError("database password is hunter2"))}).client
    answer = client.post("/api/v1/agents/own/run", json={"input": "Hi"})
    assert (answer.status_code, answer.json["details"]["cause"]) == (500, "AGENT_FAILED")
    assert "hunter2" not in answer.text


def test_a_cancelled_run_is_409(serve) -> None:
    client = serve(agents={"own": OwnAgent("half", RunCancelled("stopped"))}).client
    answer = client.post("/api/v1/agents/own/run", json={"input": "Hi"})
    assert (answer.status_code, answer.json["code"]) == (409, "RUN_CANCELLED")
    assert client.get(f"{RUNS}/{answer.json['details']['run_id']}").json["content"] == "half"


def test_what_a_model_says_of_broken_text_is_answered_as_text(serve) -> None:
    client = serve(agents={"own": OwnAgent("a\0b", "\ud800")}).client
    answer = client.post("/api/v1/agents/own/run", json={"input": "Hi"})
    assert answer.json["content"] == "a\ufffdb\ufffd"


def test_a_run_whose_session_is_deleted_meanwhile_ends_at_once(serve) -> None:
    served = serve([Pause(20)])
    session = served.new_session()
    answers: list[Any] = []
    thread = threading.Thread(
        target=lambda: answers.append(
            served.app.test_client().post("/api/v1/agents/scripted/run", json={"input": "Hi", "session_id": session})
        )
    )
    thread.start()
    deadline = time.monotonic() + 5
    while not served.provider.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    served.client.delete(f"/api/v1/sessions/{session}")
    thread.join(5)
    assert (answers[0].status_code, answers[0].json["code"]) == (409, "RUN_CANCELLED")


def test_runs_are_listed_newest_first_and_filtered(serve) -> None:
    served = serve("one", [Fail(ProviderError("no"))], "three")
    session = served.new_session()
    first = served.run("1", session).json["run_id"]
    second = served.run("2").json["details"]["run_id"]
    third = served.run("3", session).json["run_id"]

    def listed(query: str = "") -> list[str]:
        return [run["run_id"] for run in served.client.get(f"{RUNS}{query}").json["runs"]]

    assert listed() == [third, second, first]
    assert listed(f"?session_id={session}") == [third, first]
    assert listed("?status=failed") == [second]
    assert listed("?status=completed&agent_id=scripted&limit=1") == [third]
    assert listed("?agent_id=assistant") == []
    assert listed("?offset=2") == [first]


def test_runs_are_filtered_by_the_time_of_their_creation(served) -> None:
    made = [served.run(str(number)).json["run_id"] for number in range(3)]
    times = [served.client.get(f"{RUNS}/{run_id}").json["created_at"] for run_id in made]

    def listed(**query: str) -> list[str]:
        return [run["run_id"] for run in served.client.get(RUNS, query_string=query).json["runs"]]

    assert listed(since=times[1]) == [made[2], made[1]]
    assert listed(until=times[1]) == [made[0]]
    assert listed(since=times[1], until=times[2], status="completed") == [made[1]]
    assert listed(since=times[2].replace("Z", "+00:00")) == [made[2]]


@pytest.mark.parametrize("value", ["yesterday", "2027-01-31", "2027-01-31T12:00:00", "1e9", "2027-02-30T12:00:00Z", ""])
def test_a_time_of_another_form_is_refused(client, value) -> None:
    answer = client.get(RUNS, query_string={"since": value})
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert "accepted is a time of RFC 3339 with a time zone" in answer.json["message"]


def test_the_list_of_runs_read_by_cursor_is_stable_while_runs_are_added(served) -> None:
    before = [served.run(str(number)).json["run_id"] for number in range(4)]
    page = served.client.get(f"{RUNS}?limit=3").json
    served.run("later")
    rest = served.client.get(f"{RUNS}?limit=3&cursor={page['next_cursor']}").json
    assert [run["run_id"] for run in page["runs"] + rest["runs"]] == before[::-1]


@pytest.mark.parametrize("run_id", ["nobody", "x" * 300, "%00"])
def test_an_unknown_run_is_404(client, run_id: str) -> None:
    assert client.get(f"{RUNS}/{run_id}").json["code"] == "RUN_NOT_FOUND"


@pytest.mark.parametrize(
    "turn",
    [
        [Fail(ProviderError("half \ud800", details={"half \ud801": "\ud802"}))],
        [Fail(ProviderError("odd", details={"when": utc_now(), 1: object()}))],
        ["Hi", Usage(10**30, 1)],
        ["Hi", Usage(-1, 1)],
    ],
    ids=["surrogates", "no JSON", "too many tokens", "less than no tokens"],
)
def test_a_run_ends_whatever_its_provider_says_of_itself(serve, turn: list) -> None:
    served = serve(turn, model_retries=0, request_timeout=2)
    answer = served.run("Hi")
    assert answer.json["code"] == "EXECUTION_ERROR"
    assert answer.json["details"]["cause"] != "TIMEOUT"
    assert served.client.get(f"/api/v1/runs/{answer.json['details']['run_id']}").json["status"] == "failed"
