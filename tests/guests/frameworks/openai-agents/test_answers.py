"""What an agent says and does, as events of the server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import hosted
import pytest
from agentos_guest import Call, Media, Message, Overrides
from driving import ADAPTER, drive, run

EARLIER = [
    Message("user", "first"),
    Message("assistant", tool_calls=[Call("call_1", "add", '{"a": 1, "b": 1}')]),
    Message("tool", "2", tool_call_id="call_1"),
    Message("assistant", "two"),
]


def test_text_comes_in_the_pieces_of_the_model() -> None:
    said = run(hosted.words, "say 3 x")
    assert said.events[:3] == ["x-0 ", "x-1 ", "x-2 "]
    assert said.tokens == (7, 5)


def test_a_call_to_the_model_is_described() -> None:
    (call,) = run(hosted.reasons).model_calls
    assert (call.model, call.finish_reason) == ("openai:fake", "stop")
    assert call.time_to_first_token is not None
    assert 0 < call.time_to_first_token <= call.duration


def test_reasoning_is_no_text() -> None:
    said = run(hosted.reasons)
    assert (said.reasoning, said.text) == ("hm", "done")


def test_parallel_calls_of_tools_have_their_results() -> None:
    said = run(hosted.tools)
    assert said.text == "5 9"
    assert said.calls == [
        ("first-1", "started", None),
        ("second-1", "started", None),
        ("first-1", "completed", "5"),
        ("second-1", "completed", "9"),
    ]
    assert [call.id for call in said.model_calls[0].calls] == ["first-1", "second-1"]
    assert said.model_calls[0].finish_reason == "tool_calls"
    assert said.tokens == (14, 10)


def test_a_tool_that_fails_is_a_failed_call_without_its_secret() -> None:
    said = run(hosted.failing_tool)
    assert said.text == "the tool failed"
    assert [call.status for call in said.tool_calls] == ["started", "failed"]
    assert "secret" not in repr(said.events)


def test_an_agent_that_is_a_tool_and_fails_is_a_failed_call_without_its_secret() -> None:
    said = run(hosted.failing_agent)
    assert [call.status for call in said.tool_calls] == ["started", "failed"]
    assert "secret" not in repr(said.events)


def test_the_result_of_a_tool_can_be_the_answer() -> None:
    assert run(hosted.final_tool).text == "42"


def test_a_handoff_is_told_and_the_other_agent_is_heard() -> None:
    said = run(hosted.handing_over)
    assert said.text == "I ask the specialist. It is 42."
    assert said.custom == [("handoff", {"from": "hand_over", "to": "specialist"})]
    assert [call.name for call in said.tool_calls] == ["transfer_to_specialist"] * 2


@pytest.mark.parametrize("name", ["with_clock", "over_to_clock"])
def test_mcp_servers_are_connected_once_for_all_runs(name: str) -> None:
    async def scenario() -> None:
        target = getattr(hosted, name)
        for said in [await drive(target), *await asyncio.gather(drive(target), drive(target))]:
            assert "12:34" in said.text
        await ADAPTER.close()

    asyncio.run(scenario())


def test_an_mcp_server_that_is_not_there_fails_the_run() -> None:
    with pytest.raises(FileNotFoundError):
        run(hosted.no_clock)


def test_tokens_of_an_agent_that_is_a_tool_count() -> None:
    paused = run(hosted.boss)
    assert paused.tokens == (14, 10)


def test_structured_output_is_what_the_model_says() -> None:
    assert run(hosted.structured).text == '{"city": "Paris", "people": 2}'


def test_history_reaches_the_model() -> None:
    assert run(hosted.history, history=EARLIER).text == "4:first"


def test_tools_are_called_after_earlier_calls() -> None:
    assert run(hosted.tools, history=EARLIER).text == "5 9"


def test_an_image_reaches_the_model_as_data_or_as_an_address(tmp_path: Path) -> None:
    file = tmp_path / "image"
    file.write_bytes(b"abc")
    data = Media("image", path=str(file), content_type="image/png")
    assert run(hosted.attachments, media=[data]).text == "image/png 3"
    assert run(hosted.attachments, media=[Media("image", url="https://a.example/b.png")]).text == (
        "https://a.example/b.png"
    )


@pytest.mark.parametrize(
    ("media", "said"),
    [
        (Media("video", url="https://a.example/b.mp4"), "a video was given"),
        (Media("audio", url="https://a.example/b.mp3"), "an address was given"),
        (Media("audio", path="/dev/null", content_type="audio/flac"), "audio/flac was given"),
    ],
)
def test_an_attachment_that_the_sdk_does_not_take_is_refused(media: Media, said: str) -> None:
    failed = run(hosted.attachments, media=[media]).failed
    assert failed is not None
    assert said in failed.message


def test_tools_have_the_run_as_their_context() -> None:
    said = run(hosted.context, owner="acme", metadata={"color": "red"})
    assert said.text == "acme red"
    assert said.patches == [[{"op": "add", "path": "/what", "value": "tea"}]]


def test_an_agent_may_have_a_context_of_its_own() -> None:
    said = run(hosted.own_context, owner="acme")
    assert said.custom == [("context", {"owner": "acme"})]


def test_overrides_change_one_run() -> None:
    schema: dict[str, Any] = {"type": "object", "required": ["city"]}
    parameters = {"temperature": 0.5, "max_output_tokens": 5, "seed": 1}
    overrides = Overrides(parameters=parameters, output_schema=schema, instructions="Be short.")
    assert run(hosted.structured, overrides=overrides).text == '{"city": "Paris", "people": 2}'
    settings = hosted.structured.model.settings
    assert (settings.temperature, settings.max_tokens, settings.extra_args) == (0.5, 5, {"seed": 1})
    assert hosted.structured.instructions is None
    assert hosted.structured.output_type is hosted.City


def test_an_output_that_is_no_json_fails_the_run() -> None:
    failed = run(hosted.words, "say 1 x", overrides=Overrides(output_schema={"type": "object"})).failed
    assert failed is not None
    assert failed.cause == "PROVIDER_ERROR"


def test_an_agent_is_described() -> None:
    assert ADAPTER.describe(hosted.approval) == {
        "name": "ask_transfer",
        "description": "",
        "model": "",
        "tools": ["transfer"],
    }


def test_what_is_no_agent_is_not_accepted() -> None:
    assert ADAPTER.accepts(hosted.words)
    assert ADAPTER.accepts(hosted.two_turns)
    assert not ADAPTER.accepts(hosted.add)
