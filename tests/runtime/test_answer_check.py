"""Which answers are taken for which action, and as what they are kept."""

from collections.abc import Iterator
from typing import Any

import pytest

from agentos.domain.pending import Answer, PendingAction
from agentos.domain.tool_spec import ToolSpec
from agentos.errors import InvalidRequest
from agentos.models.scripted import call
from agentos.runtime.answer_check import check_answer
from agentos.runtime.context import RunContext
from agentos.tools.context import ToolContext
from agentos.tools.tool import Tool, as_tool, tool
from runtime.pausing import Scene


@tool(approval=True)
def transfer(amount: int, to: str = "Ada") -> str:
    """Transfer money."""
    return f"{amount} to {to}"


def paint(context: ToolContext) -> str:
    """Paint."""
    return str(context.ask("Which colour?", {"type": "object", "properties": {"colour": {"enum": ["red", "blue"]}}}))


PICK = ToolSpec("pick_file", "Let the user pick a file.", {"type": "object"})


def waiting(name: str, arguments: str = "{}") -> tuple[PendingAction, Scene]:
    scene = Scene([[call(name, arguments)], "ok"], [transfer, paint], client_tools=[PICK])
    scene.go()
    (action,) = scene.pending
    return action, scene


def approval() -> tuple[PendingAction, Scene]:
    return waiting("transfer", '{"amount": 100}')


def question() -> tuple[PendingAction, Scene]:
    return waiting("paint")


def client_tool() -> tuple[PendingAction, Scene]:
    return waiting("pick_file")


