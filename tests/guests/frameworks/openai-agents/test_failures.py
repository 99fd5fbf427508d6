"""How a run ends other than by an answer, and what its client reads."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import hosted
import pytest
from agentos_guest import Overrides, Run
from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel
from driving import ADAPTER, ModelServer, drive, model_server, run, until
from openai import AsyncOpenAI


def over_http(server: ModelServer) -> Agent:
    client = AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0)
    return Agent(name="over http", model=OpenAIChatCompletionsModel("slow", client))


def by_responses(server: ModelServer) -> Agent:
    client = AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0)
    return Agent(name="by responses", model=OpenAIResponsesModel("slow", client))


def test_the_responses_api_is_understood() -> None:
    async def scenario() -> None:
        async with model_server() as server:
            said = await drive(by_responses(server))
        assert (said.text, said.reasoning, said.tokens) == ("0 1 ", "hm", (3, 2))
        (call,) = said.model_calls
        assert (call.model, call.finish_reason) == ("openai:slow", "stop")
        assert call.usage is not None
        assert (call.usage.cached, call.usage.reasoning) == (1, 1)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("cut", "reason", "cause", "message"),
    [
        ("max_output_tokens", "length", "PROVIDER_ERROR", "output limit"),
        ("content_filter", "content_filter", "CONTENT_FILTERED", "refused the content"),
    ],
)
def test_an_answer_that_is_cut_says_so(cut: str, reason: str, cause: str, message: str) -> None:
    async def scenario() -> None:
        async with model_server(cut=cut) as server:
            said = await drive(by_responses(server))
        assert said.text == "0 1 "
        assert [call.finish_reason for call in said.model_calls] == [reason]
        assert said.failed is not None
        assert said.failed.cause == cause
        assert message in said.failed.message

    asyncio.run(scenario())


def test_an_error_of_the_agent_is_not_for_clients() -> None:
    with pytest.raises(RuntimeError, match="sk-secret-123") as raised:
        run(hosted.secret)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("name", "cause", "said"),
    [
        ("guarded", "CONTENT_FILTERED", "the guardrail 'no questions' stopped the run"),
        ("endless", "TURN_LIMIT", "max_turns"),
        ("two_turns", "TURN_LIMIT", "max_turns"),
    ],
)
def test_ends_of_the_sdk_have_causes(name: str, cause: str, said: str) -> None:
    failed = run(getattr(hosted, name)).failed
    assert failed is not None
    assert failed.cause == cause
    assert said in failed.message
    assert "secret" not in failed.message


def test_the_number_of_turns_is_the_agents() -> None:
    assert len(run(hosted.two_turns).model_calls) == 2
    assert len(run(hosted.endless).model_calls) == 10


@pytest.mark.parametrize(
    ("status", "code", "cause"),
    [
        (401, None, "PROVIDER_ERROR"),
        (429, None, "PROVIDER_RATE_LIMITED"),
        (429, "insufficient_quota", "QUOTA_EXHAUSTED"),
        (400, "context_length_exceeded", "CONTEXT_TOO_LONG"),
        (400, "content_filter", "CONTENT_FILTERED"),
        (503, None, "PROVIDER_UNAVAILABLE"),
    ],
)
def test_errors_of_the_model_have_causes(status: int, code: str | None, cause: str) -> None:
    async def scenario() -> None:
        async with model_server(status=status, code=code) as server:
            failed = (await drive(over_http(server))).failed
            assert failed is not None
            assert failed.cause == cause
            assert "secret" not in failed.message

    asyncio.run(scenario())


def test_a_model_that_is_not_there() -> None:
    failed = run(over_http(ModelServer(url="http://127.0.0.1:1/v1"))).failed
    assert failed is not None
    assert failed.cause == "PROVIDER_UNAVAILABLE"


def test_parameters_of_a_run_reach_the_model() -> None:
    async def scenario() -> None:
        parameters = {"temperature": 0.5, "seed": 1, "reasoning_effort": "low", "max_completion_tokens": 5}
        async with model_server() as server:
            said = await drive(over_http(server), overrides=Overrides(parameters, None, "Be short."))
        assert (said.text, said.tokens) == ("0 1 ", (3, 2))
        (request,) = server.requests
        assert {name: request[name] for name in ("temperature", "seed", "reasoning_effort", "max_tokens")} == {
            "temperature": 0.5,
            "seed": 1,
            "reasoning_effort": "low",
            "max_tokens": 5,
        }
        assert request["messages"][0] == {"role": "system", "content": "Be short."}

    asyncio.run(scenario())


def test_a_cancelled_run_closes_the_connection_to_the_model() -> None:
    async def scenario() -> None:
        async with model_server(tokens=1200) as server:
            task = asyncio.create_task(drive(over_http(server)))
            await until(lambda: server.open == 1 and len(server.requests) == 1, 5)
            began = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.monotonic() - began < 0.5
            await until(lambda: server.open == 0)

    asyncio.run(scenario())


def test_a_run_that_is_left_closes_the_connection_to_the_model() -> None:
    async def scenario() -> None:
        async with model_server(tokens=1200) as server:
            async with aclosing(ADAPTER.stream(over_http(server), Run("run_1", "agent", "hello"))) as events:
                async for event in events:
                    assert event == "0 "
                    break
                left = time.monotonic()
            assert time.monotonic() - left < 0.5
            await until(lambda: server.open == 0)

    asyncio.run(scenario())


def test_many_runs_at_once_do_not_meet() -> None:
    async def scenario() -> None:
        runs = [drive(hosted.words, f"say 20 {number}") for number in range(50)]
        for number, said in enumerate(await asyncio.gather(*runs)):
            assert said.text == "".join(f"{number}-{word} " for word in range(20))

    asyncio.run(scenario())
