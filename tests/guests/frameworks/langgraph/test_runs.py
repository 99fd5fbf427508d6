"""What the adapter makes of graphs, agents and models that run to their end or fail."""

import json
from pathlib import Path
from typing import Any

import pytest

from parts.guest_client import GuestProcess
from parts.model_server import ModelServer
from parts.waiting import until

TREE = {"id": "call-1", "name": "add", "arguments": '{"a": 2, "b": 3}'}


def test_parallel_tool_calls_have_their_arguments_and_results_and_are_named_by_their_model_call(
    guest: GuestProcess,
) -> None:
    outcome = guest.run("agents:tools")
    assert outcome.text == "5 9"
    assert [
        (call["id"], call["arguments"], call["status"], call.get("result")) for call in outcome.of("tool_call")
    ] == [
        ("call-1", {"a": 2, "b": 3}, "started", None),
        ("call-2", {"a": 4, "b": 5}, "started", None),
        ("call-1", {"a": 2, "b": 3}, "completed", "5"),
        ("call-2", {"a": 4, "b": 5}, "completed", "9"),
    ]
    assert [call["id"] for call in outcome.of("model_call")[0]["calls"]] == ["call-1", "call-2"]
    kinds = [event if isinstance(event, str) else event["type"] for event in outcome.events]
    assert kinds == ["model_call", *["tool_call"] * 4, "5 9", "model_call"]


def test_a_failed_tool_has_what_the_model_reads_and_not_what_it_raised(guest: GuestProcess) -> None:
    outcome = guest.run("agents:failing_tool")
    assert outcome.text == "the tool failed"
    assert [call.get("error") for call in outcome.of("tool_call")] == [None, "the tool is out of order"]


def test_a_tool_that_ends_the_graph_is_failed_without_its_secret(guest: GuestProcess) -> None:
    outcome = guest.run("graphs:falling")
    assert [call["status"] for call in outcome.of("tool_call")] == ["started", "failed"]
    assert (outcome.kind, outcome.last["public"]) == ("failed", False)
    assert "sk-secret" not in json.dumps(outcome.events)


def test_reasoning_and_usage(guest: GuestProcess) -> None:
    outcome = guest.run("agents:reasons")
    assert [event["content"] for event in outcome.of("reasoning")] == ["hm"]
    assert outcome.text == "done"
    assert [(usage["prompt"], usage["completion"]) for usage in outcome.of("usage")] == [(7, 5)]
    call = outcome.of("model_call")[0]
    assert call["duration"] > 0
    assert call["time_to_first_token"] > 0


def test_a_model_of_openai_says_its_name_usage_and_why_it_ended(guest: GuestProcess) -> None:
    outcome = guest.run("graphs:of_server")
    call = outcome.of("model_call")[0]
    assert (call["model"], call["finish_reason"]) == ("openai:text", "stop")
    assert call["usage"]["prompt"] > 0
    assert outcome.text


def test_the_conversation_comes_with_each_run_and_is_kept_nowhere_else(guest: GuestProcess) -> None:
    earlier: list[dict[str, Any]] = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "", "tool_calls": [{**TREE, "arguments": "not json"}]},
        {"role": "tool", "content": "5", "tool_call_id": "call-1"},
        {"role": "assistant", "content": "five"},
    ]
    assert guest.run("agents:history", session_id="s", history=earlier).text == "4:one"
    assert guest.run("agents:history", session_id="s").text == "0:"


@pytest.mark.parametrize(
    ("media", "answer"),
    [
        ({"type": "image", "content_type": "image/png"}, "image/png 10"),
        ({"type": "file", "content_type": "application/pdf", "name": "a.pdf"}, "application/pdf 10"),
        ({"type": "audio", "content_type": "audio/wav"}, "audio/wav 10"),
    ],
)
def test_attachments_are_content_blocks(guest: GuestProcess, tmp_path: Path, media: Any, answer: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 10)
    assert guest.run("agents:attachments", media=[{**media, "path": str(file)}]).text == answer


def test_an_attachment_with_an_address_keeps_it(guest: GuestProcess) -> None:
    media = [{"type": "image", "url": "https://example.com/a.png"}]
    assert guest.run("agents:attachments", media=media).text == "https://example.com/a.png"


def test_a_structured_answer_is_json_and_its_tool_is_not_shown(guest: GuestProcess) -> None:
    outcome = guest.run("agents:structured")
    assert json.loads(outcome.text) == {"city": "Paris", "people": 2}
    assert outcome.of("tool_call") == []
    assert outcome.of("model_call")[0]["calls"] == []


def test_a_structured_answer_that_the_model_wrote_itself_is_not_sent_twice(guest: GuestProcess) -> None:
    assert guest.run("graphs:native").text == '{ "city": "Paris" }'
    assert guest.run("graphs:commented").text == 'Here it is: {"city": "Paris"}'


def test_a_node_that_returns_a_copy_of_what_its_model_said_says_it_once(guest: GuestProcess) -> None:
    assert guest.run("graphs:copying").text == "once"


def test_graphs_in_graphs_say_each_message_once(guest: GuestProcess) -> None:
    assert guest.run("graphs:nested").text == "inner then outer after 2"


def test_an_agent_that_a_tool_calls_is_the_tools_business_but_its_tokens_count(guest: GuestProcess) -> None:
    outcome = guest.run("graphs:delegating")
    assert outcome.text == "the helper said hidden"
    assert [call["name"] for call in outcome.of("tool_call")] == ["ask_helper"] * 2
    assert [call["calls"] for call in outcome.of("model_call")[1:]] == [[], [], []]
    assert outcome.of("usage") == [{"type": "usage", "prompt": 3, "completion": 2, "reasoning": 0, "cached": None}]


