"""Graphs of many shapes for the tests of the adapter. Runs in the guest's environment alone."""

from dataclasses import dataclass
from typing import Any, TypedDict

from agents import Scripted, calls, of_node, results, says
from langchain.agents import create_agent
from langchain.agents.middleware import ModelCallLimitMiddleware
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.config import get_stream_writer
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.runtime import Runtime


class Trip(TypedDict):
    city: str
    days: int


def plan(state: Trip) -> dict[str, Any]:  # Not async: LangGraph runs it in a thread.
    return {"city": state["city"].title(), "days": state.get("days", 0) + 1}


def _keyed() -> Any:
    graph = StateGraph(Trip)
    graph.add_node("plan", plan)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", END)
    return graph.compile()


keyed = _keyed()


class Ambiguous(TypedDict):
    left: str
    right: str


def _ambiguous() -> Any:
    graph = StateGraph(Ambiguous)
    graph.add_node("join", lambda state: {"left": state["left"] + state["right"]})
    graph.add_edge(START, "join")
    return graph.compile()


ambiguous = _ambiguous()


class Counted(MessagesState):
    count: int


def _counting() -> Any:
    graph = StateGraph(Counted)
    graph.add_node(
        "count", lambda s: {"count": s.get("count", 0) + 1, "messages": [AIMessage(f"{s.get('count', 0) + 1}")]}
    )
    graph.add_edge(START, "count")
    return graph.compile()


counting = _counting()


@task
async def double(number: int) -> int:
    return number * 2


@entrypoint()
async def functional(words: str) -> str:
    return f"{words} {await double(21)}"


@entrypoint()
async def conversing(messages: list[Any]) -> Any:
    return f"{len(messages)} messages, last: {messages[-1].text}"


async def tells(state: MessagesState) -> dict[str, Any]:
    write = get_stream_writer()
    write({"name": "progress", "data": {"done": 0.5}})
    write("half")
    return {"messages": [AIMessage("told")]}


custom = of_node(tells)


async def knows(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
    known = config["configurable"]
    return {"messages": [AIMessage(f"{known['thread_id']} {known['user_id']} {known['metadata']}")]}


configured = of_node(knows)


@dataclass
class Context:
    user_id: str = "none"
    tier: str = "free"


async def uses_context(state: MessagesState, runtime: Runtime[Context]) -> dict[str, Any]:
    return {"messages": [AIMessage(f"{runtime.context.user_id} {runtime.context.tier}")]}


def _with_context() -> Any:
    graph = StateGraph(MessagesState, context_schema=Context)
    graph.add_node("node", uses_context)
    graph.add_edge(START, "node")
    return graph.compile()


with_context = _with_context()


# A graph in a graph: both speak, and each message once.
_inner = create_agent(Scripted(script=lambda messages: iter([says("inner ")])), tools=[])


def _outer() -> Any:
    async def last(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(f"then outer after {len(state['messages'])}")]}

    graph = StateGraph(MessagesState)
    graph.add_node("inner", _inner)
    graph.add_node("last", last)
    graph.add_edge(START, "inner")
    graph.add_edge("inner", "last")
    return graph.compile()


nested = _outer()


# An agent that a tool calls: its words and its tools are the tool's business, its tokens count.
@tool
async def secret_number() -> int:
    """Return the secret number."""
    return 7


def _asks_secret(messages: Any) -> Any:
    yield (
        says("hidden", usage_metadata={"input_tokens": 3, "output_tokens": 2, "total_tokens": 5})
        if results(messages)
        else calls(("sub-1", "secret_number", "{}"))
    )


_helper = create_agent(Scripted(script=_asks_secret), tools=[secret_number])


@tool
async def ask_helper(question: str) -> str:
    """Ask the helper."""
    answer = await _helper.ainvoke({"messages": [HumanMessage(question)]})
    return str(answer["messages"][-1].text)


def _delegates(messages: Any) -> Any:
    if found := results(messages):
        yield says(f"the helper said {found[0].text}")
    else:
        yield calls(("call-1", "ask_helper", '{"question": "well?"}'))


delegating = create_agent(Scripted(script=_delegates), tools=[ask_helper])


def _forever() -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("again", lambda state: {})
    graph.add_edge(START, "again")
    graph.add_edge("again", "again")
    return graph.compile().with_config({"recursion_limit": 5})


endless = _forever()

limited = create_agent(
    Scripted(script=lambda messages: iter([calls((f"call-{len(messages)}", "secret_number", "{}"))])),
    tools=[secret_number],
    middleware=[ModelCallLimitMiddleware(run_limit=2, exit_behavior="error")],
)


def refusing(model: str) -> Any:
    import os

    return ChatOpenAI(
        model=model, base_url=os.environ.get("FAKE_MODEL_URL", "http://127.0.0.1:9/v1"), api_key="none", max_retries=0
    )


unreachable = create_agent(
    ChatOpenAI(model="any", base_url="http://127.0.0.1:9/v1", api_key="none", max_retries=0), tools=[]
)


@tool
async def falls_over() -> str:
    """Fail."""
    raise RuntimeError("sk-secret-123")


falling = create_agent(
    Scripted(script=lambda messages: iter([calls(("call-1", "falls_over", "{}"))])), tools=[falls_over]
)

# Chains and models that are no graphs.
model = Scripted(script=lambda messages: iter([says("plain "), says(str(len(messages)))]))
chain = (
    ChatPromptTemplate.from_messages([("system", "Be brief."), ("user", "About {topic}")]) | model | StrOutputParser()
)
parsed = (
    ChatPromptTemplate.from_template("{topic}")
    | Scripted(script=lambda messages: iter([says('{"a"'), says(": [1, 2]}")]))
    | JsonOutputParser()
)
