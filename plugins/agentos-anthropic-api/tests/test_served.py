"""Messages of a real server with two workers, by Anthropic's client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest
from agentos_testing import ServerProcess

from parts.anthropic_door import WEATHER
from parts.weather_model import WEATHER_MODEL

USER: dict[str, Any] = {"role": "user", "content": "Umbrella?"}
COMMON: dict[str, Any] = {"model": "shop", "max_tokens": 1000}


@pytest.fixture
def server(serve: Callable[..., ServerProcess], tmp_path: Path) -> ServerProcess:
    program = tmp_path / "weather_model.py"
    program.write_text(WEATHER_MODEL, "utf-8")
    return serve(
        program,
        plugins={"weather-model": "weather_model"},
        installed=["anthropic-api"],
        workers=2,
        env={"AGENTOS_RATE_LIMIT": "none"},
    )


@pytest.fixture
def client(server: ServerProcess) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=server.url, api_key="none", max_retries=0) as client:
        yield client


def test_results_continue_their_runs_at_any_worker(client: anthropic.Anthropic) -> None:
    common: dict[str, Any] = {**COMMON, "tools": [WEATHER], "extra_headers": {"Connection": "close"}}
    for number in range(12):  # either worker may get the next request
        first = client.messages.create(messages=[USER], **common)
        (called,) = first.content
        result = {"type": "tool_result", "tool_use_id": called.id, "content": f"It rains {number}."}
        messages = [USER, first.to_param(), {"role": "user", "content": [result]}]
        with client.messages.stream(messages=messages, **common) as stream:
            streamed = stream.get_final_message()
        again = client.messages.create(messages=messages, **common)
        assert streamed.content[0].text == again.content[0].text == f"You said: It rains {number}. "
        assert streamed.id == again.id != first.id


def test_a_stream_of_the_real_server_is_whole(client: anthropic.Anthropic) -> None:
    words = " ".join(f"word{number}" for number in range(500))
    with client.messages.stream(messages=[{"role": "user", "content": words}], **COMMON) as stream:
        answer = stream.get_final_message()
    assert (answer.content[0].text, answer.stop_reason) == (f"You said: {words} ", "end_turn")


@pytest.mark.parametrize(
    ("words", "headers", "status"),
    [("10", {}, "completed"), ("300", {"X-AgentOS-On-Disconnect": "cancel"}, "cancelled")],
)
def test_a_run_ends_with_its_client_where_that_is_asked_for(
    client: anthropic.Anthropic, words: str, headers: dict[str, str], status: str
) -> None:
    answer = client.messages.with_raw_response.create(
        messages=[{"role": "user", "content": words}], stream=True, extra_headers=headers, **COMMON
    )
    stream = answer.parse()
    next(event for event in stream if event.type == "content_block_delta")
    stream.close()
    path = f"/api/v1/runs/{answer.headers['X-Run-ID']}"
    until = time.monotonic() + 30
    while client.get(path, cast_to=object)["status"] == "running" and time.monotonic() < until:
        time.sleep(0.1)
    assert client.get(path, cast_to=object)["status"] == status
