"""What ``Guest("module:name")`` may name, and how an agent gets its dependencies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import agents
import pytest
from agentos_guest import Failed, Run
from driving import ADAPTER, model, run
from pydantic_ai import Agent, RunContext
from pydantic_ai.models.function import DeltaToolCall


@dataclass
class Shop:
    customer: str | None
    is_open: bool = True


async def _asks_the_shop(messages: Any, info: Any) -> AsyncIterator[Any]:
    if len(messages) == 1:
        yield {0: DeltaToolCall(name="customer", json_args="{}")}
    else:
        yield str(messages[-1].parts[0].content)


support = Agent(model(_asks_the_shop), deps_type=Shop, name="support")


@support.tool
def customer(context: RunContext[Shop]) -> str:
    return f"{context.deps.customer} {context.deps.is_open}"


def of_function(run: Run) -> tuple[Agent[Shop], Shop]:
    return support, Shop(run.user_id)


async def of_coroutine(run: Run) -> tuple[Agent[Shop], Shop]:
    return support, Shop(run.user_id)


shops: list[Shop] = []


@asynccontextmanager
async def of_context_manager(run: Run) -> AsyncIterator[tuple[Agent[Shop], Shop]]:
    shop = Shop(run.user_id)
    shops.append(shop)
    try:
        yield support, shop
    finally:
        shop.is_open = False


@pytest.mark.parametrize("target", [of_function, of_coroutine, of_context_manager])
def test_dependencies_are_made_for_each_run(target: Any) -> None:
    assert ADAPTER.accepts(target)
    assert run(target, user_id="ada").text == "ada True"
    assert run(target, user_id="bob").text == "bob True"


def test_what_a_run_opened_is_closed() -> None:
    shops.clear()
    run(of_context_manager)
    assert [shop.is_open for shop in shops] == [False]


def only_agent(run: Run) -> Agent:
    return agents.tools


def test_a_function_may_return_an_agent_alone() -> None:
    assert run(only_agent).text == "5 9"
    assert ADAPTER.describe(only_agent)["name"] == "only_agent"


def test_an_agent_that_needs_dependencies_says_how_it_gets_them() -> None:
    with pytest.raises(Failed, match=r"'support' has deps_type Shop, .* name a function in Guest"):
        run(support)
    with pytest.raises(Failed, match="deps_type"):
        ADAPTER.describe(support)


def of_text(run: Run) -> Agent:
    return "sk-secret-123"  # type: ignore[return-value]


def of_four(run: Run) -> tuple[Agent, None, None, int]:
    return agents.tools, None, None, 4


def of_number(run: Run) -> tuple[Agent, None, int]:
    return agents.tools, None, 3


@pytest.mark.parametrize(
    ("target", "given"),
    [(of_text, "str"), (of_four, r"\(Agent, NoneType, NoneType, int\)"), (of_number, r"\(Agent, NoneType, int\)")],
)
def test_a_function_that_returns_something_else_says_what_is_accepted(target: Any, given: str) -> None:
    with pytest.raises(Failed, match=f"{target.__name__} returned {given}; accepted are an Agent"):
        run(target)


def unannotated(run):  # type: ignore[no-untyped-def]
    return agents.tools


def number(run: Run) -> int:
    return 3


@pytest.mark.parametrize("target", [unannotated, number, Agent, "agent", None, 3, agents.model])
def test_other_targets_are_not_accepted(target: Any) -> None:
    assert not ADAPTER.accepts(target)
