"""Runs graphs of LangGraph, agents, chat models and other runnables of LangChain. Loaded in the guest's environment.

The session's history is ours: a graph gets it as messages with each run, and starts from nothing else. While a run is
paused its checkpoint is JSON in the run's record, so a checkpointer of the graph's own is not used.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from importlib.metadata import version
from typing import Any, ClassVar

from agentos_guest import Adapter, Event, Failed, Pause, Run
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable
from langgraph.graph.state import StateGraph
from langgraph.pregel import Pregel
from langgraph.types import Command

from .calls import Calls
from .checkpoints import Checkpoints
from .failures import failure
from .frozen import Refused
from .graphs import Shape, answer, compiled, context, graph_input, shape, state_patch, structured
from .interrupts import BREAKPOINT, actions, breakpoint_action, describe, resume
from .parts import Reporter
from .runnables import stream_runnable

_MODES = ["messages", "tools", "updates", "values", "custom"]
_NOT_PARAMETERS = ("thread_id", "checkpoint_id", "checkpoint_ns", "checkpoint_map", "user_id", "owner", "metadata")


class LangGraphAdapter(Adapter):
    """Graphs of LangGraph, and what LangChain calls runnables."""

    name: ClassVar[str] = "langgraph"
    framework_version = version("langgraph")

    def __init__(self) -> None:
        # By identity: a graph can be unhashable. The graph is kept with its shape, so that its id stays its own.
        self._known: dict[int, tuple[Any, Any, Shape]] = {}

    def accepts(self, target: object) -> bool:
        """Return whether this is a graph, compiled or not, or a runnable of LangChain."""
        return isinstance(target, Runnable | StateGraph)

    def describe(self, target: Any) -> Mapping[str, Any]:
        """Return the name, the tools of a graph, and the model of a chat model."""
        if isinstance(target, BaseChatModel):
            about = target._get_ls_params()
            return {"model": f"{about.get('ls_provider')}:{about.get('ls_model_name')}"}
        if not isinstance(target, Pregel | StateGraph):
            return {"name": target.get_name()}
        graph, about_graph = self._graph(target)
        named = {"name": graph.name} if graph.name != "LangGraph" else {}
        return {**named, "tools": list(about_graph.tools)}

    async def stream(self, target: Any, run: Run) -> AsyncIterator[Event]:
        """Run it."""
        if isinstance(target, Pregel | StateGraph):
            graph, about = self._graph(target)
            calls = Calls(run, tools=about.tools, tool_nodes=about.tool_nodes)
            events = _stream_graph(graph, about, run, calls, _configuration(run, calls))
        else:
            calls = Calls(run)
            events = stream_runnable(target, run, calls, _configuration(run, calls))
        async with aclosing(events):
            async for event in events:
                yield event

    def _graph(self, target: Any) -> tuple[Any, Shape]:
        if id(target) not in self._known:
            graph = compiled(target)
            self._known[id(target)] = (target, graph, shape(graph))
        _, graph, about = self._known[id(target)]
        return graph, about


async def _stream_graph(
    graph: Any, about: Shape, run: Run, calls: Calls, configuration: dict[str, Any]
) -> AsyncGenerator[Event, None]:
    if run.overrides.instructions is not None or run.overrides.output_schema is not None:
        raise Failed("a graph of LangGraph takes no other instructions and no other output schema than its own")
    saver = Checkpoints()
    reporter = Reporter(run, calls, about.tool_nodes)
    # A copy has its own checkpointer: runs of one graph know nothing of each other.
    own = graph.copy({"checkpointer": saver})
    given = graph_input(about, run) if run.saved is None else await _resumed(own, saver, reporter, run, configuration)
    parts = own.astream(
        given,
        configuration,
        context=context(about, run),
        stream_mode=_MODES,
        subgraphs=True,
        durability="exit",
        version="v2",
    )
    try:
        async with aclosing(parts):
            async for part in parts:
                for event in reporter.events(part):
                    yield event
    except Exception as error:  # The agent's, of any kind: what a client may read of it is said there.
        for event in [*calls.take(), *reporter.abandoned()]:
            yield event
        if failed := failure(error, calls.errors):
            raise failed from error
        raise
    for event in calls.take():
        yield event
    if reporter.stopped:
        raise await _pause(own, saver, reporter, configuration)
    if patch := state_patch(run, reporter.output):
        run.set_state(patch)
    words = structured(reporter.output, reporter.last_text) if reporter.spoke else answer(graph, reporter.output)
    if words:
        yield words


async def _pause(own: Any, saver: Checkpoints, reporter: Reporter, configuration: dict[str, Any]) -> Pause:
    interrupts = describe(list(reporter.interrupts.values()))
    try:
        graphs = saver.freeze()
    except Refused as refused:
        raise Failed(f"the run cannot be paused: {refused}") from None
    state = {
        "langgraph": version("langgraph"),
        "checkpoints": graphs,
        "interrupts": interrupts,
        "started": reporter.started,
        "calls": reporter.open_calls(),
    }
    if interrupts:
        return Pause(list(actions(interrupts, reporter.open_calls())), state)
    return Pause([breakpoint_action((await own.aget_state(configuration)).next)], state)


async def _resumed(own: Any, saver: Checkpoints, reporter: Reporter, run: Run, configuration: dict[str, Any]) -> Any:
    """Load the state of a pause, and return the command that continues it."""
    saved = run.saved
    try:
        saver.thaw(saved["checkpoints"])
        waiting = {item.id for item in (await own.aget_state(configuration)).interrupts}
        interrupts = saved["interrupts"]
        if missing := {item["id"] for item in interrupts} - waiting:
            raise Refused("", f"asks {len(missing)} questions of nodes that the graph no longer has")
        reporter.restore(saved["started"], saved["calls"])
    except Exception as error:  # Whatever an upgrade of the agent or of its framework makes of the old state.
        reason = str(error) if isinstance(error, Refused) else "its form is not known"
        old = saved.get("langgraph", "unknown") if isinstance(saved, dict) else "unknown"
        raise Failed(
            f"the state that was saved by langgraph {old} cannot be loaded by {version('langgraph')}: {reason}"
        ) from error
    if interrupts:
        return Command(resume=resume(interrupts, run.answers))
    if not all(answer.approved for answer in run.answers if answer.key == BREAKPOINT):
        raise Failed("the graph was not allowed to continue")
    return None


def _configuration(run: Run, calls: Calls) -> dict[str, Any]:
    """Return the configuration that nodes and tools read: who asks, and in which session."""
    parameters = dict(run.overrides.parameters)
    if refused := [name for name in parameters if name in _NOT_PARAMETERS or name.startswith("__")]:
        raise Failed(f"these are no parameters of a model: {', '.join(refused)}")
    return {
        "callbacks": [calls],
        "configurable": {
            **parameters,  # For models with configurable fields, as `init_chat_model` makes them.
            "thread_id": run.session_id or run.id,
            "user_id": run.user_id,
            "owner": run.owner,
            "metadata": dict(run.metadata),
        },
        "metadata": {"run_id": run.id, "agent_id": run.agent_id},
    }


ADAPTER = LangGraphAdapter()
