"""What `docs/how-to/openai-agents.md` shows, with a fake model in the place of the real one."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from agentos_guest import Message
from driving import ADAPTER, resume, run
from fake_model import Call, FakeModel, Said
from hosted import Items, results_of

PAGE = Path(__file__).parents[4] / "docs/how-to/openai-agents.md"
BLOCK = re.compile(r"^```python\n# (\w+)\.py\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(tmp_path)
    names = []
    for name, text in BLOCK.findall(PAGE.read_text("utf-8")):
        (tmp_path / f"{name}.py").write_text(text)
        names.append(name)
    assert names == ["shop", "server", "orders", "bank"]
    yield
    for name in names:
        sys.modules.pop(name, None)


def page(name: str) -> ModuleType:
    return importlib.import_module(name)


def calling(name: str, arguments: str) -> FakeModel:
    """A model that calls a tool and says its result."""

    async def says(items: Items) -> AsyncIterator[Said]:
        if results := results_of(items):
            yield results[0]
        else:
            yield Call("call_1", name, arguments)

    return FakeModel(says)


def test_an_agent_is_hosted_as_it_is() -> None:
    agent = page("shop").agent
    assert ADAPTER.accepts(agent)
    assert ADAPTER.describe(agent) == {
        "name": "Shop",
        "description": "",
        "model": "openai:gpt-5-mini",
        "tools": ["opening_hours"],
    }
    agent.model = calling("opening_hours", '{"day": "Sunday"}')
    turns = [Message("user", "Hello."), Message("assistant", "Hi.")]
    assert run(agent, "Are you open on Sunday?", history=turns).text == "closed"


def test_a_context_of_its_own_and_options() -> None:
    orders: Any = page("orders").orders
    orders.agent.model = calling("order", '{"article": "tea"}')
    assert run(orders, user_id="Ada").text == "tea for Ada"
    assert run(orders).text == "tea for a guest"


def test_an_approval() -> None:
    agent = page("bank").agent
    agent.model = calling("transfer", '{"amount": 500, "to": "Ada"}')
    paused = run(agent)
    assert paused.pause is not None
    done = resume(agent, paused, {"approved": True, "arguments": {"amount": 5, "to": "Bob"}})
    assert done.text == "sent 5 to Bob"
