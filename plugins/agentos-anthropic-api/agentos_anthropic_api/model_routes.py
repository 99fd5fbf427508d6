"""The models: the agents that the caller may run."""

from __future__ import annotations

from typing import Any

from flask import Response

from agentos import AgentNotFound
from agentos.web import (
    RUN_SOME,
    AgentInfo,
    Choice,
    InvalidRequest,
    NestedList,
    OpenRequestSchema,
    QueryInteger,
    ResponseSchema,
    ResponseSpec,
    StrictBoolean,
    StrictString,
    Time,
    caller,
    json_response,
    runnable_agents,
    server,
    shown,
)
from agentos_anthropic_api.errors import REQUEST_ID, model_not_found
from agentos_anthropic_api.routes import HEADERS, BetaQuery, routes, with_request_id

EPOCH = "1970-01-01T00:00:00Z"


class ModelsQuery(OpenRequestSchema):
    """Which models."""

    after_id = StrictString("The id of the model before the first of the page.", most=255)
    before_id = StrictString("The id of the model after the last of the page.", most=255)
    limit = QueryInteger("How many at most.", least=1, most=1000, default=20)
    beta = StrictString("Changes nothing.")


class AnthropicModelSchema(ResponseSchema):
    """An agent, as Anthropic describes a model."""

    id = StrictString("The agent's id.", example="assistant")
    type = Choice("Always `model`.", ("model",))
    display_name = StrictString("Its name, for people.")
    created_at = Time("When it was registered; 1970 for an agent of code or a plugin.")
    lifecycle = Choice("Always `active`.", ("active",))


class AnthropicModelListSchema(ResponseSchema):
    """A page of agents, by their ids."""

    data = NestedList(AnthropicModelSchema)
    first_id = StrictString("The first one's id.", nullable=True)
    last_id = StrictString("The last one's id.", nullable=True)
    has_more = StrictBoolean("Whether more follow.")


@routes.get(
    "/v1/models",
    access=RUN_SOME,
    query=ModelsQuery,
    responses={200: ResponseSpec("The agents.", AnthropicModelListSchema, headers={REQUEST_ID: "The request's id."})},
    request_headers=HEADERS,
)
def list_anthropic_models(query: dict[str, Any]) -> Response:
    """List the agents that the caller may run, as models."""
    models = [_model_json(agent) for agent in runnable_agents()]
    ids = [model["id"] for model in models]
    limit = query["limit"]
    after, before = query.get("after_id"), query.get("before_id")
    if after is not None and before is not None:
        _refuse("before_id", "is given with 'after_id'; accepted is one of them")
    if before is not None:
        end = _place(ids, "before_id", before)
        page, more = models[max(0, end - limit) : end], end > limit
    else:
        begin = 0 if after is None else _place(ids, "after_id", after) + 1
        page, more = models[begin : begin + limit], len(models) > begin + limit
    first, last = (page[0]["id"], page[-1]["id"]) if page else (None, None)
    return with_request_id(json_response({"data": page, "first_id": first, "last_id": last, "has_more": more}))


@routes.get(
    "/v1/models/{model}",
    access=RUN_SOME,
    query=BetaQuery,
    responses={200: ResponseSpec("The agent.", AnthropicModelSchema, headers={REQUEST_ID: "The request's id."})},
    request_headers=HEADERS,
    errors=(AgentNotFound,),
)
def get_anthropic_model(model: str, query: dict[str, Any]) -> Response:  # noqa: ARG001  # says nothing
    """Read an agent, as a model."""
    if not caller().may_run(model):
        raise model_not_found(model)
    return with_request_id(json_response(_model_json(server().agents.get(model))))


def _model_json(agent: AgentInfo) -> dict[str, Any]:
    return {
        "id": agent.id,
        "type": "model",
        "display_name": agent.name,
        "created_at": EPOCH if agent.created_at is None else agent.created_at.isoformat().replace("+00:00", "Z"),
        "lifecycle": "active",
    }


def _place(ids: list[str], name: str, id: str) -> int:
    if id not in ids:
        _refuse(name, f"is {shown(id)}; accepted is the id of a model here")
    return ids.index(id)


def _refuse(name: str, words: str) -> None:
    raise InvalidRequest(f"query parameter {name!r} {words}", details={"fields": {name: words}})
