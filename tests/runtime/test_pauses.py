"""Agents that pause: what is asked, what runs meanwhile, and how a run continues with the answers."""

import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from agentos.cancellation import Cancellation
from agentos.domain.denied import Denied
from agentos.domain.event import Token
from agentos.domain.message import ToolCall
from agentos.domain.pending import Answer, Pending, PendingKind
from agentos.domain.tool_spec import ToolSpec
from agentos.errors import RunCancelled, TurnLimit
from agentos.models.scripted import call
from agentos.tools.context import ToolContext
from agentos.tools.tool import Tool, as_tool, tool
from runtime.pausing import APPROVE, REJECT, Scene, calls_of

done: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


@tool(approval=True)
def transfer(amount: int) -> str:
    """Transfer money."""
    done.append(f"transfer {amount}")
    return f"{amount} transferred"


def look(path: str) -> str:
    """Look into a file."""
    done.append(f"look {path}")
    return "a file"


def paint(thing: str, context: ToolContext) -> str:
    """Paint a thing."""
    done.append(f"paint {thing}")
    colour = context.ask(f"Which colour for {thing}?", {"type": "string", "enum": ["red", "blue"]})
    return f"{thing} is {colour}"


def build(context: ToolContext) -> str:
    """Build something."""
    what = context.ask("What?")
    where = context.ask("Where?")
    return f"a {what} in {where}"


PICK = ToolSpec(
    "pick_file", "Let the user pick a file.", {"type": "object", "properties": {"kind": {"type": "string"}}}
)


def transferring(amount: int = 100, **fields: Any) -> Scene:
    return Scene([[call("transfer", f'{{"amount": {amount}}}')], "Done."], [transfer], **fields)


# --- approvals --------------------------------------------------------------------------------------------------------


def test_a_tool_with_approval_is_not_called_and_has_no_event_before_its_answer() -> None:
    scene = transferring()
    assert calls_of(scene.go()) == []
    (action,) = scene.pending
    assert (action.kind, action.call.name, action.call.arguments) == (
        PendingKind.APPROVAL,
        "transfer",
        '{"amount": 100}',
    )
    assert done == []


def test_an_approved_call_runs_once_and_the_run_continues_without_asking_the_model_again() -> None:
    scene = transferring()
    scene.go()
    scene.answer(APPROVE)
    events = scene.go()
    assert calls_of(events) == [("call_1", "started", None), ("call_1", "completed", "100 transferred")]
    assert [one.token for one in events if isinstance(one, Token)] == ["Done."]
    assert scene.read() == [("assistant", ""), ("tool", "100 transferred")]
    assert (done, len(scene.provider.requests)) == (["transfer 100"], 2)


@pytest.mark.parametrize(("message", "said"), [(None, "it was rejected"), ("not today", "it was rejected: not today")])
def test_a_rejected_call_fails_with_the_message_of_the_approver(message: str | None, said: str) -> None:
    scene = transferring()
    scene.go()
    scene.answer(replace(REJECT, message=message))
    error = f"tool 'transfer' was not called: {said}"
    assert calls_of(scene.go()) == [("call_1", "started", None), ("call_1", "failed", error)]
    assert scene.read()[-1] == ("tool", error)
    assert done == []


def test_an_approver_may_change_the_arguments_and_the_model_sees_what_ran() -> None:
    scene = transferring()
    scene.go()
    scene.answer(Answer(decision="approve", arguments={"amount": 5}))
    scene.go()
    assert done == ["transfer 5"]
    asked = scene.provider.requests[-1].messages[1].tool_calls[0]
    assert asked.arguments == '{"amount":5}'


def test_an_agent_may_name_tools_to_approve() -> None:
    scene = Scene([[call("look", '{"path": "/a"}')], "ok"], [look], approve=["look"])
    scene.go()
    assert [one.kind for one in scene.pending] == [PendingKind.APPROVAL]


def test_what_was_stored_may_not_change() -> None:
    scene = transferring()
    scene.go()
    scene.answer(APPROVE)
    saved = scene.checkpoints[0]
    forged = ToolCall("call_1", "transfer", '{"amount": 9999}')
    message = replace(saved.messages[0], tool_calls=(forged,))
    scene.checkpoints[0] = replace(saved, messages=[message])
    ((_, started, _), (_, failed, error)) = calls_of(scene.go())
    assert (started, failed) == ("started", "failed")
    assert "not what was asked about any more" in str(error)
    assert done == []


