"""Requests in the form in which Claude Code sends them: fields, blocks, headers and the address."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from agentos import Agent, ScriptedProvider
from agentos.testing import call
from parts.anthropic_door import Door, MakeDoor

EPHEMERAL = {"cache_control": {"type": "ephemeral"}}
SESSION = "95291b2b-4359-4c69-8869-012c435781a4"

HEADERS = {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,"
    "prompt-caching-scope-2026-01-05,mid-conversation-system-2026-04-07,effort-2025-11-24",
    "anthropic-dangerous-direct-browser-access": "true",
    "x-app": "cli",
    "X-Claude-Code-Session-Id": SESSION,
    "X-Stainless-Retry-Count": "0",
}


def _tool(name: str) -> dict[str, Any]:
    parameter = {"description": "What to execute.", "type": "string"}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"command": parameter},
        "required": ["command"],
        "additionalProperties": False,
    }
    return {"name": name, "description": "Executes a command.", "input_schema": schema}


FIRST: dict[str, Any] = {
    "model": "coder",
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "<system-reminder>\nThe date.\n</system-reminder>\n\n"},
                {"type": "text", "text": "Which files?", **EPHEMERAL},
            ],
        },
        {"role": "system", "content": "Available agent types."},
    ],
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.197.0df; cc_entrypoint=sdk-cli;"},
        {"type": "text", "text": "You are an agent.", **EPHEMERAL},
        {"type": "text", "text": "Be careful.", **EPHEMERAL},
    ],
    "tools": [_tool("Bash"), *(_tool(f"mcp__server__tool_{number}") for number in range(90))],
    "metadata": {"user_id": json.dumps({"device_id": "b" * 64, "account_uuid": SESSION, "session_id": SESSION})},
    "max_tokens": 32000,
    "thinking": {"type": "adaptive"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "output_config": {"effort": "high"},
    "stream": True,
}

CODER = Agent(id="coder", model="test:m", allow_overrides=("instructions", "client_tools", "max_tokens"))


@pytest.fixture
def door(make_door: MakeDoor) -> Door:
    return make_door(CODER)


def _events(door: Door, body: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    answer = door.http.post("/v1/messages?beta=true", json=body, headers=HEADERS)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    lines = answer.get_data(as_text=True).splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")], answer.headers["X-Run-ID"]


def test_a_task_with_tools_is_one_run(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["Let me look.", call("Bash", '{"command": "ls"}')], "One file.")
    events, run_id = _events(door, FIRST)
    (used,) = [event["content_block"] for event in events if event.get("content_block", {}).get("type") == "tool_use"]
    asked = scripted.requests[0]
    assert len(asked.tools) == 91
    assert [message.role for message in asked.messages] == ["system", "user"]
    assert asked.messages[0].content == "You are an agent.\n\nBe careful."
    for words in ("The date.", "Which files?", "Available agent types."):
        assert words in asked.messages[1].content

    # The next request has the mark of the cache elsewhere, and blocks as the first answer had them.
    second = copy.deepcopy(FIRST)
    del second["messages"][0]["content"][1]["cache_control"]
    result = {"tool_use_id": used["id"], "type": "tool_result", "content": "a.py", "is_error": False, **EPHEMERAL}
    second["messages"] += [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": used["id"], "name": "Bash", "input": {"command": "ls"}},
            ],
        },
        {"role": "user", "content": [result]},
    ]
    events, continued = _events(door, second)
    assert "".join(event["delta"].get("text", "") for event in events if "delta" in event) == "One file."
    assert continued == run_id


def test_what_it_asks_for_beside_is_answered(door: Door) -> None:
    assert door.http.head("/").status_code < 500
    counted = {name: FIRST[name] for name in ("model", "messages", "system", "tools", "thinking")}
    answer = door.http.post("/v1/messages/count_tokens?beta=true", json=counted, headers=HEADERS)
    assert answer.get_json()["input_tokens"] > 1000


def test_its_id_of_a_conversation_can_name_a_session(make_door: MakeDoor, scripted: ScriptedProvider) -> None:
    door = make_door(CODER, environ={"AGENTOS_ANTHROPIC_USER_ID_SESSIONS": "1"})
    scripted.say("One file.", "Two files.")
    first = {**FIRST, "tools": []}
    _events(door, first)
    more = [
        {"role": "assistant", "content": [{"type": "text", "text": "One file."}]},
        {"role": "user", "content": "And now?"},
    ]
    _events(door, {**first, "messages": [*first["messages"], *more]})
    (session,) = door.http.get("/api/v1/sessions").get_json()["sessions"]
    assert (session["run_count"], session["user_id"]) == (2, FIRST["metadata"]["user_id"])


@pytest.mark.parametrize(("status", "fields"), [(401, {}), (404, {"model": "none"}), (400, {"max_tokens": 0})])
def test_what_is_wrong_for_good_is_not_tried_again(make_door: MakeDoor, status: int, fields: dict[str, Any]) -> None:
    """By this header alone it sees that; it tries each 401 again, for minutes."""
    door = make_door(CODER, **({"auth": ("api_key",)} if status == 401 else {}))
    answer = door.http.post("/v1/messages?beta=true", json={**FIRST, **fields}, headers=HEADERS)
    assert (answer.status_code, answer.headers["x-should-retry"]) == (status, "false")
