import datetime
from collections.abc import Iterable
from typing import Annotated, Any

import pytest

from agentos.testing.tools import ToolCallFailed, ToolContract, call_tool
from agentos.tools.tool import Tool, Toolkit, tool


@tool
def greet(name: Annotated[str, "Whom to greet."]) -> str:
    """Greet somebody."""
    return f"Hello {name}!"


class Clock(Toolkit):
    @tool
    def today(self) -> datetime.date:
        """Tell the date."""
        return datetime.date(2026, 1, 31)


def undocumented(name: Annotated[str, "A name."]) -> None: ...


def unexplained(name: str) -> None:
    """Do something."""


def careless(**given: Any) -> None:
    """Take anything."""


CARELESS = Tool(name="careless", description="Take anything.", parameters={"type": "object"}, function=careless)


class TestToolsThatKeepTheContract(ToolContract):
    def tools(self) -> Iterable[Any]:
        return [greet, Clock()]


def check(contract: ToolContract) -> None:
    for name in dir(contract):
        if name.startswith("test_"):
            getattr(contract, name)()


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ([], "returned no tool"),
        ([greet, greet], "a name is there twice"),
        ([undocumented], "undocumented has no description"),
        ([unexplained], "parameter name of unexplained has no description"),
        ([CARELESS], "careless accepts arguments that it does not know"),
    ],
)
def test_tools_that_break_the_contract_are_found(tools: list[Any], said: str) -> None:
    class Contract(ToolContract):
        def tools(self) -> Iterable[Any]:
            return tools

    with pytest.raises(AssertionError, match=said):
        check(Contract())


def test_an_isolated_tool_that_its_process_cannot_import_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_KEY", "secret")
    from tools.needs_environment import unlock

    class Contract(ToolContract):
        def tools(self) -> Iterable[Any]:
            return [unlock]

    with pytest.raises(AssertionError, match=r"unlock cannot be imported by an isolated process: .* KeyError"):
        check(Contract())


@pytest.mark.parametrize("arguments", [{"name": "Ada"}, '{"name": "Ada"}'])
def test_a_tool_is_called_with_an_object_or_a_models_text(arguments: Any) -> None:
    assert call_tool(greet, arguments) == "Hello Ada!"


def test_the_only_tool_of_a_toolkit_can_be_called() -> None:
    assert call_tool(Clock().tools()[0]) == '"2026-01-31"'


def test_a_failed_call_raises_what_the_model_reads() -> None:
    with pytest.raises(ToolCallFailed, match='"name" is missing'):
        call_tool(greet)
