"""The hook that may deny a run: who is asked, when, and what the client gets."""

import logging
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from agentos import Agent, Denied, hookimpl
from agentos.errors import PluginError, RateLimited
from agentos.services import before_run as bounds

UNDECIDED = "it could not be found out whether the run is allowed"


class Gate:
    """Decides as a function says, and remembers what it was asked."""

    def __init__(self, decide: Callable[[Any, Any], Any] = lambda *_: None) -> None:
        self.decide = decide
        self.asked: list[tuple[Any, Any]] = []

    @hookimpl
    def before_run(self, request: Any, agent: Any) -> Any:
        self.asked.append((request, agent))
        return self.decide(request, agent)


def denies(reason: str, **more: Any) -> Gate:
    return Gate(lambda *_: Denied(reason, **more))


def raises(error: BaseException) -> Gate:
    def decide(*_: object) -> None:
        raise error

    return Gate(decide)


def test_a_denied_run_is_403_with_the_reason_and_leaves_nothing(serve) -> None:
    served = serve(plugins={"budget": denies("the budget of this month is used up")})
    answer = served.run("Hi")
    assert (answer.status_code, answer.json["code"]) == (403, "FORBIDDEN")
    assert answer.json["message"] == "the budget of this month is used up"
    assert served.client.get("/api/v1/runs").json["runs"] == []
    assert served.provider.requests == []


@pytest.mark.parametrize("way", ["run", "run/stream"])
def test_streams_are_refused_before_their_first_byte(serve, way: str) -> None:
    served = serve(plugins={"budget": denies("no")})
    answer = served.client.post(f"/api/v1/agents/scripted/{way}", json={"input": "Hi"})
    assert (answer.status_code, answer.json["message"]) == (403, "no")


def test_a_run_that_no_plugin_denies_runs(serve) -> None:
    gates = {"one": Gate(), "two": Gate()}
    assert serve(plugins=gates).run("Hi").status_code == 200
    assert [len(gate.asked) for gate in gates.values()] == [1, 1]


def test_it_is_given_the_request_and_the_agent(serve) -> None:
    gate = Gate()
    serve(plugins={"gate": gate}).run("Hi", user_id="ada", metadata={"plan": "free"})
    ((request, agent),) = gate.asked
    assert (request.agent_id, request.input, request.user_id) == ("scripted", "Hi", "ada")
    assert (request.caller.owner, request.metadata) == ("anonymous", {"plan": "free"})
    assert isinstance(agent, Agent)
    assert (agent.id, agent.model) == ("scripted", "test:model")


def test_an_agent_that_is_not_ours_is_given_as_it_is(serve) -> None:
    gate, agent = Gate(), SimpleNamespace(stream=lambda context: iter(["Hello"]))
    serve(plugins={"gate": gate}, agents={"own": agent}).client.post("/api/v1/agents/own/run", json={"input": "Hi"})
    assert gate.asked[0][1] is agent


def test_every_plugin_is_asked_and_the_first_denial_by_name_counts(serve) -> None:
    gates = {"c": denies("c said so"), "a": Gate(), "b": denies("b said so")}
    assert serve(plugins=gates).run("Hi").json["message"] == "b said so"
    assert [len(gate.asked) for gate in gates.values()] == [1, 1, 1]


def test_an_error_of_ours_takes_the_place_of_403_with_its_wait_and_details(serve) -> None:
    error = RateLimited("over the budget", retry_after=61.5, details={"resets_at": "2030-01-01T00:00:00Z"})
    answer = serve(plugins={"budget": denies("over", error=error)}).run("Hi")
    assert (answer.status_code, answer.json["code"], answer.json["message"]) == (429, "RATE_LIMITED", "over the budget")
    assert answer.headers["Retry-After"] == "62"
    assert answer.json["details"] == {"resets_at": "2030-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("reason", "error", "accepted"),
    [(None, None, "accepted: a text"), ("no", ValueError("x"), "accepted: an error of agentos.errors")],
)
def test_a_denial_that_is_none_names_what_is_accepted(reason: Any, error: Any, accepted: str) -> None:
    with pytest.raises(TypeError, match=accepted):
        Denied(reason, error=error)


