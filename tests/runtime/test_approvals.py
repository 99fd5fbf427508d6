"""Which calls a person has to approve, on which terms, and what an approval and a remembered decision count for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agentos.domain.message import ToolCall
from agentos.domain.pending import Answer, Asked, Pending, strictest
from agentos.domain.remembered import RememberedDecision, RememberedScope
from agentos.errors import InvalidRequest, PluginError, StorageError
from agentos.models.scripted import call
from agentos.tools.action_hash import arguments_hash
from agentos.tools.approval import Approval
from agentos.tools.context import ToolContext
from agentos.tools.tool import as_tool, tool
from runtime.pausing import APPROVE, REJECT, Scene, calls_of

BY_OTHER = replace(APPROVE, answered_as="other")
BY_OWNER = replace(APPROVE, answered_as="owner")

done: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


def transfer(amount: int, to: str = "ann") -> str:
    """Transfer money."""
    done.append(f"{amount} to {to}")
    return "transferred"


def paying(approval: Any, amount: int = 500, **fields: Any) -> Scene:
    made = replace(as_tool(transfer), approval=approval)
    return Scene([[call("transfer", f'{{"amount": {amount}}}')], "Done."], [made], **fields)


def edited(amount: int, **fields: Any) -> Answer:
    return Answer(decision="approve", arguments={"amount": amount}, **fields)


# --- who is asked, and when -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "message"),
    [(True, None), ("above 100", "above 100"), ("", None), (Pending("by a plugin's value"), "by a plugin's value")],
)
def test_a_function_may_have_a_call_approved(said: Any, message: str | None) -> None:
    scene = paying(lambda call, context: said)
    scene.go()
    (action,) = scene.pending
    assert (action.message, action.approver, action.on_expiry, action.rule) == (message, "owner", "reject", "tool")
    assert done == []


@pytest.mark.parametrize("said", [False, None])
def test_a_function_may_let_a_call_run(said: object) -> None:
    scene = paying(lambda call, context: said)
    assert calls_of(scene.go())[-1] == ("call_1", "completed", "transferred")


@pytest.mark.parametrize(("amount", "waits"), [(101, True), (100, False)])
def test_a_function_is_given_the_arguments_and_the_context(amount: int, waits: bool) -> None:
    seen: list[ToolContext] = []

    def above_100(call: ToolCall, context: ToolContext) -> bool:
        seen.append(context)
        return bool(call.parsed_arguments["amount"] > 100)

    scene = paying(above_100, amount, session_id="s")
    scene.go()
    assert bool(scene.pending) is waits
    assert (seen[0].agent_id, seen[0].session_id) == ("clerk", "s")


def test_an_approval_has_its_terms_and_a_value_of_its_function_the_stricter_ones() -> None:
    terms = Approval(when=lambda *_: True, approver="other", message="Who?", expires_in=60, on_expiry="fail")
    scene = paying(terms)
    scene.go()
    (action,) = scene.pending
    assert (action.approver, action.message, action.on_expiry) == ("other", "Who?", "fail")
    assert action.expires_at is not None
    assert round((action.expires_at - action.created_at).total_seconds()) == 60

    said = Pending("a million", approver="other", expires_in=90, rule="million")
    scene = paying(Approval(when=lambda *_: said, message="Who?", expires_in=60, remember=True), session_id="s")
    scene.go()
    (action,) = scene.pending
    assert (action.approver, action.message, action.remember, action.rule) == (
        "other",
        "a million",
        False,
        "tool:million",
    )
    assert action.expires_at is not None
    assert round((action.expires_at - action.created_at).total_seconds()) == 60


def test_a_decorated_tool_has_the_same_terms() -> None:
    @tool(approval=lambda call, context: "Really?", remember=True)
    def remove(path: str) -> str:
        """Remove a file."""
        return path

    scene = Scene([[call("remove", '{"path": "/a"}')], "ok"], [remove], session_id="s")
    scene.go()
    (action,) = scene.pending
    assert (action.message, action.remember) == ("Really?", True)


def raising(error: BaseException) -> Callable[..., Any]:
    def when(call: ToolCall, context: ToolContext) -> bool:
        raise error

    return when


@pytest.mark.parametrize(
    "when",
    [
        raising(RuntimeError("password=hunter2")),
        raising(KeyError("amount")),
        lambda call, context: 1,
        lambda call, context: ["hunter2"],
        lambda call, context: context.ask("May it?"),
        lambda call: True,
    ],
)
def test_a_function_that_cannot_decide_lets_no_call_run(when: Any, caplog: pytest.LogCaptureFixture) -> None:
    scene = paying(when)
    with caplog.at_level(logging.ERROR, "agentos.tools"):
        error = str(calls_of(scene.go())[-1][2])
    assert error.endswith("it could not be found out whether the call needs an approval")
    assert (scene.pending, done) == ((), [])
    assert "hunter2" not in str(scene.read())
    (line,) = [one for one in caplog.records if "approval" in one.message]
    assert (line.tool, line.run_id) == ("transfer", "r")  # type: ignore[attr-defined]


def test_a_function_that_exits_lets_no_call_run() -> None:
    scene = paying(raising(SystemExit(1)))
    assert calls_of(scene.go())[-1][1] == "failed"
    assert done == []


@pytest.mark.parametrize("approval", [None, "yes", 1, [True], Approval])
def test_what_no_approval_is_is_refused(approval: Any) -> None:
    with pytest.raises(PluginError, match=r"approval is .*accepted: True, False, a function, or an Approval"):
        replace(as_tool(transfer), approval=approval)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"when": False}, "when is False"),
        ({"when": "amount"}, "when is 'amount'"),
        ({"approver": "boss"}, "approver is 'boss'; accepted: 'owner' or 'other'"),
        ({"on_expiry": "approve"}, "on_expiry is 'approve'; accepted: 'reject' or 'fail'"),
        ({"remember": "session"}, "remember is 'session'; accepted: True or False"),
        ({"expires_in": 0}, "expires_in is 0"),
        ({"message": 7}, "the message is 7"),
    ],
)
def test_terms_that_cannot_be_right_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        Approval(**fields)
    assert said in str(raised.value)


def test_to_remember_needs_an_approval() -> None:
    with pytest.raises(PluginError, match="remember=True is accepted with an approval only"):
        tool(remember=True)


# --- several that ask -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ([Pending("a", approver="other"), Pending("b")], Pending("a", approver="other")),
        ([Pending("a"), Pending("b", approver="other")], Pending("b", approver="other")),
        ([Pending("a", expires_in=90), Pending("b", expires_in=60)], Pending("a", expires_in=60)),
        ([Pending(), Pending("b", expires_in=60)], Pending("b", expires_in=60)),
        ([Pending(on_expiry="fail"), Pending()], Pending(on_expiry="fail")),
        ([Pending(remember=True), Pending(remember=True)], Pending(remember=True)),
        ([Pending(remember=True), Pending()], Pending()),
    ],
)
def test_of_several_the_strictest_terms_hold(asked: list[Pending], expected: Pending) -> None:
    rules = ["tool", "plugin:a", "tool"]
    merged = strictest([Asked(one, rule) for one, rule in zip(asked, rules, strict=False)])
    assert merged == Asked(expected, "tool,plugin:a")


def test_tool_agent_and_plugin_ask_for_one_approval() -> None:
    scene = paying(
        Approval(remember=True),
        approve=["transfer"],
        before_call=lambda *_: Pending("two people", approver="other", remember=True),
        session_id="s",
    )
    scene.go()
    (action,) = scene.pending
    assert (action.rule, action.approver, action.message) == ("tool,agent,plugin:policy", "other", "two people")
    assert not action.remember  # what an agent asks for is not remembered


# --- what an approval counts for --------------------------------------------------------------------------------------


def above_100_by_other(call: ToolCall, context: ToolContext) -> Pending | bool:
    """Have large amounts approved by another person, and the others by anybody."""
    return Pending("a large amount", approver="other") if call.parsed_arguments["amount"] > 100 else True


def test_a_function_is_asked_again_about_the_arguments_that_run() -> None:
    seen: list[Any] = []

    def when(call: ToolCall, context: ToolContext) -> bool:
        seen.append(call.parsed_arguments)
        return True

    scene = paying(when)
    scene.go()
    scene.answer(edited(50))
    scene.go()
    assert (seen, done) == ([{"amount": 500}, {"amount": 50}], ["50 to ann"])


def test_an_edit_that_needs_another_approver_waits_for_that_one_with_the_edited_arguments() -> None:
    scene = paying(above_100_by_other, 50)
    scene.go()
    scene.answer(edited(5000, answered_as="owner"))
    assert calls_of(scene.go()) == []
    (action,) = scene.pending
    assert (action.approver, action.message, action.call.parsed_arguments) == (
        "other",
        "a large amount",
        {"amount": 5000},
    )
    scene.answer(BY_OTHER)
    scene.go()
    assert done == ["5000 to ann"]
    assert scene.provider.requests[-1].messages[1].tool_calls[0].arguments == '{"amount":5000}'


def test_the_other_approver_may_reject_the_edit_or_edit_it_again() -> None:
    for answer, expected in ((REJECT, []), (edited(7, answered_as="other"), ["7 to ann"])):
        scene = paying(above_100_by_other, 50)
        scene.go()
        scene.answer(edited(5000, answered_as="owner"))
        scene.go()
        scene.answer(answer)
        scene.go()
        assert done == expected


def test_an_approval_of_the_owner_does_not_count_where_another_has_to_approve() -> None:
    scene = paying(Approval(approver="other"))
    scene.go()
    scene.answer(BY_OWNER)  # an earlier version took it
    scene.go()
    assert [one.approver for one in scene.pending] == ["other"]
    scene.answer(replace(APPROVE, answered_as=None))
    scene.go()
    assert [one.approver for one in scene.pending] == ["other"]
    scene.answer(BY_OTHER)
    scene.go()
    assert done == ["500 to ann"]


def test_a_call_that_was_edited_twice_may_ask_a_question_afterwards() -> None:
    def when(call: ToolCall, context: ToolContext) -> Pending | bool:
        return above_100_by_other(call, context)

    @tool(name="transfer", approval=when)
    def asking(amount: int, context: ToolContext) -> str:
        """Transfer money."""
        done.append(f"{amount} to {context.ask('To whom?')}")
        return "transferred"

    scene = Scene([[call("transfer", '{"amount": 50}')], "Done."], [asking])
    scene.go()
    scene.answer(edited(5000, answered_as="owner"))
    scene.go()
    scene.answer(edited(4000, answered_as="other"))
    assert calls_of(scene.go()) == [("call_1", "started", None)]
    scene.answer(Answer(output="ann"))
    scene.go()
    assert done == ["4000 to ann"]


def test_the_first_of_two_approvals_may_not_change_where_it_is_stored() -> None:
    scene = paying(above_100_by_other, 50)
    scene.go()
    scene.answer(edited(5000, answered_as="owner"))
    scene.go()
    scene.answer(BY_OTHER)
    first = scene.actions[0].answer
    assert first is not None
    scene.actions[0] = replace(scene.actions[0], answer=replace(first, arguments={"amount": 6000}))
    assert "not what was a" in str(calls_of(scene.go())[-1])
    assert done == []


def test_a_second_approval_counts_for_what_the_first_one_left() -> None:
    scene = paying(above_100_by_other, 50)
    scene.go()
    scene.answer(edited(5000, answered_as="owner"))
    scene.go()
    scene.answer(BY_OTHER)
    forged = ToolCall("call_1", "transfer", '{"amount":9000}')
    spec = scene.agent().tools["transfer"].spec
    hashed = arguments_hash("clerk", spec, forged.parsed_arguments, scene.actions[1].turn)
    scene.actions[1] = replace(scene.actions[1], call=forged, arguments_hash=hashed)
    assert "not what was asked about" in str(calls_of(scene.go())[-1])
    assert done == []


# --- remembered decisions ---------------------------------------------------------------------------------------------


class Memory:
    """Remembers one decision, and what it was asked for."""

    def __init__(self, decision: RememberedDecision | Exception | None = None) -> None:
        self.decision = decision
        self.asked: list[RememberedScope] = []

    def __call__(self, scope: RememberedScope) -> RememberedDecision | None:
        self.asked.append(scope)
        if isinstance(self.decision, Exception):
            raise self.decision
        return self.decision


def remembering(memory: Memory, approval: Any = None, **fields: Any) -> Scene:
    given = Approval(remember=True) if approval is None else approval
    return paying(given, settings={"find_remembered": memory}, **{"session_id": "s", **fields})


YES = RememberedDecision(id="m1", decision="approve", answered_by="key:4f")
NO = RememberedDecision(id="m2", decision="reject", message="not this week")


def test_a_remembered_approval_lets_the_call_run_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    memory = Memory(YES)
    scene = remembering(memory)
    with caplog.at_level(logging.INFO, "agentos.tools"):
        events = scene.go()
    assert [one[1] for one in calls_of(events)] == ["started", "completed"]
    assert done == ["500 to ann"]
    (asked,) = memory.asked
    assert asked == RememberedScope(
        owner="anonymous",
        session_id="s",
        agent_id="clerk",
        tool="transfer",
        rule="tool",
        schema_hash=asked.schema_hash,
    )
    (line,) = [one for one in caplog.records if one.message == "a remembered decision decided about a tool call"]
    assert (line.remembered, line.decision, line.rule, line.run_id) == ("m1", "approve", "tool", "r")  # type: ignore[attr-defined]


def test_a_remembered_rejection_is_read_by_the_model() -> None:
    scene = remembering(Memory(NO))
    error = "tool 'transfer' was not called: it was rejected for this session: not this week"
    assert calls_of(scene.go())[-1] == ("call_1", "failed", error)
    assert done == []


@pytest.mark.parametrize(
    ("memory", "fields"),
    [
        (Memory(), {}),
        (Memory(StorageError("the database is away")), {}),
        (Memory(YES), {"session_id": None}),
        (Memory(YES), {"approval": Approval()}),
        (Memory(YES), {"approve": ["transfer"]}),
        (Memory(YES), {"approval": Approval(remember=True, approver="other")}),
    ],
)
def test_without_a_remembered_decision_that_counts_a_person_is_asked(memory: Memory, fields: dict[str, Any]) -> None:
    scene = remembering(memory, **fields)
    scene.go()
    assert (len(scene.pending), done) == (1, [])


def test_a_decision_of_another_person_counts_where_another_has_to_approve() -> None:
    remembering(Memory(replace(YES, answered_as="other")), Approval(remember=True, approver="other")).go()
    assert done == ["500 to ann"]


@pytest.mark.parametrize("approval", [False, Approval(), Approval(when=lambda *_: False, remember=True)])
def test_no_memory_is_asked_where_no_call_would_wait_for_what_is_remembered(approval: Any) -> None:
    memory = Memory(YES)
    remembering(memory, approval).go()
    assert memory.asked == []


def test_a_decision_is_remembered_for_the_rule_that_asked() -> None:
    memory = Memory()
    both = Approval(when=lambda *_: Pending(remember=True, rule="large"), remember=True)
    remembering(memory, both, before_call=lambda *_: Pending(remember=True)).go()
    assert [one.rule for one in memory.asked] == ["tool:large,plugin:policy"]


def test_only_a_decision_that_may_be_remembered_is_taken_as_such() -> None:
    def refusal(scene: Scene, answer: Answer) -> str:
        scene.go()
        with pytest.raises(InvalidRequest) as refused:
            scene.answer(answer)
        return refused.value.message

    remember = replace(APPROVE, remember="session")
    assert "does not have remember=True" in refusal(remembering(Memory(), Approval()), remember)
    assert "the run has no session" in refusal(remembering(Memory(), session_id=None), remember)
    assert "not accepted together with 'arguments'" in refusal(
        remembering(Memory()), replace(edited(5), remember="session")
    )
    unknown: Any = replace(APPROVE, remember="for ever")
    assert "is 'for ever'; accepted is 'session'" in refusal(remembering(Memory()), unknown)
    for decision in (remember, replace(REJECT, remember="session")):
        scene = remembering(Memory())
        scene.go()
        scene.answer(decision)
        (action,) = scene.actions
        assert action.answer is not None
        assert action.answer.remember == "session"
