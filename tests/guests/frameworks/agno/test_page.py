"""The module of docs/how-to/agno.md, as Agno's users have it: its agent and its team run as they are."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agentos_guest import Answer
from driving import Outcome, drive

PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "agno.md"
TARGETS = re.findall(r'Guest\("([\w.]+):(\w+)"', PAGE.read_text("utf-8"))


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The module in a folder of its own, which is importable and where its database goes."""
    for name, text in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    yield tmp_path
    sys.modules.pop("support", None)


def chunks(*deltas: dict[str, Any]) -> bytes:
    made = [{"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "x"} for _ in deltas]
    lines = [
        {**one, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for one, delta in zip(made, deltas, strict=True)
    ]
    body = "".join(f"data: {json.dumps(line)}\n\n" for line in lines) + "data: [DONE]\n\n"
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + body.encode()


def call(name: str, arguments: dict[str, Any], number: int) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"tool_calls": [{"index": 0, "id": f"call_{number}", "type": "function", "function": function}]}


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Be the model: it delegates if it can, refunds if it can, and says what its last tool gave."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    request = json.loads(await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0])))
    offered = {one["function"]["name"] for one in request.get("tools") or ()}
    last = request["messages"][-1]
    number = len(request["messages"])
    if last["role"] == "tool":
        answer = {"content": f"Done: {last['content']}"}
    elif "delegate_task_to_member" in offered:
        answer = call("delegate_task_to_member", {"member_id": "triage", "task": "refund"}, number)
    else:
        answer = call("refund", {"order": "17", "amount": 30}, number)
    writer.write(chunks(answer))
    await writer.drain()
    writer.close()


def converse(attribute: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Outcome, Outcome]:
    """Run until the approval, and on with other arguments."""

    async def both() -> tuple[Outcome, Outcome]:
        server = await asyncio.start_server(_serve, "127.0.0.1", 0)
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        async with server:
            target = getattr(importlib.import_module("support"), attribute)
            paused = await drive(target, "Order 17 came broken.", session_id="s")
            (action,) = paused.pause.actions
            assert (action.kind, action.tool_name) == ("approval", "refund")
            answer = Answer(action.key, "approval", approved=True, arguments={"order": "17", "amount": 25})
            state = json.loads(json.dumps(paused.pause.state))
            return paused, await drive(target, "Order 17 came broken.", session_id="s", saved=state, answers=[answer])

    return asyncio.run(both())


def test_the_page_registers_what_its_module_has() -> None:
    assert TARGETS == [("support", "triage"), ("support", "desk")]


@pytest.mark.parametrize("attribute", [attribute for _, attribute in TARGETS])
def test_it_runs_as_it_is(written: Path, monkeypatch: pytest.MonkeyPatch, attribute: str) -> None:
    paused, said = converse(attribute, monkeypatch)
    assert paused.text == ""
    assert said.text.startswith("Done: ")
    assert "refunded 25 for order 17" in said.text
    assert (written / "agno.db").exists()
