"""The door at ``/v1``: its operations are declared in the modules beside this one."""

from __future__ import annotations

from agentos.web import Nested, PathParameter, ResponseSchema, Routes, StrictString
from agentos_openai_api.errors import model_not_found, render_error

IDEMPOTENCY_KEY = {
    "Idempotency-Key": "The client's name for this request: a repeat within 24 hours gets the first answer."
}
REPLAYED = {"Idempotency-Replayed": "`true`: it answers an earlier request."}


class OpenAIErrorBodySchema(ResponseSchema):
    """What was wrong, as OpenAI says it."""

    message = StrictString("What was given, and what is accepted.")
    type = StrictString("A class of errors.", example="invalid_request_error")
    param = StrictString("The field that is wrong, where one is.", nullable=True)
    code = StrictString("What clients switch on.", example="model_not_found")


class OpenAIErrorSchema(ResponseSchema):
    """An error in OpenAI's form."""

    error = Nested(OpenAIErrorBodySchema)


routes = Routes(
    "openai",
    "OpenAI's HTTP API. Every agent is a model.",
    prefix="/v1",
    path_parameters={
        "model": PathParameter("The agent's id.", model_not_found),
        "response_id": PathParameter("The response's id."),
        "conversation_id": PathParameter("The conversation's id."),
        "item_id": PathParameter("The item's id."),
    },
    error_renderer=render_error,
    error_schema=OpenAIErrorSchema,
    cors_request_headers=("x-agentos-*", "x-openwebui-*", "x-stainless-*", "openai-*"),
    cors_response_headers=("x-ignored-fields", "x-should-retry", "x-agentos-session-id"),
)
