"""``POST /v1/messages``."""

from __future__ import annotations

from typing import Any

from flask import Response

from agentos.web import (
    CHAT_ERRORS,
    ON_DISCONNECT,
    RUN_SOME,
    SESSION_HEADER,
    SHOW_TOOLS,
    ResponseSpec,
    answer_chat,
)
from agentos_anthropic_api.dialect import Messages
from agentos_anthropic_api.errors import REQUEST_ID
from agentos_anthropic_api.mapper import read_request
from agentos_anthropic_api.routes import HEADERS, BetaQuery, routes, with_request_id
from agentos_anthropic_api.schemas import AnthropicMessageSchema, MessageRequestSchema


@routes.post(
    "/v1/messages",
    access=RUN_SOME,
    query=BetaQuery,
    body=MessageRequestSchema,
    responses={
        200: ResponseSpec(
            "The answer; with `stream`, its events.",
            AnthropicMessageSchema,
            media_types=("application/json", "text/event-stream"),
            headers={"X-Run-ID": "The run's id.", REQUEST_ID: "The request's id."},
            sometimes={
                SESSION_HEADER: "The session that the run is in.",
                "Idempotency-Replayed": "`true`: it answers an earlier request.",
            },
        )
    },
    request_headers={
        SESSION_HEADER: "The session; of `messages`, only the newest counts then.",
        SHOW_TOOLS: "`1`: thoughts are shown, and calls of the agent's own tools as thoughts.",
        **ON_DISCONNECT,
        "Idempotency-Key": "The client's name for this request: a repeat within 24 hours gets the first answer.",
        **HEADERS,
    },
    errors=CHAT_ERRORS,
)
def create_message(query: dict[str, Any], body: dict[str, Any]) -> Response:  # noqa: ARG001  # says nothing
    """Run an agent as a model.

    `messages` are the conversation, unless the request names a session. Calls of the client's `tools` end the answer;
    a request with their results continues the same run.
    """
    return with_request_id(answer_chat(read_request(body), Messages(body)))
