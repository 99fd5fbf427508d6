"""The models: the agents that the caller may run."""

from __future__ import annotations

from typing import Any

from flask import Response

from agentos import AgentNotFound
from agentos.web import (
    RUN_SOME,
    AgentInfo,
    Choice,
    NestedList,
    ResponseSchema,
    ResponseSpec,
    StrictInteger,
    StrictString,
    caller,
    json_response,
    runnable_agents,
    server,
)
from agentos_openai_api.errors import model_not_found
from agentos_openai_api.routes import routes


class OpenAIModelSchema(ResponseSchema):
    """An agent, as OpenAI describes a model."""

    id = StrictString("The agent's id.", example="assistant")
    object = Choice("Always `model`.", ("model",))
    created = StrictInteger("When it was registered, in seconds since 1970; 0 for an agent of code or a plugin.")
    owned_by = StrictString("Where it comes from: `core`, a plugin's name, `stored`.")
    name = StrictString("Its name, for people.")
    description = StrictString("What it is for.")


class OpenAIModelListSchema(ResponseSchema):
    """Agents, by their ids."""

    object = Choice("Always `list`.", ("list",))
    data = NestedList(OpenAIModelSchema)


@routes.get("/v1/models", access=RUN_SOME, responses={200: ResponseSpec("The agents.", OpenAIModelListSchema)})
def list_openai_models() -> Response:
    """List the agents that the caller may run, as models."""
    data = [_model_json(agent) for agent in runnable_agents()]
    return json_response({"object": "list", "data": data})


@routes.get(
    "/v1/models/{model}",
    access=RUN_SOME,
    responses={200: ResponseSpec("The agent.", OpenAIModelSchema)},
    errors=(AgentNotFound,),
)
def get_openai_model(model: str) -> Response:
    """Read an agent, as a model."""
    if not caller().may_run(model):
        raise model_not_found(model)
    return json_response(_model_json(server().agents.get(model)))


def _model_json(agent: AgentInfo) -> dict[str, Any]:
    return {
        "id": agent.id,
        "object": "model",
        "created": 0 if agent.created_at is None else int(agent.created_at.timestamp()),
        "owned_by": agent.source,
        "name": agent.name,
        "description": agent.description,
    }
