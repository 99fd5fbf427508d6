"""What goes wrong is an exception of OpenAI's library, which LangChain's own are too."""

from typing import Any

import openai
import pytest
from langchain_core.exceptions import ContextOverflowError
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from conftest import MakeModel


@tool
def wait() -> str:
    """Wait."""
    return "waited"


def test_an_unknown_model(make_model: MakeModel) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        make_model("nothing").invoke("Hello")
    assert caught.value.code == "model_not_found"


def test_a_key_that_is_not_valid(make_model: MakeModel) -> None:
    with pytest.raises(openai.AuthenticationError):
        make_model(api_key="wrong").invoke("Hello")


def test_a_key_that_may_not_run_agents(make_model: MakeModel, reading_key: str) -> None:
    with pytest.raises(openai.PermissionDeniedError):
        make_model(api_key=reading_key).invoke("Hello")


def test_tools_for_an_agent_that_allows_none(make_model: MakeModel) -> None:
    with pytest.raises(openai.BadRequestError, match="allow_overrides does not have 'client_tools'"):
        make_model("closed").bind_tools([wait]).invoke("Hello")


def test_a_forced_tool_for_an_agent_that_does_not_allow_it(make_model: MakeModel) -> None:
    with pytest.raises(openai.BadRequestError, match="allow_overrides does not have 'tool_choice'"):
        make_model("usual").bind_tools([wait], tool_choice="wait").invoke("Hello")


def test_more_than_one_answer_is_refused(make_model: MakeModel) -> None:
    with pytest.raises(openai.BadRequestError, match="'n'"):
        make_model(n=2, use_responses_api=False).invoke("Hello")


def test_a_conversation_that_is_too_long_for_the_provider(model: ChatOpenAI) -> None:
    with pytest.raises(ContextOverflowError):
        model.invoke("fail length")


@pytest.mark.parametrize("name", ["bug", "away"])
def test_a_run_that_fails(model: ChatOpenAI, name: str) -> None:
    with pytest.raises(openai.InternalServerError):
        model.invoke(f"fail {name}")


def test_a_streamed_run_that_fails(model: ChatOpenAI) -> None:
    # LangChain raises a ValueError for `response.failed`.
    with pytest.raises((openai.APIError, ValueError), match="the agent is broken"):
        list(model.stream("fail bug"))


def test_embeddings_are_not_offered(base_url: str, key: str, connections: dict[str, Any]) -> None:
    embeddings = OpenAIEmbeddings(
        model="helper", base_url=base_url, api_key=key, check_embedding_ctx_length=False, max_retries=0, **connections
    )
    with pytest.raises(openai.NotFoundError, match="offered are /v1/models, /v1/chat/completions"):
        embeddings.embed_query("Hello")
