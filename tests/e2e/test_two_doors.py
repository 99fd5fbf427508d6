"""A client at one door, an agent whose model is an agent behind the other: text, tools, thoughts and usage survive.

Two servers: the first has an agent with a scripted model, behind both doors. The second has agents whose models are
that agent, one by OpenAI's API and one by Anthropic's; each is asked through the other API.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from agentos_testing import Serve

MODEL = """
from agentos import (
    Agent, AgentOS, Finish, ModelProvider, ReasoningDelta, TextDelta, ToolCallDelta, Usage, hookimpl
)

class Told(ModelProvider):
    def stream(self, request):
        last = request.messages[-1]
        yield Usage(prompt_tokens=10, completion_tokens=5, reasoning_tokens=2, cached_tokens=3)
        if last.role == "tool":
            results = [message.content for message in request.messages if message.role == "tool"]
            yield TextDelta(f"Results: {' / '.join(results)}")
        elif last.content.startswith("call "):
            yield ReasoningDelta("A tool will know.")
            for index, city in enumerate(last.content.split()[2:]):
                arguments = f'{{"city": "{city}"}}'
                yield ToolCallDelta(index=index, id=f"call_{index}", name=last.content.split()[1], arguments=arguments)
            yield Finish("tool_calls")
            return
        else:
            yield from (ReasoningDelta("Let me "), ReasoningDelta("see."))
            for word in f"{len(request.messages) - 1} before: {last.content}".split(" "):
                yield TextDelta(f"{word} ")
        yield Finish("stop")

@hookimpl
def register_model_providers(register, config):
    register("told", lambda config: Told())

server = AgentOS()
server.register_agent(Agent(id="far", model="told:m", allow_overrides=("client_tools", "instructions", "max_tokens")))
"""

AGENTS = """
from agentos import Agent, AgentOS, tool

@tool
def weather(city: str) -> str:
    \"\"\"Tell the weather of a city.\"\"\"
    return f"rain in {city}"

server = AgentOS()
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
for model, parameters in (("openai", {}), ("anthropic", THINKING)):
    server.register_agent(Agent(id=f"near-{model}", model=f"{model}:far", parameters=parameters))
    server.register_agent(Agent(id=f"clerk-{model}", model=f"{model}:far", parameters=parameters, tools=[weather]))
"""

DOORS = ("openai-api", "anthropic-api")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
THINKING: Any = {"type": "enabled", "budget_tokens": 1024}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the second server is."""
    folder = tmp_path_factory.mktemp("doors")
    (folder / "told.py").write_text(MODEL, "utf-8")
    (folder / "agents_near.py").write_text(AGENTS, "utf-8")
    env = {"AGENTOS_RATE_LIMIT": "none"}
    with Serve(folder) as serve:
        far = serve(folder / "told.py", plugins={"told": "told"}, installed=DOORS, env=env)
        keys = {"OPENAI_API_KEY": "none", "ANTHROPIC_API_KEY": "none"}
        keys |= {"OPENAI_BASE_URL": f"{far.url}/v1", "ANTHROPIC_BASE_URL": far.url}
        installed = (*DOORS, "openai", "anthropic")
        yield serve(folder / "agents_near.py", installed=installed, env={**env, **keys}).url


@pytest.fixture
def messages(url: str) -> Iterator[Any]:
    """Anthropic's client of the second server."""
    with anthropic.Anthropic(base_url=url, api_key="none", max_retries=0) as client:
        yield client.messages


@pytest.fixture
def completions(url: str) -> Iterator[Any]:
    """OpenAI's client of the second server."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        yield client.chat.completions


def _asked(text: str, **more: Any) -> dict[str, Any]:
    return {"max_tokens": 2000, "messages": [{"role": "user", "content": text}], **more}


# --- Anthropic's API in front, OpenAI's behind ------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [False, True])
def test_messages_of_an_agent_behind_chat_completions(messages: Any, streamed: bool) -> None:
    asked = _asked("Hi", model="near-openai", thinking=THINKING)
    if streamed:
        with messages.stream(**asked) as stream:
            message = stream.get_final_message()
    else:
        message = messages.create(**asked)
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert (message.content[0].thinking, message.content[1].text) == ("Let me see.", "0 before: Hi ")
    assert message.stop_reason == "end_turn"
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (7, 3, 5)
    assert usage.output_tokens_details.thinking_tokens == 2
    more = [*asked["messages"], {"role": "assistant", "content": message.content}, {"role": "user", "content": "And?"}]
    assert messages.create(**{**asked, "messages": more}).content[-1].text == "2 before: And? "


def test_messages_with_a_clients_tools_behind_chat_completions(messages: Any) -> None:
    tool = {"name": "ask_map", "input_schema": SCHEMA}
    asked = _asked("call ask_map Oslo Rome", model="near-openai", tools=[tool], thinking=THINKING)
    first = messages.create(**asked)
    assert [block.type for block in first.content] == ["thinking", "tool_use", "tool_use"]
    calls = [block for block in first.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"city": "Oslo"}, {"city": "Rome"}]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": call.input["city"]} for call in calls]
    more = [
        *asked["messages"],
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": results},
    ]
    assert messages.create(**{**asked, "messages": more}).content[-1].text == "Results: Oslo / Rome"


def test_messages_of_an_agent_with_tools_behind_chat_completions(messages: Any) -> None:
    message = messages.create(**_asked("call weather Oslo Rome", model="clerk-openai"))
    assert "".join(block.text for block in message.content if block.type == "text") == (
        "Results: rain in Oslo / rain in Rome"
    )
    usage = message.usage
    assert (usage.input_tokens + usage.cache_read_input_tokens, usage.output_tokens) == (20, 10)


# --- OpenAI's API in front, Anthropic's behind ------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [False, True])
def test_completions_of_an_agent_behind_messages(completions: Any, streamed: bool) -> None:
    asked = _asked("Hi", model="near-anthropic")
    if streamed:
        with completions.stream(**asked, stream_options={"include_usage": True}) as stream:
            deltas = [event.chunk.choices[0].delta for event in stream if event.type == "chunk" and event.chunk.choices]
            completion = stream.get_final_completion()
        thoughts = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    else:
        completion = completions.create(**asked)
        thoughts = completion.choices[0].message.reasoning_content
    choice = completion.choices[0]
    assert (thoughts, choice.message.content, choice.finish_reason) == ("Let me see.", "0 before: Hi ", "stop")
    usage = completion.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.prompt_tokens_details.cached_tokens) == (10, 5, 3)
    assert usage.completion_tokens_details.reasoning_tokens == 2


def test_completions_with_a_clients_tools_behind_messages(completions: Any) -> None:
    tool = {"type": "function", "function": {"name": "ask_map", "parameters": SCHEMA}}
    asked = _asked("call ask_map Oslo Rome", model="near-anthropic", tools=[tool])
    message = completions.create(**asked).choices[0].message
    assert [call.function.arguments for call in message.tool_calls] == ['{"city":"Oslo"}', '{"city":"Rome"}']
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": city}
        for call, city in zip(message.tool_calls, ("Oslo", "Rome"), strict=True)
    ]
    final = completions.create(**{**asked, "messages": [*asked["messages"], message, *results]})
    assert final.choices[0].message.content == "Results: Oslo / Rome"


def test_completions_of_an_agent_with_tools_behind_messages(completions: Any) -> None:
    completion = completions.create(**_asked("call weather Oslo Rome", model="clerk-anthropic"))
    assert completion.choices[0].message.content == "Results: rain in Oslo / rain in Rome"
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (20, 10)
