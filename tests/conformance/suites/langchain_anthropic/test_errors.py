"""What goes wrong is an exception of Anthropic's library, which LangChain's own are too."""

import anthropic
import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.exceptions import ContextOverflowError
from langchain_core.tools import tool

from conftest import MakeModel


@tool
def wait() -> str:
    """Wait."""
    return "waited"


def test_an_unknown_model(make_model: MakeModel) -> None:
    with pytest.raises(anthropic.NotFoundError, match="nothing"):
        make_model("nothing").invoke("Hello")


def test_a_key_that_is_not_valid(make_model: MakeModel) -> None:
    with pytest.raises(anthropic.AuthenticationError):
        make_model(api_key="wrong").invoke("Hello")


def test_a_key_that_may_not_run_agents(make_model: MakeModel, reading_key: str) -> None:
    with pytest.raises((anthropic.PermissionDeniedError, anthropic.NotFoundError)):
        make_model(api_key=reading_key).invoke("Hello")


def test_tools_for_an_agent_that_allows_none(make_model: MakeModel) -> None:
    with pytest.raises(anthropic.BadRequestError, match="allow_overrides does not have 'client_tools'"):
        make_model("closed").bind_tools([wait]).invoke("Hello")


def test_a_conversation_that_is_too_long_for_the_provider(model: ChatAnthropic) -> None:
    with pytest.raises(ContextOverflowError):
        model.invoke("fail length")


@pytest.mark.parametrize("name", ["bug", "away"])
def test_a_run_that_fails(model: ChatAnthropic, name: str) -> None:
    with pytest.raises(anthropic.InternalServerError):
        model.invoke(f"fail {name}")


def test_a_streamed_run_that_fails(model: ChatAnthropic) -> None:
    with pytest.raises(anthropic.APIStatusError, match="the agent is broken"):
        list(model.stream("fail bug"))