def test_what_people_were_shown_is_what_runs() -> None:
    scene = transferring()
    scene.go()
    scene.answer(APPROVE)
    scene.actions[0] = replace(scene.actions[0], call=ToolCall("call_1", "transfer", '{"amount": 1}'))
    assert "not what was asked about" in str(calls_of(scene.go())[-1])
    assert done == []


def test_arguments_of_an_approver_may_not_change_where_they_are_stored() -> None:
    scene = transferring()
    scene.go()
    scene.answer(Answer(decision="approve", arguments={"amount": 5}))
    answer = scene.actions[0].answer
    assert answer is not None
    scene.actions[0] = replace(scene.actions[0], answer=replace(answer, arguments={"amount": 500}))
    assert "not what was approved any more" in str(calls_of(scene.go())[-1])
    assert done == []


def test_another_schema_of_the_tool_is_not_what_was_approved() -> None:
    scene = transferring()
    scene.go()
    scene.answer(APPROVE)

    @tool(name="transfer", approval=True)
    def changed(amount: int, currency: str = "EUR") -> str:
        """Transfer money."""
        done.append(f"{amount} {currency}")
        return "transferred"

    scene.tools = [changed]
    assert "not what was asked about any more" in str(calls_of(scene.go())[-1])
    assert done == []


def test_a_tool_that_is_gone_fails_and_the_model_reads_why() -> None:
    scene = transferring()
    scene.go()
    scene.answer(APPROVE)
    scene.tools = [look]
    assert calls_of(scene.go())[-1] == ("call_1", "failed", "there is no tool 'transfer'; the tools are look")


def test_an_approval_of_one_turn_is_none_for_the_same_call_of_another() -> None:
    same = [call("transfer", '{"amount": 100}')]
    scene = Scene([same, same, "Done."], [transfer])
    scene.go()
    scene.answer(APPROVE)
    scene.go()
    assert [one.call.id for one in scene.pending] == ["call_1"]
    assert done == ["transfer 100"]
    scene.answer(REJECT)
    scene.go()
    assert done == ["transfer 100"]
    assert [content for role, content in scene.read() if role == "tool"] == [
        "100 transferred",
        "tool 'transfer' was not called: it was rejected",
    ]


def test_an_answer_to_a_call_is_none_to_another_tool_that_is_called_by_the_same_id_later() -> None:
    turns = [[call("transfer", '{"amount": 1}')], [call("pick_file")], [call("paint", '{"thing": "door"}')], "Done."]
    scene = Scene(turns, [transfer, paint], approve=["pick_file"], client_tools=[PICK])
    scene.go()
    for answer in (APPROVE, APPROVE, Answer(output="a.txt"), Answer(output="red")):
        scene.answer(answer)
        scene.go()
    assert [content for role, content in scene.read() if role == "tool"] == ["1 transferred", "a.txt", "door is red"]


def test_what_was_approved_in_one_turn_is_asked_about_again_in_the_next() -> None:
    decisions: list[Any] = [Pending(), Pending()]
    same = [call("build")]
    scene = Scene([same, same, "Done."], [build], before_call=lambda *_: decisions.pop(0))
    scene.go()
    scene.answer(APPROVE)
    scene.go()  # the approved call asks
    assert [one.kind for one in scene.pending] == [PendingKind.INPUT]
    decisions[:] = [Pending(), Pending(), None, Pending()]
    for output in ("house", "Rome"):
        scene.answer(Answer(output=output))
        scene.go()
    # In the second turn, the same call needed no approval and asked; now the plugin wants one.
    assert [(one.kind, one.turn) for one in scene.pending] == [(PendingKind.INPUT, 2)]
    scene.answer(Answer(output="barn"))
    scene.go()
    assert [(one.kind, one.turn) for one in scene.pending] == [(PendingKind.APPROVAL, 2)]


# --- the hook ---------------------------------------------------------------------------------------------------------


def test_the_hook_may_have_a_call_approved_with_a_message_and_a_time() -> None:
    scene = Scene(
        [[call("look", '{"path": "/a"}')], "ok"], [look], before_call=lambda *_: Pending("secret", expires_in=60)
    )
    scene.go()
    (action,) = scene.pending
    assert action.message == "secret"
    assert action.expires_at is not None
    assert 59 < (action.expires_at - action.created_at).total_seconds() < 61


def test_without_a_time_the_setting_of_the_server_counts() -> None:
    assert transferring(settings={"pause_timeout": None}).go() is not None
    for seconds, expected in ((0, None), (100, 100)):
        scene = transferring(settings={"pause_timeout": seconds})
        scene.go()
        (action,) = scene.pending
        found = action.expires_at and round((action.expires_at - action.created_at).total_seconds())
        assert found == expected


