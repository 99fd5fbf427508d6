"""A graph for each model of the stub: messages in, what the model says out."""

from langchain_openai import ChatOpenAI  # type: ignore[import-not-found]
from langgraph.graph import START, MessagesState, StateGraph  # type: ignore[import-not-found]


def _graph(model: str) -> object:
    chat = ChatOpenAI(model=model)

    async def answer(state: MessagesState) -> dict[str, list[object]]:
        return {"messages": [await chat.ainvoke(state["messages"])]}

    return StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer").compile()


burst = _graph("burst-10")
paced = _graph("paced-20ms-100")
