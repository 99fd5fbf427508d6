"""The stream of a message: the same bytes however its events come, and what they are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agentos_anthropic_api.ids import TOOL_CALLS
from agentos_anthropic_api.projection import MessageProjection

from agentos.testing import ProjectionContract, SSEReader
from agentos.web import AnswerReader


class TestMessageProjection(ProjectionContract):
    def projection(self) -> MessageProjection:
        return MessageProjection("helper", AnswerReader(TOOL_CALLS, show_tools=True), thinking="all")

    def read(self, body: bytes) -> object:
        return [event for event in SSEReader().feed(body) if event.type != "ping"]  # as clients do

    @pytest.fixture
    def sent(self, frames) -> list[Any]:
        return [json.loads(event.data) for event in self.read(self.projection().render(frames))]

    def test_each_block_is_opened_filled_and_closed_before_the_next(self, sent) -> None:
        opened: int | None = None
        count = 0
        for event in sent:
            match event["type"]:
                case "content_block_start":
                    assert (opened, event["index"]) == (None, count)
                    opened, count = count, count + 1
                case "content_block_delta":
                    assert event["index"] == opened
                case "content_block_stop":
                    assert event["index"] == opened
                    opened = None
                case "message_delta":
                    assert opened is None

    @pytest.mark.parametrize("events", ["completed"], indirect=True)
    def test_the_text_is_whole(self, sent, run) -> None:
        assert [event["type"] for event in sent[-2:]] == ["message_delta", "message_stop"]
        assert "".join(event["delta"].get("text", "") for event in sent if "index" in event and "delta" in event) == (
            run.content
        )

    @pytest.mark.parametrize("events", ["started over"], indirect=True)
    def test_a_run_that_starts_over_after_text_ends_with_an_error(self, sent) -> None:
        assert sent[-1]["type"] == "error"
        assert "began again" in sent[-1]["error"]["message"]

    @pytest.mark.parametrize("events", ["started over"], indirect=True)
    def test_the_connection_ends_with_that_error_and_not_with_the_run(self, frames) -> None:
        projection = self.projection()
        over = [(projection.render((frame,)) != b"", projection.over) for frame in frames]
        assert over == [(True, False), (True, False), (True, True), (False, True), (False, True)]

    @pytest.mark.parametrize("events", ["failed"], indirect=True)
    def test_a_failure_is_the_last_thing(self, sent) -> None:
        assert sent[-1]["type"] == "error"
        assert sent[-1]["error"]["message"] == "it broke"

    def test_a_heartbeat_is_a_ping(self) -> None:
        (event,) = SSEReader().feed(self.projection().heartbeat())
        assert (event.type, event.json()) == ("ping", {"type": "ping"})
