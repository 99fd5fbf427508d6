"""The agents as models, and addresses that this server does not have."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from agentos import Agent
from agentos.testing import AgentClient

Make = Callable[..., Flask]

SHOP = Agent(id="shop", model="test:m", name="Shop", description="Sells things.")


def test_each_agent_is_a_model(agentos_app: Make, agentos_client: AgentClient) -> None:
    agentos_app([SHOP], installed=["openai-api"])
    listed = agentos_client.get("/v1/models").json
    assert listed["object"] == "list"
    (shop,) = [model for model in listed["data"] if model["id"] == "shop"]
    assert shop == {
        "id": "shop",
        "object": "model",
        "created": 0,
        "owned_by": "code",
        "name": "Shop",
        "description": "Sells things.",
    }
    assert agentos_client.get("/v1/models/shop").json == shop


def test_an_unknown_model_is_not_found(agentos_app: Make, agentos_client: AgentClient) -> None:
    agentos_app([SHOP], installed=["openai-api"])
    answer = agentos_client.get("/v1/models/none")
    assert answer.status_code == 404
    error = answer.json["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", "model", "model_not_found")


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/audio/speech", "/v1/files", "/v1"])
def test_what_is_not_offered_is_not_found_and_says_what_is(
    agentos_app: Make, agentos_client: AgentClient, path: str
) -> None:
    agentos_app([SHOP], installed=["openai-api"])
    answer = agentos_client.post(path, json={"model": "shop"})
    assert answer.status_code == 404
    assert answer.json["error"]["code"] == "not_found"
    assert "/v1/chat/completions" in answer.json["error"]["message"]
