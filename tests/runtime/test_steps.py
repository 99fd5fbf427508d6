"""Agents that another worker continues after their last finished step."""

import pytest

from agentos.domain.event import Token
from agentos.domain.message import Message
from agentos.errors import ProviderUnavailable, TurnLimit
from agentos.models.scripted import Fail, call
from runtime.pausing import Scene, calls_of

done: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


def look(path: str) -> str:
    """Look into a file."""
    done.append(path)
    return f"text of {path}"


def step(path: str) -> list[object]:
    return ["Let me see. ", call("look", f'{{"path": "{path}"}}')]


LOST = Fail(ProviderUnavailable("the worker is lost here"))


def lost_after(*steps: str) -> Scene:
    scene = Scene([*map(step, steps), ["Well, ", LOST]], [look], saves_steps=True)  # type: ignore[arg-type]
    with pytest.raises(ProviderUnavailable):
        scene.go()
    return scene


def test_finished_steps_are_not_repeated() -> None:
    scene = lost_after("/a", "/b")
    scene.provider.say("Done.")
    events = scene.go()
    assert done == ["/a", "/b"]
    assert calls_of(events) == []
    assert [one.token for one in events if isinstance(one, Token)] == ["Done."]
    assert scene.read() == [
        ("assistant", "Let me see. "),
        ("tool", "text of /a"),
        ("assistant", "Let me see. "),
        ("tool", "text of /b"),
    ]


def test_the_model_is_asked_the_same_as_without_the_crash() -> None:
    scene = lost_after("/a")
    asked = scene.provider.requests[-1].messages
    scene.provider.say("Done.")
    scene.go()
    assert scene.provider.requests[-1].messages == asked


def test_what_was_said_after_the_last_finished_step_does_not_count() -> None:
    scene = lost_after("/a")
    assert [checkpoint.tokens for checkpoint in scene.checkpoints] == [1]
    assert Message("assistant", "Well, ") not in [one for saved in scene.checkpoints for one in saved.messages]


def test_a_step_that_was_cut_short_is_made_again() -> None:
    scene = Scene([step("/a")], [look], saves_steps=True)  # type: ignore[list-item]
    stream = scene.agent().stream(scene.context)
    for _ in range(4):
        next(stream)  # its call has begun; then the worker is lost
    stream.close()
    assert scene.checkpoints == []
    scene.provider.say("Done.")
    scene.go()
    assert scene.read() == []


def test_the_turns_of_finished_steps_count() -> None:
    scene = lost_after("/a", "/b")
    scene.max_turns = 3
    scene.provider.say(step("/c"))  # type: ignore[arg-type]
    with pytest.raises(TurnLimit):
        scene.go()
    assert done == ["/a", "/b"]


def test_a_run_that_has_no_turn_left_does_not_ask_again() -> None:
    scene = lost_after("/a", "/b")
    scene.max_turns = 2
    asked = len(scene.provider.requests)
    with pytest.raises(TurnLimit):
        scene.go()
    assert len(scene.provider.requests) == asked
