"""The hook that may change or deny a call to a model."""

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from agentos import Cancellation, Denied, Message, ModelRequest, hookimpl
from agentos.errors import ContextTooLong, PluginError, ProviderUnavailable, QuotaExhausted, RateLimited
from agentos.models.scripted import AtMost, Fail, call
from parts.waiting import until

UNDECIDED = "it could not be found out whether the call to the model is allowed"


class Guard:
    """Changes or denies a request as a function says, and remembers what it was asked."""

    def __init__(self, decide: Callable[[ModelRequest], Any] = lambda _: None) -> None:
        self.decide = decide
        self.asked: list[tuple[ModelRequest, Any]] = []

    @hookimpl
    def before_model_call(self, request: ModelRequest, context: Any) -> Any:
        self.asked.append((request, context))
        return self.decide(request)


def adds(text: str) -> Guard:
    """Add a message to each request."""
    return Guard(lambda one: dataclasses.replace(one, messages=[*one.messages, Message("system", text)]))


def raises(error: BaseException) -> Guard:
    def decide(_: ModelRequest) -> None:
        raise error

    return Guard(decide)


def look_up() -> str:
    """Look something up."""
    return "42"


def contents(request: ModelRequest) -> list[str]:
    return [message.content for message in request.messages]


def test_the_model_gets_what_the_plugins_made_of_the_request_each_seeing_the_one_before(serve) -> None:
    guards = {"b": adds("second"), "a": adds("first"), "c": Guard()}
    served = serve(plugins=guards)
    assert served.run("Hi").status_code == 200
    (request,) = served.provider.requests
    assert contents(request) == ["Hi", "first", "second"]
    assert contents(guards["a"].asked[0][0]) == ["Hi"]
    assert contents(guards["c"].asked[0][0]) == ["Hi", "first", "second"]


def test_it_is_given_the_run(serve) -> None:
    guard = Guard()
    run = serve(plugins={"guard": guard}).run("Hi", user_id="ada").json
    ((_, context),) = guard.asked
    assert (context.run_id, context.agent_id, context.owner, context.user_id) == (
        run["run_id"],
        "scripted",
        "anonymous",
        "ada",
    )


def test_it_is_asked_at_each_step_of_a_run(serve) -> None:
    guard = adds("always")
    served = serve([call("look_up")], "It is 42.", tools=[look_up], plugins={"guard": guard})
    served.run("Hi")
    assert len(guard.asked) == 2
    assert [contents(request)[-1] for request in served.provider.requests] == ["always", "always"]


def test_what_it_adds_is_not_kept_in_the_session(serve) -> None:
    served = serve(plugins={"guard": adds("a secret memory")})
    session = served.new_session()
    served.run("Hi", session)
    served.run("Again", session)
    history = served.client.get(f"/api/v1/sessions/{session}/history").json["messages"]
    assert [one["content"] for one in history] == ["Hi", "Hello there", "Again", "Hello there"]
    assert contents(served.provider.requests[-1]).count("a secret memory") == 1


def test_it_is_not_asked_again_when_the_same_call_is_tried_again(serve) -> None:
    guard = adds("once")
    away = Fail(ProviderUnavailable("away", retry_after=0.01))
    served = serve([away], "Here again", plugins={"guard": guard})
    assert served.run("Hi").json["content"] == "Here again"
    assert len(guard.asked) == 1
    assert [contents(request) for request in served.provider.requests] == [["Hi", "once"], ["Hi", "once"]]


def test_it_is_asked_again_once_a_conversation_was_shortened(serve) -> None:
    guard = adds("!")
    served = serve("Hello", *[[AtMost(8), "short"]] * 2, plugins={"guard": guard})
    session = served.new_session()
    served.run("Hi", session)
    guard.asked.clear()
    assert served.run("Bye", session).json["content"] == "short"
    assert [contents(request) for request, _ in guard.asked] == [["Hi", "Hello", "Bye"], ["Bye"]]
    assert contents(served.provider.requests[-1]) == ["Bye", "!"]


def test_another_model_of_the_provider_is_asked_and_shown(serve) -> None:
    served = serve(plugins={"router": Guard(lambda one: dataclasses.replace(one, model="smaller"))})
    run = served.run("Hi").json
    assert served.provider.requests[0].model == "smaller"
    assert run["model"] == "test:smaller"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_denial_ends_the_run_with_the_reason(serve, streamed: bool) -> None:
    served = serve(plugins={"guard": Guard(lambda _: Denied("the input names a competitor"))})
    if streamed:
        assert '"cause":"CONTENT_FILTERED"' in served.stream("Hi").text
    else:
        answer = served.run("Hi")
        assert (answer.status_code, answer.json["code"]) == (422, "EXECUTION_ERROR")
        assert answer.json["details"]["cause"] == "CONTENT_FILTERED"
        assert answer.json["message"] == "the input names a competitor"
    assert served.provider.requests == []
    (run,) = served.client.get("/api/v1/runs").json["runs"]
    assert run["status"] == "failed"


def test_after_a_denial_no_other_plugin_is_asked(serve) -> None:
    later = Guard()
    serve(plugins={"a": Guard(lambda _: Denied("no")), "b": later}).run("Hi")
    assert later.asked == []


def test_a_denial_may_bring_its_own_error_of_execution(serve) -> None:
    served = serve(plugins={"budget": Guard(lambda _: Denied("no", error=QuotaExhausted("the budget is used up")))})
    answer = served.run("Hi")
    assert (answer.status_code, answer.json["message"]) == (503, "the budget is used up")
    served = serve(plugins={"budget": Guard(lambda _: Denied("too often", error=RateLimited("not of execution")))})
    answer = served.run("Hi")
    assert (answer.status_code, answer.json["message"]) == (422, "too often")


