"""Tests for tools: a contract that every tool should pass, and a call as the server makes it."""

from __future__ import annotations

import importlib
import json
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from jsonschema import Draft202012Validator

from agentos.domain.message import ToolCall
from agentos.tools.context import ToolContext
from agentos.tools.executor import ToolExecutor
from agentos.tools.tool import TOOL_NAME, Tool, Toolkit, as_tools

ToolLike = Tool | Toolkit | Callable[..., Any]


class ToolCallFailed(Exception):
    """The call failed; the text is what the model would read."""


def call_tool(
    tool: Tool | Callable[..., Any],
    arguments: Mapping[str, Any] | str = "",
    context: ToolContext | None = None,
    *,
    timeout: float = 30.0,
) -> str:
    """Call a tool as the server does and return the text that the model would read.

    ``arguments`` is an object, or the JSON text that a model wrote. A tool with ``approval`` is called without one.
    Raises :class:`ToolCallFailed` for every failure, and for ``context.ask``, which needs a run (``run_agent``).

    >>> call_tool(add, {"a": 1, "b": 2})  # doctest: +SKIP
    '3'
    """
    (one,) = as_tools(tool)
    one = replace(one, approval=False) if one.needs_approval else one
    text = arguments if isinstance(arguments, str) else json.dumps(dict(arguments))
    given = context or ToolContext(run_id="test-run", agent_id="test-agent")
    *_, last = ToolExecutor(timeout).execute([ToolCall("test-call", one.name, text)], {one.name: one}, given)
    if last.error is not None:
        raise ToolCallFailed(last.error)
    return last.result or ""


def _import(module: str, name: str) -> str:
    return repr(operator.attrgetter(name)(importlib.import_module(module)))


_IMPORT = Tool(name="import", description="", parameters={"type": "object"}, function=_import, isolated=True)


class ToolContract(ABC):
    """What models need of tools. Subclass it in a test module, name it ``Test…``, and return your tools.

    >>> class TestMyTools(ToolContract):
    ...     def tools(self):
    ...         return [current_weather]
    """

    @abstractmethod
    def tools(self) -> Iterable[ToolLike]:
        """Return the tools to check."""

    def _tools(self) -> list[Tool]:
        return [one for value in self.tools() for one in as_tools(value)]

    def test_there_are_tools_and_each_has_a_name_of_its_own_that_model_servers_accept(self) -> None:
        """Names are 1 to 64 letters, digits, ``_`` and ``-``."""
        names = [one.name for one in self._tools()]
        assert names, "tools() returned no tool"
        assert len(set(names)) == len(names), f"a name is there twice: {sorted(names)}"
        assert all(TOOL_NAME.fullmatch(name) for name in names), f"a name is not accepted: {sorted(names)}"

    def test_each_schema_is_a_json_schema_that_can_be_sent(self) -> None:
        """Parameters are a JSON schema of type object, and JSON themselves."""
        for one in self._tools():
            Draft202012Validator.check_schema(one.parameters)
            assert one.parameters.get("type") == "object", f"parameters of {one.name} are no object"
            json.dumps(one.parameters, allow_nan=False)

    def test_each_tool_says_what_it_does(self) -> None:
        """A model chooses by the description."""
        for one in self._tools():
            assert one.description.strip(), f"{one.name} has no description; give its function a docstring"

    def test_each_parameter_says_what_it_is(self) -> None:
        """A model fills parameters by their descriptions."""
        for one in self._tools():
            for name, schema in one.parameters.get("properties", {}).items():
                assert schema.get("description", "").strip(), f"parameter {name} of {one.name} has no description"

    def test_isolated_tools_can_be_imported_by_a_process_of_their_own(self) -> None:
        """It has little of the server's environment, and an upper limit of memory."""
        for one in self._tools():
            if one.isolated:
                where = {"module": one.function.__module__, "name": one.function.__qualname__}
                try:
                    call_tool(_IMPORT, where)
                except ToolCallFailed as error:
                    raise AssertionError(f"{one.name} cannot be imported by an isolated process: {error}") from error

    def test_arguments_that_it_does_not_know_are_refused(self) -> None:
        """A call with an invented argument must not reach the function."""
        for one in self._tools():
            try:
                call_tool(one, {"no_such_argument_of_this_tool": 1})
            except ToolCallFailed as error:
                assert "are not accepted" in str(error), f"{one.name} was called with an unknown argument: {error}"  # noqa: PT017 - pytest is not imported here
            else:
                raise AssertionError(f"{one.name} accepts arguments that it does not know")
