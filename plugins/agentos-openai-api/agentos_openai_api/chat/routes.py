"""``POST /v1/chat/completions``."""

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
from agentos_openai_api.chat.dialect import ChatCompletions
from agentos_openai_api.chat.mapper import read_request
from agentos_openai_api.chat.schemas import ChatCompletionRequestSchema, ChatCompletionSchema
from agentos_openai_api.routes import IDEMPOTENCY_KEY, REPLAYED, routes


@routes.post(
    "/v1/chat/completions",
    access=RUN_SOME,
    body=ChatCompletionRequestSchema,
    responses={
        200: ResponseSpec(
            "The answer; with `stream`, its chunks.",
            ChatCompletionSchema,
            media_types=("application/json", "text/event-stream"),
            headers={"X-Run-ID": "The run's id."},
            sometimes={
                SESSION_HEADER: "The session that the run is in.",
                **REPLAYED,
            },
        )
    },
    request_headers={
        SESSION_HEADER: "The session; of `messages`, only the newest counts then.",
        SHOW_TOOLS: "`1`: calls of the agent's own tools are shown as `reasoning_content`.",
        **ON_DISCONNECT,
        **IDEMPOTENCY_KEY,
    },
    errors=CHAT_ERRORS,
)
def create_chat_completion(body: dict[str, Any]) -> Response:
    """Run an agent as a model.

    `messages` are the conversation, unless the request names a session. Calls of the client's `tools` end the answer;
    a request with their results continues the same run.
    """
    return answer_chat(read_request(body), ChatCompletions(body))
