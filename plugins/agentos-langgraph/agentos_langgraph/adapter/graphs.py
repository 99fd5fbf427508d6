"""What a graph takes and gives: its input from a run, its answer from its last state."""

from __future__ import annotations

import inspect
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

from agentos_guest import Failed, Run
from langchain_core.messages import AIMessage
from langgraph.graph.state import CompiledStateGraph, StateGraph
from langgraph.prebuilt import ToolNode

from .messages import conversation, text
from .values import json_text, json_value

MESSAGES = "messages"
_INPUT_NAMES = ("input", "question", "query", "prompt", "topic", "text", "request")


@dataclass(frozen=True)
class Shape:
    """What is known of a graph. ``keys`` are those of its input; ``None`` where that is one value."""

    keys: frozenset[str] | None
    texts: frozenset[str]
    value: Any
    tool_nodes: frozenset[str]
    tools: tuple[str, ...]
    context: frozenset[str]


def compiled(target: Any) -> Any:
    """Return the graph to run."""
    return target.compile() if isinstance(target, StateGraph) else target


def shape(graph: Any) -> Shape:
    """Read what a graph takes. It costs milliseconds: once for each graph."""
    graphs = [graph, *(inner for _, inner in graph.get_subgraphs(recurse=True))]
    nodes = [
        (name, node.bound) for inner in graphs for name, node in inner.nodes.items() if isinstance(node.bound, ToolNode)
    ]
    schema: Any
    if isinstance(graph, CompiledStateGraph):
        schema = graph.builder.input_schema
        keys: frozenset[str] | None = frozenset(graph.builder.schemas[schema])
    else:  # A function of the functional interface: one value, of any type.
        schema = getattr(graph.channels.get(graph.input_channels), "typ", Any)
        keys = frozenset(_hints(schema)) or None
    return Shape(
        keys=keys,
        texts=frozenset(key for key, hint in _hints(schema).items() if _may_be_text(hint)),
        value=get_origin(schema) or schema,
        tool_nodes=frozenset(name for name, _ in nodes) | {"tools"},
        tools=tuple(name for _, node in nodes for name in node.tools_by_name),
        context=frozenset(_hints(graph.context_schema)) if graph.context_schema else frozenset(),
    )


def graph_input(about: Shape, run: Run) -> Any:
    """Return what the graph is given. Raises ``Failed`` where the input does not say for which key it is."""
    if about.keys is None:
        return _value(about.value, run)
    state = {key: value for key, value in run.state.items() if key in about.keys}
    if MESSAGES in about.keys:
        return {**state, MESSAGES: conversation(run)}
    given = _object(run.input)
    if given is not None and set(given) <= about.keys:
        return {**state, **given}
    return {**state, _key(about): run.input}


def answer(graph: Any, output: Any) -> str:
    """Return the answer of a graph that streamed no text: its last message, or its output as JSON."""
    if isinstance(output, Mapping):
        if output.get("structured_response") is not None:
            return json_text(output["structured_response"])
        found = output.get(MESSAGES)
        if isinstance(found, list) and found:
            return text(found[-1]) if isinstance(found[-1], AIMessage) else ""
        names = graph.output_channels
        names = [names] if isinstance(names, str) else names
        output = {key: value for key, value in output.items() if key in names}
    return "" if output is None else json_text(output)


def structured(output: Any, last_text: str) -> str:
    """Return the structured answer, if it is not what the model's last text already said."""
    value = output.get("structured_response") if isinstance(output, Mapping) else None
    if value is None:
        return ""
    try:
        known = json.loads(last_text)
    except ValueError:
        known = None
    return "" if known == json_value(value) else json_text(value)


def state_patch(run: Run, output: Any) -> list[dict[str, Any]]:
    """Return how the graph changed those keys of the session's state that it has too, as a JSON Patch."""
    if not isinstance(output, Mapping):
        return []
    changed = {key: json_value(output[key]) for key in run.state if key in output and key != MESSAGES}
    return [
        {"op": "replace", "path": "/" + key.replace("~", "~0").replace("/", "~1"), "value": value}
        for key, value in changed.items()
        if value != run.state[key]
    ]


def context(about: Shape, run: Run) -> dict[str, Any] | None:
    """Return the runtime context: those of its fields that the run knows. The run's own win over its metadata."""
    if not about.context:
        return None
    own = {
        "user_id": run.user_id,
        "session_id": run.session_id,
        "thread_id": run.session_id,
        "owner": run.owner,
        "run_id": run.id,
        "agent_id": run.agent_id,
    }
    known = {**run.metadata, **{key: value for key, value in own.items() if value is not None}}
    # The owner and user of a run without one must not be taken from what the client wrote.
    return {key: known[key] for key in about.context if key in known and (key not in own or own[key] is not None)}


def _value(kind: Any, run: Run) -> Any:
    if kind in (list, Sequence):
        return conversation(run)
    if kind in (dict, Mapping):
        return _object(run.input) or {MESSAGES: conversation(run)}
    return run.input


def _may_be_text(hint: Any) -> bool:
    return hint is str or (get_origin(hint) in (Union, UnionType) and str in get_args(hint))


def _hints(schema: Any) -> dict[str, Any]:
    """Return the types of the fields of a schema; those that cannot be evaluated are as they were written."""
    if not isinstance(schema, type):
        return {}
    try:
        hints = get_type_hints(schema)
    except Exception:  # noqa: BLE001  # The agent's annotations: evaluating them is running its code.
        hints = {name: hint for kind in schema.__mro__ for name, hint in inspect.get_annotations(kind).items()}
    return {name: hint for name, hint in hints.items() if not name.startswith("_") and get_origin(hint) is not ClassVar}


def _object(words: str) -> dict[str, Any] | None:
    try:
        value = json.loads(words)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _key(about: Shape) -> str:
    keys: Collection[str] = about.keys or ()
    candidates = [key for key in keys if key in about.texts] or list(keys)
    if len(candidates) == 1:
        return candidates[0]
    for name in _INPUT_NAMES:
        if name in candidates:
            return name
    raise Failed(
        "the graph has no key 'messages' but several others; the input has to be a JSON object of:"
        f" {', '.join(sorted(keys))}"
    )