def test_after_the_answer_the_hook_is_asked_again_and_pending_is_granted() -> None:
    asked: list[str] = []

    def hook(call: ToolCall, context: ToolContext) -> Pending:
        asked.append(call.arguments)
        return Pending()

    scene = Scene([[call("look", '{"path": "/a"}')], "ok"], [look], before_call=hook)
    scene.go()
    scene.answer(Answer(decision="approve", arguments={"path": "/b"}))
    scene.go()
    assert asked == ['{"path": "/a"}', '{"path":"/b"}']
    assert done == ["look /b"]


def test_after_the_answer_a_denial_of_the_hook_counts() -> None:
    said: list[Pending | Denied] = [Pending(), Denied("too late")]
    scene = Scene([[call("look", '{"path": "/a"}')], "ok"], [look], before_call=lambda *_: said.pop(0))
    scene.go()
    scene.answer(APPROVE)
    assert calls_of(scene.go())[-1] == ("call_1", "failed", "tool 'look' was not called, it is denied: too late")
    assert done == []


def test_a_hook_cannot_ask_questions() -> None:
    def hook(call: ToolCall, context: ToolContext) -> None:
        context.ask("May it?")

    scene = Scene([[call("look", '{"path": "/a"}')], "ok"], [look], before_call=hook)
    scene.go()
    assert scene.pending == ()
    assert "context.ask does not work in a hook that decides" in scene.read()[-1][1]
    assert done == []


# --- questions --------------------------------------------------------------------------------------------------------


def test_a_tool_that_asks_is_called_again_from_its_start_and_gets_the_answer() -> None:
    scene = Scene([[call("paint", '{"thing": "door"}')], "ok"], [paint])
    assert calls_of(scene.go()) == [("call_1", "started", None)]
    (action,) = scene.pending
    assert (action.kind, action.message, action.schema) == (
        PendingKind.INPUT,
        "Which colour for door?",
        {"type": "string", "enum": ["red", "blue"]},
    )
    scene.answer(Answer(output="red"))
    assert calls_of(scene.go()) == [("call_1", "completed", "door is red")]  # no second start
    assert done == ["paint door", "paint door"]


def test_questions_come_one_after_the_other_and_each_gets_its_answer() -> None:
    scene = Scene([[call("build")], "ok"], [build])
    scene.go()
    scene.answer(Answer(output="house"))
    assert calls_of(scene.go()) == []
    assert [(one.number, one.message) for one in scene.pending] == [(1, "Where?")]
    scene.answer(Answer(output="Rome"))
    assert calls_of(scene.go()) == [("call_1", "completed", "a house in Rome")]


def test_another_question_than_was_answered_is_asked_anew() -> None:
    scene = Scene([[call("paint", '{"thing": "door"}')], "ok"], [paint])
    scene.go()
    scene.answer(Answer(output="red"))

    def paint_again(thing: str, context: ToolContext) -> str:
        """Paint a thing."""
        return str(context.ask("Which size?"))

    scene.tools = [replace(as_tool(paint), function=paint_again)]
    scene.go()
    assert [one.message for one in scene.pending] == ["Which size?"]


def test_a_question_of_an_approved_call_keeps_the_approval() -> None:
    scene = Scene([[call("paint", '{"thing": "door"}')], "ok"], [paint], approve=["paint"])
    scene.go()
    scene.answer(Answer(decision="approve", arguments={"thing": "wall"}))
    assert calls_of(scene.go()) == [("call_1", "started", None)]
    scene.answer(Answer(output="blue"))
    assert calls_of(scene.go()) == [("call_1", "completed", "wall is blue")]


@pytest.mark.parametrize(
    ("message", "schema", "said"),
    [
        ("", None, "the question of context.ask is ''; accepted is a text that is not empty"),
        (7, None, "the question of context.ask is 7"),
        ("Which?", {"type": 7}, "the schema of context.ask is no JSON schema that is accepted"),
        ("Which?", "string", "the schema of context.ask is 'string'; accepted is a JSON schema, as a dict"),
        ("Which?", {"description": "x" * 70_000}, "accepted are at most 65536"),
    ],
)
def test_a_question_that_cannot_be_asked_fails_the_call(message: Any, schema: Any, said: str) -> None:
    def ask(context: ToolContext) -> str:
        """Ask."""
        return str(context.ask(message, schema))

    scene = Scene([[call("ask")], "ok"], [ask])
    scene.go()
    assert scene.pending == ()
    assert said in scene.read()[-1][1]


