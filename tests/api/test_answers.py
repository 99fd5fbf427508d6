"""What a client sees of the model's answer: how it ended, and why it failed."""

import json
from typing import Any

import pytest

from agentos.domain.usage import Usage
from agentos.errors import (
    ConfigError,
    ContentFiltered,
    ContextTooLong,
    ProviderError,
    ProviderRateLimited,
    ProviderUnavailable,
    QuotaExhausted,
)
from agentos.models.deltas import Finish, MessageDetails, ReasoningDelta, ToolCallDelta
from agentos.models.scripted import AtMost, Fail, call
from agentos.testing.sse import read_events
from agentos.tools.tool import tool
from parts.waiting import until

RUNS = "/api/v1/runs"


@tool
def double(number: int = 4) -> int:
    """Double a number."""
    return number * 2


class OwnAgent:
    """Another framework's agent."""

    def stream(self, context):
        yield "Hello"


@pytest.mark.parametrize("reason", ["stop", "length", "content_filter", "other"])
def test_the_finish_reason_is_seen_everywhere(serve, log_records, reason: str) -> None:
    served = serve(["Hello", Finish(reason)])
    answer = served.run("Hi")
    assert answer.status_code == 200
    assert (answer.json["model"], answer.json["finish_reason"]) == ("test:model", reason)
    run = served.client.get(f"{RUNS}/{answer.json['run_id']}").json
    assert (run["model"], run["finish_reason"]) == ("test:model", reason)
    listed = served.client.get(RUNS).json["runs"][0]
    assert (listed["model"], listed["finish_reason"]) == ("test:model", reason)
    *_, last = read_events([served.stream().data])
    assert (last.json()["data"]["model"], last.json()["data"]["finish_reason"]) == ("test:model", reason)
    until(lambda: len(log_records("agentos.runs")) == 2)  # written after the run's last event
    (record, _) = log_records("agentos.runs")
    assert (record.model, record.finish_reason) == ("test:model", reason)


def test_an_agent_without_a_model_of_ours_has_neither(serve) -> None:
    client = serve(agents={"own": OwnAgent()}).client
    answer = client.post("/api/v1/agents/own/run", json={"input": "Hi"}).json
    assert (answer["model"], answer["finish_reason"]) == (None, None)
    run = client.get(f"{RUNS}/{answer['run_id']}").json
    assert (run["model"], run["finish_reason"]) == (None, None)
    *_, last = read_events([client.post("/api/v1/agents/own/run/stream", json={"input": "Hi"}).data])
    assert last.type == "complete"
    assert not {"model", "finish_reason"} & last.json()["data"].keys()


@pytest.mark.parametrize("url", ["memory://", None], ids=["memory", "sqlite"])
def test_cached_tokens_are_shown_where_the_provider_says_so(serve, tmp_path, url: str | None) -> None:
    served = serve(["Hello", Usage(12, 3, 0, 8)], database_url=url or f"sqlite:///{tmp_path}/agentos.db")
    answer = served.run("Hi").json
    assert answer["metadata"]["usage"]["cached_tokens"] == 8
    assert served.client.get(f"{RUNS}/{answer['run_id']}").json["usage"]["cached_tokens"] == 8


def test_a_call_in_a_cut_answer_is_seen_as_failed(serve) -> None:
    cut = [ToolCallDelta(0, "c", "double"), Finish("length")]
    served = serve(cut, "I could not.", tools=[double])
    session = served.new_session()
    events = [event for event in read_events([served.stream(session_id=session).data]) if event.type == "tool_call"]
    assert [event.json()["data"]["status"] for event in events] == ["started", "failed"]
    assert "the output limit cut the answer" in events[-1].json()["data"]["error"]
    messages = served.client.get(f"/api/v1/sessions/{session}/history").json["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant"]
    assert "the output limit cut the answer" in messages[2]["content"]


