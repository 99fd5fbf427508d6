"""Chat completions of a real server with two workers, by OpenAI's client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from agentos_testing import ServerProcess

from parts.openai_door import WEATHER
from parts.weather_model import WEATHER_MODEL

USER: dict[str, Any] = {"role": "user", "content": "Umbrella?"}


@pytest.fixture
def client(serve: Callable[..., ServerProcess], tmp_path: Path) -> Iterator[openai.OpenAI]:
    program = tmp_path / "weather_model.py"
    program.write_text(WEATHER_MODEL, "utf-8")
    server = serve(
        program,
        plugins={"weather-model": "weather_model"},
        installed=["openai-api"],
        workers=2,
        env={"AGENTOS_RATE_LIMIT": "none"},
    )
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_results_continue_their_runs_at_any_worker(client: openai.OpenAI) -> None:
    close = {"Connection": "close"}  # so that either worker may get the next request
    for number in range(12):
        create = client.chat.completions.create
        common: dict[str, Any] = {"model": "shop", "tools": [WEATHER], "extra_headers": close}
        message = create(messages=[USER], **common).choices[0].message
        (called,) = message.tool_calls
        messages = [USER, message, {"role": "tool", "tool_call_id": called.id, "content": f"It rains {number}."}]
        chunks = list(create(messages=messages, stream=True, **common))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        again = create(messages=messages, **common)
        assert text == again.choices[0].message.content == f"You said: It rains {number}. "
        assert {chunk.id for chunk in chunks} == {again.id}


def test_a_stream_of_the_real_server_is_whole(client: openai.OpenAI) -> None:
    words = " ".join(f"word{number}" for number in range(500))
    messages: list[Any] = [{"role": "user", "content": words}]
    with client.chat.completions.stream(model="shop", messages=messages) as stream:
        for _ in stream:
            pass
        answer = stream.get_final_completion().choices[0]
    assert (answer.message.content, answer.finish_reason) == (f"You said: {words} ", "stop")


@pytest.mark.parametrize(
    ("words", "headers", "status"),
    [("10", {}, "completed"), ("300", {"X-AgentOS-On-Disconnect": "cancel"}, "cancelled")],
)
def test_a_run_ends_with_its_client_where_that_is_asked_for(
    client: openai.OpenAI, words: str, headers: dict[str, str], status: str
) -> None:
    common: dict[str, Any] = {"model": "shop", "stream": True, "extra_headers": headers}
    chat = client.chat.completions.with_raw_response.create
    response = client.responses.with_raw_response.create
    answers: list[Any] = [
        chat(messages=[{"role": "user", "content": words}], **common),
        response(input=words, **common),
    ]
    for answer in answers:
        stream = answer.parse()
        next(piece for piece in stream if '"on "' in piece.model_dump_json())
        stream.close()
    for answer in answers:
        id = f"resp_{answer.headers['X-Run-ID']}"
        until = time.monotonic() + 20
        while client.responses.retrieve(id).status == "in_progress" and time.monotonic() < until:
            time.sleep(0.1)
        assert client.responses.retrieve(id).status == status