def test_a_reason_is_text_that_can_be_sent_and_of_a_bounded_length(serve) -> None:
    message = serve(plugins={"gate": denies("a\0b\ud800" + "x" * 10**5)}).run("Hi").json["message"]
    assert message.startswith("a\ufffdb\ufffdxxx")
    assert len(message) == 2000


@pytest.mark.parametrize(
    "gate",
    [
        raises(RuntimeError("its database is at 10.0.0.7")),
        raises(RateLimited("an error of ours is no answer either")),
        raises(SystemExit(0)),
        *(Gate(lambda *_, said=said: said) for said in (True, False, "allowed", Denied, SimpleNamespace(reason="x"))),
    ],
)
def test_a_plugin_that_does_not_decide_denies_and_is_named_in_the_log_alone(serve, log_records, gate: Gate) -> None:
    after = Gate()
    served = serve(plugins={"frail": gate, "other": after})
    answer = served.run("Hi")
    assert (answer.status_code, answer.json["message"]) == (403, UNDECIDED)
    assert "10.0.0.7" not in answer.text
    assert len(after.asked) == 1
    (record,) = [one for one in log_records("agentos.plugins") if one.levelno == logging.ERROR]
    assert (record.plugin, record.hook, record.agent_id) == ("frail", "before_run", "scripted")
    assert served.client.get("/api/v1/runs").json["runs"] == []


def test_a_plugin_that_does_not_answer_in_time_denies(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    # The limit is the server's own and has no setting; ten seconds are too long for a test.
    monkeypatch.setattr(bounds, "SECONDS", 0.1)
    never = threading.Event()
    served = serve(plugins={"slow": Gate(lambda *_: never.wait(30))})
    assert served.run("Hi").json["message"] == UNDECIDED
    never.set()


def test_a_repeat_of_a_request_is_not_asked_about_again(serve) -> None:
    gate = Gate()
    served = serve(plugins={"gate": gate})
    headers = {"Idempotency-Key": "k"}
    address = "/api/v1/agents/scripted/run"
    first = served.client.post(address, json={"input": "Hi"}, headers=headers).json
    gate.decide = lambda *_: Denied("the budget is used up by now")
    second = served.client.post(address, json={"input": "Hi"}, headers=headers)
    assert (second.status_code, second.json["run_id"]) == (200, first["run_id"])
    assert len(gate.asked) == 1


def test_it_is_not_asked_about_what_is_refused_anyway(serve) -> None:
    gate = Gate()
    served = serve(plugins={"gate": gate})
    assert served.client.post("/api/v1/agents/none/run", json={"input": "Hi"}).status_code == 404
    assert served.run("").status_code == 400
    assert gate.asked == []


def test_it_is_asked_before_attachments_are_fetched(serve) -> None:
    media = [{"type": "image", "url": "http://127.0.0.1:9/never.png"}]
    assert serve(plugins={"gate": denies("no")}).run("Hi", media=media).status_code in (400, 403)


def test_a_denial_is_a_line_of_the_log_without_the_reason(serve, log_records) -> None:
    serve(plugins={"budget": denies("Ada owes us 5 dollars")}).run("Hi")
    (record,) = [one for one in log_records("agentos.plugins.decisions") if one.getMessage() == "plugin denied"]
    assert (record.plugin, record.hook, record.agent_id) == ("budget", "before_run", "scripted")
    assert "dollars" not in str(record.__dict__)


def test_the_server_does_not_start_without_a_broken_plugin_that_has_it(serve) -> None:
    class Broken(Gate):
        @hookimpl
        def register_tools(self, register: Any) -> None:
            raise PluginError("the budgets cannot be read")

    with pytest.raises(PluginError, match="'budget' is broken: the budgets cannot be read; it decides what is allowed"):
        serve(plugins={"budget": Broken()})
