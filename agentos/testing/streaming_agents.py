"""Tests that every agent of another framework should pass: any object with ``stream(context)``."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from agentos.domain.agent import StreamingAgent
from agentos.domain.run import RunStatus
from agentos.testing.running import run_agent

TIMEOUT = 1.0
"""Seconds that the run of a slow agent gets."""


class StreamingAgentContract:
    """Derive a test class from it and give it the fixture ``agent``; ``text`` is what it is asked.

    ``slow_text`` makes it take longer than two seconds; its test skips without it.

        class TestMine(StreamingAgentContract):
            @pytest.fixture
            def agent(self):
                return MyAgent()
    """

    @pytest.fixture
    def agent(self) -> StreamingAgent:
        """Return the agent under test."""
        raise NotImplementedError("define the fixture 'agent'")

    @pytest.fixture
    def text(self) -> str:
        """Return what it is asked."""
        return "Hello"

    @pytest.fixture
    def slow_text(self) -> str:
        """Return a text that makes it take long."""
        pytest.skip("no fixture 'slow_text'")

    def test_a_run_completes_and_its_pieces_are_its_answer(self, agent: StreamingAgent, text: str) -> None:
        """Clients see the pieces as they come; the answer is what they say together."""
        run = run_agent(agent, text)
        assert run.status == RunStatus.COMPLETED, run
        assert [run.events[0].type, run.events[-1].type] == ["run_start", "complete"]
        assert run.content
        assert "".join(run.tokens).endswith(run.content)

    def test_each_tool_call_that_starts_ends(self, agent: StreamingAgent, text: str) -> None:
        """A client shows a call as under way until its end comes."""
        assert "started" not in [call.status for call in run_agent(agent, text).tool_calls]

    def test_a_session_takes_a_second_run(self, agent: StreamingAgent, text: str) -> None:
        """The server gives the agent the history of the session; the agent keeps none."""
        first = run_agent(agent, text)
        second = run_agent(agent, text, after=first)
        assert (second.status, second.session_id) == (RunStatus.COMPLETED, first.session_id), second

    def test_many_runs_may_be_under_way_at_once(self, agent: StreamingAgent, text: str) -> None:
        """One instance serves all runs of a worker."""
        with ThreadPoolExecutor(4) as pool:
            runs = list(pool.map(lambda _: run_agent(agent, text), range(4)))
        assert [run.status for run in runs] == [RunStatus.COMPLETED] * 4, runs

    def test_a_run_that_takes_too_long_comes_back(self, agent: StreamingAgent, slow_text: str) -> None:
        """At the deadline the run is cancelled. The agent has to notice, or its thread is lost until it returns."""
        run = run_agent(agent, slow_text, request_timeout=TIMEOUT)
        assert run.status == RunStatus.FAILED, run
        assert run.error is not None
        assert run.error.details["cause"] == "TIMEOUT"
        left = [thread.name for thread in threading.enumerate() if thread.name == f"run-{run.id}"]
        assert not left, "the agent did not return after its run was cancelled"
