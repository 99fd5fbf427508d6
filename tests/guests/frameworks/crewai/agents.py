"""Crews for the tests that all frameworks share."""

import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from crewai import LLM, Agent, Crew, Task
from crewai.project import CrewBase, agent, crew, task
from crewai.tools import tool
from fake_model import FakeLLM, Messages, Said, Thought, call
from pydantic import BaseModel

NOT_OFFERED = {
    "attachments": "crews take no attachments",
    "approval": "a task's human_input waits at a terminal",
    "question": "a task's human_input waits at a terminal",
}


def crew_of(says: Callable[[Messages], Iterator[Said]], description: str = "{input}", **options: Any) -> Crew:
    """Return a crew of one agent with a model that says what a function says, and one task."""
    by_text = options.pop("by_text", False)
    tools = options.pop("tools", [])
    member = Agent(
        role="clerk",
        goal="help",
        backstory="none",
        llm=FakeLLM(says, by_text=by_text),
        tools=tools,
        max_retry_limit=0,
    )
    return Crew(agents=[member], tasks=[Task(description=description, expected_output="text", agent=member, **options)])


def question_of(messages: Messages) -> str:
    """Return what the task asks, without what CrewAI writes around it."""
    text = next(str(message["content"]) for message in messages if message["role"] == "user")
    found = re.search(r"Current Task: (.*?)\n\nThis is the expected criteria", text, re.DOTALL)
    assert found, text
    return found[1]


def results_of(messages: Messages) -> list[str]:
    """Return what tools returned."""
    return [str(message["content"]) for message in messages if message["role"] == "tool"]


@tool("add")
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool("broken")
def broken() -> str:
    """Fail."""
    raise RuntimeError("sk-secret-123")


def say_words(messages: Messages) -> Iterator[Said]:
    _, count, tag = question_of(messages).split()
    for number in range(int(count)):
        yield f"{tag}-{number} "
        time.sleep(0.005)


def call_tools(messages: Messages) -> Iterator[Said]:
    if results := results_of(messages):
        yield " ".join(results)
        return
    yield call("first", "add", '{"a": 2, "b": 3}')
    yield call("second", "add", '{"a": 4, "b": 5}')


def call_broken(messages: Messages) -> Iterator[Said]:
    if results_of(messages):
        yield "the tool failed"
    else:
        yield call("broken", "broken", "{}")


def say_history(messages: Messages) -> Iterator[Said]:
    said = re.findall(r"^(User|Assistant): (.*)$", question_of(messages), re.MULTILINE)
    users = [text for role, text in said if role == "User"]
    yield f"{len(said)}:{users[-1] if users else ''}"


def say_question(messages: Messages) -> Iterator[Said]:
    yield question_of(messages)


def say_done_busily(messages: Messages) -> Iterator[Said]:
    end = time.monotonic() + 2
    while time.monotonic() < end:
        pass
    yield "done"


def say_done_late(messages: Messages) -> Iterator[Said]:
    time.sleep(20)
    yield "done"


def say_done_loudly(messages: Messages) -> Iterator[Said]:
    for _ in range(5 * 1024):
        print("x" * 1023)
    for number in range(10_000):
        logging.getLogger("flood").warning("line %s", number)
    yield "done"


def tell_secret(messages: Messages) -> Iterator[Said]:
    raise RuntimeError("sk-secret-123")
    yield ""


def think(messages: Messages) -> Iterator[Said]:
    yield Thought("hm")
    yield "done"


def say_json(messages: Messages) -> Iterator[Said]:
    yield from ('{"city": ', '"Paris", ', '"people": 2}')


def add_by_text(messages: Messages) -> Iterator[Said]:
    if any("Observation: 5" in str(message["content"]) for message in messages):
        yield from ("Thought: I now know.\nFinal", " Ans", "wer: it ", "is 5")
    else:
        yield 'Thought: I add.\nAction: add\nAction Input: {"a": 2, "b": 3}'


class City(BaseModel):
    city: str
    people: int


words = crew_of(say_words)
tools = crew_of(call_tools, tools=[add])
failing_tool = crew_of(call_broken, tools=[broken])
history = crew_of(say_history, "{history}\nAnswer: {input}")
messages = crew_of(say_question, "Talk.")
topic = crew_of(say_question, "Write about {topic}.")
topics = crew_of(say_question, "Write about {topic} in {year}.")
busy = crew_of(say_done_busily)
silent = crew_of(say_done_late)
flood = crew_of(say_done_loudly)
secret = crew_of(tell_secret)
reasons = crew_of(think)
structured = crew_of(say_json, output_pydantic=City)
by_text = crew_of(add_by_text, tools=[add], by_text=True)
human = crew_of(say_words, human_input=True)


@CrewBase
class Newsroom:
    """A crew as CrewAI's projects have it: a class."""

    agents_config: ClassVar[Any] = {}
    tasks_config: ClassVar[Any] = {}

    @agent
    def researcher(self) -> Agent:
        return Agent(role="researcher", goal="find", backstory="none", llm=FakeLLM(say_question))

    @agent
    def writer(self) -> Agent:
        return Agent(role="writer", goal="write", backstory="none", llm=FakeLLM(say_question))

    @task
    def research(self) -> Task:
        return Task(name="research", description="Find {topic}", expected_output="facts", agent=self.researcher())

    @task
    def article(self) -> Task:
        return Task(name="article", description="Write {topic}", expected_output="text", agent=self.writer())

    @crew
    def crew(self) -> Crew:
        return Crew(agents=self.agents, tasks=self.tasks)


def __getattr__(name: str) -> Any:
    """Make the crew that needs a model over HTTP, where there is one."""
    if name != "slow":
        raise AttributeError(name)
    model = LLM(model="openai/slow", base_url=os.environ["FAKE_MODEL_URL"], api_key="none", max_retries=0)
    member = Agent(role="clerk", goal="help", backstory="none", llm=model, max_retry_limit=0)
    made = Crew(agents=[member], tasks=[Task(description="{input}", expected_output="text", agent=member)])
    globals()[name] = made
    return made
