"""The agents of the server, as models."""

import openai


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert {"helper", "slow"} <= {model.id for model in client.models.list()}
