"""What a summary may cost, and what of an answer is taken for one."""

import pytest

from agentos.models.deltas import TextDelta
from agentos.models.scripted import AtMost, Cut, Pause
from agentos.services.summaries import INSTRUCTIONS, LATER_AT_ONCE, MESSAGES
from parts.waiting import until

SESSIONS = "/api/v1/sessions"


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (["They said ", Cut()], "in the middle"),
        ([Pause(0)], "no summary"),
        ([[TextDelta("x" * 1000)] * 3], "AGENTOS_MAX_OUTPUT_SIZE"),
    ],
    ids=["cut", "empty", "without an end"],
)
def test_what_is_no_whole_summary_is_not_kept(serve, turn: list, words: str) -> None:
    served = serve("Hello there", turn, max_output_size=2048)
    session = served.new_session()
    served.run("Hi", session)
    answer = served.client.post(f"{SESSIONS}/{session}/summary")
    assert (answer.status_code, answer.json["details"]["cause"]) == (502, "PROVIDER_ERROR")
    assert words in answer.json["message"]
    assert served.client.get(f"{SESSIONS}/{session}/summary").json["code"] == "SUMMARY_NOT_FOUND"


def test_a_summary_is_text_that_can_be_sent_whatever_the_model_wrote(serve) -> None:
    served = serve("Hello there", ["a\0b", "c\ud800d"])
    session = served.new_session()
    served.run("Hi", session)
    assert served.client.post(f"{SESSIONS}/{session}/summary").json["summary"]["content"] == "a\ufffdbc\ufffdd"


def test_a_summary_reads_the_last_messages_in_their_order(serve) -> None:
    served = serve("Hello there")
    session = served.new_session()
    for number in range(MESSAGES // 2 + 3):
        served.run(f"number {number}", session)
    served.client.post(f"{SESSIONS}/{session}/summary")
    said = served.provider.requests[-1].messages[-1].content.splitlines()
    assert len(said) == MESSAGES
    assert said[::2] == [f"user: number {number}" for number in range(3, MESSAGES // 2 + 3)]


def test_a_session_that_is_too_long_for_the_model_is_summarised_from_its_later_half(serve) -> None:
    served = serve([AtMost(len(INSTRUCTIONS) + 4 * 20), "Hello there"])
    session = served.new_session()
    for number in range(8):
        served.run(f"number {number}", session)
    answer = served.client.post(f"{SESSIONS}/{session}/summary")
    assert answer.json["summary"]["content"] == "Hello there"
    said = [request.messages[-1].content.splitlines() for request in served.provider.requests[8:]]
    assert [len(lines) for lines in said] == [16, 8, 4]
    assert said[-1] == ["user: number 6", "assistant: Hello there", "user: number 7", "assistant: Hello there"]


def test_a_last_message_that_is_too_long_by_itself_is_422(serve) -> None:
    served = serve("Hello there", [AtMost(10)], [AtMost(10)])
    session = served.new_session()
    served.run("Hi", session)
    answer = served.client.post(f"{SESSIONS}/{session}/summary")
    assert (answer.status_code, answer.json["details"]["cause"]) == (422, "CONTEXT_TOO_LONG")
    assert "larger context" in answer.json["message"]


def test_summaries_in_the_background_are_bounded_and_their_places_come_back(serve) -> None:
    served = serve("Hello there", *[[Pause(1.5), "They said hello."]] * (2 * LATER_AT_ONCE))
    session = served.new_session()
    served.run("Hi", session)
    address = f"{SESSIONS}/{session}/summary?async=true"
    assert [served.client.post(address).status_code for _ in range(LATER_AT_ONCE)] == [202] * LATER_AT_ONCE
    refused = served.client.post(address)
    assert (refused.status_code, refused.json["code"]) == (429, "RATE_LIMITED")
    assert int(refused.headers["Retry-After"]) >= 1
    until(lambda: served.client.post(address).status_code == 202)
