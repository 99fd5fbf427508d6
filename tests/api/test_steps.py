"""The steps in a run's record: the calls to models and tools that it made."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from agentos.domain.event import Step, ToolCallEvent
from agentos.domain.usage import Usage
from agentos.errors import ProviderError, ProviderUnavailable
from agentos.models.deltas import Finish
from agentos.models.scripted import Cut, Fail, Pause, call
from agentos.tools.tool import tool
from api.conftest import Served
from parts.waiting import until

RUNS = "/api/v1/runs"


@tool
def double(number: int = 4) -> int:
    """Double a number."""
    return number * 2


@tool
def fail() -> str:
    """Fail."""
    raise RuntimeError("broken")


class OwnAgent:
    """Another framework's agent; it yields what it is given."""

    def __init__(self, *yields):
        self.yields = yields

    def stream(self, context):
        yield from self.yields


def record_of(served: Served, answer) -> dict:
    run_id = answer.json["run_id"] if "run_id" in answer.json else answer.json["details"]["run_id"]
    return served.client.get(f"{RUNS}/{run_id}").json


def shown(steps: list[dict], *names: str) -> list[tuple]:
    return [tuple(step.get(name) for name in names) for step in steps]


def test_a_plain_run_has_one_step_with_its_times_and_tokens(serve) -> None:
    before = datetime.now(UTC)
    served = serve([Pause(0.05), "Hello", Usage(3, 2, 0, 1), Finish("length")])
    run = record_of(served, served.run("Hi"))
    (step,) = run["steps"]
    assert before <= datetime.fromisoformat(step.pop("started_at")) <= datetime.now(UTC)
    assert 0.04 < step.pop("time_to_first_token") <= step["duration"] <= run["duration"]
    del step["duration"]
    assert step == {
        "number": 1,
        "type": "model_call",
        "status": "completed",
        "model": "test:model",
        "attempt": 1,
        "finish_reason": "length",
        "usage": run["usage"],
    }


def test_the_calls_of_tools_stand_between_those_of_the_model(serve) -> None:
    first = [call("double", id="c1"), call("fail", id="c2", index=1), call("missing", id="c3", index=2)]
    served = serve(first, "done", tools=[double, fail])
    steps = record_of(served, served.run("Hi"))["steps"]
    assert shown(steps, "number", "type", "tool_name", "tool_call_id", "status", "finish_reason") == [
        (1, "model_call", None, None, "completed", "tool_calls"),
        (2, "tool_call", "double", "c1", "completed", None),
        (3, "tool_call", "fail", "c2", "failed", None),
        (4, "tool_call", "missing", "c3", "failed", None),
        (5, "model_call", None, None, "completed", "stop"),
    ]
    assert all(step["duration"] >= 0 for step in steps)
    times = [datetime.fromisoformat(step["started_at"]) for step in steps]
    assert times[0] < times[1] < times[4]


def test_each_try_of_a_call_is_a_step_with_the_reason_of_its_failure(serve) -> None:
    served = serve([Fail(ProviderUnavailable("away", retry_after=0.01))], "Hello")
    steps = record_of(served, served.run("Hi"))["steps"]
    assert shown(steps, "number", "attempt", "status", "cause") == [
        (1, 1, "failed", "PROVIDER_UNAVAILABLE"),
        (2, 2, "completed", None),
    ]


@pytest.mark.parametrize(
    ("turn", "cause", "reason"),
    [
        ([Fail(ProviderError("refused"))], "PROVIDER_ERROR", None),
        (["Hel", Cut()], "PROVIDER_ERROR", None),
        ([Fail(KeyError("a bug"))], "AGENT_FAILED", None),
    ],
)
def test_a_failed_run_keeps_its_steps(serve, turn, cause, reason) -> None:
    served = serve([call("double", id="c1")], turn, tools=[double], model_retries=0)
    run = record_of(served, served.run("Hi"))
    assert run["status"] == "failed"
    assert shown(run["steps"], "type", "status", "cause") == [
        ("model_call", "completed", None),
        ("tool_call", "completed", None),
        ("model_call", "failed", cause),
    ]
    assert "a bug" not in json.dumps(run)


def test_a_run_that_took_too_long_shows_the_call_that_it_was_in(serve) -> None:
    served = serve(["Hel", Pause(30)], request_timeout=0.3)
    (step,) = record_of(served, served.run("Hi"))["steps"]
    assert (step["status"], step["cause"]) == ("failed", "TIMEOUT")
    assert step["time_to_first_token"] < 0.25 < step["duration"] < 5


def test_a_cancelled_run_shows_the_tool_that_it_was_in(serve) -> None:
    @tool
    def hang(context_free: int = 0) -> str:
        """Wait."""
        reached.append(1)
        until(lambda: bool(free))
        return ""

    reached: list[int] = []
    free: list[int] = []
    served = serve([call("hang", id="c1")], tools=[hang])
    run_id = served.run("Hi", background=True).json["run_id"]
    until(lambda: bool(reached))
    served.client.post(f"{RUNS}/{run_id}/cancel")
    run = served.ended(run_id)
    free.append(1)
    assert run["status"] == "cancelled"
    assert shown(run["steps"], "type", "status", "cause") == [
        ("model_call", "completed", None),
        ("tool_call", "failed", "RUN_CANCELLED"),
    ]