def test_a_long_question_is_cut() -> None:
    def ask(context: ToolContext) -> str:
        """Ask."""
        return str(context.ask("x" * 5000))

    scene = Scene([[call("ask")], "ok"], [ask])
    scene.go()
    assert len(scene.pending[0].message or "") == 2000
    scene.answer(Answer(output="y"))
    assert calls_of(scene.go()) == [("call_1", "completed", "y")]


# --- client tools -----------------------------------------------------------------------------------------------------


def test_a_client_tool_is_shown_to_the_model_and_pending_when_it_is_called() -> None:
    scene = Scene([[call("pick_file", '{"kind": "pdf"}')], "ok"], [look], client_tools=[PICK])
    assert calls_of(scene.go()) == []
    assert [one.name for one in scene.provider.requests[0].tools] == ["look", "pick_file"]
    (action,) = scene.pending
    assert (action.kind, action.call.name) == (PendingKind.CLIENT_TOOL, "pick_file")


@pytest.mark.parametrize(
    ("answer", "status", "read"),
    [
        (Answer(output="/tmp/a.pdf"), "completed", "/tmp/a.pdf"),
        (Answer(output={"path": "a"}), "completed", '{"path":"a"}'),
        (Answer(output=None), "completed", "null"),
        (Answer(error="the user closed the dialog"), "failed", "the user closed the dialog"),
    ],
)
def test_the_model_reads_what_the_client_gave(answer: Answer, status: str, read: str) -> None:
    scene = Scene([[call("pick_file", '{"kind": "pdf"}')], "ok"], client_tools=[PICK])
    scene.go()
    scene.answer(answer)
    assert calls_of(scene.go()) == [("call_1", "started", None), ("call_1", status, read)]
    assert scene.read()[-1] == ("tool", read)


def test_a_long_result_of_a_client_is_cut_once() -> None:
    scene = Scene([[call("pick_file", "{}")], "ok"], client_tools=[PICK])
    scene.go()
    scene.answer(Answer(output="x" * 100_000))
    scene.go()
    assert scene.read()[-1][1].endswith("x\n[cut here: 65536 of 100000 characters are shown]")
    assert scene.read()[-1][1].count("cut here") == 1


def test_a_denial_after_the_client_executed_its_tool_counts() -> None:
    said: list[Denied | None] = [None, Denied("too late")]
    scene = Scene([[call("pick_file", "{}")], "ok"], client_tools=[PICK], before_call=lambda *_: said.pop(0))
    scene.go()
    scene.answer(Answer(output="secret"))
    scene.go()
    assert scene.read()[-1] == ("tool", "tool 'pick_file' was not called, it is denied: too late")


def test_bad_arguments_of_a_client_tool_are_answered_to_the_model() -> None:
    scene = Scene([[call("pick_file", '{"kind": 7}')], "ok"], client_tools=[PICK])
    scene.go()
    assert scene.pending == ()
    assert "arguments of tool 'pick_file' are not accepted" in scene.read()[-1][1]


def test_a_client_tool_that_needs_an_approval_is_approved_first() -> None:
    scene = Scene([[call("pick_file", "{}")], "ok"], client_tools=[PICK], before_call=lambda *_: Pending())
    scene.go()
    scene.answer(APPROVE)
    assert calls_of(scene.go()) == []
    assert [one.kind for one in scene.pending] == [PendingKind.CLIENT_TOOL]
    scene.answer(Answer(output="x"))
    assert calls_of(scene.go())[-1] == ("call_1", "completed", "x")


def test_a_tool_of_the_server_that_came_meanwhile_takes_no_result_of_a_client() -> None:
    scene = Scene([[call("pick_file", '{"kind": "pdf"}')], "ok"], client_tools=[PICK])
    scene.go()
    scene.answer(Answer(output="/tmp/a.pdf"))

    def pick_file(path: str) -> str:
        """Pick."""
        return path

    scene.tools = [pick_file]
    assert "the client's result does not count" in str(calls_of(scene.go())[-1])


# --- all at once ------------------------------------------------------------------------------------------------------


def _step() -> list[Any]:
    calls = [
        ("transfer", '{"amount": 7}'),  # needs an approval
        ("look", '{"path": "/free"}'),  # needs nobody
        ("look", '{"path": "/secret"}'),  # is denied
        ("paint", '{"thing": "door"}'),  # asks
        ("pick_file", "{}"),  # the client's
        ("no_such_tool", "{}"),
        ("look", '{"path": 5}'),  # bad arguments
        ("look", "{broken"),
    ]
    return [call(name, text, id=f"c{number}", index=number) for number, (name, text) in enumerate(calls)]


