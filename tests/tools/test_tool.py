import functools
import socket
from typing import Any

import pytest

from agentos.domain.tool_spec import ToolSpec
from agentos.errors import InvalidRequest, PluginError
from agentos.testing.tools import ToolCallFailed, call_tool
from agentos.tools.context import ToolContext
from agentos.tools.tool import Tool, Toolkit, as_tool, as_tools, tool


@tool
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


class Notes(Toolkit):
    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.notes: list[str] = []

    @tool
    def write(self, text: str) -> int:
        """Write a note."""
        self.notes.append(text)
        return len(self.notes)

    @tool(name="read", timeout=2)
    def read_all(self) -> list[str]:
        """Read all notes."""
        return self.notes

    @tool
    @staticmethod
    def size(text: str) -> int:
        """Measure a note."""
        return len(text)

    def not_a_tool(self, anything: Any) -> None: ...


def test_a_decorated_function_stays_a_function() -> None:
    assert add(1) == 2
    assert add.__name__ == "add"


def test_a_function_is_a_tool_with_its_name_docstring_and_schema() -> None:
    assert as_tool(add).spec == ToolSpec("add", "Add two numbers.", as_tool(add).parameters)
    assert as_tool(add).parameters["required"] == ["a"]


def test_the_decorator_overrides_name_description_and_timeout() -> None:
    @tool(name="sum-2", description="Sums.", timeout=3)
    def function(a: int) -> int:
        """Add."""
        return a

    made = as_tool(function)
    assert (made.name, made.description, made.timeout) == ("sum-2", "Sums.", 3)


def test_a_plain_function_is_a_tool_too() -> None:
    def plain(a: int) -> int: ...

    assert as_tool(plain).name == "plain"


def test_the_tool_and_its_spec_are_made_once() -> None:
    assert as_tool(add) is as_tool(add)
    assert as_tool(add).spec is as_tool(add).spec


def test_a_function_that_is_decorated_after_its_first_use_is_made_anew() -> None:
    def plain(a: int) -> int: ...

    as_tool(plain)
    assert as_tool(tool(name="other")(plain)).name == "other"


def test_a_wrapper_around_a_tool_is_what_is_called() -> None:
    as_tool(add)

    @functools.wraps(add)
    def doubled(*args: Any, **kwargs: Any) -> int:
        return 2 * add(*args, **kwargs)

    assert call_tool(doubled, {"a": 1, "b": 2}) == "6"


@pytest.mark.parametrize("name", ["", "a b", "ä", "a" * 65, "a.b", "a\n", None])
def test_names_that_model_servers_refuse_are_refused(name: Any) -> None:
    with pytest.raises(PluginError, match="is not accepted: 1 to 64 of letters"):
        Tool(name=name, description="", parameters={"type": "object"}, function=print)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"timeout": 0}, "timeout of tool 'x' is 0; accepted: seconds"),
        ({"timeout": float("nan")}, "timeout of tool 'x' is nan"),
        ({"parameters": {"type": "string"}}, "not a JSON schema of type 'object'"),
        ({"parameters": []}, "not a JSON schema of type 'object'"),
        ({"parameters": {"type": "object", "properties": 5}}, "are no JSON schema"),
    ],
)
def test_a_tool_that_cannot_be_right_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(PluginError, match=said):
        Tool(**{"name": "x", "description": "", "parameters": {"type": "object"}, "function": print, **fields})


def test_a_tool_made_by_hand_is_given_the_json_values() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    by_hand = Tool(name="n", description="", parameters=schema, function=lambda n: n * 2)
    assert call_tool(by_hand, {"n": 4}) == "8"


def test_a_reference_out_of_a_schema_is_never_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        schema = {"type": "object", "properties": {"n": {"$ref": url}}}
        with pytest.raises(PluginError, match=r"at '/properties/n/\$ref': it leads out of the schema"):
            Tool(name="n", description="", parameters=schema, function=lambda n: n)
        server.settimeout(0.05)
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_toolkit_offers_its_marked_methods_in_order() -> None:
    assert [one.name for one in as_tools(Notes())] == ["write", "read", "size"]


def test_the_tools_of_a_toolkit_share_its_instance_and_no_other() -> None:
    kit, other = Notes(), Notes()
    write, read, _ = as_tools(kit)
    call_tool(write, {"text": "milk"})
    assert call_tool(read) == '["milk"]'
    assert other.notes == []


def test_a_toolkit_makes_its_tools_once() -> None:
    kit = Notes()
    assert all(one is other for one, other in zip(as_tools(kit), as_tools(kit), strict=True))


def test_a_prefix_keeps_two_instances_apart() -> None:
    assert [one.name for one in as_tools(Notes("work_"))] == ["work_write", "work_read", "work_size"]


def test_the_self_of_a_method_is_no_parameter() -> None:
    assert list(Notes().tools()[0].parameters["properties"]) == ["text"]


@pytest.mark.parametrize("value", [Notes, "calculator", 5, None])
def test_what_is_no_tool_is_refused(value: Any) -> None:
    with pytest.raises(PluginError, match="is no tool; accepted: a typed function or method"):
        as_tools(value)


def test_a_class_is_refused_with_the_hint_to_give_an_instance() -> None:
    with pytest.raises(PluginError, match="give an instance of the toolkit"):
        as_tools(Notes)


def test_the_context_is_handed_to_the_function_that_asks() -> None:
    def whoami(context: ToolContext) -> str:
        """Say who calls."""
        return f"{context.agent_id} for {context.user_id}"

    assert call_tool(whoami, {}, ToolContext(run_id="r", agent_id="clerk", user_id="u1")) == "clerk for u1"


def test_a_model_cannot_give_the_context() -> None:
    def whoami(context: ToolContext) -> str: ...

    with pytest.raises(InvalidRequest, match='"context" is not known'):
        as_tool(whoami).bind({"context": "x"}, ToolContext(run_id="r", agent_id="a"))


def test_without_a_run_what_a_tool_emits_is_checked_and_goes_nowhere() -> None:
    @tool
    def emit(context: ToolContext, name: str) -> dict[str, Any]:
        """Emit."""
        context.emit(name, [1])
        return dict(context.state)

    assert call_tool(emit, {"name": "progress"}) == "{}"
    with pytest.raises(ToolCallFailed, match="name of a custom event is 'two words'"):
        call_tool(emit, {"name": "two words"})
