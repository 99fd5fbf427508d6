"""Runs that meet in one session, on two workers."""

import threading
from collections.abc import Iterator
from itertools import cycle, pairwise

import pytest

from parts.client import Client, Event, tokens_of
from parts.pair import Pair
from parts.waiting import until


class Talk:
    """Streams in one session, each begun once the one before was admitted, and read to its end beside the test."""

    def __init__(self, session: str) -> None:
        self._session = session
        self.runs: list[list[Event]] = []
        self._threads: list[threading.Thread] = []

    def say(self, client: Client, agent: str, text: str) -> list[Event]:
        body = {"input": text, "session_id": self._session}
        stream = client.stream(f"/agents/{agent}/run/stream", body)
        events = [next(stream)]
        self.runs.append(events)
        thread = threading.Thread(target=self._read, args=(events, stream), daemon=True)
        self._threads.append(thread)
        thread.start()
        return events

    @staticmethod
    def _read(events: list[Event], stream: Iterator[Event]) -> None:
        for event in stream:
            events.append(event)

    def wait(self) -> list[str]:
        """Wait for all ends and return their types."""
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()
        return [events[-1].type for events in self.runs]


def wait_for_words(events: list[Event], count: int = 3) -> None:
    until(lambda: len(events) > count, 20)


@pytest.fixture
def slow_agent(pair: Pair) -> str:
    return pair.here.register(model="scripted:slow-300x0.1")


def test_six_runs_at_once_leave_six_whole_turns_in_the_order_of_their_admission(pair: Pair) -> None:
    session = pair.here.session()
    talk = Talk(session)
    # The first ones take longest: without waiting for each other they would end the other way round.
    for number, client in zip(range(6), cycle((pair.here, pair.there)), strict=False):
        agent = client.register(model=f"scripted:slow-{6 - number}x0.1")
        talk.say(client, agent, str(number))
    assert talk.wait() == ["complete"] * 6
    assert pair.there.said(session) == [
        turn
        for number in range(6)
        for turn in (("user", str(number)), ("assistant", "".join(f"word{word} " for word in range(6 - number))))
    ]
    runs = [pair.there.get(f"/runs/{events[0].run_id}") for events in talk.runs]
    assert all(one["ended_at"] <= next["started_at"] for one, next in pairwise(runs))


def test_reject_refuses_while_the_session_has_a_run(pair: Pair, slow_agent: str) -> None:
    session = pair.here.session(slow_agent)
    talk = Talk(session)
    first = talk.say(pair.here, slow_agent, "first")
    body = {"input": "second", "session_id": session, "concurrency": "reject"}
    for path in ("/run", "/run/stream"):
        answer = pair.there.request("POST", f"/agents/{slow_agent}{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "SESSION_BUSY")
        assert int(answer.headers["Retry-After"]) >= 1
    wait_for_words(first)
    pair.there.post(f"/runs/{first[0].run_id}/cancel", None)
    assert talk.wait() == ["error"]
    pair.there.ended(first[0].run_id)
    assert pair.there.post("/agents/assistant/run", {**body})["content"] == "second"


def test_interrupt_cancels_the_others_and_keeps_what_they_wrote(pair: Pair, slow_agent: str) -> None:
    session = pair.here.session(slow_agent)
    talk = Talk(session)
    first = talk.say(pair.here, slow_agent, "first")
    talk.say(pair.here, slow_agent, "waiting")
    wait_for_words(first)
    body = {"input": "second", "session_id": session, "concurrency": "interrupt"}
    assert pair.there.post("/agents/assistant/run", body)["content"] == "second"

    assert talk.wait() == ["error", "error"]
    assert [events[-1].data["code"] for events in talk.runs] == ["RUN_CANCELLED"] * 2
    assert pair.there.get(f"/runs/{first[0].run_id}")["status"] == "cancelled"
    assert pair.there.said(session) == [
        ("user", "first"),
        ("assistant", tokens_of(first)),
        ("user", "second"),
        ("assistant", "second"),
    ]


def test_rollback_cancels_the_others_and_forgets_them(pair: Pair, slow_agent: str) -> None:
    session = pair.here.session(slow_agent)
    pair.here.post("/agents/assistant/run", {"input": "before", "session_id": session})
    talk = Talk(session)
    first = talk.say(pair.here, slow_agent, "first")
    wait_for_words(first)
    body = {"input": "second", "session_id": session, "concurrency": "rollback"}
    assert pair.there.post("/agents/assistant/run", body)["content"] == "second"

    assert talk.wait() == ["error"]
    assert first[-1].data["code"] == "RUN_CANCELLED"
    assert [text for _, text in pair.there.said(session)] == ["before", "before", "second", "second"]


def test_the_agent_says_what_happens_where_the_request_does_not(pair: Pair) -> None:
    agent = pair.here.register(model="scripted:slow-300x0.1", concurrency="reject")
    session = pair.here.session(agent)
    talk = Talk(session)
    first = talk.say(pair.here, agent, "first")
    answer = pair.there.request("POST", f"/agents/{agent}/run", {"input": "second", "session_id": session})
    assert answer.json()["code"] == "SESSION_BUSY"
    pair.there.post(f"/runs/{first[0].run_id}/cancel", None)
    talk.wait()