def _policy(call: ToolCall, context: ToolContext) -> Denied | None:
    return Denied("no secrets") if "secret" in call.arguments else None


def test_of_parallel_calls_those_that_need_nobody_run_once_and_the_others_wait_together() -> None:
    scene = Scene(
        [["Let me see. ", *_step()], "Done."],
        [transfer, look, paint],
        before_call=_policy,
        client_tools=[PICK],
    )
    events = calls_of(scene.go())

    assert [(id, status) for id, status, _ in events if status == "started"] == [
        (f"c{number}", "started") for number in (1, 2, 3, 5, 6, 7)
    ]
    ended = {id: (status, text) for id, status, text in events if status != "started"}
    assert ended["c1"] == ("completed", "a file")
    assert ended["c2"] == ("failed", "tool 'look' was not called, it is denied: no secrets")
    assert {id: status for id, (status, _) in ended.items()} == {
        "c1": "completed",
        "c2": "failed",
        "c5": "failed",
        "c6": "failed",
        "c7": "failed",
    }
    assert [(one.call.id, one.kind.value) for one in scene.pending] == [
        ("c0", "approval"),
        ("c3", "input"),
        ("c4", "client_tool"),
    ]
    assert done == ["look /free", "paint door"]

    scene.answer(APPROVE, Answer(output="blue"), Answer(output="a.txt"))
    events = calls_of(scene.go())
    assert [id for id, status, _ in events if status == "started"] == ["c0", "c4"]
    assert {id: text for id, status, text in events if status == "completed"} == {
        "c0": "7 transferred",
        "c3": "door is blue",
        "c4": "a.txt",
    }
    assert sorted(done) == ["look /free", "paint door", "paint door", "transfer 7"]
    results = [message.tool_call_id for message in scene.provider.requests[-1].messages if message.role == "tool"]
    assert results == [f"c{number}" for number in range(8)]
    assert [one.id for one in scene.provider.requests[-1].messages[1].tool_calls] == results


def test_hooks_are_asked_about_all_calls_before_the_first_one_runs() -> None:
    asked: list[str] = []

    def hook(call: ToolCall, context: ToolContext) -> None:
        assert done == []
        asked.append(call.id)

    calls = [call("look", f'{{"path": "/{number}"}}', id=f"c{number}", index=number) for number in range(20)]
    scene = Scene([calls, "ok"], [look], before_call=hook)
    scene.go()
    assert sorted(asked) == sorted(f"c{number}" for number in range(20))
    assert len(done) == 20
    assert [id for id, status, _ in calls_of(scene.go()) if status == "started"] == [f"c{n}" for n in range(20)]


def test_a_cancelled_run_does_not_wait_for_what_decides() -> None:
    decided = threading.Event()
    cancellation = Cancellation()

    def hook(call: ToolCall, context: ToolContext) -> None:
        cancellation.cancel(RunCancelled("stop"))
        decided.wait(5)

    scene = Scene([[call("look", '{"path": "/a"}')], "ok"], [look], before_call=hook)
    events = scene.agent().stream(replace(scene.context, cancellation=cancellation))
    begun = time.monotonic()
    with pytest.raises(RunCancelled):
        list(events)
    assert time.monotonic() - begun < 3
    decided.set()
    assert done == []


def test_turns_before_a_pause_count() -> None:
    step = [call("transfer", '{"amount": 1}')]
    scene = Scene([step, step, step], [transfer], max_turns=2)
    scene.go()
    scene.answer(APPROVE)
    with pytest.raises(TurnLimit):
        scene.go()
    assert len(scene.provider.requests) == 2
    assert done == ["transfer 1"]


def test_outside_of_a_run_a_call_that_would_wait_fails() -> None:
    from agentos.tools.executor import ToolExecutor

    tools: dict[str, Tool] = {"transfer": as_tool(transfer), "paint": as_tool(paint)}
    context = ToolContext(run_id="r", agent_id="a")
    calls = [ToolCall("1", "transfer", '{"amount": 1}'), ToolCall("2", "paint", '{"thing": "door"}')]
    errors = {one.tool_call_id: str(one.error) for one in ToolExecutor(5).execute(calls, tools, context)}
    assert errors["1"] == "tool 'transfer' was not called: it needs an approval, for which only a run can wait"
    assert "context.ask does not work outside of a run" in errors["2"]
