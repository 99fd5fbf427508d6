"""What real model servers sent, from their bytes to what a client of ours reads and what the model is asked next."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentos import Agent, Config
from agentos.app import create_app
from parts.replay_server import ReplayServer, stream

CASES = Path(__file__).parents[1] / "models" / "cases"
OK = stream([{"content": "ok"}])


class Played:
    """A run of an agent against recorded replies: the answer, the run's record, and what the model was asked."""

    def __init__(self, replies: list[str], *, session: bool) -> None:
        self.deleted: list[str] = []
        with ReplayServer(*replies) as model:
            app = self._app(model.url)
            client = app.test_client()
            body: dict[str, Any] = {"input": "hi"}
            if session:
                body["session_id"] = client.post("/api/v1/sessions", json={"agent_id": "a"}).json["session_id"]
            self.answers = [client.post("/api/v1/agents/a/run", json=body) for _ in range(2 if session else 1)]
            run_id = self.answers[0].headers["X-Run-ID"]
            self.run = client.get(f"/api/v1/runs/{run_id}").json
            self.events = client.get(f"/api/v1/runs/{run_id}/events").text
            self.requests = [request["messages"] for request in model.requests]
            app.extensions["agentos"].drain(0)
            app.extensions["agentos"].close()

    @property
    def answer(self) -> dict[str, Any]:
        return self.answers[0].json

    def calls(self) -> list[dict[str, Any]]:
        """Return the calls in the request that follows the first one."""
        return next(message["tool_calls"] for message in self.requests[1] if message.get("tool_calls"))

    def results(self) -> list[str]:
        """Return what the model read of its calls."""
        return [message["content"] for message in self.requests[1] if message["role"] == "tool"]

    def _app(self, url: str) -> Any:
        def get_weather(city: str) -> str:
            """Tell the weather."""
            return f"sunny in {city}"

        def clean_up(path: str = "/everything") -> str:
            """Delete files."""
            self.deleted.append(path)
            return f"deleted {path}"

        agent = Agent(id="a", model="recorded:m", tools=[get_weather, clean_up])
        config = Config(database_url="memory://", plugins=(), environ={}, providers={"recorded": {"base_url": url}})
        return create_app(config, agents={"a": agent})


Play = Callable[..., Played]


@pytest.fixture
def play() -> Play:
    def play(name: str, *more: str, session: bool = False) -> Played:
        return Played([(CASES / f"{name}.http").read_text("utf-8"), *more], session=session)

    return play


def test_a_signature_goes_back_with_its_call(play: Play) -> None:
    played = play("gemini-thought-signature", OK)

    assert played.answer["content"] == "ok"
    assert [call["extra_content"] for call in played.calls()] == [{"google": {"thought_signature": "c2lnbmVk"}}]
    assert "c2lnbmVk" not in played.events


def test_reasoning_goes_back_beside_calls(play: Play) -> None:
    played = play("deepseek-reasoning-with-calls", OK)

    (said,) = [message for message in played.requests[1] if message.get("tool_calls")]
    assert said["reasoning_content"] == "Weather is needed."
    assert played.results() == ["sunny in Oslo"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mistral-content-parts", "Good day"),
        ("keep-alive-as-data", "Good day"),
        ("status-201", "Good day"),
        ("stop-in-every-chunk", "all of it"),
    ],
)
def test_the_answer_is_whole(play: Play, name: str, content: str) -> None:
    played = play(name)

    assert (played.answer["content"], played.answer["finish_reason"]) == (content, "stop")


def test_an_answer_that_was_cut_says_so_everywhere(play: Play) -> None:
    played = play("cut-by-the-limit")

    assert played.answer["finish_reason"] == played.run["finish_reason"] == "length"
    assert played.answer["model"] == "recorded:m"
    assert '"finish_reason":"length"' in played.events


def test_a_finish_that_means_failure_fails_the_run(play: Play) -> None:
    played = play("finish-error")

    assert (played.answers[0].status_code, played.run["status"]) == (503, "failed")
    assert "The upstream went away" in played.answer["message"]
    assert played.run["content"] == "Half of "


def test_a_call_of_a_cut_answer_is_not_executed(play: Play) -> None:
    played = play("cut-in-a-call", OK)

    assert played.deleted == []
    assert played.answer["content"] == "ok"
    (result,) = played.results()
    assert "not called" in result


def test_an_optional_field_that_is_refused_is_left_out(play: Play) -> None:
    played = play("stream-options-refused", OK)

    assert played.answer["content"] == "ok"
    assert len(played.requests) == 2


def test_ids_that_are_no_ids_do_not_mix_calls(play: Play) -> None:
    played = play("mistral-null-ids", OK)

    assert [call["function"]["arguments"] for call in played.calls()] == ['{"city":"Oslo"}', '{"city":"Bergen"}']
    assert played.results() == ["sunny in Oslo", "sunny in Bergen"]


def test_an_end_before_the_first_piece_is_tried_again(play: Play) -> None:
    played = play("end-before-the-first-piece", OK)

    assert (played.answer["content"], len(played.requests)) == ("ok", 2)


def test_a_used_up_quota_is_said_and_not_tried_again(play: Play) -> None:
    played = play("quota-used-up")

    (answer,) = played.answers
    assert (answer.status_code, played.answer["details"]["cause"], len(played.requests)) == (503, "QUOTA_EXHAUSTED", 1)
    assert answer.headers["x-should-retry"] == "false"


def test_no_message_in_the_history_is_empty(play: Play) -> None:
    played = play("no-text-at-all", OK, session=True)

    assert [answer.status_code for answer in played.answers] == [200, 200]
    assert [message["role"] for message in played.requests[1]] == ["user", "assistant", "user"]
    assert all(message["content"].strip() for message in played.requests[1])
