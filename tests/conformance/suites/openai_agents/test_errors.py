"""What goes wrong is an exception that tells what."""

import pytest
from agents import Agent, MaxTurnsExceeded, ModelBehaviorError, Runner, function_tool
from openai import (
    APIError,
    AsyncOpenAI,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
)

from conftest import Model

pytestmark = pytest.mark.anyio


@function_tool
def wait() -> str:
    """Wait."""
    return "waited"


async def test_an_unknown_model(model: Model) -> None:
    model.model = "nothing"
    with pytest.raises(NotFoundError) as caught:
        await Runner.run(Agent(name="Rosa", model=model), "Hello")
    assert caught.value.code == "model_not_found"


async def test_a_key_that_is_not_valid(model: Model, base_url: str) -> None:
    async with AsyncOpenAI(base_url=base_url, api_key="wrong", max_retries=0) as client:
        with pytest.raises(AuthenticationError):
            await Runner.run(Agent(name="Rosa", model=type(model)("helper", client)), "Hello")


async def test_a_key_that_may_not_run_agents(model: Model, base_url: str, reading_key: str) -> None:
    async with AsyncOpenAI(base_url=base_url, api_key=reading_key, max_retries=0) as client:
        with pytest.raises(PermissionDeniedError):
            await Runner.run(Agent(name="Rosa", model=type(model)("helper", client)), "Hello")


async def test_tools_for_an_agent_that_allows_none(model: Model) -> None:
    model.model = "closed"
    with pytest.raises(BadRequestError, match="allow_overrides does not have 'client_tools'"):
        await Runner.run(Agent(name="Rosa", model=model, tools=[wait]), "Hello")


async def test_a_conversation_that_is_too_long_for_the_provider(model: Model) -> None:
    with pytest.raises(BadRequestError) as caught:
        await Runner.run(Agent(name="Rosa", model=model), "fail length")
    assert caught.value.code == "context_length_exceeded"


async def test_a_run_that_fails(model: Model) -> None:
    with pytest.raises(InternalServerError):
        await Runner.run(Agent(name="Rosa", model=model), "fail bug")


async def test_a_streamed_run_that_fails(model: Model) -> None:
    result = Runner.run_streamed(Agent(name="Rosa", model=model), "fail bug")
    # The framework has an exception of its own for `response.failed`.
    with pytest.raises((APIError, ModelBehaviorError), match="the agent is broken"):
        async for _ in result.stream_events():
            pass


async def test_a_run_with_too_many_turns(model: Model) -> None:
    with pytest.raises(MaxTurnsExceeded):
        await Runner.run(Agent(name="Rosa", model=model, tools=[wait]), "wait({}) then wait({})", max_turns=1)
