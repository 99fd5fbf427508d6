"""Joining tool calls from their pieces."""

import pytest

from agentos.domain.message import ToolCall
from agentos.errors import ProviderError
from agentos.models.deltas import ToolCallDelta
from agentos.runtime.model_response import CallAssembler


def _assembled(*deltas: ToolCallDelta) -> list[ToolCall]:
    assembler = CallAssembler(1000)
    for delta in deltas:
        assembler.add(delta)
    return assembler.calls()


def test_parallel_calls_split_over_deltas_are_joined_each() -> None:
    calls = _assembled(
        ToolCallDelta(0, id="a", name="add"),
        ToolCallDelta(1, id="b", name="sub", arguments='{"x"'),
        ToolCallDelta(0, arguments='{"a":'),
        ToolCallDelta(1, arguments=":1}"),
        ToolCallDelta(0, arguments="1}"),
    )
    assert calls == [ToolCall("a", "add", '{"a":1}'), ToolCall("b", "sub", '{"x":1}')]


def test_a_call_without_an_id_gets_one() -> None:
    (call,) = _assembled(ToolCallDelta(0, name="add", arguments="{}"))
    assert call.id.startswith("call_")


@pytest.mark.parametrize("ids", [(None, None), ("", ""), ("x", "x"), ("x", None), (None, "x"), ("x y", "x y")])
def test_each_call_has_an_id_of_its_own(ids: tuple[str | None, str | None]) -> None:
    deltas = [ToolCallDelta(number, id=id, name="add", arguments="{}") for number, id in enumerate((*ids, ids[0]))]
    assert len({call.id for call in _assembled(*deltas)}) == 3


def test_calls_that_share_an_id_are_told_apart() -> None:
    first, second = _assembled(ToolCallDelta(0, id="x", name="add"), ToolCallDelta(1, id="x", name="add"))
    assert first.id == "x" != second.id


def test_arguments_without_an_end_are_stopped() -> None:
    assembler = CallAssembler(100)
    for _ in range(100):
        assembler.add(ToolCallDelta(0, arguments="x"))
    with pytest.raises(ProviderError, match="100 characters"):
        assembler.add(ToolCallDelta(0, arguments="x"))


def test_details_of_a_call_are_joined_field_by_field() -> None:
    first, second = _assembled(
        ToolCallDelta(0, id="a", name="add", provider_details={"extra_content": 1, "x": 1}),
        ToolCallDelta(1, id="b", name="add", arguments="{}"),
        ToolCallDelta(0, provider_details={"extra_content": 2}),
    )
    assert first.provider_details == {"extra_content": 2, "x": 1}
    assert second.provider_details is None


@pytest.mark.parametrize("id", ["", "with space", "nul\0", "x" * 129, "\ud800"])
def test_an_id_that_cannot_be_kept_is_replaced(id: str) -> None:
    (call,) = _assembled(ToolCallDelta(0, id=id, name="add"))
    assert call.id.startswith("call_")


def test_a_name_that_servers_refuse_is_made_harmless() -> None:
    (call,) = _assembled(ToolCallDelta(0, id="a", name="rm -rf /\0" + "x" * 100))
    assert call.name == "rm_-rf___" + "x" * 55
