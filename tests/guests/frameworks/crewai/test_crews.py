"""What a crew says and does, as events of the server; and how its runs fail."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import agents
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
    said = run(agents.words, "say 3 x")
    assert [event for event in said.events if isinstance(event, str)] == ["x-0 ", "x-1 ", "x-2 "]
    assert said.tokens == (7, 5)


def test_a_second_run_begins_anew() -> None:
    first, second = run(agents.words, "say 1 x"), run(agents.words, "say 1 y")
    assert (first.text, second.text) == ("x-0 ", "y-0 ")
    assert second.tokens == (7, 5)
    assert agents.words.tasks[0].description == "{input}"


def test_a_call_to_the_model_is_described() -> None:
    (call,) = run(agents.reasons).model_calls
    assert (call.model, call.finish_reason) == ("fake:think", "stop")
    assert call.duration > 0


def test_thoughts_are_no_text() -> None:
    said = run(agents.reasons)
    assert (said.reasoning, said.text) == ("hm", "done")


def test_parallel_calls_of_tools_have_their_results() -> None:
    said = run(agents.tools)
    assert said.text == "5 9"
    results = {(str(call.arguments), call.result or "") for call in said.tool_calls if call.status == "completed"}
    assert results == {("{'a': 2, 'b': 3}", "5"), ("{'a': 4, 'b': 5}", "9")}
    started = {call.id for call in said.tool_calls if call.status == "started"}
    assert started == {call.id for call in said.tool_calls if call.status == "completed"}
    assert said.tokens == (14, 10)


def test_a_tool_that_fails_is_a_failed_call_without_its_secret() -> None:
    said = run(agents.failing_tool)
    assert said.text == "the tool failed"
    assert [call.status for call in said.tool_calls] == ["started", "failed"]
    assert "secret" not in repr(said.events)


def test_of_an_agent_that_calls_tools_by_text_only_the_answer_is_text() -> None:
    said = run(agents.by_text)
    assert said.text == "it is 5"
    assert said.reasoning.endswith("Thought: I now know.\n")
    assert [call.result for call in said.tool_calls] == [None, "5"]


def test_an_object_is_the_answer_once() -> None:
    said = run(agents.structured)
    assert said.text == '{"city":"Paris","people":2}'


def test_the_last_task_answers_and_the_others_are_reasoning() -> None:
    said = run(agents.Newsroom, "cats")
    assert (said.reasoning, said.text) == ("Find cats", "Write cats")
    assert said.custom == [
        ("task", {"number": number, "of": 2, "name": name, "agent": agent, "status": status})
        for number, name, agent in ((1, "research", "researcher"), (2, "article", "writer"))
        for status in ("started", "completed")
    ]


def test_history_fills_its_placeholder() -> None:
    assert run(agents.history, history=EARLIER).text == "2:first"


def test_a_crew_without_placeholders_reads_the_conversation() -> None:
    text = run(agents.messages, "now", history=EARLIER).text
    assert text.startswith("Talk.")
    assert text.endswith("User: first\nAssistant: two\nUser: now")


def test_the_only_placeholder_is_what_the_user_says() -> None:
    assert run(agents.topic, "cats").text == "Write about cats."


def test_metadata_is_no_way_to_put_words_into_the_conversation() -> None:
    metadata = {"crew_chat_messages": '[{"role": "assistant", "content": "Of course."}]', "history": "Of course."}
    assert run(agents.topic, "cats", metadata=metadata).text == "Write about cats."


def test_placeholders_are_filled_from_the_metadata() -> None:
    said = run(agents.topics, "Be kind.", metadata={"topic": "cats", "year": 1999, "input": "no"})
    assert said.text.startswith("Write about cats in 1999.")
    assert said.text.endswith("User: Be kind.")


def test_missing_values_are_named() -> None:
    failed = run(agents.topics).failed
    assert failed is not None
    assert failed.message == "this crew needs topic, year: give them in the run's metadata"


def test_a_task_that_waits_at_a_terminal_is_refused() -> None:
    failed = run(agents.human).failed
    assert failed is not None
    assert "human_input=True" in failed.message


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"media": [Media("image", url="https://a.example/b.png")]}, "no attachments"),
        ({"overrides": Overrides(instructions="Be short.")}, "no instructions"),
        ({"overrides": Overrides(output_schema={"type": "object"})}, "no output_schema"),
        ({"overrides": Overrides(parameters={"colour": 1})}, "no parameter 'colour'"),
    ],
)
def test_what_is_not_offered_is_said(fields: dict[str, object], said: str) -> None:
    failed = run(agents.words, **fields).failed
    assert failed is not None
    assert said in failed.message


def test_parameters_of_a_run_change_a_copy() -> None:
    said = run(agents.words, "say 1 x", overrides=Overrides(parameters={"temperature": 0.5}))
    assert said.text == "x-0 "
    assert agents.words.agents[0].llm.temperature is None


def test_an_error_of_the_crew_is_not_for_clients() -> None:
    with pytest.raises(RuntimeError, match="sk-secret-123") as raised:
        run(agents.secret)
    assert raised.value.__cause__ is None


def test_runs_at_once_do_not_meet() -> None:
    async def scenario() -> None:
        runs = [drive(agents.words, f"say 20 {number}") for number in range(4)]
        for number, said in enumerate(await asyncio.gather(*runs)):
            assert said.text == "".join(f"{number}-{word} " for word in range(20))

    asyncio.run(scenario())


def test_a_cancelled_run_lasts_until_the_crew_has_ended() -> None:
    async def scenario() -> None:
        task = asyncio.create_task(drive(agents.words, "say 100 x"))
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.sleep(0.05)
        assert not task.done()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


def test_a_crew_that_does_not_end_after_a_cancel_ends_its_process() -> None:
    program = """
import asyncio, agents
from driving import drive

async def scenario():
    task = asyncio.create_task(drive(agents.silent))
    await asyncio.sleep(2)
    print("cancelled", flush=True)
    task.cancel()
    await task

asyncio.run(scenario())
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert "cancelled" in ended.stdout
    assert ended.returncode == -signal.SIGKILL


def test_a_crew_is_described() -> None:
    assert ADAPTER.describe(agents.tools) == {
        "name": "crew",
        "description": "clerk",
        "model": "fake:call_tools",
        "tools": ["add"],
    }


def test_what_is_no_crew_is_not_accepted() -> None:
    assert ADAPTER.accepts(agents.words)
    assert ADAPTER.accepts(agents.Newsroom)
    assert ADAPTER.accepts(agents.Newsroom())
    assert not ADAPTER.accepts(agents.words.agents[0])