@pytest.mark.parametrize(
    ("made", "answer", "field", "said"),
    [
        (approval, {}, "decision", "accepted are 'approve' and 'reject'"),
        (approval, {"decision": "yes"}, "decision", "is 'yes'; accepted are 'approve' and 'reject'"),
        (approval, {"decision": "approve", "output": 1}, "output", "accepted: decision, arguments, message"),
        (approval, {"decision": "approve", "error": "no"}, "error", "is not accepted for an action of kind 'approval'"),
        (approval, {"decision": "reject", "arguments": {"amount": 1}}, "arguments", "with the decision 'reject'"),
        (approval, {"decision": "approve", "arguments": {"amount": "x"}}, "arguments", "amount is"),
        (approval, {"decision": "approve", "arguments": {"amount": 1, "by": 2}}, "arguments", '"by" is not known'),
        (approval, {"decision": "approve", "arguments": [1]}, "arguments", "accepted is an object"),
        (approval, {"decision": "approve", "arguments": {"amount": 1, "to": "\0"}}, "arguments", "U+0000"),
        (
            approval,
            {"decision": "approve", "arguments": {"amount": 1, "to": "x" * 70_000}},
            "arguments",
            "at most 65536",
        ),
        (approval, {"decision": "approve", "arguments": {"amount": 2**70}}, "arguments", "64 bits"),
        (approval, {"decision": "approve", "message": "x" * 2001}, "message", "at most 2000 characters"),
        (question, {"decision": "approve"}, "decision", "accepted: output"),
        (question, {"error": "no"}, "error", "accepted: output"),
        (question, {"output": {"colour": "green"}}, "output", "at '/colour'"),
        (question, {"output": "x" * 70_000}, "output", "at most 65536"),
        (question, {"output": {"a": {1, 2}}}, "output", "is no JSON"),
        (client_tool, {"decision": "approve"}, "decision", "accepted: output, error"),
        (client_tool, {"error": ""}, "error", "accepted is a text that is not empty"),
        (client_tool, {"error": "no", "output": "x"}, "error", "give one of them"),
        (client_tool, {"output": object()}, "output", "cannot be written as JSON"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_and_its_field_named(
    made: Any, answer: dict[str, Any], field: str, said: str
) -> None:
    action, scene = made()
    with pytest.raises(InvalidRequest) as refused:
        check_answer(action, Answer(**answer), scene.agent(), agent_id="clerk")
    assert refused.value.message.startswith(f"field {field!r} of the answer to action {action.id!r}")
    assert said in refused.value.message
    assert list(refused.value.details["fields"]) == [field]


def test_arguments_of_an_approver_have_a_hash_of_their_own_and_it_does_not_depend_on_their_order() -> None:
    action, scene = approval()
    first = check_answer(
        action, Answer(decision="approve", arguments={"amount": 1, "to": "Bo"}), scene.agent(), agent_id="clerk"
    )
    second = check_answer(
        action, Answer(decision="approve", arguments={"to": "Bo", "amount": 1}), scene.agent(), agent_id="clerk"
    )
    assert first == second
    assert first.arguments_hash not in (None, action.arguments_hash)


def test_a_hash_that_the_caller_gives_does_not_count() -> None:
    action, scene = approval()
    given = Answer(decision="approve", arguments_hash="x")
    assert check_answer(action, given, scene.agent(), agent_id="clerk").arguments_hash is None


def test_arguments_are_refused_where_the_tool_is_gone() -> None:
    action, scene = approval()
    scene.tools = [paint]
    with pytest.raises(InvalidRequest, match="the agent has no tool 'transfer' any more"):
        check_answer(action, Answer(decision="approve", arguments={"amount": 1}), scene.agent(), agent_id="clerk")


def test_a_converter_that_fails_refuses_the_arguments() -> None:
    def convert(arguments: Any) -> dict[str, Any]:
        raise RuntimeError("secret")

    action, scene = approval()
    own: Tool = as_tool(transfer)
    scene.tools = [Tool(name="transfer", description="", parameters=own.parameters, function=len, convert=convert)]
    with pytest.raises(InvalidRequest, match=r"tool 'transfer' raised RuntimeError$"):
        check_answer(action, Answer(decision="approve", arguments={"amount": 1}), scene.agent(), agent_id="clerk")


def test_a_question_without_a_schema_takes_any_json() -> None:
    def ask(context: ToolContext) -> str:
        """Ask."""
        return str(context.ask("What?"))

    scene = Scene([[call("ask")], "ok"], [ask])
    scene.go()
    for output in (None, 1, "a", [1], {"a": None}):
        assert check_answer(scene.pending[0], Answer(output=output), scene.agent(), agent_id="clerk").output == output


def test_what_a_client_gave_is_kept_as_the_model_reads_it_and_cut() -> None:
    action, scene = client_tool()
    assert check_answer(action, Answer(output={"a": 1}), scene.agent(), agent_id="clerk").output == '{"a":1}'
    long = check_answer(action, Answer(output="x" * 10**6), scene.agent(), agent_id="clerk").output
    assert len(long) < 66_000
    assert long.endswith("[cut here: 65536 of 1000000 characters are shown]")
    assert len(check_answer(action, Answer(error="x" * 10**6), scene.agent(), agent_id="clerk").error or "") < 66_000


def test_the_same_answer_is_kept_as_the_same() -> None:
    action, scene = client_tool()
    given = Answer(output=["x" * 10**6])
    assert check_answer(action, given, scene.agent(), agent_id="clerk") == check_answer(
        action, given, scene.agent(), agent_id="clerk"
    )


class OfAnother:
    """An agent that is not ours: the server does not know its tools."""

    def stream(self, context: RunContext) -> Iterator[str]:
        yield "hello"


def test_arguments_for_a_tool_of_an_agent_that_is_not_ours_are_any_object_with_a_hash_of_their_own() -> None:
    action, _ = approval()
    given = [Answer(decision="approve", arguments=arguments) for arguments in ({"a": [1], "b": 2}, {"b": 2, "a": [1]})]
    first, second = (check_answer(action, one, OfAnother(), agent_id="clerk") for one in given)
    assert first == second
    assert first.arguments == {"a": [1], "b": 2}
    other = check_answer(action, Answer(decision="approve", arguments={}), OfAnother(), agent_id="clerk")
    assert len({first.arguments_hash, other.arguments_hash, action.arguments_hash, None}) == 4


@pytest.mark.parametrize(
    ("arguments", "said"), [([1], "accepted is an object"), ({"a": "x" * 100}, "accepted are at most 64")]
)
def test_arguments_that_are_no_object_or_too_large_are_refused_for_every_agent(arguments: Any, said: str) -> None:
    action, _ = approval()
    with pytest.raises(InvalidRequest, match=said):
        check_answer(action, Answer(decision="approve", arguments=arguments), OfAnother(), agent_id="clerk", most=64)


def test_an_approval_of_an_agent_that_is_not_ours_cannot_be_remembered() -> None:
    action, _ = approval()
    with pytest.raises(InvalidRequest, match="decide without it"):
        check_answer(action, Answer(decision="approve", remember="session"), OfAnother(), agent_id="clerk")
