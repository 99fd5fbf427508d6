"""What an agent knows: the session's last turns, the client's own messages, attachments."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import agents
import pytest
from agentos_guest import Call, Media, Message
from driving import conversation, model, run
from pydantic_ai import Agent
from pydantic_ai.messages import ModelRequest, UserPromptPart


async def _repeats(messages: Any, info: Any) -> AsyncIterator[Any]:
    """Say the kinds and contents of the parts that the model got."""
    said = [
        [part.part_kind, getattr(part, "content", None) or getattr(part, "args", None)]
        for message in messages
        for part in message.parts
    ]
    yield json.dumps({"parts": said, "instructions": info.instructions}, default=str)


def given(agent: Agent[Any, Any], **fields: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(run(agent, "now", **fields).text)
    return read


def test_the_sessions_turns_are_the_history() -> None:
    turns = [
        Message("user", "add"),
        Message("assistant", "", [Call("call_1", "add", '{"a": 1}')]),
        Message("tool", "3", tool_call_id="call_1"),
        Message("assistant", "three"),
    ]
    assert run(agents.history, "now", history=turns).text == "4:add"
    assert given(Agent(model(_repeats)), history=turns)["parts"] == [
        ["user-prompt", "add"],
        ["tool-call", '{"a": 1}'],
        ["tool-return", "3"],
        ["text", "three"],
        ["user-prompt", "now"],
    ]


def test_an_agents_system_prompt_stays_in_a_session() -> None:
    agent = Agent(model(_repeats), system_prompt="Be nice.")
    turns = conversation(("user", "hello"), ("assistant", "hi"))
    assert given(agent)["parts"][0] == ["system-prompt", "Be nice."]
    assert given(agent, history=turns)["parts"][0] == ["system-prompt", "Be nice."]


def test_a_clients_system_message_is_beside_the_agents_own() -> None:
    agent = Agent(model(_repeats), system_prompt="Be nice.", instructions="Be brief.")
    turns = conversation(("system", "Speak French."), ("user", "hello"), ("assistant", "hi"))
    read = given(agent, history=turns)
    assert read["parts"][0] == ["system-prompt", "Be nice."]
    assert "Be brief." in read["instructions"]
    assert "Speak French." in read["instructions"]


def test_a_conversation_may_end_with_a_result_of_a_tool() -> None:
    turns = [
        Message("user", "add"),
        Message("assistant", "", [Call("call_1", "add", "{}")]),
        Message("tool", "3", tool_call_id="call_1"),
    ]
    assert json.loads(run(Agent(model(_repeats)), "", history=turns).text)["parts"][-1] == ["tool-return", "3"]


@pytest.mark.parametrize(
    ("media", "said"),
    [
        (Media("image", url="https://example.com/a.png"), "https://example.com/a.png"),
        (Media("file", url="https://example.com/a.pdf", content_type="application/pdf"), "https://example.com/a.pdf"),
        (Media("audio", url="https://example.com/a.mp3"), "https://example.com/a.mp3"),
        (Media("video", url="https://example.com/a.mp4"), "https://example.com/a.mp4"),
    ],
    ids=lambda one: one.type if isinstance(one, Media) else "",
)
def test_attachments_with_an_address(media: Media, said: str) -> None:
    assert run(agents.attachments, media=[media]).text == said


def test_attachments_with_bytes(tmp_path: Path) -> None:
    file = tmp_path / "picture"
    file.write_bytes(b"x" * 1234)
    media = Media("image", path=str(file), content_type="image/png")
    assert run(agents.attachments, media=[media]).text == "image/png 1234"
    assert run(agents.attachments, "", media=[media]).text == "image/png 1234"


def test_attachments_of_earlier_turns_are_shown_again() -> None:
    seen: list[Any] = []

    async def looks(messages: Any, info: Any) -> AsyncIterator[Any]:
        assert isinstance(messages[0], ModelRequest)
        part = messages[0].parts[0]
        assert isinstance(part, UserPromptPart)
        seen.append(part.content)
        yield "seen"

    turns = [
        Message("user", "look", media=[Media("image", url="https://example.com/a.png")]),
        Message("assistant", "a"),
    ]
    run(Agent(model(looks)), "now", history=turns)
    assert [seen[0][0], seen[0][1].url] == ["look", "https://example.com/a.png"]
