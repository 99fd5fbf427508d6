"""What an agent that is not ours keeps with its pause."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentos import Answer, PendingAction, PendingKind, RunContext
from agentos.domain.ids import new_id
from agentos.domain.message import ToolCall
from agentos.domain.pending import PauseRequested
from agentos.domain.times import utc_now
from agentos.testing import run_agent

EXACT = {"step": [1, None, 2**70], "text": "\0 \ud83d é", "empty": {}}


class Keeper:
    """Pauses with a state, twice, and says what it was given back."""

    def __init__(self, *states: Any) -> None:
        self._states = states

    def stream(self, context: RunContext) -> Iterator[str]:
        answered = len(context.actions)
        if answered < len(self._states):
            raise PauseRequested([_question(answered)], self._states[answered])
        yield str(context.agent_state == self._states[-1])


def _question(number: int) -> PendingAction:
    return PendingAction(
        id=new_id(),
        kind=PendingKind.INPUT,
        call=ToolCall("", "", "{}"),
        arguments_hash="0" * 64,
        number=number,
        message="?",
        created_at=utc_now(),
    )


@pytest.mark.parametrize("database", ["memory", "sqlite"])
def test_the_state_of_the_last_pause_comes_back_exactly(database: str, tmp_path: Path) -> None:
    settings = {"database_url": f"sqlite:///{tmp_path}/a.db"} if database == "sqlite" else {}
    run = run_agent(Keeper("first", EXACT), "go", answers=lambda _: Answer(output=1), **settings)
    assert run.content == "True", run


@pytest.mark.parametrize(
    ("state", "words"),
    [(object(), "what it wants kept for later is no JSON"), ("x" * 2**20, "accepted are at most 1048576")],
)
def test_a_state_that_cannot_be_kept_fails_the_run_and_says_why(state: Any, words: str) -> None:
    run = run_agent(Keeper(state), "go")
    assert run.error is not None
    assert words in run.error.message


def test_an_agent_without_a_state_finds_none() -> None:
    run = run_agent(Keeper(None), "go", answers=lambda _: Answer(output=1))
    assert run.content == "True"