def test_a_denial_of_a_later_step_keeps_what_was_said_before(serve) -> None:
    guard = Guard(lambda one: Denied("enough") if len(one.messages) > 1 else None)
    served = serve(["Let me see.", call("look_up")], tools=[look_up], plugins={"guard": guard})
    answer = served.run("Hi")
    assert answer.status_code == 422
    run = served.client.get(f"/api/v1/runs/{answer.json['details']['run_id']}").json
    assert (run["status"], run["loops"]) == ("failed", 1)


@pytest.mark.parametrize(
    ("guard", "named"),
    [
        (raises(RuntimeError("its database is at 10.0.0.7")), False),
        (raises(ContextTooLong("not the model's own word")), False),
        (raises(SystemExit(0)), False),
        (Guard(lambda _: True), True),
        (Guard(lambda _: "allowed"), True),
        (Guard(lambda one: SimpleNamespace(messages=one.messages)), True),
        (Guard(lambda one: dataclasses.replace(one, deadline=one.deadline + 60)), True),
        (Guard(lambda one: dataclasses.replace(one, cancellation=Cancellation())), True),
        (Guard(lambda one: dataclasses.replace(one, messages="Hi")), True),
        (Guard(lambda one: dataclasses.replace(one, messages=[{"role": "user", "content": "Hi"}])), True),
        (Guard(lambda one: dataclasses.replace(one, tools=["look_up"])), True),
        (Guard(lambda one: dataclasses.replace(one, model="")), True),
    ],
)
def test_a_plugin_that_fails_or_returns_what_cannot_be_used_denies(serve, log_records, guard: Guard, named) -> None:
    served = serve(plugins={"frail": guard})
    answer = served.run("Hi")
    assert (answer.status_code, answer.json["details"]["cause"]) == (422, "CONTENT_FILTERED")
    assert answer.json["message"].startswith(UNDECIDED)
    assert ("plugin 'frail' returned" in answer.json["message"]) is named
    assert "10.0.0.7" not in answer.text
    assert served.provider.requests == []
    (record,) = [one for one in log_records("agentos.plugins") if one.levelno == logging.ERROR]
    assert (record.plugin, record.hook, record.agent_id) == ("frail", "before_model_call", "scripted")


def test_a_request_with_another_deadline_is_told_what_is_accepted(serve) -> None:
    guard = Guard(lambda one: dataclasses.replace(one, deadline=one.deadline + 60))
    message = serve(plugins={"frail": guard}).run("Hi").json["message"]
    assert "plugin 'frail' returned a request with another deadline or cancellation; accepted: one made with" in message


def test_summaries_are_asked_about_too(serve) -> None:
    guard = adds("Leave out names.")
    served = serve("Hello", "A short talk.", plugins={"guard": guard})
    session = served.new_session()
    served.run("Hi", session)
    address = f"/api/v1/sessions/{session}/summary"
    assert served.client.post(address).status_code < 300
    assert contents(served.provider.requests[-1])[-1] == "Leave out names."
    _, context = guard.asked[-1]
    assert (context.run_id, context.agent_id, context.session_id) == ("", "scripted", session)
    guard.decide = lambda _: Denied("no summaries")
    denied = served.client.post(address)
    assert (denied.status_code, denied.json["message"]) == (422, "no summaries")


class Waiting(Guard):
    """Waits, as one that asks another server which does not answer."""

    def __init__(self) -> None:
        self.entered, self.never = threading.Event(), threading.Event()
        super().__init__(self._wait)

    def _wait(self, _: ModelRequest) -> None:
        self.entered.set()
        self.never.wait(30)


def test_the_deadline_of_a_run_cuts_a_plugin_that_waits(serve, log_records) -> None:
    guard = Waiting()
    served = serve(plugins={"slow": guard}, request_timeout=0.3)
    began = time.monotonic()
    answer = served.run("Hi")
    assert (answer.status_code, answer.json["details"]["cause"]) == (504, "TIMEOUT")
    assert time.monotonic() - began < 5
    guard.never.set()
    assert served.provider.requests == []
    (record,) = [one for one in log_records("agentos.plugins") if one.levelno == logging.WARNING]
    assert (record.plugin, record.hook) == ("slow", "before_model_call")


def test_a_cancelled_run_does_not_wait_for_a_plugin(serve) -> None:
    guard = Waiting()
    served = serve(plugins={"slow": guard})
    run = served.run("Hi", background=True).json
    assert guard.entered.wait(10)
    threads = [one for one in threading.enumerate() if one.name == f"run-{run['run_id']}"]
    assert served.client.post(f"/api/v1/runs/{run['run_id']}/cancel").status_code in (200, 202)
    assert served.ended(run["run_id"])["status"] == "cancelled"
    until(lambda: not any(thread.is_alive() for thread in threads))
    guard.never.set()


def test_the_server_does_not_start_without_a_broken_plugin_that_has_it(serve) -> None:
    class Broken(Guard):
        @hookimpl
        def register_tools(self, register: Any) -> None:
            raise PluginError("the rules cannot be read")

    with pytest.raises(PluginError, match="'guard' is broken: the rules cannot be read; it decides what is allowed"):
        serve(plugins={"guard": Broken()})


def test_a_question_to_a_person_denies(serve, log_records) -> None:
    class Asking(Guard):
        @hookimpl
        def before_model_call(self, request: ModelRequest, context: Any) -> Any:
            return context.ask("May the model be asked?")

    served = serve(plugins={"asking": Asking()})
    answer = served.run("Hi")
    assert (answer.status_code, answer.json["message"]) == (422, UNDECIDED)
    assert served.provider.requests == []
