"""The agents of the server, as models."""

import openai
import pytest


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert {"helper", "closed", "clerk"} <= set(listed)
    found = client.models.retrieve("helper")
    assert found == listed["helper"]
    assert (found.object, found.name, found.description) == ("model", "Helper", "Helps.")


def test_models_are_listed_in_a_loop(in_loop) -> None:
    async def names(client: openai.AsyncOpenAI) -> list[str]:
        return [model.id async for model in client.models.list()]

    assert "helper" in in_loop(names)


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("none")
    assert caught.value.code == "model_not_found"


def test_what_is_not_offered_is_not_found_and_says_what_is(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="chat/completions"):
        client.embeddings.create(model="helper", input="Hi")