REFUSED = [
    (ContentFiltered("the prompt was refused"), 422, "CONTENT_FILTERED", False, None, None),
    (ContextTooLong("8192 tokens"), 422, "CONTEXT_TOO_LONG", False, None, None),
    (QuotaExhausted("no credit"), 503, "QUOTA_EXHAUSTED", False, None, "false"),
    (QuotaExhausted("no credit", retry_after=7200), 503, "QUOTA_EXHAUSTED", False, "7200", "false"),
    (ProviderRateLimited("slow down", retry_after=3599.2), 503, "PROVIDER_RATE_LIMITED", True, "3600", None),
    (ProviderRateLimited("slow down"), 503, "PROVIDER_RATE_LIMITED", True, "5", None),
    (ProviderUnavailable("down", retry_after=90), 503, "PROVIDER_UNAVAILABLE", True, "90", None),
    (ProviderUnavailable("down", details={"retry_after": "soon"}), 503, "PROVIDER_UNAVAILABLE", True, "5", None),
    (ProviderUnavailable("down", details={"retry_after": -1}), 503, "PROVIDER_UNAVAILABLE", True, "5", None),
    (ProviderUnavailable("down", retry_after=float("inf")), 503, "PROVIDER_UNAVAILABLE", True, "5", None),
    (ProviderError("no"), 502, "PROVIDER_ERROR", False, None, None),
]


@pytest.mark.parametrize(("error", "status", "cause", "retryable", "retry_after", "should_retry"), REFUSED)
def test_a_providers_error_reaches_the_client_with_what_it_may_do(
    serve, error, status, cause, retryable, retry_after, should_retry
) -> None:
    served = serve([Fail(error)], model_retries=0)
    answers = [served.run("Hi") for _ in range(1)]
    key = {"Idempotency-Key": "k"}
    for _ in range(2):  # the second one is given what is kept of the first
        answers.append(served.client.post("/api/v1/agents/scripted/run", json={"input": "x"}, headers=key))
    assert answers[-1].headers["Idempotency-Replayed"] == "true"
    for answer in answers:
        details = answer.json["details"]
        assert (answer.status_code, details["cause"], details["retryable"]) == (status, cause, retryable)
        assert answer.headers.get("Retry-After") == retry_after
        assert answer.headers.get("x-should-retry") == should_retry
        run = served.client.get(f"{RUNS}/{details['run_id']}").json
        assert run["error"]["details"] == details
        if error.retry_after not in (None, float("inf")):
            assert details["retry_after"] == int(retry_after)
    *_, last = read_events([served.stream().data])
    assert (last.type, last.json()["data"]["details"]["cause"]) == ("error", cause)


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def test_an_answer_that_does_not_follow_the_schema_fails_visibly(serve) -> None:
    served = serve('{"city": 5}', agent={"output_schema": SCHEMA})
    answer = served.run("Hi")
    assert (answer.status_code, answer.json["details"]["cause"]) == (502, "PROVIDER_ERROR")
    assert "at '/city': it is 5, accepted is string" in answer.json["message"]
    run = served.client.get(f"{RUNS}/{answer.json['details']['run_id']}").json
    assert (run["content"], run["finish_reason"]) == ('{"city": 5}', "stop")
    events = list(read_events([served.stream().data]))
    assert [event.type for event in events] == ["run_start", "token", "error"]


def test_a_repaired_answer_is_the_only_one_that_is_seen_and_kept(serve) -> None:
    bad, good = ['{"city"', ": 5}", Usage(10, 5)], ['{"city": ', '"Rome"}', Usage(20, 6)]
    served = serve(bad, good, agent={"output_schema": SCHEMA, "output_retries": 1})
    session = served.new_session()
    events = list(read_events([served.stream(session_id=session).data]))
    assert [event.type for event in events] == ["run_start", "token", "token", "complete"]
    assert "".join(event.json()["data"]["token"] for event in events[1:3]) == '{"city": "Rome"}'
    assert events[-1].json()["data"]["output"] == '{"city": "Rome"}'
    assert events[-1].json()["data"]["usage"]["total_tokens"] == 41
    messages = served.client.get(f"/api/v1/sessions/{session}/history").json["messages"]
    assert [message["content"] for message in messages] == ["Hi", '{"city": "Rome"}']