def test_a_model_with_the_tag_nostream_is_not_heard_but_its_tokens_count(guest: GuestProcess) -> None:
    outcome = guest.run("graphs:deciding")
    assert outcome.text == "shown"
    assert [usage["prompt"] for usage in outcome.of("usage")] == [3]


def test_what_nodes_write_are_custom_events(guest: GuestProcess) -> None:
    custom = [(event["name"], event["data"]) for event in guest.run("graphs:custom").of("custom")]
    assert custom == [("progress", {"done": 0.5}), ("custom", "half")]


@pytest.mark.parametrize(
    ("target", "input", "answer"),
    [
        ("keyed", "rome", '{"city": "Rome", "days": 1}'),
        ("keyed", '{"city": "rome", "days": 4}', '{"city": "Rome", "days": 5}'),
        ("ambiguous", '{"left": "a", "right": "b"}', '{"left": "ab", "right": "b"}'),
        ("functional", "the answer is", "the answer is 42"),
        ("conversing", "hello", "1 messages, last: hello"),
        ("model", "hello", "plain 1"),
        ("chain", "cats", "plain 2"),
        ("parsed", "cats", '{"a": [1, 2]}'),
    ],
)
def test_input_goes_to_the_key_that_a_graph_has_and_its_output_is_the_answer(
    guest: GuestProcess, target: str, input: str, answer: str
) -> None:
    assert guest.run(f"graphs:{target}", input).text == answer


def test_an_input_that_fits_several_keys_is_refused_with_their_names(guest: GuestProcess) -> None:
    last = guest.run("graphs:ambiguous", "hello").last
    assert (last["kind"], last["public"]) == ("failed", True)
    assert "a JSON object of: left, right" in last["message"]


def test_keys_that_the_session_has_too_are_given_and_written_back(guest: GuestProcess) -> None:
    outcome = guest.run("graphs:counting", state={"count": 4, "label": "same", "other": 1})
    assert outcome.text == "5"
    assert [event["patch"] for event in outcome.of("state")] == [[{"op": "replace", "path": "/count", "value": 5}]]
    assert guest.run("graphs:counting").of("state") == []


def test_nodes_know_the_session_and_the_user(guest: GuestProcess) -> None:
    outcome = guest.run("graphs:configured", session_id="s", user_id="u", metadata={"thread_id": "forged"})
    assert outcome.text == "s u {'thread_id': 'forged'}"


def test_the_context_is_filled_from_the_run_and_its_metadata_which_names_no_user(
    guest: GuestProcess,
) -> None:
    given = {"tier": "gold", "user_id": "forged"}
    assert guest.run("graphs:with_context", user_id="u", metadata=given).text == "u gold"
    assert guest.run("graphs:with_context", metadata=given).text == "none gold"


@pytest.mark.parametrize("target", ["endless", "limited"])
def test_limits_of_a_graph_are_the_cause_turn_limit(guest: GuestProcess, target: str) -> None:
    last = guest.run(f"graphs:{target}").last
    assert (last["cause"], last["public"]) == ("TURN_LIMIT", True)
    assert "limit" in last["message"]


@pytest.mark.parametrize(
    ("target", "cause"),
    [
        ("too_many", "PROVIDER_RATE_LIMITED"),
        ("broken_provider", "PROVIDER_UNAVAILABLE"),
        ("unreachable", "PROVIDER_UNAVAILABLE"),
        ("cut_off", "PROVIDER_UNAVAILABLE"),
        ("denied", "PROVIDER_ERROR"),
    ],
)
def test_errors_of_the_provider_have_causes_and_not_its_text(guest: GuestProcess, target: str, cause: str) -> None:
    last = guest.run(f"graphs:{target}").last
    assert (last["cause"], last["public"]) == (cause, True)
    assert "sk-secret" not in last["message"]
    assert "hunter" not in last["message"]


def test_overrides_that_a_graph_cannot_have_are_refused(guest: GuestProcess) -> None:
    last = guest.run("agents:words", overrides={"instructions": "Be brief."}).last
    assert last["message"] == "a graph of LangGraph takes no other instructions and no other output schema than its own"
    last = guest.run("agents:words", overrides={"parameters": {"thread_id": "other"}}).last
    assert last["message"] == "these are no parameters of a model: thread_id"


def test_parameters_reach_a_model_with_configurable_fields(guest: GuestProcess) -> None:
    assert guest.run("graphs:configurable", overrides={"parameters": {"answer": "from here"}}).text == "from here"
    assert guest.run("graphs:configurable").text == "by default"


def test_instructions_and_parameters_reach_a_plain_model(guest: GuestProcess) -> None:
    assert guest.run("graphs:model", overrides={"instructions": "Be brief."}).text == "plain 2"


def test_a_description_names_the_tools_and_the_version(guest: GuestProcess) -> None:
    described = guest.describe("agents:tools")
    assert (described["adapter"], described["name"], described["tools"]) == ("langgraph", "tools", ["add"])
    assert described["framework_version"].startswith("1.2.")


def test_cancelling_closes_the_connection_to_the_model(guest: GuestProcess, model_server: ModelServer) -> None:
    cut = model_server.connections_cut
    connection = guest.begin("graphs:slow_server")
    assert connection.receive()
    connection.cancel()
    assert connection.outcome().kind == "cancelled"
    connection.close()
    until(lambda: model_server.connections_cut == cut + 1, 2)
