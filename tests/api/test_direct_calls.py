"""A tool called by hand: what it is given, what is asked before it, and how its end is told."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from agentos import Agent, Approval, Denied, Pending, RateLimited, ToolCall, ToolContext, ToolSource, hookimpl, tool
from agentos.domain.tool_spec import ToolSpec
from agentos.testing import AgentClient
from api.conftest import Served
from parts.waiting import until
from tools.isolated_examples import nap

seen: list[ToolContext] = []


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    seen.clear()


@tool
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


@tool
def look(context: ToolContext) -> str:
    """Look at the context."""
    seen.append(context)
    context.emit("progress", 1)
    return f"state {dict(context.state)}"


@tool
def fail() -> None:
    """Fail."""
    raise OSError("the disk is full")


@tool(approval=Approval(message="it costs money", approver="other", remember=True))
def pay(context: ToolContext) -> str:
    """Pay."""
    seen.append(context)
    return "paid"


@tool
def choose(context: ToolContext) -> str:
    """Let the user choose."""
    return str(context.ask("Which colour?"))


TOOLS = [add, look, fail, pay, choose]


class Clock(ToolSource):
    def list(self) -> Sequence[ToolSpec]:
        return [ToolSpec("now", "Say what time it is.", {"type": "object", "properties": {}})]

    def call(self, name: str, arguments: Any, context: ToolContext) -> Any:
        return "12:00"


class Brings:
    """A plugin with tools, a source of tools, and a policy."""

    def __init__(self, *tools: Any, decide: Any = None) -> None:
        self.tools = tools or TOOLS
        self.decide = decide or (lambda *_: None)
        self.asked: list[tuple[ToolCall, ToolContext]] = []

    @hookimpl
    def register_tools(self, register) -> None:
        for one in self.tools:
            register(one)

    @hookimpl
    def register_tool_sources(self, register) -> None:
        register("clock", Clock())

    @hookimpl
    def before_tool_call(self, call: ToolCall, context: ToolContext) -> Any:
        self.asked.append((call, context))
        return self.decide(call, context)


class Only:
    """A plugin with a tool and nothing else: then nothing is asked before a call."""

    @hookimpl
    def register_tools(self, register) -> None:
        register(add)


def call_tool(served: Served | FlaskClient, name: str, **body: Any) -> TestResponse:
    client = getattr(served, "client", served)
    return client.post(f"/api/v1/tools/{name}/call", json=body)


@pytest.fixture
def served(serve) -> Served:
    return serve(plugins={"brings": Brings()})


def test_a_tool_is_called_and_its_result_is_what_a_model_would_read(served):
    answer = call_tool(served, "add", arguments={"a": 2, "b": 3})
    assert answer.status_code == 200
    assert answer.json.keys() == {"call_id", "status", "result", "duration"}
    assert (answer.json["status"], answer.json["result"]) == ("completed", "5")
    assert 0 <= answer.json["duration"] < 10


def test_arguments_are_optional_and_so_is_the_body(serve):
    @tool
    def now() -> str:
        """Say what time it is."""
        return "12:00"

    served = serve(plugins={"brings": Brings(now)})
    assert served.client.post("/api/v1/tools/now/call").json["result"] == "12:00"
    assert call_tool(served, "now").json["result"] == "12:00"


@pytest.mark.parametrize("path", ["clock/now", "clock%2Fnow"])
def test_a_tool_of_a_source_is_called_by_the_name_that_the_list_has(served, path):
    assert "clock/now" in [one["name"] for one in served.client.get("/api/v1/tools").json["tools"]]
    assert call_tool(served, path).json["result"] == "12:00"


def test_what_a_tool_raises_is_no_error_of_the_request(served):
    answer = call_tool(served, "fail")
    assert answer.status_code == 200
    assert answer.json.keys() == {"call_id", "status", "error", "duration"}
    assert (answer.json["status"], "the disk is full" in answer.json["error"]) == ("failed", True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"a": "x"}, 'a is "x", accepted there is integer'),
        ({}, '"a" is missing'),
        ({"a": 1, "c": 2}, "c"),
        ({"a": 1, "b": None}, "accepted there is integer"),
    ],
)
@pytest.mark.parametrize("plugins", [{"brings": Brings()}, {"only": Only()}], ids=["with a policy", "without"])
def test_arguments_that_do_not_fit_are_refused(serve, arguments, said, plugins):
    answer = call_tool(serve(plugins=plugins), "add", arguments=arguments)
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert said in answer.json["message"]


@pytest.mark.parametrize(
    "body", [{"arguments": "{}"}, {"arguments": []}, {"arguments": None}, {"agent_id": ""}, {"timeout": 5}, []]
)
def test_a_body_of_another_shape_is_refused(served, body):
    answer = served.client.post("/api/v1/tools/add/call", json=body)
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")


def test_arguments_that_are_nested_too_deeply_are_refused(served):
    nested: Any = 1
    for _ in range(40):
        nested = [nested]
    assert call_tool(served, "add", arguments={"a": nested}).status_code == 400


@pytest.mark.parametrize("name", ["nothing", "clock/later", "nowhere/now", "a/b/c", "%20"])
def test_a_tool_that_is_not_there_is_not_found(served, name):
    answer = call_tool(served, name)
    assert (answer.status_code, answer.json["code"]) == (404, "NOT_FOUND")


# --- what is asked before it ------------------------------------------------------------------------------------------


def test_a_plugin_is_asked_as_in_a_run(serve):
    plugin = Brings()
    call_tool(serve(plugins={"brings": plugin}), "add", arguments={"a": 2})
    ((call, context),) = plugin.asked
    assert (call.name, call.parsed_arguments) == ("add", {"a": 2})
    assert (context.owner, context.agent_id) == ("anonymous", "")


def test_what_a_plugin_denies_is_not_called(serve):
    plugin = Brings(decide=lambda *_: Denied("not on Sundays"))
    answer = call_tool(serve(plugins={"brings": plugin}), "look")
    assert (answer.status_code, answer.json["code"]) == (403, "FORBIDDEN")
    assert "it is denied: not on Sundays" in answer.json["message"]
    assert not seen


def test_a_plugin_that_denies_may_give_the_error(serve):
    error = RateLimited("too many calls", retry_after=30)
    plugin = Brings(decide=lambda *_: Denied("too many calls", error=error))
    answer = call_tool(serve(plugins={"brings": plugin}), "look")
    assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (429, "RATE_LIMITED", "30")
    assert not seen


def test_a_plugin_that_cannot_decide_denies(serve):
    def broken(*_: object) -> None:
        raise RuntimeError("the rules are out of reach")

    answer = call_tool(serve(plugins={"brings": Brings(decide=broken)}), "look")
    assert (answer.status_code, answer.json["code"]) == (403, "FORBIDDEN")
    assert "out of reach" not in answer.text
    assert not seen


def test_a_call_that_needs_an_approval_needs_a_run(served):
    answer = call_tool(served, "pay")
    assert (answer.status_code, answer.json["code"]) == (409, "RUN_REQUIRED")
    assert "needs an approval, for which only a run can wait" in answer.json["message"]
    assert answer.json["details"] == {
        "kind": "approval",
        "message": "it costs money",
        "approver": "other",
        "rule": "tool",
    }
    assert not seen


def test_a_plugin_may_want_an_approval(serve):
    plugin = Brings(decide=lambda *_: Pending("above 100"))
    answer = call_tool(serve(plugins={"brings": plugin}), "look")
    assert (answer.status_code, answer.json["details"]["rule"]) == (409, "plugin:brings")
    assert not seen


def test_what_asks_a_question_needs_a_run(served):
    answer = call_tool(served, "choose")
    assert (answer.status_code, answer.json["code"]) == (409, "RUN_REQUIRED")
    assert answer.json["details"] == {"kind": "input", "message": "Which colour?"}


# --- whose call it is -------------------------------------------------------------------------------------------------

AGENTS = {
    "clerk": Agent(id="clerk", model="scripted:echo", tools=["look", "clock/*", add], approve=["add"]),
    "other": Agent(id="other", model="scripted:echo"),
}


@pytest.fixture
def guarded(serve) -> Served:
    return serve(plugins={"brings": Brings()}, agents=AGENTS, auth=["api_key"])


def caller(guarded: Served, owner: str = "alice", *scopes: str) -> AgentClient:
    return guarded.client.as_caller(owner, scopes or ["tools:call", "agents:run", "sessions:write"])


def test_the_tool_is_shown_whose_call_it_is(guarded):
    alice = caller(guarded)
    session_id = alice.session("clerk", user_id="zoe", state={"cart": []})
    answer = call_tool(alice, "look", agent_id="clerk", session_id=session_id)
    assert answer.json["result"] == "state {}"
    (context,) = seen
    assert (context.owner, context.agent_id, context.session_id) == ("alice", "clerk", session_id)
    assert (context.user_id, context.request_id) == ("zoe", answer.headers["X-Request-ID"])
    call_tool(alice, "look", session_id=session_id, user_id="yves")
    assert seen[1].user_id == "yves"


def test_it_leaves_no_run_and_changes_no_session(guarded):
    ada = caller(guarded, "ada", "admin")
    session_id = ada.session("clerk")
    before = ada.get(f"/api/v1/sessions/{session_id}").json
    call_tool(ada, "look", agent_id="clerk", session_id=session_id)
    assert ada.get("/api/v1/runs").json["count"] == 0
    assert ada.get(f"/api/v1/sessions/{session_id}").json == before


def test_an_agent_is_named_only_by_those_who_may_run_it(guarded):
    alice = caller(guarded, "alice", "tools:call", "agents:run:other")
    refused = call_tool(alice, "look", agent_id="clerk")
    assert (refused.status_code, refused.json["code"]) == (403, "FORBIDDEN")
    assert call_tool(alice, "look").status_code == 200


def test_an_agent_calls_its_own_tools_alone(guarded):
    alice = caller(guarded)
    assert call_tool(alice, "look", agent_id="other").status_code == 404
    assert call_tool(alice, "fail", agent_id="clerk").status_code == 404
    assert call_tool(alice, "look", agent_id="nobody").json["code"] == "AGENT_NOT_FOUND"
    for name in ("clock/now", "clock_now"):
        assert call_tool(alice, name, agent_id="clerk").json["result"] == "12:00"


def test_what_an_agent_has_approved_needs_a_run(guarded):
    alice = caller(guarded)
    answer = call_tool(alice, "add", agent_id="clerk", arguments={"a": 1})
    assert (answer.status_code, answer.json["details"]["rule"]) == (409, "agent")
    assert call_tool(alice, "add", arguments={"a": 1}).status_code == 200


def test_another_owners_session_is_not_there(guarded):
    session_id = caller(guarded).session("clerk")
    missing, hers = (call_tool(caller(guarded, "bob"), "look", session_id=one) for one in ("none", session_id))
    assert (
        (hers.status_code, hers.json["code"]) == (missing.status_code, "SESSION_NOT_FOUND") == (404, hers.json["code"])
    )
    assert not seen


def test_an_administrator_calls_for_the_owner_of_the_session(guarded):
    session_id = caller(guarded).session("clerk")
    assert call_tool(caller(guarded, "ada", "admin"), "look", session_id=session_id).status_code == 200
    assert seen[0].owner == "alice"


def test_it_needs_a_scope_that_clients_do_not_have(guarded):
    answer = call_tool(guarded.client.as_caller("alice"), "look")
    assert (answer.status_code, answer.json["code"]) == (403, "FORBIDDEN")
    assert "'tools:call'" in answer.json["message"]
    assert not seen


def test_the_log_says_who_called_which_tool(guarded, log_records):
    alice = caller(guarded)
    answer = call_tool(alice, "look")
    call_tool(alice, "pay")
    done, refused = log_records("agentos.services.direct_calls")
    assert (done.message, done.tool, done.call_id) == ("tool called by hand", "look", answer.json["call_id"])
    assert done.by == refused.by
    assert done.by.startswith("key:")
    assert (refused.message, refused.tool, refused.code) == ("a tool call by hand was refused", "pay", "RUN_REQUIRED")


# --- its time ---------------------------------------------------------------------------------------------------------


class Gate:
    """A tool that waits until it is let through, and notes how it was stopped."""

    def __init__(self) -> None:
        self.entered, self.open = threading.Event(), threading.Event()
        self.cancelled = False

    def tools(self) -> list[Any]:
        @tool
        def wait(context: ToolContext) -> str:
            """Wait."""
            self.entered.set()
            try:
                with context.cancellation.cutting(self.open.set):
                    self.open.wait(60)
            finally:
                self.cancelled = context.cancellation.cause is not None
            return "through"

        return [wait]


def test_a_tool_that_takes_too_long_is_given_up(serve):
    gate = Gate()
    served = serve(plugins={"brings": Brings(*gate.tools())}, tool_timeout=0.2)
    answer = call_tool(served, "wait")
    assert (answer.status_code, answer.json["status"]) == (200, "failed")
    assert "did not return within 0.2 s and was given up" in answer.json["error"]
    until(lambda: gate.cancelled)


def test_a_call_takes_no_longer_than_a_request_may(serve):
    gate = Gate()
    served = serve(plugins={"brings": Brings(*gate.tools())}, request_timeout=0.2, tool_timeout=60)
    answer = call_tool(served, "wait")
    assert "was given up" in answer.json["error"]
    assert answer.json["duration"] < 30
    until(lambda: gate.cancelled)


def test_an_isolated_tool_that_takes_too_long_is_killed(serve):
    served = serve(plugins={"brings": Brings(nap)}, tool_timeout=1)
    answer = call_tool(served, "nap", arguments={"seconds": 60})
    assert (answer.json["status"], "and was stopped" in answer.json["error"]) == ("failed", True)


def test_what_decides_for_too_long_is_given_up_too(serve):
    release = threading.Event()
    plugin = Brings(decide=lambda *_: release.wait(60) and None)
    served = serve(plugins={"brings": plugin}, tool_timeout=0.2)
    answer = call_tool(served, "look")
    release.set()
    assert answer.json["status"] == "failed"
    assert "was not called: what decides about it did not return" in answer.json["error"]
    assert not seen


def test_one_caller_does_not_hold_up_another(serve):
    gate = Gate()
    served = serve(plugins={"brings": Brings(add, *gate.tools())})
    answers: list[TestResponse] = []
    slow = threading.Thread(target=lambda: answers.append(call_tool(served.app.test_client(), "wait")))
    slow.start()
    assert gate.entered.wait(30)
    assert call_tool(served, "add", arguments={"a": 1}).json["result"] == "2"
    assert not answers
    gate.open.set()
    slow.join(30)
    assert answers[0].json["result"] == "through"


def test_calls_under_way_count_as_open_answers(serve):
    gate = Gate()
    served = serve(plugins={"brings": Brings(add, *gate.tools())}, max_streams_per_owner=1)
    slow = threading.Thread(target=lambda: call_tool(served.app.test_client(), "wait"))
    slow.start()
    assert gate.entered.wait(30)
    refused = call_tool(served, "add", arguments={"a": 1})
    assert (refused.status_code, refused.json["code"]) == (429, "TOO_MANY_STREAMS")
    gate.open.set()
    slow.join(30)
    assert call_tool(served, "add", arguments={"a": 1}).status_code == 200


def test_a_server_that_is_about_to_stop_takes_no_call(served):
    served.services.worker.draining = True
    answer = call_tool(served, "look")
    assert (answer.status_code, answer.json["code"]) == (503, "SHUTTING_DOWN")
    assert not seen


def test_a_long_result_is_cut_as_for_a_model(serve):
    @tool
    def talk() -> str:
        """Talk."""
        return "x" * 1_000_000

    answer = call_tool(serve(plugins={"brings": Brings(talk)}), "talk")
    assert len(answer.json["result"]) < 100_000
    assert answer.json["result"].endswith("characters are shown]")