WRONG_SCHEMAS = [
    ({"type": "text"}, "/type"),
    ({"$ref": "https://example.com/x"}, "/$ref"),
    ({"properties": {"a": {"pattern": "(?=a)"}}}, "/properties/a/pattern"),
    ({"anyOf": [{"$ref": "#"}]}, "''"),
]


@pytest.mark.parametrize(("schema", "place"), WRONG_SCHEMAS)
def test_a_schema_that_is_not_accepted_is_refused_at_registration(served, schema: Any, place: str) -> None:
    agent = {"id": "a", "model": "scripted:echo", "output_schema": schema}
    refused = [
        served.client.post("/api/v1/agents", json=agent),
        served.client.put("/api/v1/agents/a", json={key: agent[key] for key in ("model", "output_schema")}),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
        assert place in answer.json["message"]
        assert place in answer.json["details"]["fields"]["output_schema"]


def test_an_agent_in_code_with_such_a_schema_is_refused_at_start(serve) -> None:
    with pytest.raises(ConfigError, match=r"agent 'scripted' cannot run: .* at '/type'"):
        serve(agent={"output_schema": {"type": "text"}})


def test_a_pattern_cannot_hold_a_worker(served) -> None:
    agent = {"id": "a", "model": "scripted:echo", "output_schema": {"type": "string", "pattern": "^(a+)+$"}}
    assert served.client.post("/api/v1/agents", json=agent).status_code == 201
    answer = served.client.post("/api/v1/agents/a/run", json={"input": json.dumps("a" * 60 + "!")})
    assert "at '': it is" in answer.json["message"]


def test_what_a_provider_wants_to_see_again_goes_to_it_alone_and_is_never_shown(serve, tmp_path, log_records) -> None:
    details = MessageDetails({"reasoning_content": "hidden thoughts"})
    piece = ToolCallDelta(0, "c", "double", "{}", {"extra_content": {"signature": "hidden signature"}})
    served = serve(
        [ReasoningDelta("hm"), piece, details], "8", tools=[double], database_url=f"sqlite:///{tmp_path}/a.db"
    )
    session = served.new_session()
    streamed = served.stream(session_id=session).text
    served.run("Again", session)
    for request in served.provider.requests[1:3]:
        (said,) = [message for message in request.messages if message.tool_calls]
        assert (said.provider, said.provider_details) == ("test", {"reasoning_content": "hidden thoughts"})
        assert said.tool_calls[0].provider_details == {"extra_content": {"signature": "hidden signature"}}
    shown = [streamed, served.client.get(f"/api/v1/sessions/{session}/history").text, served.client.get(RUNS).text]
    assert not any("hidden" in text for text in shown)
    assert not any("hidden" in str(vars(record)) for record in log_records(""))
    # Another agent of the session, with another provider.
    served.client.post("/api/v1/agents", json={"id": "echo", "model": "scripted:echo"})
    answer = served.client.post("/api/v1/agents/echo/run", json={"input": "Hi", "session_id": session})
    assert answer.status_code == 200


def test_a_session_that_is_too_long_goes_on(serve) -> None:
    served = serve([AtMost(50), "Hello there"])
    session = served.new_session()
    answers = [served.run(f"number {number}", session) for number in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len(served.client.get(f"/api/v1/sessions/{session}/history").json["messages"]) == 16
    refused = served.run("x" * 51, session)
    assert (refused.status_code, refused.json["details"]["cause"]) == (422, "CONTEXT_TOO_LONG")
    assert "shorten the input" in refused.json["message"]
    assert served.run("Still there?", session).status_code == 200


def test_a_call_after_a_good_end_is_made(serve) -> None:
    served = serve([call("double", "", id="c")], "8", tools=[double])
    assert served.run("Twice 4?").json["content"] == "8"
    assert served.provider.requests[1].messages[-1].content == "8"
