"""What `docs/how-to/pydantic-ai.md` shows, with a fake model in the place of the real one."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from adapter_driver import REPOSITORY
from agentos_guest import Failed
from driving import ADAPTER, conversation, model, resume, run
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.function import DeltaToolCall

PAGE = REPOSITORY / "docs/how-to/pydantic-ai.md"
BLOCK = re.compile(r"^```python\n# (\w+)\.py\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    names = []
    for name, text in BLOCK.findall(PAGE.read_text("utf-8")):
        (tmp_path / f"{name}.py").write_text(text)
        names.append(name)
    assert names == ["support", "server", "shop", "bank"]
    yield
    for name in names:
        sys.modules.pop(name, None)


def page(name: str) -> ModuleType:
    return importlib.import_module(name)


def calling(name: str, arguments: str) -> Any:
    """A model that calls a tool and says its result."""

    async def says(messages: Any, info: Any) -> AsyncIterator[Any]:
        results = [part for part in messages[-1].parts if isinstance(part, ToolReturnPart)]
        if results:
            yield f"{results[0].content}"
        else:
            yield {0: DeltaToolCall(name=name, json_args=arguments, tool_call_id="call_1")}

    return model(says)


def test_an_agent_is_hosted_as_it_is() -> None:
    agent = page("support").agent
    assert ADAPTER.accepts(agent)
    assert ADAPTER.describe(agent) == {
        "name": "Support",
        "description": "",
        "model": "openai:gpt-5-mini",
        "tools": ["opening_hours"],
    }
    with agent.override(model=calling("opening_hours", '{"day": "Sunday"}')):
        turns = conversation(("user", "Hello."), ("assistant", "Hi."))
        assert run(agent, "Are you open on Sunday?", history=turns).text == "closed"


@pytest.mark.parametrize("name", ["support", "with_connection"])
def test_dependencies(name: str) -> None:
    shop = page("shop")
    target = getattr(shop, name)
    assert ADAPTER.accepts(target)
    with shop.agent.override(model=calling("order", '{"article": "tea"}')):
        assert run(target, user_id="Ada").text == "tea for Ada"
        assert run(target).text == "tea for a guest"


def test_limits() -> None:
    shop = page("shop")

    async def orders_for_ever(messages: Any, info: Any) -> AsyncIterator[Any]:
        yield {0: DeltaToolCall(name="order", json_args='{"article": "tea"}')}

    with shop.agent.override(model=model(orders_for_ever)), pytest.raises(Failed) as raised:
        run(shop.support)
    assert raised.value.cause == "TURN_LIMIT"


def test_approvals() -> None:
    agent = page("bank").agent
    with agent.override(model=calling("transfer", '{"amount": 500, "to": "Ada"}')):
        done = resume(agent, run(agent), {"approved": True, "arguments": {"amount": 5, "to": "Ada"}})
    assert done.text == "sent 5 to Ada"


def test_questions() -> None:
    agent = page("bank").agent
    with agent.override(model=calling("ask", '{"question": "Which account?"}')):
        paused = run(agent)
        assert paused.pause is not None
        assert paused.pause.actions[0].message == "Which account?"
        assert resume(agent, paused, {"output": "the first"}).text == "the first"
