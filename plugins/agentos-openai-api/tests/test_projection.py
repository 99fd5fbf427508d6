"""The stream of a chat completion: the same bytes however its events come, and what they are."""

from __future__ import annotations

import json

import pytest
from agentos_openai_api.chat.projection import ChatProjection
from agentos_openai_api.ids import TOOL_CALLS

from agentos.testing import ProjectionContract, SSEReader
from agentos.web import AnswerReader, read_answer


class TestChatProjection(ProjectionContract):
    def projection(self) -> ChatProjection:
        return ChatProjection("helper", AnswerReader(TOOL_CALLS, show_tools=True), include_usage=True)

    def read(self, body: bytes) -> object:
        return SSEReader().feed(body)

    @pytest.fixture
    def data(self, frames) -> list[str]:
        return [event.data for event in self.read(self.projection().render(frames))]

    @pytest.mark.parametrize("events", ["completed"], indirect=True)
    def test_the_text_is_whole(self, data, run) -> None:
        assert data.pop() == "[DONE]"
        chunks = [json.loads(one) for one in data]
        text = "".join(one["delta"].get("content", "") for chunk in chunks for one in chunk["choices"])
        assert text == run.content

    @pytest.mark.parametrize("events", ["started over"], indirect=True)
    def test_a_run_that_starts_over_after_text_ends_with_an_error(self, data) -> None:
        last = json.loads(data[-1])
        assert last["error"]["code"] == "run_started_over"
        assert [json.loads(one)["choices"][0]["delta"].get("content") for one in data[:-1]] == ["", "Hel"]

    @pytest.mark.parametrize("events", ["started over"], indirect=True)
    def test_the_connection_ends_with_that_error_and_not_with_the_run(self, frames) -> None:
        projection = self.projection()
        over = [(projection.render((frame,)) != b"", projection.over) for frame in frames]
        assert over == [(True, False), (True, False), (True, True), (False, True), (False, True)]

    @pytest.mark.parametrize("events", ["failed"], indirect=True)
    def test_a_failure_is_the_last_thing(self, data) -> None:
        assert json.loads(data[-1])["error"]["message"] == "it broke"

    @pytest.mark.parametrize("events", ["started over"], indirect=True)
    def test_an_answer_that_is_not_sent_yet_begins_again_with_its_run(self, frames, run) -> None:
        answer = read_answer(run, [frames], AnswerReader(TOOL_CALLS))
        assert answer.text == "Hello"
