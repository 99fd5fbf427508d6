"""How failures of models, limits and cancelled runs end."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from agentos_guest import Failed, Run
from driving import ADAPTER, Outcome, drive, model, model_server, run
from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.exceptions import ContentFilterError, UsageLimitExceeded
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.function import DeltaToolCall
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.usage import UsageLimits


def openai_model(url: str) -> OpenAIChatModel:
    client = AsyncOpenAI(base_url=url, api_key="sk-secret-123", max_retries=0)
    return OpenAIChatModel("gpt-fake", provider=OpenAIProvider(openai_client=client))


def failure_of(status: int, error: dict[str, Any], *, fallback: bool = False) -> Failed:
    async def respond(writer: asyncio.StreamWriter) -> None:
        body = json.dumps({"error": {"message": "with sk-secret-123", **error}}).encode()
        head = f"HTTP/1.1 {status} Error\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    async def attempt() -> Failed:
        async with model_server(respond) as url:
            one = openai_model(url)
            with pytest.raises(Failed) as raised:
                await drive(Agent(FallbackModel(one, openai_model(url)) if fallback else one))
        return raised.value

    return asyncio.run(attempt())


@pytest.mark.parametrize(
    ("status", "error", "cause"),
    [
        (429, {"code": "rate_limit_exceeded"}, "PROVIDER_RATE_LIMITED"),
        (429, {"code": "insufficient_quota"}, "QUOTA_EXHAUSTED"),
        (500, {}, "PROVIDER_UNAVAILABLE"),
        (503, {}, "PROVIDER_UNAVAILABLE"),
        (400, {"code": "context_length_exceeded"}, "CONTEXT_TOO_LONG"),
        (400, {"code": "invalid_value"}, "PROVIDER_ERROR"),
        (401, {"code": "invalid_api_key"}, "PROVIDER_ERROR"),
    ],
)
def test_a_failed_call_has_its_cause(status: int, error: dict[str, Any], cause: str) -> None:
    failed = failure_of(status, error)
    assert failed.cause == cause
    assert f"status {status}" in failed.message
    assert error.get("code", "") in failed.message
    assert "secret" not in failed.message


@pytest.mark.parametrize("code", ["with sk-secret-123", "x" * 65, {"sk": "secret"}])
def test_what_is_no_code_stays_out_of_the_message(code: Any) -> None:
    assert failure_of(400, {"code": code}).message == "the model server refused the request (status 400)"


def test_of_several_models_the_last_ones_failure_counts() -> None:
    assert failure_of(503, {}, fallback=True).cause == "PROVIDER_UNAVAILABLE"


def test_no_model_server() -> None:
    with pytest.raises(Failed) as raised:
        run(Agent(openai_model("http://127.0.0.1:9/v1")))
    assert raised.value.cause == "PROVIDER_UNAVAILABLE"


async def _calls_for_ever(messages: Any, info: Any) -> AsyncIterator[Any]:
    yield {0: DeltaToolCall(name="again", json_args="{}")}


looping = Agent(model(_calls_for_ever))


@looping.tool_plain
def again() -> str:
    return "again"


def limited(run: Run) -> tuple[Agent, None, UsageLimits]:
    return looping, None, UsageLimits(request_limit=3)


@pytest.mark.parametrize(("target", "calls"), [(looping, 50), (limited, 3)], ids=["default", "own"])
def test_a_usage_limit(target: Any, calls: int) -> None:
    said = Outcome()
    with pytest.raises(Failed, match="usage limit") as raised:
        run(target, into=said)
    assert raised.value.cause == "TURN_LIMIT"
    assert isinstance(raised.value.__cause__, UsageLimitExceeded)
    assert len(said.model_calls) == calls


async def _filtered(messages: Any, info: Any) -> AsyncIterator[Any]:
    yield ""
    raise ContentFilterError("filtered")


def test_a_content_filter() -> None:
    with pytest.raises(Failed) as raised:
        run(Agent(model(_filtered)))
    assert raised.value.cause == "CONTENT_FILTERED"


def test_a_failed_run_keeps_the_text_that_it_said() -> None:
    async def breaks(messages: Any, info: Any) -> AsyncIterator[Any]:
        yield "half"
        raise RuntimeError("no")

    said = Outcome()
    with pytest.raises(RuntimeError):
        run(Agent(model(breaks)), into=said)
    assert said.text == "half"


def test_a_cancelled_run_does_not_wait_for_a_synchronous_tool() -> None:
    agent = Agent(model(_calls_for_ever))
    began = threading.Event()
    may_end = threading.Event()

    @agent.tool_plain
    def again() -> str:
        began.set()
        may_end.wait(10)
        return "late"

    async def attempt() -> float:
        task = asyncio.create_task(drive(agent))
        await asyncio.to_thread(began.wait, 10)
        cancelled = time.monotonic()
        task.cancel()
        await asyncio.wait([task])
        return time.monotonic() - cancelled

    try:
        assert asyncio.run(attempt()) < 2
    finally:
        may_end.set()


def test_a_cancelled_run_closes_the_connection_to_its_model() -> None:
    closed = asyncio.Event()

    async def respond(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-fake"}
        chunk["choices"] = [{"index": 0, "delta": {"role": "assistant", "content": "word "}}]  # type: ignore[assignment]
        try:
            while True:
                writer.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
                await writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            closed.set()

    async def attempt() -> float:
        async with model_server(respond) as url:
            said = asyncio.Event()

            async def follow() -> None:
                async for event in ADAPTER.stream(Agent(openai_model(url)), Run("run_1", "agent", "hello")):
                    if event == "word ":
                        said.set()

            task = asyncio.create_task(follow())
            await asyncio.wait_for(said.wait(), 10)
            began = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(closed.wait(), 5)
            return time.monotonic() - began

    assert asyncio.run(attempt()) < 1