def test_a_call_that_ignores_the_end_of_its_run_is_shown_too(serve) -> None:
    class Deaf:
        def stream(self, context):
            yield Step(model="p:m", status="started")
            until(lambda: bool(free))

    free: list[int] = []
    served = serve(agents={"deaf": Deaf()}, request_timeout=0.2)
    answer = served.client.post("/api/v1/agents/deaf/run", json={"input": "Hi"})
    free.append(1)
    (step,) = record_of(served, answer)["steps"]
    assert (step["status"], step["cause"], step["model"]) == ("failed", "TIMEOUT", "p:m")
    assert step["duration"] > 0.15


def test_a_run_under_way_has_no_steps_yet(serve) -> None:
    served = serve(["Hel", Pause(30)])
    run_id = served.run("Hi", background=True).json["run_id"]
    assert served.client.get(f"{RUNS}/{run_id}").json["steps"] == []
    served.client.post(f"{RUNS}/{run_id}/cancel")


def test_lists_leave_steps_out(serve) -> None:
    served = serve()
    session = served.new_session()
    served.run("Hi", session)
    (listed,) = served.client.get(RUNS).json["runs"]
    (past,) = served.client.get(f"/api/v1/sessions/{session}/history").json["runs"]
    assert "steps" not in listed
    assert "steps" not in past


def test_clients_never_see_steps_in_a_stream(serve) -> None:
    served = serve([call("double", id="c1")], "done", tools=[double])
    stream = served.stream("Hi").text
    assert "event: step" not in stream
    assert "time_to_first_token" not in stream
    assert served.stream("Hi", query="?types=step").status_code == 400


def test_agents_of_others_may_yield_steps(serve) -> None:
    begun = datetime.now(UTC) - timedelta(seconds=5)
    yields = [
        Step(model="other:m", status="started", started_at=begun),
        Step(model="other:m", status="failed", started_at=begun, duration=2.0, cause="BUSY"),
        "Hello",
        Step(model="other:m", attempt=2, duration=1.0, usage=Usage(5, 6), finish_reason="stop"),
        Usage(5, 6),
    ]
    served = serve(agents={"own": OwnAgent(*yields)})
    run = record_of(served, served.client.post("/api/v1/agents/own/run", json={"input": "Hi"}))
    assert shown(run["steps"], "number", "attempt", "status", "duration", "cause", "finish_reason") == [
        (1, 1, "failed", 2.0, "BUSY", None),
        (2, 2, "completed", 1.0, None, "stop"),
    ]
    assert datetime.fromisoformat(run["steps"][0]["started_at"]) == begun
    assert (run["model"], run["finish_reason"], run["usage"]["total_tokens"]) == ("other:m", "stop", 11)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "strange"},
        {"attempt": 0},
        {"attempt": "1"},
        {"duration": -1.0},
        {"duration": float("nan")},
        {"duration": float("inf")},
        {"time_to_first_token": "soon"},
        {"started_at": datetime(2026, 1, 1)},  # noqa: DTZ001
        {"usage": Usage(-1, 0)},
    ],
    ids=str,
)
def test_a_step_that_cannot_be_kept_fails_the_run_and_says_what_is_accepted(serve, fields) -> None:
    served = serve(agents={"own": OwnAgent("a", Step(model="p:m", **fields))})
    answer = served.client.post("/api/v1/agents/own/run", json={"input": "Hi"})
    assert (answer.status_code, answer.json["details"]["cause"]) == (500, "AGENT_FAILED")
    assert "accepted are" in answer.json["message"]


@pytest.mark.parametrize("duration", [float("inf"), -1.0, 1e300, "long"], ids=str)
def test_a_tool_of_others_with_a_strange_duration_does_no_harm(serve, duration) -> None:
    yields = [ToolCallEvent("1", "t", {}, "started"), ToolCallEvent("1", "t", {}, "completed", "3", duration=duration)]
    served = serve(agents={"own": OwnAgent(*yields, "ok")})
    (step,) = record_of(served, served.client.post("/api/v1/agents/own/run", json={"input": "Hi"}))["steps"]
    assert (step["status"], 0 <= step["duration"] < 5) == ("completed", True)


def test_a_run_with_very_many_steps_keeps_the_first_and_the_last(serve) -> None:
    long = "\U0001f600" * 1000
    yields = [Step(model=f"p:{long}", attempt=number) for number in range(1, 501)]
    yields += [ToolCallEvent(f"{long}{number}", long, {}, "started") for number in range(500)]
    served = serve(agents={"own": OwnAgent(*yields, "done")})
    answer = served.client.post("/api/v1/agents/own/run", json={"input": "Hi"})
    steps = record_of(served, answer)["steps"]
    assert len(json.dumps(steps, ensure_ascii=False).encode()) < 70_000
    numbers = [step["number"] for step in steps]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 1
    assert numbers[-1] > 500
    few = serve(agents={"own": OwnAgent(*(Step(model="p:m", attempt=number) for number in range(1, 501)))})
    numbers = [
        step["number"]
        for step in record_of(few, few.client.post("/api/v1/agents/own/run", json={"input": "Hi"}))["steps"]
    ]
    assert numbers == [*range(1, 51), *range(451, 501)]
