"""The door at ``/v1``: its operations are declared in the modules beside this one."""

from __future__ import annotations

from flask import Response

from agentos.web import (
    Choice,
    Nested,
    OpenRequestSchema,
    PathParameter,
    ResponseSchema,
    Routes,
    StrictString,
    request_id,
)
from agentos_anthropic_api.errors import REQUEST_ID, model_not_found, render_error

VERSION = "anthropic-version"
"""The header that all clients of this protocol send; `/v1/models` is another protocol's without it."""

HEADERS = {
    "anthropic-beta": "Accepted and ignored: it switches no feature on or off.",
    "X-API-Key": "A key of this server, as `Authorization: Bearer` has it.",
}


class BetaQuery(OpenRequestSchema):
    """What clients say in the address."""

    beta = StrictString("Changes nothing.")


class AnthropicErrorDetailsSchema(ResponseSchema):
    """The cause of an error, for programs."""

    error_code = StrictString("The code of the server's own error, in lower case.", example="agent_not_found")


class AnthropicErrorBodySchema(ResponseSchema):
    """What was wrong, as Anthropic says it."""

    type = StrictString("A class of errors.", example="invalid_request_error")
    message = StrictString("What was given, and what is accepted.")
    details = Nested(AnthropicErrorDetailsSchema)


class AnthropicErrorSchema(ResponseSchema):
    """An error in Anthropic's form."""

    type = Choice("Always `error`.", ("error",))
    error = Nested(AnthropicErrorBodySchema)
    request_id = StrictString("The request's id, as in the header `request-id`.")


routes = Routes(
    "anthropic",
    "Anthropic's Messages API. Every agent is a model.",
    prefix="/v1",
    path_parameters={"model": PathParameter("The agent's id.", model_not_found)},
    error_renderer=render_error,
    error_schema=AnthropicErrorSchema,
    when_header=VERSION,
    cors_request_headers=("x-agentos-*", "x-stainless-*", "anthropic-*"),
    cors_response_headers=("request-id", "x-agentos-session-id", "x-ignored-fields"),
)


def with_request_id(response: Response) -> Response:
    """Name the request as the clients read it."""
    response.headers[REQUEST_ID] = request_id()
    return response
